//! The slots of the admin queue: a RAM for the walks, and a bit each for what is asked of all of them in every cycle.
//!
//! Timing: the slot of an address stands one cycle later, `gathered`, `mute` and `bad` in the same cycle, `exec_pos` one cycle after
//! `exec_slot`. What is written is written at the edge. Reset (every cycle that is not live): no bit is set.

use rust_hdl::prelude::*;

use crate::adminq_types::AdminqSlot;
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqSlots {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// Slot of the step at work.
    pub addr: Signal<In, Bits<4>>,
    /// It, one cycle later.
    pub data: Signal<Out, AdminqSlot>,
    /// Write `slot`.
    pub we: Signal<In, Bit>,
    /// The slot, as it is to be.
    pub slot: Signal<In, AdminqSlot>,
    /// It begins anew.
    pub clear: Signal<In, Bit>,
    /// It is bad.
    pub spoil: Signal<In, Bit>,
    /// It has no room for an answer.
    pub silence: Signal<In, Bit>,
    /// Slot of the command bytes at work.
    pub data_slot: Signal<In, Bits<4>>,
    /// All of them are there.
    pub data_mark: Signal<In, Bit>,
    /// One of their words was bad.
    pub data_bad: Signal<In, Bit>,
    /// Slot of the command whose turn it is.
    pub exec_slot: Signal<In, Bits<4>>,
    /// Its bytes are there.
    pub gathered: Signal<Out, Bit>,
    /// It has no room for an answer.
    pub mute: Signal<Out, Bit>,
    /// It is bad.
    pub bad: Signal<Out, Bit>,
    /// Its bytes, one cycle later.
    pub exec_pos: Signal<Out, Bits<8>>,
    walks: RAM<AdminqSlot, 4>,
    lengths: RAM<Bits<8>, 4>,
    gathered_of: DFF<Bits<16>>,
    mute_of: DFF<Bits<16>>,
    bad_of: DFF<Bits<16>>,
    at_step: Signal<Local, Bits<16>>,
    at_data: Signal<Local, Bits<16>>,
    at_exec: Signal<Local, Bits<16>>,
    cleared: Signal<Local, Bits<16>>,
    spoiled: Signal<Local, Bits<16>>,
    silenced: Signal<Local, Bits<16>>,
    marked: Signal<Local, Bits<16>>,
    one: Constant<Bits<16>>,
    none: Constant<Bits<16>>,
}

impl Default for AdminqSlots {
    fn default() -> Self {
        block_default!(
            clock, reset, addr, data, we, slot, clear, spoil, silence, data_slot, data_mark, data_bad, exec_slot, gathered,
            mute, bad, exec_pos, walks, lengths, gathered_of, mute_of, bad_of, at_step, at_data, at_exec, cleared, spoiled,
            silenced, marked;
            one = 1u64, none = 0u64
        )
    }
}

impl Logic for AdminqSlots {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, gathered_of, mute_of, bad_of);
        self.walks.read_clock.next = self.clock.val();
        self.walks.write_clock.next = self.clock.val();
        self.walks.read_address.next = self.addr.val();
        self.walks.write_address.next = self.addr.val();
        self.walks.write_enable.next = self.we.val();
        self.walks.write_data.next = self.slot.val();
        self.data.next = self.walks.read_data.val();
        self.lengths.read_clock.next = self.clock.val();
        self.lengths.write_clock.next = self.clock.val();
        self.lengths.read_address.next = self.exec_slot.val();
        self.lengths.write_address.next = self.addr.val();
        self.lengths.write_enable.next = self.we.val();
        self.lengths.write_data.next = self.slot.val().pos;
        self.exec_pos.next = self.lengths.read_data.val();
        // Bits.
        self.at_step.next = self.one.val() << self.addr.val();
        self.at_data.next = self.one.val() << self.data_slot.val();
        self.at_exec.next = self.one.val() << self.exec_slot.val();
        self.gathered.next = (self.gathered_of.q.val() & self.at_exec.val()) != self.none.val();
        self.mute.next = (self.mute_of.q.val() & self.at_exec.val()) != self.none.val();
        self.bad.next = (self.bad_of.q.val() & self.at_exec.val()) != self.none.val();
        self.cleared.next = self.none.val();
        if self.clear.val() {
            self.cleared.next = self.at_step.val();
        }
        self.silenced.next = self.none.val();
        if self.silence.val() {
            self.silenced.next = self.at_step.val();
        }
        self.spoiled.next = self.none.val();
        if self.spoil.val() {
            self.spoiled.next = self.at_step.val();
        }
        if self.data_bad.val() {
            self.spoiled.next = self.spoiled.val() | self.at_data.val();
        }
        self.marked.next = self.none.val();
        if self.data_mark.val() {
            self.marked.next = self.at_data.val();
        }
        self.gathered_of.d.next =
            (self.gathered_of.q.val() & !self.cleared.val()) | self.marked.val();
        self.mute_of.d.next = (self.mute_of.q.val() & !self.cleared.val()) | self.silenced.val();
        self.bad_of.d.next = (self.bad_of.q.val() & !self.cleared.val()) | self.spoiled.val();
        if self.reset.val() {
            self.gathered_of.d.next = self.none.val();
            self.mute_of.d.next = self.none.val();
            self.bad_of.d.next = self.none.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_slots_lint_clean() {
        crate::util::assert_lint_clean("adminq_slots", AdminqSlots::default());
    }
}
