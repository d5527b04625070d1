//! Messages on their way to the bus, and which of them still await their response.
//!
//! Timing: TIMING.md §4.3 and §1, "Messages". A message has no completion: whoever must know that all of a device's are
//! through lets the epoch change, when the one before has come to its end, and waits for the end of the one left.

use crate::axi_rd::{BResp, Id};
use crate::axi_wr::{Small, WriteRequest, Writer};
use crate::fifo::Fifo;
use shoal_abi::mmu::USER_INTERRUPT;
use shoal_abi::profile::Profile;

const DEPTH: usize = 64;
const PAGE: u64 = 4096;

/// A message: 4 bytes at a physical address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) address: u64,
    pub(crate) data: u32,
}

/// The messages.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    fifo: Fifo<(Message, u8)>,
    /// Those of the control unit; they go first.
    early: Fifo<(Message, u8)>,
    /// `mcur` and `mcnt`.
    cur: u8,
    cnt: [u32; 2],
}

impl Messages {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            fifo: Fifo::new(DEPTH),
            early: Fifo::new(1 << p.slot_w),
            cur: 0,
            cnt: [0; 2],
        }
    }

    pub(crate) fn reset(&mut self) {
        self.fifo.clear();
        self.early.clear();
        (self.cur, self.cnt) = (0, [0; 2]);
    }

    /// Messages of the core that no arbiter has taken.
    pub(crate) fn len(&self) -> usize {
        self.fifo.len()
    }

    /// No message of the epoch before the present one is under way.
    pub(crate) fn old_none(&self) -> bool {
        self.cnt[usize::from(self.cur ^ 1)] == 0
    }

    /// No message at all is under way.
    pub(crate) fn none(&self) -> bool {
        self.cnt == [0; 2]
    }

    /// A core effect.
    pub(crate) fn push(&mut self, message: Message) {
        self.fifo.push((message, self.cur));
        self.cnt[usize::from(self.cur)] += 1;
    }

    /// A used index has been written whose message is known to be wanted.
    pub(crate) fn push_early(&mut self, message: Message) {
        self.early.push((message, self.cur));
        self.cnt[usize::from(self.cur)] += 1;
    }

    /// A core effect: the epoch changes.
    pub(crate) fn flip(&mut self) {
        self.cur ^= 1;
    }

    /// The write asked for in this cycle; of a message over the end of a page only what lies before it.
    pub(crate) fn write_request(&self, p: &Profile) -> Option<WriteRequest> {
        let (Message { address, data }, epoch) = *self.early.front().or(self.fifo.front())?;
        let n = (PAGE - address % PAGE).min(4);
        let small = Small::word(address, u64::from(data), n as usize);
        let id = Id::Message { epoch };
        let request = WriteRequest::small(p, Writer::Message, id, USER_INTERRUPT, small);
        Some(request)
    }

    /// The edge.
    pub(crate) fn tick(&mut self, granted: bool, b: Option<&BResp>) {
        if granted && self.early.pop().is_none() {
            self.fifo.pop();
        }
        if let Some(Id::Message { epoch }) = b.map(|b| b.id) {
            let cnt = &mut self.cnt[usize::from(epoch & 1)];
            *cnt = cnt.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn a_message_counts_in_its_epoch_until_its_response() {
        let mut m = Messages::new(&TINY);
        let message = Message {
            address: 0xfee0_0ffe,
            data: 0x4433_2211,
        };
        m.push(message);
        m.flip();
        assert_eq!((m.len(), m.old_none(), m.none()), (1, false, false));
        let w = m.write_request(&TINY).expect("one is there");
        assert_eq!((w.aw.addr, w.aw.user), (0xfee0_0ff8, USER_INTERRUPT));
        assert_eq!((w.aw.id, w.small.n), (Id::Message { epoch: 0 }, 2));
        m.tick(true, None);
        assert_eq!((m.len(), m.old_none()), (0, false));
        let b = BResp {
            id: w.aw.id,
            resp: 2,
        };
        m.push(message);
        m.tick(false, Some(&b));
        assert_eq!((m.old_none(), m.none()), (true, false));
    }

    #[test]
    fn an_early_message_goes_first_and_counts_too() {
        let mut m = Messages::new(&TINY);
        let [late, early] = [0x1000, 0x2000].map(|address| Message { address, data: 1 });
        m.push(late);
        m.push_early(early);
        m.flip();
        assert_eq!((m.len(), m.old_none()), (1, false));
        for (address, none) in [(0x2000, false), (0x1000, true)] {
            let w = m.write_request(&TINY).expect("one is there");
            assert_eq!(w.aw.addr, address);
            let id = w.aw.id;
            m.tick(true, Some(&BResp { id, resp: 0 }));
            assert_eq!((m.old_none(), m.none()), (none, none));
        }
    }
}
