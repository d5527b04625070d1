//! A device's share: how many chains a visit has, and when the next one is due if the device is paced.
//!
//! Timing: TIMING.md §3.2 (*early*), §3.5 (Tell), §10 (SCHED_SET). The parked FIFO holds the queues of devices that are early.

use super::exec::{check, Outcome, Refusal, FIELD};
use super::Core;
use shoal_abi::cmd::{MAX_INTERVAL, MAX_WEIGHT, SCHED_PACED};

/// A `tat` that is further ahead than this has passed.
const AHEAD: u64 = 1 << 36;
/// Cycles between two parked queues that are looked at.
const PARK_CYCLES: u8 = 8;

/// The share of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Chains a visit.
    pub(crate) weight: u8,
    pub(crate) paced: bool,
    /// Cycles a chain.
    pub(crate) interval: u32,
    /// Cycles that may be saved up.
    pub(crate) burst: u32,
    /// When the next chain is due.
    tat: u64,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            weight: MAX_WEIGHT,
            paced: false,
            interval: 0,
            burst: 0,
            tat: 0,
        }
    }
}

impl Share {
    /// Cycles until the next chain is due, if it is not due yet.
    fn ahead(&self, time: u64) -> Option<u64> {
        let x = self.tat.wrapping_sub(time);
        (x < AHEAD).then_some(x)
    }

    /// No new visit at `time`.
    pub(super) fn early(&self, time: u64) -> bool {
        let over = |x: u64| x > u64::from(self.burst);
        self.paced && self.ahead(time).is_some_and(over)
    }

    /// A visit of `m` chains has ended at `time`.
    pub(super) fn charge(&mut self, m: u16, time: u64) {
        if self.paced {
            let from = if self.ahead(time).is_some() {
                self.tat
            } else {
                time
            };
            let cost = u64::from(m) * u64::from(self.interval);
            self.tat = from.wrapping_add(cost);
        }
    }
}

/// `time` and the parked timer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) time: u64,
    parked: u8,
}

impl Clock {
    /// A parked queue may be looked at.
    pub(super) fn due(&self) -> bool {
        self.parked == 0
    }

    /// A parked queue is picked.
    pub(super) fn pick(&mut self) {
        // It counts down at this edge too.
        self.parked = PARK_CYCLES;
    }

    /// The edge.
    pub(super) fn tick(&mut self) {
        self.time = self.time.wrapping_add(1);
        self.parked = self.parked.saturating_sub(1);
    }
}

impl Core {
    /// A parked queue is due.
    pub(super) fn park_due(&self) -> bool {
        self.clock.due() && self.ctx.parked.seen() > 0
    }

    /// The queue of the next RDY event.
    pub(super) fn next_queue(&mut self) -> Option<u32> {
        if self.park_due() {
            self.clock.pick();
            self.ctx.parked.pop()
        } else {
            self.ctx.ready.pop()
        }
    }

    /// Device `d` begins no visit now.
    pub(super) fn early(&self, d: u32) -> bool {
        self.ctx.dev[d as usize].share.early(self.clock.time)
    }

    /// SCHED_SET.
    pub(super) fn set_share(&mut self, d: u32) -> Result<Outcome, Refusal> {
        let (weight, interval, burst) =
            (self.arg("weight"), self.arg("interval"), self.arg("burst"));
        let paced = self.arg("flags") & u64::from(SCHED_PACED) != 0;
        check((1..=u64::from(MAX_WEIGHT)).contains(&weight), FIELD)?;
        let most = u64::from(MAX_INTERVAL);
        check(
            !paced || (1..=most).contains(&interval) && burst <= most,
            FIELD,
        )?;
        let of = |n: u64| if paced { n as u32 } else { 0 };
        self.ctx.dev[d as usize].share = Share {
            weight: weight as u8,
            paced,
            interval: of(interval),
            burst: of(burst),
            tat: 0,
        };
        Ok(Outcome::Done)
    }

    /// SCHED_GET.
    pub(super) fn put_share(&mut self, d: u32) {
        let share = self.ctx.dev[d as usize].share;
        self.put("weight", share.weight.into());
        self.put("flags", share.paced.into());
        self.put("interval", share.interval.into());
        self.put("burst", share.burst.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paced(interval: u32, burst: u32) -> Share {
        Share {
            paced: true,
            interval,
            burst,
            ..Share::default()
        }
    }

    #[test]
    fn in_the_long_run_a_chain_costs_an_interval_and_a_burst_is_saved_up() {
        let mut s = paced(100, 250);
        let (mut at, mut early_on) = (Vec::new(), 0);
        for time in 10_000..20_000 {
            if s.early(time) {
                early_on += 1;
            } else {
                s.charge(1, time);
                at.push(time);
            }
        }
        // Three intervals are in the credit: 0, 100 and 200 cycles ahead; the fourth chain is 300 ahead.
        assert_eq!(at[..4], [10_000, 10_001, 10_002, 10_050]);
        assert!(at[3..].windows(2).all(|w| w[1] - w[0] == 100));
        assert_eq!(early_on + at.len(), 10_000);
    }

    #[test]
    fn a_visit_is_paid_later_and_time_wraps() {
        let mut s = paced(MAX_INTERVAL, 0);
        let last = u64::MAX;
        s.charge(1, 1 << 47);
        s.charge(1, last - u64::from(MAX_INTERVAL));
        assert!(s.early(last - 1) && !s.early(last));
        s.charge(8, last);
        let cost = 8 * u64::from(MAX_INTERVAL);
        assert!(s.early(last) && s.early(0) && s.early(cost - 2));
        assert!(!s.early(cost - 1));
        let mut idle = paced(5, 0);
        assert!(!idle.early(1 << 40), "a tat that has passed");
        idle.charge(1, 1 << 40);
        assert!(idle.early((1 << 40) + 4) && !idle.early((1 << 40) + 5));
        assert!(!Share::default().early(0));
    }
}
