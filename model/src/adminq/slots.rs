//! The slots: a chain each, from its ring entry to its used element.
//!
//! Timing: TIMING.md §9. What only the sequencer changes stands in [`Chain`]; the rest changes as reads come in.

use crate::descriptor::Walk;
use shoal_abi::cmd::COMMAND_BYTES;

/// A writable descriptor that takes the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) va: u64,
    pub(super) len: u32,
    /// The descriptor behind it.
    pub(super) next: Option<u16>,
}

/// A chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) head: u16,
    pub(super) walk: Walk,
    pub(super) room: Room,
    /// Command bytes asked for.
    pub(super) pos: usize,
    /// A writable descriptor was seen.
    pub(super) wseen: bool,
    /// No room for an answer: the command is not executed.
    pub(super) mute: bool,
    pub(super) used_len: u32,
}

/// A slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) chain: Chain,
    /// The command has come in.
    pub(super) gathered: bool,
    /// The chain breaks a rule, or a read of it failed.
    pub(super) bad: bool,
    pub(super) bytes: [u8; COMMAND_BYTES],
}

impl Slot {
    fn new() -> Self {
        Self {
            chain: Chain::default(),
            gathered: false,
            bad: false,
            bytes: [0; COMMAND_BYTES],
        }
    }

    /// The command: what the chain does not bring is 0.
    pub(super) fn command(&self) -> [u8; COMMAND_BYTES] {
        let mut all = [0; COMMAND_BYTES];
        let n = self.chain.pos.min(COMMAND_BYTES);
        all[..n].copy_from_slice(&self.bytes[..n]);
        all
    }
}

/// All slots; entry x of the ring has slot x modulo their number.
#[derive(Clone, Debug)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    pub(super) fn new(slots: usize) -> Self {
        Self(vec![Slot::new(); slots.max(1)])
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(Slot::new());
    }

    pub(super) fn len(&self) -> u16 {
        self.0.len() as u16
    }

    pub(super) fn number(&self, entry: u16) -> usize {
        usize::from(entry) % self.0.len()
    }

    pub(super) fn of(&self, entry: u16) -> &Slot {
        &self.0[self.number(entry)]
    }

    pub(super) fn get(&self, slot: usize) -> &Slot {
        &self.0[slot]
    }

    pub(super) fn at(&mut self, slot: usize) -> &mut Slot {
        &mut self.0[slot]
    }

    /// The slot takes a new chain.
    pub(super) fn open(&mut self, slot: usize) {
        let s = &mut self.0[slot];
        (s.chain, s.gathered, s.bad) = (Chain::default(), false, false);
    }
}
