//! The pipeline of normal events: stages 1..7, which contexts they look at, and the hold in stage 3.
//!
//! * Stage 1 addresses the slot's key (device and virtqueue last bound to it) and the doorbell page's owner.
//! * Stage 2 has them, and addresses the device's first virtqueue and the virtqueue's owner.
//! * Stage 3 (`hold.rs`) knows device and virtqueue, and addresses all contexts; it is held while a stage behind has the same device.
//! * In stages 4..6 the engine works on them, in stage 7 the effects stand.
//!
//! While held, stages 1..3 stand still, and every memory reads again what the stage behind it has read.
//! Timing: contract §3. A slot that is bound while its number stands in stages 1..3 changes its key there (`rebind`).
//! Reset: empty.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_DB, SRC_RDY, SRC_RXP};
use crate::hold::EventHeld;

/// What a slot was last bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct SlotKey {
    /// Member id, 0 none yet.
    pub dev: Bits<18>,
    /// Virtqueue context.
    pub vq: Bits<18>,
}

/// Keys of the events in stages 4..7.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct StageKeys {
    /// Stage 4 holds an event.
    pub valid4: Bit,
    pub valid5: Bit,
    pub valid6: Bit,
    pub valid7: Bit,
    /// Its key, 0 none.
    pub key4: Bits<18>,
    pub key5: Bits<18>,
    pub key6: Bits<18>,
    pub key7: Bits<18>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct EventPipe {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A normal event is picked; never with `held`.
    pub pick: Signal<In, Bit>,
    /// It.
    pub next_ev: Signal<In, CoreEv>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The transmit op FIFO has room.
    pub tx_room: Signal<In, Bit>,
    /// The fault queue is on.
    pub fq_enable: Signal<In, Bit>,
    // Memories.
    /// Slot whose key is wanted.
    pub key_slot: Signal<Out, Bits<8>>,
    /// Doorbell page whose owner is wanted.
    pub page: Signal<Out, Bits<18>>,
    /// Device whose first virtqueue is wanted.
    pub base_dev: Signal<Out, Bits<18>>,
    /// Virtqueue whose owner is wanted.
    pub own_vq: Signal<Out, Bits<18>>,
    /// Slot, device and virtqueue that are wanted as a whole.
    pub slot: Signal<Out, Bits<8>>,
    pub dev: Signal<Out, Bits<18>>,
    pub vq: Signal<Out, Bits<18>>,
    /// Key of the slot of the cycle before.
    pub slot_key: Signal<In, SlotKey>,
    /// Owner of the page of the cycle before.
    pub page_owner: Signal<In, Bits<18>>,
    /// First virtqueue of the device of the cycle before.
    pub vq_base: Signal<In, Bits<18>>,
    /// Owner of the virtqueue of the cycle before.
    pub vq_owner: Signal<In, Bits<18>>,
    /// A slot is written at this edge.
    pub rebind: Signal<In, Bit>,
    /// Which.
    pub rebind_slot: Signal<In, Bits<8>>,
    /// Its key.
    pub rebind_key: Signal<In, SlotKey>,
    // Where the events are.
    /// Stages 1..3 stand still.
    pub held: Signal<Out, Bit>,
    /// Some stage holds an event.
    pub any: Signal<Out, Bit>,
    /// Some stage holds an RDY.
    pub rdy: Signal<Out, Bit>,
    /// Stage 4: event, device, virtqueue.
    pub ev4: Signal<Out, CoreEv>,
    pub dev4: Signal<Out, Bits<18>>,
    pub vq4: Signal<Out, Bits<18>>,
    /// Stage 5.
    pub valid5: Signal<Out, Bit>,
    pub ev5: Signal<Out, CoreEv>,
    /// Stage 6.
    pub valid6: Signal<Out, Bit>,
    pub ev6: Signal<Out, CoreEv>,
    pub vq6: Signal<Out, Bits<18>>,
    /// Stage 7: slot, device, virtqueue.
    pub valid7: Signal<Out, Bit>,
    pub slot7: Signal<Out, Bits<8>>,
    pub dev7: Signal<Out, Bits<18>>,
    pub vq7: Signal<Out, Bits<18>>,
    v: [DFF<Bit>; 7],
    e1: DFF<CoreEv>,
    e2: DFF<CoreEv>,
    e3: DFF<CoreEv>,
    e4: DFF<CoreEv>,
    e5: DFF<CoreEv>,
    e6: DFF<CoreEv>,
    s7: DFF<Bits<8>>,
    src7: DFF<Bits<4>>,
    key3: DFF<SlotKey>,
    d4: DFF<Bits<18>>,
    d5: DFF<Bits<18>>,
    d6: DFF<Bits<18>>,
    d7: DFF<Bits<18>>,
    q4: DFF<Bits<18>>,
    q5: DFF<Bits<18>>,
    q6: DFF<Bits<18>>,
    q7: DFF<Bits<18>>,
    k4: DFF<Bits<18>>,
    k5: DFF<Bits<18>>,
    k6: DFF<Bits<18>>,
    k7: DFF<Bits<18>>,
    bypass: DFF<Bit>,
    bypass_key: DFF<SlotKey>,
    look: EventHeld,
    ram_slot: Signal<Local, Bits<8>>,
    key2: Signal<Local, SlotKey>,
    dest2: Signal<Local, Bits<20>>,
    packet2: Signal<Local, Bit>,
    keys: Signal<Local, StageKeys>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    no_keys: Constant<StageKeys>,
}

