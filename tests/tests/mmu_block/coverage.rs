//! What was exercised, so that the test cannot pass by doing nothing.

use std::collections::BTreeMap;
use std::fmt;

/// What must be seen, and how often at least, in the cases of a plain run.
const NEEDED: [(&str, u64); 34] = [
    ("answers", 10000),
    ("hit 4K", 100),
    ("hit 2M", 100),
    ("hit 1G", 100),
    ("walked to 512G", 20),
    ("bare", 50),
    ("off", 50),
    ("not canonical", 50),
    ("table access fault", 30),
    ("page fault after a walk", 100),
    ("walk", 1000),
    ("short walk", 50),
    ("walk again after eviction", 100),
    ("merge", 700),
    ("orphan", 1000),
    ("orphan merged", 50),
    ("orphan walked", 1000),
    ("waiter limit", 1000),
    ("all walkers wait", 5000),
    ("hit overtakes a walk", 100),
    ("answers out of order", 100),
    ("read out of order", 100),
    ("invalidate all", 20),
    ("invalidate asid", 50),
    ("invalidate range", 50),
    ("invalidations back to back", 50),
    ("generation wraps", 15),
    ("look-up in flush", 150),
    ("fill suppressed", 300),
    ("drain waits", 300),
    ("asid set in mid-flight", 300),
    ("partition switched", 20),
    ("warm sweep", 30),
    ("reset in mid-flight", 12),
];

/// Counts by name.
#[derive(Default)]
pub struct Coverage {
    pub cycles: u64,
    counts: BTreeMap<&'static str, u64>,
}

impl Coverage {
    pub fn saw(&mut self, what: &'static str) {
        assert!(NEEDED.iter().any(|n| n.0 == what), "{what}");
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn saw_if(&mut self, what: &'static str, is: bool) {
        if is {
            self.saw(what);
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.cycles += other.cycles;
        for (what, n) in &other.counts {
            *self.counts.entry(what).or_default() += n;
        }
    }

    /// Names, counts and needs of what was not seen often enough.
    pub fn missing(&self) -> Vec<(&'static str, u64, u64)> {
        let all = NEEDED.iter().map(|(what, n)| (*what, self.count(what), *n));
        all.filter(|(_, seen, n)| seen < n).collect()
    }

    fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cycles", self.cycles)?;
        NEEDED
            .iter()
            .try_for_each(|(what, _)| write!(f, ", {what} {}", self.count(what)))
    }
}
