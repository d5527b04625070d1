//! Work that has to go on: how long it may stand still.

use super::ScenarioError;

/// Sees a count that has to grow.
pub(super) struct Patience {
    what: &'static str,
    cycles: u64,
    seen: u64,
    since: u64,
}

impl Patience {
    /// `what` may stand still for so many cycles.
    pub(super) fn new(what: &'static str, cycles: u64) -> Self {
        Self {
            what,
            cycles,
            seen: 0,
            since: 0,
        }
    }

    /// Fails when `count` has been the same for too long. Where nothing is awaited it may.
    pub(super) fn look(
        &mut self,
        now: u64,
        count: u64,
        is_awaited: bool,
    ) -> Result<(), ScenarioError> {
        if count != self.seen || self.since == 0 || !is_awaited {
            (self.seen, self.since) = (count, now);
        }
        if now - self.since <= self.cycles {
            return Ok(());
        }
        Err(ScenarioError::check(format!(
            "no {} for {} cycles, after {count}",
            self.what, self.cycles
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_awaited_and_stands_still_fails() {
        let mut p = Patience::new("packets", 10);
        for (now, count, is_awaited, good) in [
            (100, 0, true, true),
            (110, 0, true, true),
            (111, 0, false, true),
            (121, 0, true, true),
            (122, 1, true, true),
            (133, 1, true, false),
        ] {
            assert_eq!(p.look(now, count, is_awaited).is_ok(), good, "{now}");
        }
    }
}