impl EventPipe {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, pick, next_ev, warm, tx_room, fq_enable, key_slot, page, base_dev, own_vq, slot, dev, vq,
            slot_key, page_owner, vq_base, vq_owner, rebind, rebind_slot, rebind_key, held, any, rdy, ev4, dev4, vq4,
            valid5, ev5, valid6, ev6, vq6, valid7, slot7, dev7, vq7, v, e1, e2, e3, e4, e5, e6, s7, src7, key3, d4, d5,
            d6, d7, q4, q5, q6, q7, k4, k5, k6, k7, bypass, bypass_key, ram_slot, key2, dest2, packet2, keys;
            src_rxp = SRC_RXP, src_db = SRC_DB, src_rdy = SRC_RDY,
            no_keys = StageKeys::default();
            look = EventHeld::new(p)
        )
    }
}

impl Logic for EventPipe {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, e1, e2, e3, e4, e5, e6, s7, src7, key3, d4, d5, d6, d7, q4, q5, q6, q7,
            k4, k5, k6, k7, bypass, bypass_key
        );
        for i in 0..7 {
            self.v[i].clock.next = self.clock.val();
            self.v[i].d.next = self.v[i].q.val();
        }
        // Stage 3.
        self.keys.next = self.no_keys.val();
        self.keys.next.valid4 = self.v[3].q.val();
        self.keys.next.valid5 = self.v[4].q.val();
        self.keys.next.valid6 = self.v[5].q.val();
        self.keys.next.valid7 = self.v[6].q.val();
        self.keys.next.key4 = self.k4.q.val();
        self.keys.next.key5 = self.k5.q.val();
        self.keys.next.key6 = self.k6.q.val();
        self.keys.next.key7 = self.k7.q.val();
        self.look.valid.next = self.v[2].q.val();
        self.look.ev.next = self.e3.q.val();
        self.look.key.next = self.key3.q.val();
        self.look.vq_base.next = self.vq_base.val();
        self.look.vq_owner.next = self.vq_owner.val();
        self.look.behind.next = self.keys.val();
        self.held.next = self.look.held.val();
        // Addresses: each stage's own, or again those of the stage that waits for the data.
        self.ram_slot.next = self.e1.q.val().slot;
        self.page.next = self.e1.q.val().id;
        self.base_dev.next = self.page_owner.val();
        self.dest2.next = self.e2.q.val().dest;
        self.packet2.next = (self.e2.q.val().src == self.src_rxp.val()) & !self.e2.q.val().answer;
        if self.packet2.val() {
            self.base_dev.next = self.dest2.val().get_bits::<18>(0);
        }
        self.own_vq.next = self.e2.q.val().id;
        if self.look.held.val() {
            self.ram_slot.next = self.e2.q.val().slot;
            self.page.next = self.e2.q.val().id;
            self.base_dev.next = self.key3.q.val().dev;
            self.own_vq.next = self.e3.q.val().id;
        }
        self.key_slot.next = self.ram_slot.val();
        self.slot.next = self.e3.q.val().slot;
        self.dev.next = self.look.dev.val();
        self.vq.next = self.look.vq.val();
        // Stage 2: the slot's key, though it be written just now.
        self.bypass.d.next = self.rebind.val() & (self.rebind_slot.val() == self.ram_slot.val());
        self.bypass_key.d.next = self.rebind_key.val();
        self.key2.next = self.slot_key.val();
        if self.bypass.q.val() {
            self.key2.next = self.bypass_key.q.val();
        }
        if self.rebind.val() & (self.rebind_slot.val() == self.e2.q.val().slot) {
            self.key2.next = self.rebind_key.val();
        }
        if self.e2.q.val().src == self.src_db.val() {
            self.key2.next.dev = self.page_owner.val();
        }
        if self.packet2.val() {
            self.key2.next.dev = self.dest2.val().get_bits::<18>(0);
        }
        // Onward.
        if !self.look.held.val() {
            self.v[0].d.next = self.pick.val();
            self.e1.d.next = self.next_ev.val();
            self.v[1].d.next = self.v[0].q.val();
            self.e2.d.next = self.e1.q.val();
            self.v[2].d.next = self.v[1].q.val();
            self.e3.d.next = self.e2.q.val();
            self.key3.d.next = self.key2.val();
        } else if self.rebind.val()
            & self.look.by_slot.val()
            & (self.rebind_slot.val() == self.e3.q.val().slot)
        {
            self.key3.d.next = self.rebind_key.val();
        }
        self.v[3].d.next = self.v[2].q.val() & !self.look.held.val();
        self.e4.d.next = self.e3.q.val();
        self.e4.d.next.warm = self.warm.val();
        self.e4.d.next.tx_room = self.tx_room.val();
        self.e4.d.next.fq_enable = self.fq_enable.val();
        self.d4.d.next = self.look.dev.val();
        self.q4.d.next = self.look.vq.val();
        self.k4.d.next = self.look.device_key.val();
        self.v[4].d.next = self.v[3].q.val();
        self.e5.d.next = self.e4.q.val();
        self.d5.d.next = self.d4.q.val();
        self.q5.d.next = self.q4.q.val();
        self.k5.d.next = self.k4.q.val();
        self.v[5].d.next = self.v[4].q.val();
        self.e6.d.next = self.e5.q.val();
        self.d6.d.next = self.d5.q.val();
        self.q6.d.next = self.q5.q.val();
        self.k6.d.next = self.k5.q.val();
        self.v[6].d.next = self.v[5].q.val();
        self.s7.d.next = self.e6.q.val().slot;
        self.src7.d.next = self.e6.q.val().src;
        self.d7.d.next = self.d6.q.val();
        self.q7.d.next = self.q6.q.val();
        self.k7.d.next = self.k6.q.val();
        // What is where.
        self.any.next = self.v[0].q.val()
            | self.v[1].q.val()
            | self.v[2].q.val()
            | self.v[3].q.val()
            | self.v[4].q.val()
            | self.v[5].q.val()
            | self.v[6].q.val();
        self.rdy.next = (self.v[0].q.val() & (self.e1.q.val().src == self.src_rdy.val()))
            | (self.v[1].q.val() & (self.e2.q.val().src == self.src_rdy.val()))
            | (self.v[2].q.val() & (self.e3.q.val().src == self.src_rdy.val()))
            | (self.v[3].q.val() & (self.e4.q.val().src == self.src_rdy.val()))
            | (self.v[4].q.val() & (self.e5.q.val().src == self.src_rdy.val()))
            | (self.v[5].q.val() & (self.e6.q.val().src == self.src_rdy.val()))
            | (self.v[6].q.val() & (self.src7.q.val() == self.src_rdy.val()));
        self.ev4.next = self.e4.q.val();
        self.dev4.next = self.d4.q.val();
        self.vq4.next = self.q4.q.val();
        self.valid5.next = self.v[4].q.val();
        self.ev5.next = self.e5.q.val();
        self.valid6.next = self.v[5].q.val();
        self.ev6.next = self.e6.q.val();
        self.vq6.next = self.q6.q.val();
        self.valid7.next = self.v[6].q.val();
        self.slot7.next = self.s7.q.val();
        self.dev7.next = self.d7.q.val();
        self.vq7.next = self.q7.q.val();
        if self.reset.val() {
            for i in 0..7 {
                self.v[i].d.next = false;
            }
            self.bypass.d.next = false;
        }
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
