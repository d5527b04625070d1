//! The whole device: wiring and the order of an edge.
//!
//! Timing: TIMING.md §0. A tick first finds what the units say to each other in this cycle (grants, answers, the core's
//! pick), from state alone, then moves every unit over the edge, and last applies the effects of the core, which win.

use crate::adminq::{self, AdminQueue};
use crate::axi_rd::{AxiRd, BResp, RBeat, Reader};
use crate::axi_wr::{AxiWr, WriteRequest, Writer};
use crate::axil::Axil;
use crate::core::{Core, Effects, Env, Source};
use crate::ctl::{self, Ctl};
use crate::epoch::{Ends, Epochs};
use crate::messages::Messages;
use crate::mmu::{self, Mmu, Take, Xlat};
use crate::regs::{Counter, Regs};
use crate::rx::{self, Rx};
use crate::tx::{self, Tx};
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::ring::S_NEEDS_RESET;

/// Burst type INCR.
const BURST_INCR: u8 = 1;
/// Cache attributes: normal, bufferable.
const CACHE: u8 = 3;
/// Protection: unprivileged, non-secure, data.
const PROT: u8 = 2;

/// Clients of the MMU.
const MMU_CONTROL: usize = 0;
const MMU_TRANSMIT: usize = 1;
const MMU_RECEIVE: usize = 2;

/// The reference model of `shoal_top`.
#[derive(Clone, Debug)]
pub struct Device {
    p: &'static Profile,
    up: bool,
    axil: Axil,
    regs: Regs,
    epoch: Epochs,
    mmu: Mmu,
    ctl: Ctl,
    messages: Messages,
    adminq: AdminQueue,
    ar: AxiRd,
    w: AxiWr,
    tx: Tx,
    rx: Rx,
    core: Core,
}

