//! The data side of the admin queue: words of command bytes go to their slots, marks say that a command is complete.
//!
//! Contract §9.2. Timing: a record is popped in cycle t, with its word; its effect is at the edge that ends t+1; the next one is
//! popped in t+2. Reset (every cycle that is not live): free.

use rust_hdl::prelude::*;

use crate::adminq_types::{DataRecord, ReadWord};

/// See the file's text.
#[derive(LogicBlock, Default)]
pub struct AdminqData {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// Something is to come.
    pub record_valid: Signal<In, Bit>,
    /// What.
    pub record: Signal<In, DataRecord>,
    /// Take the record.
    pub record_pop: Signal<Out, Bit>,
    /// A word is there.
    pub word_valid: Signal<In, Bit>,
    /// It.
    pub word: Signal<In, ReadWord>,
    /// Take the word: its bytes go to the command buffer.
    pub word_pop: Signal<Out, Bit>,
    /// Slot at work.
    pub slot: Signal<Out, Bits<4>>,
    /// All of its bytes are there.
    pub mark: Signal<Out, Bit>,
    /// A word of them was bad.
    pub bad: Signal<Out, Bit>,
    busy: DFF<Bit>,
    r_slot: DFF<Bits<4>>,
    r_mark: DFF<Bit>,
    r_bad: DFF<Bit>,
    takes: Signal<Local, Bit>,
    unused_record: Signal<Local, Bits<{ <DataRecord as Synth>::BITS }>>,
    unused_word: Signal<Local, Bits<{ <ReadWord as Synth>::BITS }>>,
}

impl Logic for AdminqData {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, r_slot, r_mark, r_bad);
        self.unused_record.next = self.record.val().into();
        self.unused_word.next = self.word.val().into();
        self.slot.next = self.r_slot.q.val();
        self.mark.next = self.busy.q.val() & self.r_mark.q.val();
        self.bad.next = self.busy.q.val() & self.r_bad.q.val();
        self.takes.next = !self.reset.val()
            & !self.busy.q.val()
            & self.record_valid.val()
            & (self.record.val().mark | self.word_valid.val());
        self.record_pop.next = self.takes.val();
        self.word_pop.next = self.takes.val() & !self.record.val().mark;
        self.busy.d.next = self.takes.val();
        self.r_slot.d.next = self.record.val().slot;
        self.r_mark.d.next = self.record.val().mark;
        self.r_bad.d.next = !self.record.val().mark & self.word.val().bad;
        if self.reset.val() {
            self.busy.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_data_lints_clean() {
        crate::util::assert_lint_clean("adminq_data", AdminqData::default());
    }
}
