//! Who has the transmit mover: nobody or a slot.
//!
//! The owner of the transmit mover is exact in stage B: what stage B's events take and give back counts at the end of their cycle
//! there, and an abort that stage C decides counts for the event in B at once. `tx_held` is the same as effects have made it.
//! Reset: nobody.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::step_types::Effects;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Owners {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    // Stage B.
    /// Its event's slot.
    pub b_slot: Signal<In, Bits<8>>,
    /// It takes the transmit mover.
    pub b_take: Signal<In, Bit>,
    /// It gives it back.
    pub b_end: Signal<In, Bit>,
    /// It has it.
    pub b_has: Signal<Out, Bit>,
    /// Another slot has it.
    pub b_other: Signal<Out, Bit>,
    // Stage C.
    /// Its event gives the transmit mover back.
    pub c_end: Signal<In, Bit>,
    // Effects.
    /// `fx` counts.
    pub commit: Signal<In, Bit>,
    /// Effects of the event.
    pub fx: Signal<In, Effects>,
    /// A slot holds the transmit mover.
    pub tx_held: Signal<Out, Bit>,
    /// Which.
    pub tx_holder: Signal<Out, Bits<8>>,
    tx_any: DFF<Bit>,
    tx_slot: DFF<Bits<8>>,
    held_any: DFF<Bit>,
    held_slot: DFF<Bits<8>>,
    owned: Signal<Local, Bit>,
    same: Signal<Local, Bit>,
    zero: Constant<Bits<8>>,
}

impl Default for Owners {
    fn default() -> Self {
        block_default!(
            clock, reset, b_slot, b_take, b_end, b_has, b_other, c_end, commit, fx, tx_held, tx_holder,
            tx_any, tx_slot, held_any, held_slot, owned, same;
            zero = 0u64
        )
    }
}

impl Logic for Owners {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_any, tx_slot, held_any, held_slot);
        // As stage B sees it.
        self.owned.next = self.tx_any.q.val() & !self.c_end.val();
        self.same.next = self.tx_slot.q.val() == self.b_slot.val();
        self.b_has.next = self.owned.val() & self.same.val();
        self.b_other.next = self.owned.val() & !self.same.val();
        if self.c_end.val() {
            self.tx_any.d.next = false;
        }
        if self.b_take.val() {
            self.tx_any.d.next = true;
            self.tx_slot.d.next = self.b_slot.val();
        }
        if self.b_end.val() {
            self.tx_any.d.next = false;
        }
        // As effects make it.
        self.tx_held.next = self.held_any.q.val();
        self.tx_holder.next = self.held_slot.q.val();
        if self.commit.val() {
            if self.fx.val().tx_take {
                self.held_any.d.next = true;
                self.held_slot.d.next = self.fx.val().owner;
            }
            if self.fx.val().tx_free {
                self.held_any.d.next = false;
            }
        }
        if self.reset.val() {
            self.tx_any.d.next = false;
            self.tx_slot.d.next = self.zero.val();
            self.held_any.d.next = false;
            self.held_slot.d.next = self.zero.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;

    #[test]
    fn owners_lints_clean() {
        crate::util::assert_lint_clean("owners", Owners::default());
    }

    #[test]
    fn stage_b_sees_what_the_stages_before_it_did_and_the_holder_follows_the_effects() {
        let mut o = Owners::default();
        o.connect_all();
        o.reset.next = true;
        edge!(o);
        o.reset.next = false;
        o.b_slot.next = 3u64.into();
        o.b_take.next = true;
        edge!(o);
        o.b_take.next = false;
        assert!(o.b_has.val() && !o.b_other.val() && !o.tx_held.val());
        o.b_slot.next = 2u64.into();
        crate::util::settle(&mut o);
        assert!(!o.b_has.val() && o.b_other.val());
        // An abort in stage C: the event in stage B may take it in the same cycle.
        o.c_end.next = true;
        o.b_take.next = true;
        crate::util::settle(&mut o);
        assert!(!o.b_has.val() && !o.b_other.val());
        edge!(o);
        o.c_end.next = false;
        o.b_take.next = false;
        o.commit.next = true;
        o.fx.next = Effects {
            tx_take: true,
            owner: 3u64.into(),
            ..Effects::default()
        };
        edge!(o);
        assert!(o.b_has.val() && o.tx_held.val());
        assert_eq!(o.tx_holder.val(), 3u64);
    }
}
