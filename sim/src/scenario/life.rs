//! The life of a device that comes and goes: what it will do, and where it stands.

use shoal_driver::Mgmtdev;

use super::fleet::Kind;
use super::unit::{packet, Unit};
use super::ScenarioError;
use crate::env::Dice;
use crate::host::SharedHost;

/// Commands that make a device whose queue runs.
const COMMANDS: usize = 5;
/// Most cycles from the doorbell, or from the last command, to the destruction.
const SOON: u32 = 2000;

/// What a device will do until it is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Destroyed after so many commands of its creation: before DRIVER_OK.
    Early(usize),
    /// Nothing.
    Idle,
    /// Sends, and is destroyed when all is done and checked.
    Served,
    /// Sends, and is destroyed at any time after the doorbell.
    Cut,
}

impl Fate {
    /// A fate, and the seeds of the packets that go with it: of those that are cut most have a full ring.
    pub(super) fn choose(dice: &mut Dice, kind: Kind) -> (Self, Vec<u64>) {
        let full = usize::from(kind.full());
        let (fate, packets) = match dice.index(10) {
            0 | 1 => (Self::Early(2 + dice.index(COMMANDS - 2)), 0),
            2 => (Self::Idle, 0),
            3..=5 => (Self::Served, 1 + dice.index(full)),
            6 => (Self::Cut, 1),
            _ => (Self::Cut, full),
        };
        (fate, (0..packets).map(|_| dice.word()).collect())
    }

    /// Commands of the creation.
    pub(super) fn commands(self) -> usize {
        match self {
            Self::Early(n) => n,
            _ => COMMANDS,
        }
    }
}

/// Where a device stands. `after` and `gone` count commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is there after so many commands.
    Creating { after: u64 },
    /// It is destroyed in this cycle.
    Living { until: u64 },
    /// It is destroyed when all it sent is done.
    Sending { since: u64 },
    /// Its DEV_DESTROY is done after `gone` commands, all of it after `after`.
    Destroying { gone: u64, after: u64 },
    /// It has left the device; the host side follows.
    Gone { after: u64 },
}

/// A device that comes and goes.
pub(super) struct Life {
    pub(super) unit: Unit,
    pub(super) stage: Stage,
    fate: Fate,
    seeds: Vec<u64>,
    messages: u64,
}

impl Life {
    /// It is there after `asked` commands.
    pub(super) fn new(unit: Unit, fate: Fate, seeds: Vec<u64>, asked: u64) -> Self {
        Self {
            unit,
            stage: Stage::Creating { after: asked },
            fate,
            seeds,
            messages: 0,
        }
    }

    /// Destroyed before DRIVER_OK.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.fate, Fate::Early(_))
    }

    /// True while requests are open.
    pub(super) fn is_in_flight(&self, host: &SharedHost) -> bool {
        usize::from(self.unit.used(host)) < self.seeds.len()
    }

    /// The device is there: it sends what it has to.
    pub(super) fn begin(&mut self, host: &SharedHost, now: u64, dice: &mut Dice) {
        if !self.seeds.is_empty() {
            self.unit.send_all(host, &self.seeds);
        }
        self.stage = if self.fate == Fate::Served {
            Stage::Sending { since: now }
        } else {
            let until = now + u64::from(dice.up_to(SOON));
            Stage::Living { until }
        };
    }

    /// No message of an earlier owner of the slot may have come.
    pub(super) fn expect_no_message(&self, host: &SharedHost) -> Result<(), ScenarioError> {
        let m = self.unit.msi;
        match host.borrow_mut().irqs().take(m.address, m.data) {
            0 => Ok(()),
            n => Err(ScenarioError::check(format!(
                "{n} messages for member {} before it is there",
                self.unit.id()
            ))),
        }
    }

    fn take_messages(&mut self, host: &SharedHost) -> Result<(), ScenarioError> {
        let m = self.unit.msi;
        self.messages += host.borrow_mut().irqs().take(m.address, m.data);
        let (came, most) = (self.messages, self.seeds.len() as u64);
        if came <= most {
            return Ok(());
        }
        Err(ScenarioError::check(format!(
            "{came} messages of member {} for {most} requests",
            self.unit.id()
        )))
    }

    /// True when all requests are done and their message is there; `sent` packets were seen on the stream.
    pub(super) fn is_served(
        &mut self,
        host: &SharedHost,
        sent: usize,
    ) -> Result<bool, ScenarioError> {
        self.take_messages(host)?;
        if self.is_in_flight(host) || self.messages == 0 {
            return Ok(false);
        }
        let all = self.seeds.len();
        if sent != all {
            return Err(ScenarioError::check(format!(
                "{sent} packets of member {} on the stream, {all} are used",
                self.unit.id()
            )));
        }
        let checked = self.unit.check(host, all as u16);
        checked.map(|()| true).map_err(ScenarioError::Check)
    }

    /// A block device whose requests are done has written the last of them.
    pub(super) fn check_store(&self, held: Option<Vec<u8>>) -> Result<(), ScenarioError> {
        let (Some(held), Fate::Served, Some(&last)) = (held, self.fate, self.seeds.last()) else {
            return Ok(());
        };
        let id = self.unit.id();
        if packet(last, id, self.unit.kind()).ends_with(&held) {
            return Ok(());
        }
        Err(ScenarioError::check(format!(
            "the store of member {id} does not hold what the member wrote last"
        )))
    }

    /// Gives back the host's side of a device that is gone.
    pub(super) fn release(
        mut self,
        host: &SharedHost,
        mgmtdev: &Mgmtdev<SharedHost>,
    ) -> Result<(), ScenarioError> {
        self.take_messages(host)?;
        self.unit.release(mgmtdev);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_comes_up_and_no_ring_takes_more_than_it_holds() {
        let mut dice = Dice::new(1, 1);
        let mut seen = [0; 4];
        for n in 0..1000 {
            let kind = if n % 2 == 0 { Kind::Net } else { Kind::Blk };
            let (fate, seeds) = Fate::choose(&mut dice, kind);
            let at = match fate {
                Fate::Early(commands) => {
                    assert!((2..COMMANDS).contains(&commands));
                    0
                }
                Fate::Idle => 1,
                Fate::Served => 2,
                Fate::Cut => 3,
            };
            seen[at] += 1;
            assert_eq!(seeds.is_empty(), at < 2);
            assert!(seeds.len() <= usize::from(kind.full()));
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
    }
}
