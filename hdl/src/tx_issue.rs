//! Issue side of the transmit mover: takes ops, translates, and asks for read bursts of at most 256 bytes.
//!
//! Spec: AXI4 (bursts stay within 4 KiB); virtio 1.4 §2.7.13 (device-readable buffers).
//! Timing: contract §7. One burst is being prepared at a time; any number of those asked for may be in flight, as far as
//! the output FIFO has room for their beats. Every burst and every END goes into the in-flight FIFO in order.
//! Reset: to Idle, no fault pending.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::types::{MmuReq, MmuRsp, TxOp, CLIENT_MOVER};

/// Bytes of the address window that one burst stays in.
pub const BURST_WINDOW: u64 = 256;
/// Items of the in-flight FIFO.
pub const FLIGHT_DEPTH: u64 = 16;
/// Beats of the output FIFO.
pub const OUT_DEPTH: u64 = 64;
/// Where the epoch stands in an AXI id.
pub const ID_EPOCH_LSB: u64 = 4;

/// One item of the in-flight FIFO: a burst, or the end of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxItem {
    /// END; otherwise a burst.
    pub end: Bit,
    /// END: the packet is void.
    pub abort: Bit,
    /// Member id.
    pub dest: Bits<20>,
    /// Virtqueue index within the device.
    pub tid: Bits<16>,
    /// Chain tag.
    pub tag: Bits<16>,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// END: device-writable bytes.
    pub writable: Bits<32>,
    /// END: cause of a translation fault, 0 none.
    pub cause: Bits<12>,
    /// Burst: first byte. END: address of the fault.
    pub iova: Bits<64>,
    /// Burst: bytes, 1..=256.
    pub bytes: Bits<16>,
}

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum TxIssueState {
    Idle,
    Room,
    Xlat,
    Issue,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct TxIssue {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// An op waits.
    pub op_valid: Signal<In, Bit>,
    /// It.
    pub op: Signal<In, TxOp>,
    /// Takes it.
    pub op_pop: Signal<Out, Bit>,
    /// State Idle.
    pub idle: Signal<Out, Bit>,
    /// Beats in the output FIFO.
    pub out_count: Signal<In, Bits<16>>,
    /// Beats asked for and not yet here.
    pub reserved: Signal<In, Bits<16>>,
    /// Items in the in-flight FIFO.
    pub flight_count: Signal<In, Bits<16>>,
    /// Asks the MMU.
    pub mmu_req_valid: Signal<Out, Bit>,
    /// What for.
    pub mmu_req: Signal<Out, MmuReq>,
    /// The MMU has taken the request: it goes down, the answer comes later.
    pub mmu_taken: Signal<In, Bit>,
    /// The MMU's answer is up.
    pub mmu_rsp_valid: Signal<In, Bit>,
    /// It.
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Epoch of this cycle.
    pub epoch: Signal<In, Bit>,
    /// An access starts at this edge.
    pub start: Signal<Out, Bit>,
    /// Asks the AR arbiter.
    pub ar_req: Signal<Out, Bit>,
    /// First byte of the first beat.
    pub ar_addr: Signal<Out, Bits<64>>,
    /// AXI id.
    pub ar_id: Signal<Out, Bits<10>>,
    /// PASID valid and PASID.
    pub ar_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub ar_len: Signal<Out, Bits<8>>,
    /// The arbiter takes the burst at this edge.
    pub ar_grant: Signal<In, Bit>,
    /// Puts `item` into the in-flight FIFO.
    pub item_push: Signal<Out, Bit>,
    /// A burst or an END.
    pub item: Signal<Out, TxItem>,
    /// Beats newly reserved at this edge.
    pub reserve: Signal<Out, Bits<16>>,
    state: DFF<TxIssueState>,
    asked: DFF<Bit>,
    current: DFF<TxOp>,
    va: DFF<Bits<64>>,
    rem: DFF<Bits<32>>,
    fault: DFF<Bit>,
    cause: DFF<Bits<12>>,
    fault_iova: DFF<Bits<64>>,
    addr: DFF<Bits<64>>,
    user: DFF<Bits<21>>,
    access_epoch: DFF<Bit>,
    granted_epoch: DFF<Bit>,
    low: Signal<Local, Bits<8>>,
    window: Signal<Local, Bits<16>>,
    window32: Signal<Local, Bits<32>>,
    bytes: Signal<Local, Bits<16>>,
    bytes32: Signal<Local, Bits<32>>,
    bytes64: Signal<Local, Bits<64>>,
    span: Signal<Local, Bits<16>>,
    beats: Signal<Local, Bits<16>>,
    room: Signal<Local, Bits<16>>,
    flight_room: Signal<Local, Bit>,
    next_rem: Signal<Local, Bits<32>>,
    no_op: Constant<TxOp>,
    no_item: Constant<TxItem>,
    no_req: Constant<MmuReq>,
    burst_window: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    beat_shift: Constant<Bits<16>>,
    beat_align: Constant<Bits<64>>,
    flight_depth: Constant<Bits<16>>,
    out_depth: Constant<Bits<16>>,
    client: Constant<Bits<10>>,
    epoch_id: Constant<Bits<10>>,
    one: Constant<Bits<16>>,
    one8: Constant<Bits<8>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    no_cause: Constant<Bits<12>>,
    no_iova: Constant<Bits<64>>,
}

impl TxIssue {
    /// The block for beats of `beat_bytes` bytes, a power of two.
    #[must_use]
    pub fn new(beat_bytes: u64) -> Self {
        block_default!(
            clock, reset, op_valid, op, op_pop, idle, out_count, reserved, flight_count, mmu_req_valid, mmu_req, mmu_taken,
            mmu_rsp_valid, mmu_rsp, epoch, start, ar_req, ar_addr, ar_id, ar_user, ar_len, ar_grant, item_push, item,
            reserve, state, asked, current, va, rem, fault, cause, fault_iova, addr, user, access_epoch, granted_epoch, low, window, window32,
            bytes, bytes32, bytes64, span, beats, room, flight_room, next_rem;
            no_op = TxOp::default(),
            no_item = TxItem::default(),
            no_req = MmuReq::default(),
            burst_window = BURST_WINDOW,
            beat_mask = beat_bytes - 1,
            beat_shift = u64::from(beat_bytes.trailing_zeros()),
            beat_align = !(beat_bytes - 1),
            flight_depth = FLIGHT_DEPTH,
            out_depth = OUT_DEPTH,
            client = CLIENT_MOVER,
            epoch_id = CLIENT_MOVER | (1 << ID_EPOCH_LSB),
            one = 1u64,
            one8 = 1u64,
            none16 = 0u64,
            none32 = 0u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            no_iova = 0u64
        )
    }
}

impl Logic for TxIssue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            asked,
            current,
            va,
            rem,
            fault,
            cause,
            fault_iova,
            addr,
            user,
            access_epoch,
            granted_epoch
        );
        // The next burst: up to the end of its window, a function of va and rem.
        self.low.next = self.va.q.val().get_bits::<8>(0);
        self.window.next = self.burst_window.val() - bit_cast::<16, 8>(self.low.val());
        self.window32.next = bit_cast::<32, 16>(self.window.val());
        self.bytes32.next = self.window32.val();
        if self.rem.q.val() < self.window32.val() {
            self.bytes32.next = self.rem.q.val();
        }
        self.bytes.next = self.bytes32.val().get_bits::<16>(0);
        self.bytes64.next = bit_cast::<64, 32>(self.bytes32.val());
        self.span.next = (bit_cast::<16, 8>(self.low.val()) & self.beat_mask.val())
            + self.bytes.val()
            + self.beat_mask.val();
        self.beats.next = self.span.val() >> self.beat_shift.val();
        self.room.next =
            self.out_count.val() + self.reserved.val() + self.beats.val() + self.one.val();
        self.flight_room.next = self.flight_count.val() < self.flight_depth.val();
        self.next_rem.next = self.rem.q.val() - self.bytes32.val();
        // Outputs.
        self.op_pop.next = false;
        self.idle.next = false;
        self.mmu_req_valid.next = false;
        self.mmu_req.next = self.no_req.val();
        self.mmu_req.next.asid = self.current.q.val().asid;
        self.mmu_req.next.va = self.va.q.val();
        self.start.next = false;
        self.ar_req.next = false;
        self.ar_addr.next = self.addr.q.val() & self.beat_align.val();
        self.ar_id.next = self.client.val();
        if self.access_epoch.q.val() {
            self.ar_id.next = self.epoch_id.val();
        }
        self.ar_user.next = bit_cast::<22, 21>(self.user.q.val());
        self.ar_len.next = self.beats.val().get_bits::<8>(0) - self.one8.val();
        self.item_push.next = false;
        self.reserve.next = self.none16.val();
        // A burst, unless Idle says END.
        self.item.next = self.no_item.val();
        self.item.next.dest = self.current.q.val().dest;
        self.item.next.tid = self.current.q.val().tid;
        self.item.next.tag = self.current.q.val().tag;
        self.item.next.typ = self.current.q.val().typ;
        self.item.next.iova = self.va.q.val();
        self.item.next.bytes = self.bytes.val();
        match self.state.q.val() {
            TxIssueState::Idle => {
                self.idle.next = true;
                self.item.next.end = true;
                self.item.next.abort = self.op.val().abort;
                self.item.next.dest = self.op.val().dest;
                self.item.next.tid = self.op.val().tid;
                self.item.next.tag = self.op.val().tag;
                self.item.next.typ = self.op.val().typ;
                self.item.next.writable = self.op.val().writable;
                self.item.next.cause = self.cause.q.val();
                self.item.next.iova = self.fault_iova.q.val();
                if self.op_valid.val() {
                    if self.op.val().end {
                        if self.flight_room.val() {
                            self.op_pop.next = true;
                            self.item_push.next = true;
                            self.fault.d.next = false;
                            self.cause.d.next = self.no_cause.val();
                            self.fault_iova.d.next = self.no_iova.val();
                        }
                    } else {
                        self.op_pop.next = true;
                        if (self.op.val().len != self.none32.val()) & !self.fault.q.val() {
                            self.current.d.next = self.op.val();
                            self.va.d.next = self.op.val().va;
                            self.rem.d.next = self.op.val().len;
                            self.state.d.next = TxIssueState::Room;
                        }
                    }
                }
            }
            TxIssueState::Room => {
                if (self.room.val() <= self.out_depth.val()) & self.flight_room.val() {
                    self.state.d.next = TxIssueState::Xlat;
                }
            }
            TxIssueState::Xlat => {
                self.mmu_req_valid.next = !self.asked.q.val();
                if self.mmu_taken.val() {
                    self.asked.d.next = true;
                }
                if self.mmu_rsp_valid.val() {
                    self.asked.d.next = false;
                    if self.mmu_rsp.val().cause != self.no_cause.val() {
                        self.fault.d.next = true;
                        self.cause.d.next = self.mmu_rsp.val().cause;
                        self.fault_iova.d.next = self.va.q.val();
                        self.state.d.next = TxIssueState::Idle;
                    } else {
                        self.start.next = true;
                        self.addr.d.next = self.mmu_rsp.val().addr;
                        self.user.d.next = self.mmu_rsp.val().user;
                        self.access_epoch.d.next = self.epoch.val();
                        self.state.d.next = TxIssueState::Issue;
                    }
                }
            }
            TxIssueState::Issue => {
                // Reads of the two epochs have different ids and may come in any order.
                self.ar_req.next = (self.reserved.val() == self.none16.val())
                    | (self.access_epoch.q.val() == self.granted_epoch.q.val());
                if self.ar_grant.val() {
                    self.granted_epoch.d.next = self.access_epoch.q.val();
                    self.item_push.next = true;
                    self.reserve.next = self.beats.val();
                    self.va.d.next = self.va.q.val() + self.bytes64.val();
                    self.rem.d.next = self.next_rem.val();
                    self.state.d.next = TxIssueState::Room;
                    if self.next_rem.val() == self.none32.val() {
                        self.state.d.next = TxIssueState::Idle;
                    }
                }
            }
            _ => {
                self.state.d.next = TxIssueState::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = TxIssueState::Idle;
            self.asked.d.next = false;
            self.granted_epoch.d.next = false;
            self.current.d.next = self.no_op.val();
            self.fault.d.next = false;
            self.cause.d.next = self.no_cause.val();
            self.fault_iova.d.next = self.no_iova.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_issue_lints_clean() {
        crate::util::assert_lint_clean("tx_issue", TxIssue::new(16));
    }
}
