//! The read side of the admin queue: jobs become requests to the AR arbiter, and records of what is to come.
//!
//! Contract §9.2. Timing: `ar_req`, `ar_addr` and `ar_word` are functions of state; a grant acts at the edge. Heads and counts are
//! functions of state. Reset (every cycle that is not live): idle, nothing is expected.

use rust_hdl::prelude::*;

use crate::adminq_types::{CtlRecord, DataRecord, ReadJob, JOB_DATA, JOB_DESC, JOB_MARK};
use crate::block_default;
use crate::fifo::Fifo;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqReader {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// Push `job`.
    pub push: Signal<In, Bit>,
    /// Job.
    pub job: Signal<In, ReadJob>,
    /// Jobs that wait.
    pub count: Signal<Out, Bits<16>>,
    /// Asks for a word.
    pub ar_req: Signal<Out, Bit>,
    pub ar_grant: Signal<In, Bit>,
    /// Its address.
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_word: Signal<Out, Bit>,
    /// A control word is asked for at this edge.
    pub asked_ctl: Signal<Out, Bit>,
    /// A word of command bytes is.
    pub asked_data: Signal<Out, Bit>,
    /// Its 64-bit lane, were the bus 512 bits wide.
    pub asked_lane: Signal<Out, Bits<3>>,
    /// Control words to come: there is a record.
    pub ctl_valid: Signal<Out, Bit>,
    /// The first of them.
    pub ctl: Signal<Out, CtlRecord>,
    pub ctl_pop: Signal<In, Bit>,
    /// Command bytes to come: there is a record.
    pub data_valid: Signal<Out, Bit>,
    /// The first of them.
    pub data: Signal<Out, DataRecord>,
    pub data_pop: Signal<In, Bit>,
    jobs: Fifo<ReadJob, 2>,
    ctls: Fifo<CtlRecord, 5>,
    datas: Fifo<DataRecord, 5>,
    running: DFF<Bit>,
    cur: DFF<ReadJob>,
    second: DFF<Bit>,
    is_mark: Signal<Local, Bit>,
    is_data: Signal<Local, Bit>,
    data_room: Signal<Local, Bit>,
    va: Signal<Local, Bits<64>>,
    pos: Signal<Local, Bits<7>>,
    len: Signal<Local, Bits<8>>,
    to_va: Signal<Local, Bits<4>>,
    to_pos: Signal<Local, Bits<4>>,
    left: Signal<Local, Bits<4>>,
    piece_a: Signal<Local, Bits<4>>,
    piece: Signal<Local, Bits<4>>,
    ctl_record: Signal<Local, CtlRecord>,
    data_record: Signal<Local, DataRecord>,
    no_ctl: Constant<CtlRecord>,
    no_data: Constant<DataRecord>,
    job_desc: Constant<Bits<3>>,
    job_data: Constant<Bits<3>>,
    job_mark: Constant<Bits<3>>,
    most: Constant<Bits<16>>,
    align: Constant<Bits<64>>,
    word4: Constant<Bits<4>>,
    word8: Constant<Bits<8>>,
    word64: Constant<Bits<64>>,
    none8: Constant<Bits<8>>,
    rest: Signal<Local, Bits<8>>,
}

impl Default for AdminqReader {
    fn default() -> Self {
        block_default!(
            clock, reset, push, job, count, ar_req, ar_grant, ar_addr, ar_word, asked_ctl, asked_data, asked_lane, ctl_valid,
            ctl, ctl_pop, data_valid, data, data_pop, jobs, ctls, datas, running, cur, second, is_mark, is_data,
            data_room, va, pos, len, to_va, to_pos, left, piece_a, piece, ctl_record, data_record, rest;
            no_ctl = CtlRecord::default(),
            no_data = DataRecord::default(),
            job_desc = JOB_DESC,
            job_data = JOB_DATA,
            job_mark = JOB_MARK,
            most = 32u64,
            align = !7_u64,
            word4 = 8u64,
            word8 = 8u64,
            word64 = 8u64,
            none8 = 0u64
        )
    }
}

