//! Stage 3 of the pipeline: the device and the virtqueue of an event, its key, and the hold while a later stage has the same key.
//!
//! Combinational over registers and what memories deliver; kept apart from the rest of `pipe.rs`, because what is picked depends
//! on the hold. Contract §3.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_DB, SRC_RDY, SRC_RXP};
use crate::pipe::{SlotKey, StageKeys};

/// See the file's text.
#[derive(LogicBlock)]
pub struct EventHeld {
    /// Stage 3 holds an event.
    pub valid: Signal<In, Bit>,
    /// It.
    pub ev: Signal<In, CoreEv>,
    /// Key of its slot; device that a packet or a doorbell is for.
    pub key: Signal<In, SlotKey>,
    /// First virtqueue of that device.
    pub vq_base: Signal<In, Bits<18>>,
    /// Owner of the virtqueue of a ready event.
    pub vq_owner: Signal<In, Bits<18>>,
    /// Keys of the stages behind.
    pub behind: Signal<In, StageKeys>,
    /// Device.
    pub dev: Signal<Out, Bits<18>>,
    /// Virtqueue.
    pub vq: Signal<Out, Bits<18>>,
    /// Key, 0 none.
    pub device_key: Signal<Out, Bits<18>>,
    /// They are those of the slot.
    pub by_slot: Signal<Out, Bit>,
    /// Stages 1..3 stand still.
    pub held: Signal<Out, Bit>,
    packet: Signal<Local, Bit>,
    answer: Signal<Local, Bit>,
    bell: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    index: Signal<Local, Bits<16>>,
    device: Signal<Local, Bits<18>>,
    own_key: Signal<Local, Bits<18>>,
    same: Signal<Local, Bit>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    nobody: Constant<Bits<18>>,
    last_device: Constant<Bits<20>>,
    chain_slots: Constant<Bits<8>>,
}

impl EventHeld {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            valid, ev, key, vq_base, vq_owner, behind, dev, vq, device_key, by_slot, held, packet, answer, bell, ready,
            index, device, own_key, same;
            src_rxp = SRC_RXP, src_db = SRC_DB, src_rdy = SRC_RDY, nobody = 0u64,
            last_device = u64::from(p.devices), chain_slots = p.chain_slots as u64
        )
    }
}

impl Logic for EventHeld {
    #[hdl_gen]
    fn update(&mut self) {
        self.packet.next = (self.ev.val().src == self.src_rxp.val()) & !self.ev.val().answer;
        self.answer.next = (self.ev.val().src == self.src_rxp.val()) & self.ev.val().answer;
        self.bell.next = self.ev.val().src == self.src_db.val();
        self.ready.next = self.ev.val().src == self.src_rdy.val();
        self.by_slot.next = !self.packet.val() & !self.bell.val() & !self.ready.val();
        self.index.next = self.ev.val().index;
        self.device.next = self.key.val().dev;
        self.vq.next = self.key.val().vq;
        if self.packet.val() | self.bell.val() {
            self.vq.next = self.vq_base.val() + bit_cast::<18, 16>(self.index.val());
        }
        if self.ready.val() {
            self.device.next = self.vq_owner.val();
            self.vq.next = self.ev.val().id;
        }
        self.dev.next = self.device.val();
        // The key.
        self.own_key.next = self.device.val();
        if self.packet.val() & (self.ev.val().dest > self.last_device.val()) {
            self.own_key.next = self.nobody.val();
        }
        if self.answer.val() & (self.ev.val().slot >= self.chain_slots.val()) {
            self.own_key.next = self.nobody.val();
        }
        self.device_key.next = self.own_key.val();
        self.same.next = (self.behind.val().valid4
            & (self.behind.val().key4 == self.own_key.val()))
            | (self.behind.val().valid5 & (self.behind.val().key5 == self.own_key.val()))
            | (self.behind.val().valid6 & (self.behind.val().key6 == self.own_key.val()))
            | (self.behind.val().valid7 & (self.behind.val().key7 == self.own_key.val()));
        self.held.next =
            self.valid.val() & (self.own_key.val() != self.nobody.val()) & self.same.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_lints_clean() {
        crate::util::assert_lint_clean("hold", EventHeld::new(&shoal_abi::profile::TINY));
    }
}
