//! The card side behind the streams: checks what is transmitted, and sends what is received.
//!
//! Every packet carries words of its device, queue and number.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shoal_abi::ring::NET_HDR_BYTES;

use crate::env::{Card, RxPacket, TxPacket};

/// Index of the receive queue.
pub const RX: u16 = 0;
/// Index of the transmit queue.
pub const TX: u16 = 1;

/// Names a packet: member id, queue, number, and the row it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) member: u32,
    pub(super) vq: u16,
    pub(super) number: u32,
    pub(super) row: u8,
}

impl Name {
    fn word(self) -> u64 {
        u64::from(self.member) << 44
            | u64::from(self.row) << 36
            | u64::from(self.vq & 0xf) << 32
            | u64::from(self.number)
    }

    fn of(word: u64) -> Self {
        Self {
            member: (word >> 44) as u32,
            row: (word >> 36) as u8,
            vq: (word >> 32 & 0xf) as u16,
            number: word as u32,
        }
    }

    /// Fills a frame: each word differs from the one before.
    pub(super) fn fill(self, frame: &mut [u8]) {
        let mut word = self.word();
        for chunk in frame.chunks_mut(8) {
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// True for a frame that [`Name::fill`] made.
    pub(super) fn fits(self, frame: &[u8]) -> bool {
        let mut word = self.word();
        frame.chunks(8).all(|chunk| {
            let good = chunk == &word.to_le_bytes()[..chunk.len()];
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
            good
        })
    }
}

/// Behind the streams.
#[derive(Debug, Default)]
pub struct Sink {
    row: u8,
    /// Bytes of a packet with its header.
    bytes: usize,
    /// Next transmit packet of each member, by member id.
    next_tx: Vec<u32>,
    /// Next packet for each member.
    next_rx: Vec<u32>,
    /// Members that packets are for, each once a packet.
    to_send: VecDeque<u32>,
    /// Packets of each member in the window, both ways.
    pub served: Vec<u32>,
    /// What was wrong with a packet, the first time.
    pub error: Option<String>,
}

impl Sink {
    /// A row begins: packets are `bytes` bytes long with their header.
    pub(super) fn begin(&mut self, row: u8, bytes: u64, devices: u32) {
        *self = Self {
            row,
            bytes: bytes as usize,
            next_tx: vec![0; devices as usize + 1],
            next_rx: vec![0; devices as usize + 1],
            served: vec![0; devices as usize + 1],
            ..Self::default()
        };
    }

    /// Sends nothing more, and takes what still comes for something of the past.
    pub fn stop(&mut self) {
        self.row = 0;
        self.to_send.clear();
    }

    /// Packets for `member` are due.
    pub(super) fn send(&mut self, member: u32, packets: u32) {
        self.to_send.extend((0..packets).map(|_| member));
    }

    pub(super) fn check(&mut self, packet: &TxPacket) -> Result<(), String> {
        if self.row == 0 {
            // It was on its way when its queue was reset.
            return Ok(());
        }
        let bad = |what: &str| Err(format!("a packet of member {}: {what}", packet.member));
        let (header, frame) = packet
            .bytes
            .split_at_checked(NET_HDR_BYTES)
            .unwrap_or_default();
        let Some(first) = frame.first_chunk::<8>() else {
            return bad("no frame");
        };
        let name = Name::of(u64::from_le_bytes(*first));
        let Some(next) = self.next_tx.get_mut(packet.member as usize) else {
            return bad("no such member");
        };
        if packet.bytes.len() != self.bytes || header != [0; NET_HDR_BYTES] {
            return bad("its length or its header is not what was sent");
        }
        let wanted = Name {
            member: packet.member,
            vq: packet.vq,
            number: *next,
            row: self.row,
        };
        if name != wanted || !name.fits(frame) {
            return bad(&format!(
                "{name:?} instead of {wanted:?}, or a changed byte"
            ));
        }
        *next += 1;
        self.served[packet.member as usize] += 1;
        Ok(())
    }
}

/// The sink as the environment holds it.
pub struct SharedSink(pub Rc<RefCell<Sink>>);

impl Card for SharedSink {
    fn take(&mut self, _cycle: u64, packet: TxPacket) {
        let mut sink = self.0.borrow_mut();
        if let Err(e) = sink.check(&packet) {
            sink.error.get_or_insert(e);
        }
    }

    fn next_packet(&mut self, _cycle: u64) -> Option<RxPacket> {
        let sink = &mut *self.0.borrow_mut();
        let member = sink.to_send.pop_front()?;
        let number = &mut sink.next_rx[member as usize];
        let name = Name {
            member,
            vq: RX,
            number: *number,
            row: sink.row,
        };
        *number += 1;
        sink.served[member as usize] += 1;
        let mut bytes = vec![0; sink.bytes];
        name.fill(&mut bytes[NET_HDR_BYTES..]);
        Some(RxPacket::receive(member, RX, bytes))
    }
}
