//! What a session has reached: counted from the ports, the answers and the device's counters.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use shoal_abi::cmd::{COMMANDS, EAGAIN, OK};
use shoal_abi::mmu::USER_INTERRUPT;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::regs::RESP_OKAY;
use shoal_abi::stream::{TUSER_ABORT, TUSER_ANSWER};

/// Counters of the device that are read: doorbells, packets sent, delivered, dropped, interrupts, faults, commands, hits,
/// misses.
pub const COUNTERS: usize = 9;
/// Bytes of a page.
const PAGE: u64 = 4096;

/// Slot and part of an access of the control unit, by its ID (TIMING.md §1).
fn control(p: &Profile, id: u16) -> Option<(usize, u16)> {
    let slot = usize::from(id) & ((1 << p.slot_w) - 1);
    (id >> (p.id_w - 1) & 1 == 0).then_some((slot, id >> p.slot_w & 1))
}

/// The counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Cycles in which all ports were compared.
    pub cycles: u64,
    /// The device's counters, summed over resets.
    pub counters: [u64; COUNTERS],
    /// Records that the fault queue lost.
    pub faults_lost: u64,
    /// Control writes in two parts, over the end of a page.
    pub split_writes: u64,
    /// Read beats with an error response.
    pub bad_reads: u64,
    /// Write responses with an error.
    pub bad_writes: u64,
    /// Messages.
    pub messages: u64,
    /// Packets of `m_axis` that were given up.
    pub aborts: u64,
    /// Answers on `s_axis`.
    pub answers: u64,
    /// Halting commands put on the queue while chains of their device were in flight.
    pub halts_in_flight: u64,
    /// Invalidations put on the queue while chains were in flight.
    pub invalidations_in_flight: u64,
    /// Used indices that went over 0xffff.
    pub index_wraps: u64,
    /// Chains used.
    pub chains: u64,
    /// Chains used, by log2 of the ring's entries.
    pub chains_of_log2: BTreeMap<u8, u64>,
    /// Messages of queues sent while a command sets them and does not mask them: some of them
    /// were remembered while masked, others come of a chain at that time.
    pub unmasked_pending: u64,
    /// Answers of the admin queue by opcode and status.
    pub commands: BTreeMap<(u16, u16), u64>,
}

impl Reach {
    /// Takes a cycle.
    pub fn cycle(&mut self, p: &Profile, i: &Inputs, o: &Outputs) {
        if o.m_axi_awvalid && i.m_axi_awready {
            let of = control(p, o.m_axi_awid);
            if o.m_axi_awuser & USER_INTERRUPT != 0 {
                self.messages += 1;
            }
            // The second part of a write that goes over the end of a page.
            let rest = matches!(of, Some((_, 1))) && o.m_axi_awaddr.is_multiple_of(PAGE);
            self.split_writes += u64::from(rest);
        }
        self.bad_reads += u64::from(i.m_axi_rvalid && o.m_axi_rready && i.m_axi_rresp != RESP_OKAY);
        self.bad_writes +=
            u64::from(i.m_axi_bvalid && o.m_axi_bready && i.m_axi_bresp != RESP_OKAY);
        if o.m_axis_tvalid && i.m_axis_tready && o.m_axis_tlast {
            self.aborts += TUSER_ABORT.get(o.m_axis_tuser);
        }
        if i.s_axis_tvalid && o.s_axis_tready && i.s_axis_tlast {
            self.answers += TUSER_ANSWER.get(i.s_axis_tuser);
        }
    }

    /// Answers with `status` to any command.
    #[must_use]
    pub fn answered(&self, status: u16) -> u64 {
        self.commands
            .iter()
            .filter(|((_, s), _)| *s == status)
            .map(|(_, n)| n)
            .sum()
    }

    /// Answers with `status` to `opcode`.
    #[must_use]
    pub fn answered_to(&self, opcode: u16, status: u16) -> u64 {
        self.commands.get(&(opcode, status)).copied().unwrap_or(0)
    }

    /// Opcodes that never succeeded.
    #[must_use]
    pub fn never_done(&self) -> Vec<&'static str> {
        COMMANDS
            .iter()
            .filter(|c| self.answered_to(c.opcode, OK) == 0)
            .map(|c| c.name)
            .collect()
    }
}

impl AddAssign<&Reach> for Reach {
    fn add_assign(&mut self, r: &Reach) {
        for (sum, n) in self.counters.iter_mut().zip(r.counters) {
            *sum += n;
        }
        for (sum, n) in [
            (&mut self.cycles, r.cycles),
            (&mut self.faults_lost, r.faults_lost),
            (&mut self.split_writes, r.split_writes),
            (&mut self.bad_reads, r.bad_reads),
            (&mut self.bad_writes, r.bad_writes),
            (&mut self.messages, r.messages),
            (&mut self.aborts, r.aborts),
            (&mut self.answers, r.answers),
            (&mut self.halts_in_flight, r.halts_in_flight),
            (&mut self.invalidations_in_flight, r.invalidations_in_flight),
            (&mut self.index_wraps, r.index_wraps),
            (&mut self.chains, r.chains),
            (&mut self.unmasked_pending, r.unmasked_pending),
        ] {
            *sum += n;
        }
        for (k, n) in &r.chains_of_log2 {
            *self.chains_of_log2.entry(*k).or_default() += n;
        }
        for (k, n) in &r.commands {
            *self.commands.entry(*k).or_default() += n;
        }
    }
}

impl std::fmt::Display for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [doorbells, sent, delivered, dropped, interrupts, faults, commands, hits, misses] =
            self.counters;
        writeln!(f, "{} cycles; doorbells {doorbells}, sent {sent}, delivered {delivered}, dropped {dropped}", self.cycles)?;
        writeln!(
            f,
            "interrupts {interrupts}, messages {}, unmasked with pending {}",
            self.messages, self.unmasked_pending
        )?;
        writeln!(
            f,
            "faults {faults}, lost {}, bad reads {}, bad writes {}, aborts {}",
            self.faults_lost, self.bad_reads, self.bad_writes, self.aborts
        )?;
        writeln!(
            f,
            "translations: hits {hits}, misses {misses}; split writes {}",
            self.split_writes
        )?;
        writeln!(
            f,
            "chains {} by log2 {:?}, index wraps {}, answers {}",
            self.chains, self.chains_of_log2, self.index_wraps, self.answers
        )?;
        writeln!(
            f,
            "halts in flight {}, invalidations in flight {}",
            self.halts_in_flight, self.invalidations_in_flight
        )?;
        write!(
            f,
            "commands {commands}, EAGAIN {}, never done {:?}",
            self.answered(EAGAIN),
            self.never_done()
        )
    }
}
