//! Where packets enter: their beats, the side band of the first one, the bytes of the whole.
//!
//! Timing: TIMING.md §8, its second and third paragraph.

use crate::fifo::Fifo;
use crate::tx::Side;
use crate::{bytes_of, MAX_B};
use shoal_abi::ports::Inputs;
use shoal_abi::profile::Profile;
use shoal_abi::ring::NET_HDR_NUM_BUFFERS;
use shoal_abi::stream::TUSER_ANSWER;

/// A beat of `s_axis` as stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat {
    pub(super) data: [u8; MAX_B],
    pub(super) bytes: usize,
    pub(super) last: bool,
}

impl Default for Beat {
    fn default() -> Self {
        Self {
            data: [0; MAX_B],
            bytes: 0,
            last: false,
        }
    }
}

/// What has entered and is not taken.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub(super) beats: Fifo<Beat>,
    pub(super) headers: Fifo<Side>,
    /// Bytes of whole packets.
    pub(super) lengths: Fifo<u32>,
    /// Bytes of the packet that is entering.
    pub(super) entered: u32,
    /// Its beats, and whether the first one had the answer bit.
    beat: usize,
    answer: bool,
}

impl Entrance {
    pub(super) fn new(p: &Profile) -> Self {
        Self {
            beats: Fifo::new(p.rx_beats),
            headers: Fifo::new(p.rx_packets),
            lengths: Fifo::new(p.rx_packets),
            entered: 0,
            beat: 0,
            answer: false,
        }
    }

    pub(super) fn reset(&mut self) {
        self.beats.clear();
        self.headers.clear();
        self.lengths.clear();
        (self.entered, self.beat, self.answer) = (0, 0, false);
    }

    /// A beat enters; true if it is the first of a packet.
    pub(super) fn enter(&mut self, p: &Profile, i: &Inputs) -> bool {
        let b = p.beat_bytes();
        let first = self.beat == 0;
        if first {
            self.answer = TUSER_ANSWER.get(i.s_axis_tuser) == 1;
            self.headers.push(Side {
                dest: i.s_axis_tdest & 0xf_ffff,
                tid: i.s_axis_tid,
                user: i.s_axis_tuser,
            });
        }
        let mut data = bytes_of(&i.s_axis_tdata);
        if !self.answer {
            for (at, value) in [(NET_HDR_NUM_BUFFERS, 1), (NET_HDR_NUM_BUFFERS + 1, 0)] {
                if at / b == self.beat {
                    data[at % b] = value;
                }
            }
        }
        let last = i.s_axis_tlast;
        let bytes = if last {
            (i.s_axis_tkeep.trailing_ones() as usize).min(b)
        } else {
            b
        };
        self.beats.push(Beat { data, bytes, last });
        self.entered = self.entered.wrapping_add(bytes as u32);
        self.beat = self.beat.saturating_add(1);
        if last {
            self.lengths.push(self.entered);
            (self.entered, self.beat) = (0, 0);
        }
        first
    }
}
