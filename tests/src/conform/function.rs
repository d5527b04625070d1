//! The function behind the streams: keeps what every device sent, answers block requests, and sends what a case makes up.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shoal::env::{Card, RxPacket, TxPacket};
use shoal_abi::ring::BLK_HDR_BYTES;
use shoal_abi::stream::TUSER_ABORT;

#[derive(Default)]
struct State {
    sent: Vec<TxPacket>,
    to_send: VecDeque<RxPacket>,
    silent: Vec<u32>,
}

/// A handle; clones are the same function.
#[derive(Clone, Default)]
pub(super) struct Function {
    state: Rc<RefCell<State>>,
}

/// Data of the block function: a byte of sector `sector`.
pub(super) fn stored(sector: u64, at: usize) -> u8 {
    (sector as usize * 7 + at * 3 + (at >> 8)) as u8
}

impl Function {
    /// The packets that `member` has sent since the last call, those given up not among them.
    pub(super) fn take_sent(&self, member: u32) -> Vec<TxPacket> {
        let mut state = self.state.borrow_mut();
        let (mine, others) = std::mem::take(&mut state.sent)
            .into_iter()
            .partition(|p| p.member == member);
        state.sent = others;
        mine
    }

    /// Sends a packet into `s_axis`, behind those before it.
    pub(super) fn send(&self, packet: RxPacket) {
        self.state.borrow_mut().to_send.push_back(packet);
    }

    /// From now on the requests of `member` get no answer, or they do again.
    pub(super) fn set_silent(&self, member: u32, silent: bool) {
        let mut state = self.state.borrow_mut();
        state.silent.retain(|m| *m != member);
        if silent {
            state.silent.push(member);
        }
    }
}

/// The good answer to a block request.
pub(super) fn answer(request: &TxPacket) -> Option<RxPacket> {
    let sector = request
        .bytes
        .get(8..BLK_HDR_BYTES)
        .map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap_or_default()));
    let room = (request.writable() as usize).saturating_sub(1).min(4096);
    let data = (0..room).map(|at| stored(sector, at)).collect();
    RxPacket::answer(request, data, 0)
}

impl Card for Function {
    fn take(&mut self, _: u64, packet: TxPacket) {
        if TUSER_ABORT.get(packet.tuser) != 0 {
            return;
        }
        let mut state = self.state.borrow_mut();
        if packet.is_blk() && !state.silent.contains(&packet.member) {
            let packet = answer(&packet);
            state.to_send.extend(packet);
        }
        state.sent.push(packet);
    }

    fn next_packet(&mut self, _: u64) -> Option<RxPacket> {
        self.state.borrow_mut().to_send.pop_front()
    }
}
