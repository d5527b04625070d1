//! The matrix of a bench: which rows there are.

use serde::{Serialize, Serializer};
use shoal_abi::profile::Profile;

use super::wall::Load;

/// Frames that the matrix has, bytes with FCS.
pub const FRAMES: [u32; 3] = [64, 256, 1518];
/// Packets of a doorbell that the matrix has.
pub const BATCHES: [u32; 3] = [1, 8, 32];
/// Active devices that the matrix has.
pub const ACTIVE: [u32; 4] = [1, 64, 4096, 131_072];
/// Packets in flight over all queues, for which queues hold more than one batch where they are few.
pub const IN_FLIGHT: u32 = 256;
/// The same of the rows of [`quick`].
const QUICK_IN_FLIGHT: u32 = 64;
/// Most entries of a queue that are used.
pub const MOST_VISIBLE: u32 = 128;

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Direction {
    /// Host to card.
    Tx,
    /// Card to host.
    Rx,
    /// As many each way.
    Both,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tx, Self::Rx, Self::Both];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Rx => "rx",
            Self::Both => "both",
        }
    }

    /// Indices of the queues of a device that it uses.
    #[must_use]
    pub fn queues(self) -> &'static [u16] {
        match self {
            Self::Rx => &[0],
            Self::Tx => &[1],
            Self::Both => &[0, 1],
        }
    }
}

/// State of the translations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Translations {
    /// Used before. Whether they fit the IOTLB, `walks_per_packet` says.
    Warm,
    /// Invalidated before, and buffers in so many pages that each packet's is not cached.
    Cold,
}

impl Translations {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warm, Self::Cold];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

impl Serialize for Direction {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl Serialize for Translations {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Bytes of a frame with FCS.
    pub frame: u32,
    /// Where packets go.
    pub direction: Direction,
    /// Packets of a doorbell and of an interrupt.
    pub batch: u32,
    /// Devices with traffic.
    pub active: u32,
    /// State of the translations.
    pub translations: Translations,
    /// Batches that a queue has open: one, more where the queues are too few to keep the device busy.
    pub queued: u32,
}

impl Case {
    /// The row with enough batches open for `in_flight` packets, as far as the rings hold them.
    #[must_use]
    pub fn new(
        frame: u32,
        direction: Direction,
        batch: u32,
        active: u32,
        translations: Translations,
        in_flight: u32,
    ) -> Self {
        let case = Self {
            frame,
            direction,
            batch,
            active,
            translations,
            queued: 1,
        };
        let wanted = in_flight / (case.queues() * batch).max(1);
        Self {
            queued: wanted.clamp(1, (MOST_VISIBLE / batch.max(1)).max(1)),
            ..case
        }
    }

    /// Queues with traffic.
    #[must_use]
    pub fn queues(&self) -> u32 {
        self.active * self.direction.queues().len() as u32
    }

    /// Packets that are open over all queues.
    #[must_use]
    pub fn open(&self) -> u64 {
        u64::from(self.queues()) * u64::from(self.batch * self.queued)
    }

    /// The packets, for the walls.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            frame: self.frame,
            direction: self.direction,
            batch: self.batch,
            visible: self.batch * self.queued,
        }
    }
}

/// Which values of each column are wanted; an empty list is all.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Frames.
    pub frames: Vec<u32>,
    /// Directions.
    pub directions: Vec<Direction>,
    /// Batches.
    pub batches: Vec<u32>,
    /// Active devices.
    pub active: Vec<u32>,
    /// Translations.
    pub translations: Vec<Translations>,
}

impl Choice {
    /// True when something was chosen.
    #[must_use]
    pub fn is_some(&self) -> bool {
        !(self.frames.is_empty()
            && self.directions.is_empty()
            && self.batches.is_empty()
            && self.active.is_empty()
            && self.translations.is_empty())
    }

    /// The chosen rows that `profile` can have, those of as many devices together.
    #[must_use]
    pub fn cases(&self, profile: &Profile, in_flight: u32) -> Vec<Case> {
        fn of<T: Copy>(chosen: &[T], all: &[T]) -> Vec<T> {
            if chosen.is_empty() { all } else { chosen }.to_vec()
        }
        let mut active = of(&self.active, &ACTIVE);
        active.retain(|a| *a <= profile.devices);
        let mut cases = Vec::new();
        for active in active {
            for translations in of(&self.translations, &Translations::ALL) {
                for frame in of(&self.frames, &FRAMES) {
                    for direction in of(&self.directions, &Direction::ALL) {
                        for batch in of(&self.batches, &BATCHES) {
                            cases.push(Case::new(
                                frame,
                                direction,
                                batch,
                                active,
                                translations,
                                in_flight,
                            ));
                        }
                    }
                }
            }
        }
        cases
    }
}

/// A few rows that take seconds.
#[must_use]
pub fn quick(profile: &Profile) -> Vec<Case> {
    let (some, many) = (8.min(profile.devices), 64.min(profile.devices));
    let case = |frame, direction, batch, active, translations| {
        Case::new(
            frame,
            direction,
            batch,
            active,
            translations,
            QUICK_IN_FLIGHT,
        )
    };
    let (warm, cold) = (Translations::Warm, Translations::Cold);
    vec![
        case(64, Direction::Tx, 1, 1, warm),
        case(1518, Direction::Rx, 8, 1, warm),
        case(64, Direction::Tx, 8, some, warm),
        case(64, Direction::Rx, 8, some, warm),
        case(64, Direction::Both, 8, some.div_ceil(2), warm),
        case(1518, Direction::Tx, 8, some, warm),
        case(1518, Direction::Rx, 8, some, warm),
        case(64, Direction::Tx, 1, many, cold),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{MID, TINY};

    #[test]
    fn a_full_matrix_has_every_row_that_the_profile_can_have() {
        let all = |p| Choice::default().cases(p, IN_FLIGHT).len();
        assert_eq!((all(&TINY), all(&MID)), (54, 3 * 54));
        let one = Choice {
            frames: vec![64],
            active: vec![5],
            ..Choice::default()
        };
        assert!(one.is_some() && !Choice::default().is_some());
        assert_eq!(one.cases(&TINY, IN_FLIGHT).len(), 18);
        assert!(quick(&TINY).iter().all(|c| c.active <= 8));
    }

    #[test]
    fn few_queues_hold_many_batches_and_many_hold_one() {
        let case =
            |active, batch| Case::new(64, Direction::Tx, batch, active, Translations::Warm, 1024);
        assert_eq!(case(1, 1).queued, 128);
        assert_eq!(case(1, 32).queued, 4);
        assert_eq!(case(64, 8).queued, 2);
        assert_eq!((case(4096, 1).queued, case(4096, 1).open()), (1, 4096));
        assert_eq!(case(131_072, 32).load().visible, 32);
    }
}