impl Device {
    /// A device of size `profile`, as after an edge with `reset` = 1.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            p: profile,
            up: false,
            axil: Axil::new(),
            regs: Regs::new(),
            epoch: Epochs::default(),
            mmu: Mmu::new(profile),
            ctl: Ctl::new(profile),
            messages: Messages::new(profile),
            adminq: AdminQueue::new(profile),
            ar: AxiRd::default(),
            w: AxiWr::default(),
            tx: Tx::new(profile),
            rx: Rx::new(profile),
            core: Core::new(profile),
        }
    }

    /// The profile the device was built with.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.p
    }

    /// The output ports as they stand before the next edge.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        let mut o = Outputs {
            s_axil_awready: self.up && self.axil.awready(),
            s_axil_wready: self.up && self.axil.wready(),
            s_axil_arready: self.up && self.axil.arready(),
            m_axi_rready: self.up,
            m_axi_bready: self.up,
            s_axis_tready: self.up && self.rx.tready(),
            ..Outputs::default()
        };
        if let Some(resp) = self.axil.b() {
            (o.s_axil_bvalid, o.s_axil_bresp) = (true, resp);
        }
        if let Some((data, resp)) = self.axil.r() {
            (o.s_axil_rvalid, o.s_axil_rdata, o.s_axil_rresp) = (true, data, resp);
        }
        if let Some(a) = self.w.aw() {
            o.m_axi_awvalid = true;
            (o.m_axi_awid, o.m_axi_awaddr, o.m_axi_awuser) = (a.id.pack(self.p), a.addr, a.user);
            (o.m_axi_awlen, o.m_axi_awsize) = (a.len, a.size);
            (o.m_axi_awburst, o.m_axi_awcache, o.m_axi_awprot) = (BURST_INCR, CACHE, PROT);
        }
        if let Some(w) = self.w.w() {
            o.m_axi_wvalid = true;
            (o.m_axi_wdata, o.m_axi_wstrb, o.m_axi_wlast) = (w.data, w.strb, w.last);
        }
        if let Some(a) = self.ar.ar() {
            o.m_axi_arvalid = true;
            (o.m_axi_arid, o.m_axi_araddr, o.m_axi_aruser) = (a.id.pack(self.p), a.addr, a.user);
            (o.m_axi_arlen, o.m_axi_arsize) = (a.len, a.size);
            (o.m_axi_arburst, o.m_axi_arcache, o.m_axi_arprot) = (BURST_INCR, CACHE, PROT);
        }
        if let Some(b) = self.tx.out.front() {
            o.m_axis_tvalid = true;
            (o.m_axis_tdata, o.m_axis_tkeep, o.m_axis_tlast) = (b.data, b.keep, b.last);
            (o.m_axis_tdest, o.m_axis_tid, o.m_axis_tuser) = (b.side.dest, b.side.tid, b.side.user);
        }
        o
    }

    /// One rising edge of `clock` with the inputs `i`.
    pub fn tick(&mut self, i: &Inputs) {
        if i.reset {
            self.reset();
            return;
        }
        let p = self.p;
        let (up, cur, flip) = (self.up, self.epoch.cur(), self.mmu.flips());
        let r = (i.m_axi_rvalid && up).then(|| RBeat::new(p, i));
        let b = (i.m_axi_bvalid && up).then(|| BResp::new(p, i));

        // What is said in this cycle.
        let requests = [self.ctl.request(p), self.tx.request(), self.rx.request()];
        let take = self.mmu.take(&requests, self.regs.blocking);
        let xlat = [MMU_CONTROL, MMU_TRANSMIT, MMU_RECEIVE].map(|c| Xlat {
            taken: matches!(take, Some(Take::LookUp(client, _)) if client == c),
            answer: self.mmu.answer(c),
        });
        let read = self.grant_read(i.m_axi_arready);
        let write = self.grant_write(i.m_axi_awready, i.m_axi_wready);
        let reader = read.map(|(who, _)| who);
        let writer = write.map(|g| g.writer);
        let env = Env {
            p,
            regs: &self.regs,
            axil: &self.axil,
            epoch: &self.epoch,
            mmu: &self.mmu,
            ctl: &self.ctl,
            messages: &self.messages,
            tx: &self.tx,
            rx: &self.rx,
        };
        let quiet = self.core.quiet(&env) && self.adminq.quiet();
        let (pop, due) = self.core.step(&env);
        let (status, partition) = (self.regs.status, self.regs.partition);

        let live = self.regs.live();

        // The edge. The admin queue sees the registers as they stand before it.
        let said = self.adminq.tick(&adminq::Edge {
            regs: &self.regs,
            core: self.core.admin_port(),
            read_granted: reader == Some(Reader::Admin),
            write_granted: writer == Some(Writer::Admin),
            r: r.as_ref(),
            b: b.as_ref(),
        });
        self.axil.tick(p, i, up, &mut self.regs);
        let edge = mmu::Edge {
            requests: &requests,
            take,
            granted: reader == Some(Reader::Walkers),
            r: r.as_ref(),
            partition,
        };
        self.mmu.tick(p, &edge, &mut self.regs);
        let mut ends = Ends::default();
        let edge = ctl::Edge {
            xlat: xlat[MMU_CONTROL],
            read_granted: reader == Some(Reader::Control),
            write_granted: writer == Some(Writer::Control),
            r: r.as_ref(),
            b: b.as_ref(),
            cur,
        };
        let mut starts = self.ctl.tick(p, &edge, &mut ends);
        self.messages
            .tick(writer == Some(Writer::Message), b.as_ref());
        if let Some(message) = self.ctl.early() {
            self.messages.push_early(message);
        }
        let edge = tx::Edge {
            xlat: xlat[MMU_TRANSMIT],
            granted: reader == Some(Reader::Transmit),
            r: r.as_ref(),
            tready: i.m_axis_tready,
            cur,
        };
        starts += self.tx.tick(p, &edge, &mut ends);
        let (started, payload) = self.rx.tick(
            p,
            &rx::Edge {
                i,
                up,
                xlat: xlat[MMU_RECEIVE],
                granted: writer == Some(Writer::Receive),
                loading: self.w.loads_receive(i.m_axi_wready),
                b: b.as_ref(),
                cur,
            },
            &mut ends,
        );
        starts += started;
        self.ar.tick(read.map(|(_, a)| a), i.m_axi_arready);
        self.w
            .tick(p, write, payload, i.m_axi_awready, i.m_axi_wready);
        self.epoch.tick(starts, ends, flip);
        self.core.count_down();
        if let Some(pop) = pop {
            self.pop(pop);
        }
        self.core.admin_edge(live, &said);
        if let Some(fx) = due {
            self.apply(&fx);
        }
        self.settle(&said, status);
        self.sweep(quiet);
        self.up = true;
    }

    fn reset(&mut self) {
        self.up = false;
        self.axil.reset();
        self.regs = Regs::new();
        self.epoch = Epochs::default();
        self.mmu.reset();
        self.ctl.reset();
        self.messages.reset();
        self.adminq.reset();
        self.ar = AxiRd::default();
        self.w = AxiWr::default();
        self.tx.reset();
        self.rx.reset();
        self.core.reset();
    }

    fn grant_read(&self, arready: bool) -> Option<(Reader, crate::axi_rd::Address)> {
        if !self.ar.free(arready) {
            return None;
        }
        let walkers = self.mmu.walk().map(|a| (Reader::Walkers, a));
        walkers
            .or_else(|| {
                let a = self.adminq.read_request(&self.regs)?;
                Some((Reader::Admin, a))
            })
            .or_else(|| self.ctl.read_request(self.p).map(|a| (Reader::Control, a)))
            .or_else(|| self.tx.read_request(self.p).map(|a| (Reader::Transmit, a)))
    }

    fn grant_write(&self, awready: bool, wready: bool) -> Option<WriteRequest> {
        if !self.w.free(awready, wready) {
            return None;
        }
        self.adminq
            .write_request(&self.regs, &self.core.admin_port())
            .or_else(|| self.messages.write_request(self.p))
            .or_else(|| self.ctl.write_request(self.p))
            .or_else(|| self.rx.write_request(self.p))
    }

    /// What the core's pick takes from the units.
    fn pop(&mut self, pop: Source) {
        match pop {
            Source::Comp => drop(self.ctl.completions.pop()),
            Source::Txd => drop(self.tx.done.pop()),
            Source::Rxd => self.rx.pop_done(),
            Source::Rxp => self.rx.pop_header(),
            Source::Db => drop(self.axil.doorbells.pop()),
            _ => {}
        }
    }

    /// The effect edge of an event.
    fn apply(&mut self, fx: &Effects) {
        let p = self.p;
        if let Some(op) = fx.ctl {
            self.ctl.push(p, op);
        }
        if let Some(message) = fx.message {
            self.messages.push(message);
        }
        if let Some(slot) = fx.may_not {
            self.ctl.may_not(slot);
        }
        if fx.flip_messages {
            self.messages.flip();
        }
        if let Some(op) = fx.tx {
            self.tx.ops.push(op);
        }
        if let Some(slot) = fx.order {
            self.rx.order(slot);
        }
        if let Some((slot, op)) = fx.rx {
            self.rx.push(slot, op);
        }
        self.regs.count_all(fx.counters);
        self.regs.fq_lost = self.regs.fq_lost.wrapping_add(u32::from(fx.lost));
        if let Some(tail) = fx.fq_tail {
            self.regs.fq_tail = tail;
        }
        self.regs.msix_req = self.regs.msix_req & !fx.msix_sent | fx.raise;
        if let Some((asid, entry)) = fx.asid {
            self.mmu.set_asid(asid, entry);
        }
        if let Some(what) = fx.invalidate {
            self.mmu.invalidate(what);
        }
    }

    /// What the admin queue does to the registers; `status` is device_status before the edge. Like the core it wins.
    fn settle(&mut self, said: &adminq::Effects, status: u8) {
        if said.kick {
            self.regs.admin_kick = false;
        }
        if said.fault {
            self.regs.status = status | S_NEEDS_RESET;
        }
        if said.count {
            self.regs.count(Counter::Admin);
        }
        self.regs.msix_req |= said.raise;
    }

    /// READY and the sweeps (TIMING.md §3.1).
    fn sweep(&mut self, quiet: bool) {
        if !self.regs.ready {
            if self.core.sweep(self.p) {
                self.mmu.clear();
                if self.regs.warm {
                    self.regs.restore();
                }
                self.regs.ready = true;
            }
        } else if quiet {
            self.core.start_sweep();
            self.regs.ready = false;
            self.regs.admin_kick = false;
        }
    }
}
