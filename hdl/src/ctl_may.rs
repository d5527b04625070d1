//! Which slots' TELLs may have their message sent early, and those messages.
//!
//! Timing: contract §4.4 (`may`). A TELL that is pushed sets the bit of its slot to `hint`, an MSI_SET in between clears
//! it; `may` and `msg` are of the slot that was in `look` the cycle before, and functions of state. Reset: no slot may.

use crate::block_default;
use crate::types::{CtlOp, Message, Tell, CTL_TELL};
use rust_hdl::prelude::*;

/// `may`: slots of `SLOT` bits, `SLOTS` = 2^`SLOT`.
#[derive(LogicBlock)]
pub struct CtlMay<const SLOT: usize, const SLOTS: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub op_push: Signal<In, Bit>,
    pub op: Signal<In, CtlOp>,
    /// What the driver is told by is no longer what the TELL says.
    pub clear: Signal<In, Bit>,
    pub clear_slot: Signal<In, Bits<8>>,
    /// The slot of which it is asked in the next cycle.
    pub look: Signal<In, Bits<8>>,
    pub may: Signal<Out, Bit>,
    pub msg: Signal<Out, Message>,
    messages: RAM<Message, SLOT>,
    bits: DFF<Bits<SLOTS>>,
    slot: DFF<Bits<8>>,
    kept: Signal<Local, Message>,
    tell: Signal<Local, Tell>,
    told: Signal<Local, Bit>,
    told_slot: Signal<Local, Bits<8>>,
    told_mask: Signal<Local, Bits<SLOTS>>,
    clear_mask: Signal<Local, Bits<SLOTS>>,
    set: Signal<Local, Bits<SLOTS>>,
    here: Signal<Local, Bits<SLOTS>>,
    unused: Signal<Local, Bit>,
    no_message: Constant<Message>,
    kind_tell: Constant<Bits<2>>,
    one: Constant<Bits<SLOTS>>,
}

impl<const SLOT: usize, const SLOTS: usize> Default for CtlMay<SLOT, SLOTS> {
    fn default() -> Self {
        assert!(
            SLOTS == 1 << SLOT && SLOT <= 8,
            "{SLOTS} slots of {SLOT} bits"
        );
        block_default!(
            clock, reset, op_push, op, clear, clear_slot, look, may, msg, messages, bits, slot, kept, tell, told, told_slot,
            told_mask, clear_mask, set, here, unused;
            no_message = Message::default(), kind_tell = CTL_TELL, one = 1
        )
    }
}

impl<const SLOT: usize, const SLOTS: usize> Logic for CtlMay<SLOT, SLOTS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, bits, slot);
        self.messages.read_clock.next = self.clock.val();
        self.messages.write_clock.next = self.clock.val();
        self.tell.next = self.op.val().tell;
        self.told_slot.next = self.op.val().slot;
        self.told.next = self.op_push.val() && (self.op.val().kind == self.kind_tell.val());
        self.kept.next = self.no_message.val();
        self.kept.next.address = self.tell.val().msi_addr;
        self.kept.next.data = self.tell.val().msi_data;
        self.messages.write_address.next = self.told_slot.val().get_bits::<SLOT>(0);
        self.messages.write_data.next = self.kept.val();
        self.messages.write_enable.next = self.told.val();
        self.told_mask.next = self.one.val() << self.told_slot.val();
        self.clear_mask.next = self.one.val() << self.clear_slot.val();
        self.set.next = self.bits.q.val();
        if self.told.val() {
            self.set.next = self.bits.q.val() & !self.told_mask.val();
            if self.tell.val().hint {
                self.set.next = self.bits.q.val() | self.told_mask.val();
            }
        }
        self.bits.d.next = self.set.val();
        if self.clear.val() {
            self.bits.d.next = self.set.val() & !self.clear_mask.val();
        }
        self.slot.d.next = self.look.val();
        self.messages.read_address.next = self.look.val().get_bits::<SLOT>(0);
        self.here.next = self.one.val() << self.slot.q.val();
        self.may.next = (self.bits.q.val() & self.here.val()).any();
        self.msg.next = self.messages.read_data.val();
        self.unused.next = self.op.val().two
            || self.tell.val().receive
            || self.told_slot.val().any()
            || self.look.val().any();
        if self.reset.val() {
            self.bits.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::types::CTL_RD;
    use crate::util::{assert_lint_clean, number, settle};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("ctl-may", CtlMay::<4, 16>::default());
        assert_lint_clean("ctl-may-large", CtlMay::<8, 256>::default());
    }

    fn push(m: &mut CtlMay<4, 16>, kind: u64, slot: u64, hint: bool) {
        m.op_push.next = true;
        m.op.next = CtlOp {
            kind: kind.into(),
            slot: slot.into(),
            tell: Tell {
                hint,
                msi_addr: (0xfee0_0000 + slot).into(),
                msi_data: (0x70 + slot).into(),
                ..Tell::default()
            },
            ..CtlOp::default()
        };
        edge!(*m);
        m.op_push.next = false;
        settle(m);
    }

    /// Whether the slot may, and its message.
    fn look(m: &mut CtlMay<4, 16>, slot: u64) -> (bool, u128, u128) {
        m.look.next = slot.into();
        edge!(*m);
        let msg = m.msg.val();
        (m.may.val(), number(msg.address), number(msg.data))
    }

    #[test]
    fn a_slot_may_from_a_tell_with_a_hint_until_it_is_cleared() {
        let mut m = CtlMay::<4, 16>::default();
        m.connect_all();
        m.reset.next = true;
        edge!(m);
        m.reset.next = false;
        for slot in [3, 15] {
            push(&mut m, CTL_TELL, slot, true);
        }
        push(&mut m, CTL_RD, 4, true);
        assert_eq!(look(&mut m, 3), (true, 0xfee0_0003, 0x73));
        assert!(!look(&mut m, 4).0, "no TELL");
        assert_eq!(look(&mut m, 15), (true, 0xfee0_000f, 0x7f));
        m.clear.next = true;
        m.clear_slot.next = 15.into();
        settle(&mut m);
        assert!(m.may.val(), "until the edge");
        edge!(m);
        m.clear.next = false;
        assert!(!look(&mut m, 15).0 && look(&mut m, 3).0);
        // The next TELL says it anew.
        push(&mut m, CTL_TELL, 15, true);
        push(&mut m, CTL_TELL, 3, false);
        assert!(look(&mut m, 15).0 && !look(&mut m, 3).0);
        m.reset.next = true;
        edge!(m);
        assert!(!look(&mut m, 15).0);
    }
}
