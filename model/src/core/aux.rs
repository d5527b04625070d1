//! AUX: writes fault records and the management device's MSI-X messages.
//!
//! Timing: TIMING.md §3.9. One sequence at a time, one write after the response to the one before. A bad response is ignored
//! (ABI.md §2.2).

use super::{Core, Env};
use crate::ctl::{AccessA, CtlOp, Kind};
use shoal_abi::mmu::{
    FAULT_ACCESS_MASK, FAULT_ASID_MASK, FAULT_BYTES, FAULT_CAUSE_MASK, FAULT_MEMBER_MASK,
    FAULT_READ, FAULT_WRITE,
};
use shoal_abi::regs::MSIX_VECTORS;

/// A fault record before it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FaultRecord {
    pub(crate) cause: u16,
    pub(crate) asid: u32,
    pub(crate) write: bool,
    pub(crate) member: u32,
    pub(crate) index: u16,
    pub(crate) iova: u64,
}

impl FaultRecord {
    fn words(&self) -> [u64; FAULT_BYTES as usize / 8] {
        fn field(mask: u64, value: impl Into<u64>) -> u64 {
            value.into() << mask.trailing_zeros() & mask
        }
        let access = if self.write { FAULT_WRITE } else { FAULT_READ };
        [
            field(FAULT_CAUSE_MASK, self.cause)
                | field(FAULT_ASID_MASK, self.asid)
                | field(FAULT_ACCESS_MASK, access)
                | field(FAULT_MEMBER_MASK, self.member),
            u64::from(self.index),
            self.iova,
            0,
        ]
    }
}

/// State of AUX.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Aux {
    #[default]
    Idle,
    /// The write of word `word` of the record is in flight.
    Fault { record: FaultRecord, word: usize },
    /// A message is in flight.
    Msix,
}

impl Aux {
    pub(crate) fn idle(&self) -> bool {
        matches!(self, Self::Idle)
    }
}

impl Core {
    pub(super) fn on_aux(&mut self, env: &Env) {
        if let Some(record) = self.faults.pop() {
            let full = next_tail(env) == env.regs.fq_head & last_record(env);
            if !env.regs.fq_enable || full {
                self.fx.lost = true;
            } else {
                self.write_record(record, 0, env);
            }
            return;
        }
        let ready = env.regs.msix_ready();
        if let Some(v) = (0..MSIX_VECTORS as usize).find(|v| ready >> v & 1 == 1) {
            let e = &env.regs.msix[v];
            self.fx.msix_sent = 1 << v;
            self.fx.ctl = Some(message(self.p.aux_slot(), e.address, e.data));
            self.aux = Aux::Msix;
        }
    }

    pub(super) fn on_aux_completion(&mut self, env: &Env) {
        match self.aux {
            Aux::Idle => {}
            Aux::Msix => self.aux = Aux::Idle,
            Aux::Fault { .. } if self.ctx.warm => self.aux = Aux::Idle,
            Aux::Fault { record, word } if word + 1 < record.words().len() => {
                self.write_record(record, word + 1, env);
            }
            Aux::Fault { .. } => {
                self.fx.fq_tail = Some(next_tail(env));
                self.fx.raise(env.regs.fq_vector);
                self.aux = Aux::Idle;
            }
        }
    }

    // Every write looks at FQ_BASE in its own pick cycle (§3.9).
    fn write_record(&mut self, record: FaultRecord, word: usize, env: &Env) {
        let record_at = FAULT_BYTES * u64::from(env.regs.fq_tail & last_record(env));
        let at = record_at + 8 * word as u64;
        self.fx.ctl = Some(CtlOp {
            kind: Kind::Write,
            slot: self.p.aux_slot() as u16,
            bypass: true,
            a: AccessA {
                va: env.regs.fq_base.wrapping_add(at),
                len: 8,
                data: record.words()[word],
            },
            ..CtlOp::default()
        });
        self.aux = Aux::Fault { record, word };
    }
}

fn last_record(env: &Env) -> u16 {
    crate::ones(usize::from(env.regs.fq_log)) as u16
}

fn next_tail(env: &Env) -> u16 {
    env.regs.fq_tail.wrapping_add(1) & last_record(env)
}

/// An interrupt message.
pub(super) fn message(slot: usize, address: u64, data: u32) -> CtlOp {
    CtlOp {
        kind: Kind::Write,
        slot: slot as u16,
        bypass: true,
        interrupt: true,
        a: AccessA {
            va: address,
            len: 4,
            data: u64::from(data),
        },
        ..CtlOp::default()
    }
}