impl Logic for AdminqReader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, cur, second);
        clock!(self, clock, jobs, ctls, datas);
        self.jobs.reset.next = self.reset.val();
        self.ctls.reset.next = self.reset.val();
        self.datas.reset.next = self.reset.val();
        self.jobs.push.next = self.push.val();
        self.jobs.push_data.next = self.job.val();
        self.count.next = self.jobs.count.val();
        self.ctls.pop.next = self.ctl_pop.val();
        self.ctl_valid.next = self.ctls.valid.val();
        self.ctl.next = self.ctls.data.val();
        self.datas.pop.next = self.data_pop.val();
        self.data_valid.next = self.datas.valid.val();
        self.data.next = self.datas.data.val();
        // The word that is asked for.
        self.va.next = self.cur.q.val().va;
        self.pos.next = self.cur.q.val().pos;
        self.len.next = self.cur.q.val().len;
        self.is_mark.next = self.cur.q.val().kind == self.job_mark.val();
        self.is_data.next = self.cur.q.val().kind == self.job_data.val();
        self.data_room.next = self.datas.count.val() < self.most.val();
        // A function of state, kept apart from what a grant does.
        self.ar_req.next = self.running.q.val()
            & !self.reset.val()
            & (((self.cur.q.val().kind == self.job_data.val())
                & (self.datas.count.val() < self.most.val()))
                | ((self.cur.q.val().kind < self.job_data.val())
                    & (self.second.q.val() | (self.ctls.count.val() < self.most.val()))));
        self.ar_addr.next = self.va.val() & self.align.val();
        self.ar_word.next = self.is_data.val();
        self.asked_lane.next = self.va.val().get_bits::<3>(3);
        self.asked_ctl.next = self.ar_grant.val() & !self.is_data.val();
        self.asked_data.next = self.ar_grant.val() & self.is_data.val();
        // A piece stays within a word of memory, the job, and a word of the command.
        self.to_va.next = self.word4.val() - bit_cast::<4, 3>(self.va.val().get_bits::<3>(0));
        self.to_pos.next = self.word4.val() - bit_cast::<4, 3>(self.pos.val().get_bits::<3>(0));
        self.left.next = self.word4.val();
        if self.len.val() < self.word8.val() {
            self.left.next = self.len.val().get_bits::<4>(0);
        }
        self.piece_a.next = self.to_va.val();
        if self.left.val() < self.to_va.val() {
            self.piece_a.next = self.left.val();
        }
        self.piece.next = self.piece_a.val();
        if self.to_pos.val() < self.piece_a.val() {
            self.piece.next = self.to_pos.val();
        }
        self.rest.next = self.len.val() - bit_cast::<8, 4>(self.piece.val());
        // What is to come.
        self.ctl_record.next = self.no_ctl.val();
        self.ctl_record.next.kind = self.cur.q.val().kind;
        self.ctl_record.next.slot = self.cur.q.val().slot;
        self.ctl_record.next.low = self.va.val().get_bits::<3>(0);
        self.ctls.push_data.next = self.ctl_record.val();
        self.ctls.push.next = self.ar_grant.val() & !self.is_data.val() & !self.second.q.val();
        self.data_record.next = self.no_data.val();
        self.data_record.next.mark = self.is_mark.val();
        self.data_record.next.slot = self.cur.q.val().slot;
        self.data_record.next.low = self.va.val().get_bits::<3>(0);
        self.data_record.next.len = self.piece.val();
        self.data_record.next.pos = self.pos.val();
        self.datas.push_data.next = self.data_record.val();
        self.datas.push.next = (self.ar_grant.val() & self.is_data.val())
            | (self.running.q.val() & self.is_mark.val() & self.data_room.val());
        // From job to job.
        self.jobs.pop.next = !self.running.q.val();
        if self.running.q.val() {
            if self.is_mark.val() {
                if self.data_room.val() {
                    self.running.d.next = false;
                }
            } else if self.ar_grant.val() {
                self.running.d.next = false;
                if self.is_data.val() {
                    self.cur.d.next.va = self.va.val() + bit_cast::<64, 4>(self.piece.val());
                    self.cur.d.next.pos = self.pos.val() + bit_cast::<7, 4>(self.piece.val());
                    self.cur.d.next.len = self.rest.val();
                    if self.rest.val() != self.none8.val() {
                        self.running.d.next = true;
                    }
                } else if (self.cur.q.val().kind == self.job_desc.val()) & !self.second.q.val() {
                    self.cur.d.next.va = self.va.val() + self.word64.val();
                    self.second.d.next = true;
                    self.running.d.next = true;
                }
            }
        } else if self.jobs.valid.val() {
            self.cur.d.next = self.jobs.data.val();
            self.second.d.next = false;
            self.running.d.next = true;
        }
        if self.reset.val() {
            self.running.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_reader_lints_clean() {
        crate::util::assert_lint_clean("adminq_reader", AdminqReader::default());
    }
}
