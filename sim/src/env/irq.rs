//! The interrupt controller: takes interrupt messages off the bus, records each with its cycle, and counts them by
//! (address, data), which is how a driver knows its own.

use std::collections::{HashMap, VecDeque};

/// Messages kept in the log; older ones are forgotten, the counts stay.
const LOG_LEN: usize = 65_536;

/// One interrupt message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irq {
    /// Address written.
    pub addr: u64,
    /// Data written.
    pub data: u32,
    /// Cycle in which it took effect.
    pub cycle: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    total: u64,
    taken: u64,
}

/// The interrupt controller.
#[derive(Clone, Debug, Default)]
pub struct IrqController {
    lines: HashMap<(u64, u32), Line>,
    log: VecDeque<Irq>,
    total: u64,
}

impl IrqController {
    /// Records a message.
    pub fn deliver(&mut self, irq: Irq) {
        self.lines.entry((irq.addr, irq.data)).or_default().total += 1;
        if self.log.len() == LOG_LEN {
            self.log.pop_front();
        }
        self.log.push_back(irq);
        self.total += 1;
    }

    /// Messages with this address and data so far.
    #[must_use]
    pub fn count(&self, addr: u64, data: u32) -> u64 {
        self.lines.get(&(addr, data)).map_or(0, |l| l.total)
    }

    /// Messages with this address and data since the last `take` of them.
    pub fn take(&mut self, addr: u64, data: u32) -> u64 {
        self.lines.get_mut(&(addr, data)).map_or(0, |l| {
            let new = l.total - l.taken;
            l.taken = l.total;
            new
        })
    }

    /// True when a message with this address and data came since the last `take` of them.
    #[must_use]
    pub fn is_pending(&self, addr: u64, data: u32) -> bool {
        self.lines
            .get(&(addr, data))
            .is_some_and(|l| l.total > l.taken)
    }

    /// The messages after the first `seen`, oldest first, as far back as the log goes.
    pub fn since(&self, seen: u64) -> impl Iterator<Item = &Irq> {
        let new = usize::try_from(self.total.saturating_sub(seen)).unwrap_or(usize::MAX);
        self.log.iter().skip(self.log.len().saturating_sub(new))
    }

    /// Messages so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The last messages, oldest first.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Irq> {
        self.log.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_gives_each_message_once_and_lines_do_not_mix() {
        let mut c = IrqController::default();
        for (data, cycle) in [(1, 10), (2, 11), (1, 12)] {
            c.deliver(Irq {
                addr: 0xfee0_0000,
                data,
                cycle,
            });
        }
        assert!(c.is_pending(0xfee0_0000, 1));
        assert_eq!(c.take(0xfee0_0000, 1), 2);
        assert_eq!(c.take(0xfee0_0000, 1), 0);
        assert_eq!(c.take(0xfee0_1000, 1), 0);
        assert_eq!(
            (c.count(0xfee0_0000, 1), c.count(0xfee0_0000, 2), c.total()),
            (2, 1, 3)
        );
        assert_eq!(c.log().map(|i| i.cycle).collect::<Vec<_>>(), [10, 11, 12]);
    }
}
