//! Every device that the profile has, at once: each with an address space, a queue and an interrupt message of its own. All are
//! created, each sends a packet that only it can send, all are destroyed, and nothing may be left on either side.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shoal_abi::regs::{
    Reg, CNT_ADMIN, CNT_DOORBELLS, CNT_INTERRUPTS, CNT_RX_DROPS, CNT_TLB_HITS, CNT_TX_PACKETS,
    CNT_WALKS,
};
use shoal_abi::ring::BLK_SECTOR_BYTES;
use shoal_driver::cmd;
use shoal_driver::{Bar, Mgmtdev, Options, Pipeline, Time};

use super::fleet::Kind;
use super::leftover::{self, expect, expect_register, no_fault, no_member};
use super::sink::Sink;
use super::unit::{packet, Unit};
use super::{Outcome, Params, Scenario, ScenarioError};
use crate::env::Store;
use crate::host::SharedHost;

/// Requests under way at once.
const OPEN: usize = 32;
/// Cycles that a request may take.
const REQUEST_CYCLES: u64 = 1_000_000;
/// Cycles after which every message has arrived and every command is counted.
const SETTLE_CYCLES: u64 = 20_000;
/// Devices whose translations are dropped by one command.
const TOGETHER: usize = 1024;
/// Devices between two words about the progress.
const STAGE: usize = 8;
/// Phases: name, share of the run before it, its own share, in cycles a device (measured, about).
const CREATE: (&str, u64, u64) = ("create", 0, 8);
const SEND: (&str, u64, u64) = ("send", 8, 1);
const DESTROY: (&str, u64, u64) = ("destroy", 9, 3);
const SHARES: u64 = 12;

/// See the module.
pub(super) struct Hyperscale;

impl Scenario for Hyperscale {
    fn name(&self) -> &'static str {
        "hyperscale"
    }

    fn about(&self) -> &'static str {
        "every device of the profile (or --devices) at once: created, one packet each, destroyed, nothing left"
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let devices = params.devices.unwrap_or(params.profile.devices);
        let mut run = Run::new(host, params.seed, devices)?;
        run.phase("create", outcome, Run::create)?;
        run.phase("send", outcome, Run::send)?;
        run.check_traffic(outcome)?;
        run.phase("destroy", outcome, Run::destroy)?;
        run.check_end(outcome)
    }
}

struct Run {
    host: SharedHost,
    mgmtdev: Mgmtdev<SharedHost>,
    pipeline: Pipeline<SharedHost>,
    sink: Rc<RefCell<Sink>>,
    seed: u64,
    devices: usize,
    units: Vec<Unit>,
    pages_at_start: u64,
    irqs_at_start: u64,
    admin_at_start: u32,
}

impl Run {
    fn new(host: &SharedHost, seed: u64, devices: u32) -> Result<Self, ScenarioError> {
        let mgmtdev = Mgmtdev::probe(host.clone(), Options::default())?;
        // The device counts a command, and sends its message, a little after the used index is there.
        host.run(SETTLE_CYCLES)?;
        let sink = Rc::new(RefCell::new(Sink::new(seed, devices)));
        let tapped = sink.clone();
        let mut h = host.borrow_mut();
        h.add_tap(Box::new(move |_, i, o| tapped.borrow_mut().cycle(i, o)));
        let (pages_at_start, irqs_at_start) = (h.mem().pages_in_use(), h.irqs().total());
        for v in mgmtdev.vectors() {
            h.irqs().take(v.address, v.data);
        }
        drop(h);
        Ok(Self {
            host: host.clone(),
            pipeline: Pipeline::new(&mgmtdev),
            sink,
            seed,
            devices: devices as usize,
            units: Vec::new(),
            pages_at_start,
            irqs_at_start,
            admin_at_start: mgmtdev.platform().read32(CNT_ADMIN.offset),
            mgmtdev,
        })
    }

    /// Runs `work` and notes what it took.
    fn phase(
        &mut self,
        name: &'static str,
        outcome: &mut Outcome,
        work: fn(&mut Self, &mut Outcome) -> Result<(), ScenarioError>,
    ) -> Result<(), ScenarioError> {
        let (cycle, commands, wall) = (
            self.host.cycle(),
            self.pipeline.done(),
            std::time::Instant::now(),
        );
        work(self, outcome)?;
        let cycles = self.host.cycle() - cycle;
        let mut text = format!(
            "{cycles} cycles, {} a device, {:.1} s",
            cycles / self.devices as u64,
            wall.elapsed().as_secs_f64()
        );
        let commands = self.pipeline.done() - commands;
        if let Some(each) = cycles.checked_div(commands) {
            text += &format!("; {commands} commands, {each} cycles each");
        }
        outcome.note(name, text);
        Ok(())
    }

    /// `n` devices have gone through a phase of {name, share of the run before it, its own share}.
    fn stage(&self, (what, before, share): (&str, u64, u64), n: usize) {
        if n.is_multiple_of(STAGE) {
            let text = format!("{what} {n} of {}", self.devices);
            let (n, all) = (n as u64, self.devices as u64);
            let done = before * all + share * n;
            let mut host = self.host.borrow_mut();
            host.set_step(text, done, SHARES * all);
        }
    }

