//! A device's limit of its rate: a token bucket whose state is `tat`, the time at which its next chain is due.
//!
//! `ShareDue` compares `tat` with the time (stage A), `ShareCost` multiplies (stage B), and `release.rs` adds the two (stage C).
//! Combinational. Contract §3.2 (*early*), §3.5 (state Tell). Time is modulo 2^64; a `tat` that has passed has a large distance.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::DevRec;

/// Bits of a distance that a `tat` to come may have (contract §3.2).
const NEAR_BITS: u64 = 36;

/// Whether the device is early, and what the cost of a visit is added to.
#[derive(LogicBlock)]
pub struct ShareDue {
    /// The device.
    pub dev: Signal<In, DevRec>,
    /// `time` in the event's leaving cycle.
    pub now: Signal<In, Bits<64>>,
    /// *early*: its queues wait.
    pub early: Signal<Out, Bit>,
    /// `tat`, or the time if that has passed.
    pub due: Signal<Out, Bits<64>>,
    ahead: Signal<Local, Bits<64>>,
    near: Signal<Local, Bit>,
    limit: Constant<Bits<64>>,
}

impl Default for ShareDue {
    fn default() -> Self {
        block_default!(dev, now, early, due, ahead, near; limit = 1u64 << NEAR_BITS)
    }
}

impl Logic for ShareDue {
    #[hdl_gen]
    fn update(&mut self) {
        self.ahead.next = self.dev.val().tat - self.now.val();
        self.near.next = self.ahead.val() < self.limit.val();
        self.early.next = self.dev.val().paced
            & self.near.val()
            & (self.ahead.val() > bit_cast::<64, 24>(self.dev.val().burst));
        self.due.next = self.now.val();
        if self.near.val() {
            self.due.next = self.dev.val().tat;
        }
    }
}

/// What the chains of a visit cost: `chains` * `interval`.
#[derive(LogicBlock)]
pub struct ShareCost {
    /// Chains, 0..=8.
    pub chains: Signal<In, Bits<4>>,
    /// Cycles a chain.
    pub interval: Signal<In, Bits<24>>,
    /// Cycles.
    pub cost: Signal<Out, Bits<64>>,
    wide: Signal<Local, Bits<64>>,
    odd: Signal<Local, Bits<64>>,
    two: Signal<Local, Bits<64>>,
    four: Signal<Local, Bits<64>>,
    by_two: Constant<Bits<64>>,
    by_four: Constant<Bits<64>>,
    by_eight: Constant<Bits<64>>,
    none: Constant<Bits<64>>,
}

impl Default for ShareCost {
    fn default() -> Self {
        block_default!(
            chains, interval, cost, wide, odd, two, four;
            by_two = 1u64, by_four = 2u64, by_eight = 3u64, none = 0u64
        )
    }
}

impl Logic for ShareCost {
    #[hdl_gen]
    fn update(&mut self) {
        self.wide.next = bit_cast::<64, 24>(self.interval.val());
        // Eight chains are none of the smaller powers.
        self.odd.next = self.none.val();
        if self.chains.val().get_bit(0) {
            self.odd.next = self.wide.val();
        } else if self.chains.val().get_bit(3) {
            self.odd.next = self.wide.val() << self.by_eight.val();
        }
        self.two.next = self.none.val();
        if self.chains.val().get_bit(1) {
            self.two.next = self.wide.val() << self.by_two.val();
        }
        self.four.next = self.none.val();
        if self.chains.val().get_bit(2) {
            self.four.next = self.wide.val() << self.by_four.val();
        }
        self.cost.next = self.odd.val() + self.two.val() + self.four.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{number, settle};

    #[test]
    fn share_lints_clean() {
        crate::util::assert_lint_clean("share_due", ShareDue::default());
        crate::util::assert_lint_clean("share_cost", ShareCost::default());
    }

    #[test]
    fn a_device_is_early_while_its_next_chain_is_due_later_than_its_burst_allows() {
        let mut share = ShareDue::default();
        share.connect_all();
        let before = |n: u64| 0u64.wrapping_sub(n);
        // Times from which on nothing wraps, and from which on the clock or `tat` does.
        for time in [0, 1000, 1 << 36, before(1), before(500), before(1 << 36)] {
            for (ahead, burst, early) in [
                (0, 0, false),
                (1, 0, true),
                (500, 500, false),
                (501, 500, true),
                (0x00ff_ffff, 0x00ff_ffff, false),
                (0x0100_0000, 0x00ff_ffff, true),
                ((1 << 36) - 1, 500, true),
                // Passed, a cycle ago and longer.
                (1 << 36, 500, false),
                (before(1), 0, false),
                (before(5000), 500, false),
            ] {
                let tat = time.wrapping_add(ahead);
                for paced in [true, false] {
                    share.dev.next = DevRec {
                        paced,
                        burst: burst.into(),
                        tat: tat.into(),
                        ..DevRec::default()
                    };
                    share.now.next = time.into();
                    settle(&mut share);
                    assert_eq!(share.early.val(), early && paced, "{time} + {ahead}");
                    let due = if ahead < 1 << 36 { tat } else { time };
                    assert_eq!(number(share.due.val()), u128::from(due), "{time} + {ahead}");
                }
            }
        }
    }

    #[test]
    fn a_visit_costs_as_many_intervals_as_it_has_chains() {
        let mut share = ShareCost::default();
        share.connect_all();
        for chains in 0..=8_u64 {
            for interval in [0, 1, 1000, 0x00ff_ffff] {
                share.chains.next = chains.into();
                share.interval.next = interval.into();
                settle(&mut share);
                let cost = number(share.cost.val());
                assert_eq!(cost, u128::from(chains * interval));
            }
        }
    }
}