    fn create(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        for n in 0..self.devices {
            self.stage(CREATE, n);
            let unit = Unit::new(&self.mgmtdev)?;
            if unit.kind() == Kind::Blk {
                let store = Store::memory(BLK_SECTOR_BYTES);
                self.host.borrow_mut().blk().attach(unit.id(), store);
            }
            for c in unit.set_up(&self.mgmtdev) {
                self.pipeline.push(c)?;
            }
            self.units.push(unit);
            outcome.vdevs_created += 1;
        }
        Ok(self.pipeline.drain()?)
    }

    fn send(&mut self, _: &mut Outcome) -> Result<(), ScenarioError> {
        let mut open = VecDeque::new();
        for n in 0..self.devices {
            self.stage(SEND, n);
            self.units[n].send(&self.host, self.seed);
            open.push_back(n);
            if open.len() == OPEN {
                self.wait_used(&mut open)?;
            }
        }
        while !open.is_empty() {
            self.wait_used(&mut open)?;
        }
        Ok(self.host.run(SETTLE_CYCLES)?)
    }

    /// Waits for the oldest request.
    fn wait_used(&self, open: &mut VecDeque<usize>) -> Result<(), ScenarioError> {
        let Some(n) = open.pop_front() else {
            return Ok(());
        };
        let (unit, end) = (&self.units[n], self.host.cycle() + REQUEST_CYCLES);
        while unit.used(&self.host) == 0 {
            if self.host.cycle() >= end {
                return Err(ScenarioError::check(format!(
                    "the request of member {} did not end within {REQUEST_CYCLES} cycles",
                    unit.id()
                )));
            }
            self.host.wait()?;
        }
        Ok(())
    }

    /// Stream, rings, stores, messages, counters.
    fn check_traffic(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        no_fault(&self.mgmtdev, outcome)?;
        {
            let sink = self.sink.borrow();
            if let Some(bad) = &sink.bad {
                return Err(ScenarioError::check(bad.clone()));
            }
            expect("packets on the stream", sink.good, self.devices as u64)?;
            outcome.note("bytes checked on the stream", sink.total);
        }
        for unit in &self.units {
            unit.check(&self.host, 1).map_err(ScenarioError::check)?;
            if unit.kind() == Kind::Blk {
                self.check_store(unit.id())?;
            }
        }
        let mut host = self.host.borrow_mut();
        for unit in &self.units {
            let (m, id) = (unit.msi, unit.id());
            let came = host.irqs().take(m.address, m.data);
            expect(&format!("messages of member {id}"), came, 1)?;
        }
        let total = host.irqs().total() - self.irqs_at_start;
        let own: u64 = self
            .mgmtdev
            .vectors()
            .iter()
            .map(|v| host.irqs().take(v.address, v.data))
            .sum();
        drop(host);
        expect("messages of all members", total - own, self.devices as u64)?;
        for r in [CNT_TX_PACKETS, CNT_INTERRUPTS, CNT_DOORBELLS] {
            expect_register(&self.mgmtdev, r, self.devices as u64)?;
        }
        Ok(())
    }

    fn check_store(&self, id: u32) -> Result<(), ScenarioError> {
        let mut found = [0; BLK_SECTOR_BYTES as usize];
        let mut host = self.host.borrow_mut();
        let read = host.blk().store_mut(id).map(|s| s.read_at(0, &mut found));
        let wanted = packet(self.seed, id, Kind::Blk);
        if !matches!(read, Some(Ok(()))) || !wanted.ends_with(&found) {
            return Err(ScenarioError::check(format!(
                "the store of member {id} does not hold what the member wrote"
            )));
        }
        Ok(())
    }

    fn destroy(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        let mut done = 0;
        while !self.units.is_empty() {
            let rest = self.units.split_off(self.units.len().min(TOGETHER));
            let now = std::mem::replace(&mut self.units, rest);
            for unit in &now {
                self.stage(DESTROY, done);
                done += 1;
                for c in unit.tear_down() {
                    self.pipeline.push(c)?;
                }
            }
            self.pipeline.push(cmd::iotlb_invalidate(None, None))?;
            self.pipeline.drain()?;
            for unit in now {
                drop(self.host.borrow_mut().blk().detach(unit.id()));
                unit.release(&self.mgmtdev);
                outcome.vdevs_destroyed += 1;
            }
        }
        Ok(())
    }

    /// Nothing is left: no member, no id, no page, no fault, no refused access.
    fn check_end(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        self.host.run(SETTLE_CYCLES)?;
        let admin = self.mgmtdev.platform().read32(CNT_ADMIN.offset);
        let commands = u64::from(admin.wrapping_sub(self.admin_at_start));
        expect(
            "commands counted by the device",
            commands,
            self.pipeline.done(),
        )?;
        expect_register(&self.mgmtdev, CNT_RX_DROPS, 0)?;
        for r in [CNT_TX_PACKETS, CNT_INTERRUPTS, CNT_DOORBELLS] {
            expect_register(&self.mgmtdev, r, self.devices as u64)?;
        }
        let read = |r: Reg| self.mgmtdev.platform().read32(r.offset);
        let (hits, walks) = (read(CNT_TLB_HITS), read(CNT_WALKS));
        outcome.note(
            "translations",
            format!("{hits} from the IOTLB, {walks} walks"),
        );
        no_member(&self.mgmtdev, self.devices as u32)?;
        leftover::nothing(&self.host, &self.mgmtdev, self.pages_at_start)
    }
}
