//! When events are picked, held, computed and out.
//!
//! Timing: TIMING.md §3.

mod receive;

use super::*;
use crate::ctl::Completion;
use shoal_abi::profile::TINY;
use shoal_abi::ring::{S_DRIVER_OK, TYPE_BLK};

/// A core after its sweep with units around it that only hold what a test puts there.
struct Rig {
    core: Core,
    regs: Regs,
    axil: Axil,
    epoch: Epochs,
    mmu: Mmu,
    ctl: Ctl,
    messages: Messages,
    tx: Tx,
    rx: Rx,
    cycle: u64,
    /// Picks and effect edges, by cycle.
    picks: Vec<(u64, Source)>,
    effects: Vec<(u64, Effects)>,
}

impl Rig {
    fn new() -> Self {
        let p = &TINY;
        let mut core = Core::new(p);
        while !core.sweep(p) {}
        let mut regs = Regs::new();
        regs.ready = true;
        let mut rig = Self {
            core,
            regs,
            axil: Axil::new(),
            epoch: Epochs::default(),
            mmu: Mmu::new(p),
            ctl: Ctl::new(p),
            messages: Messages::new(p),
            tx: Tx::new(p),
            rx: Rx::new(p),
            cycle: 0,
            picks: Vec::new(),
            effects: Vec::new(),
        };
        for d in 1..4 {
            rig.device(d);
        }
        rig
    }

    /// Device `d` with one queue, `d`, of doorbell page `d`.
    fn device(&mut self, d: u32) {
        let ctx = &mut self.core.ctx;
        ctx.dev[d as usize].exists = true;
        ctx.dev[d as usize].kind = TYPE_BLK;
        ctx.dev[d as usize].status = S_DRIVER_OK;
        (ctx.dev[d as usize].vq_base, ctx.dev[d as usize].vq_count) = (d, 1);
        ctx.pages[d as usize] = d;
        let vq = &mut ctx.vq[d as usize];
        (vq.owner, vq.ready, vq.size) = (d, true, 8);
        (vq.driver, vq.device) = (0x1_0000, 0x2_0000);
    }

    fn ring(&mut self, page: u32) {
        self.axil.doorbells.push(Doorbell { page, index: 0 });
    }

    fn step(&mut self) {
        let env = Env {
            p: &TINY,
            regs: &self.regs,
            axil: &self.axil,
            epoch: &self.epoch,
            mmu: &self.mmu,
            ctl: &self.ctl,
            messages: &self.messages,
            tx: &self.tx,
            rx: &self.rx,
        };
        let (pop, fx) = self.core.step(&env);
        if let Some(source) = pop {
            self.picks.push((self.cycle, source));
        }
        match pop {
            Some(Source::Db) => drop(self.axil.doorbells.pop()),
            Some(Source::Comp) => drop(self.ctl.completions.pop()),
            Some(Source::Txd) => drop(self.tx.done.pop()),
            Some(Source::Rxd) => self.rx.pop_done(),
            Some(Source::Rxp) => self.rx.pop_header(),
            _ => {}
        }
        self.core.land_admin();
        self.effects.extend(fx.map(|fx| (self.cycle, fx)));
        self.cycle += 1;
    }

    fn run(&mut self, cycles: u64) {
        for _ in 0..cycles {
            self.step();
        }
    }

    fn picked(&self, source: Source) -> Vec<u64> {
        let of = self.picks.iter().filter(|(_, s)| *s == source);
        of.map(|(cycle, _)| *cycle).collect()
    }

    fn edges(&self) -> Vec<u64> {
        self.effects.iter().map(|(cycle, _)| *cycle).collect()
    }
}

#[test]
fn events_of_different_devices_go_through_one_a_cycle() {
    let mut rig = Rig::new();
    (1..4).for_each(|page| rig.ring(page));
    rig.run(40);
    // Picked in 0, 1, 2, out at the edges that end 7, 8, 9; each is direct and takes a slot.
    assert_eq!(rig.picked(Source::Db), [0, 1, 2]);
    assert_eq!(rig.picked(Source::Rdy), [0_u64; 0]);
    assert_eq!(rig.edges(), [7, 8, 9]);
    let looks = rig.effects.iter().filter_map(|(_, fx)| fx.ctl);
    let slots: Vec<u16> = looks.map(|op| op.slot).collect();
    assert_eq!(slots, [0, 1, 2]);
}

#[test]
fn an_event_is_held_while_one_of_its_device_has_left_before_it() {
    let mut rig = Rig::new();
    rig.ring(1);
    rig.ring(1);
    rig.ring(2);
    rig.run(24);
    // The second is in stage 3 from 4 on and stands there while the first is in stages 4..7 (4..=7), with it what is behind.
    assert_eq!(rig.picked(Source::Db), [0, 1, 2]);
    assert_eq!(rig.edges()[..3], [7, 12, 13]);
    assert_eq!(rig.core.ctx.vq[1].kicks, 2);
    // It finds the queue busy, and queues it: its effects are out in 13.
    assert_eq!(rig.picked(Source::Rdy), [13]);
}

#[test]
fn an_exclusive_event_waits_for_the_others_and_is_alone() {
    let mut rig = Rig::new();
    rig.ring(8);
    rig.step();
    rig.ctl.completions.push(Completion {
        slot: TINY.aux_slot() as u16,
        ..Completion::default()
    });
    rig.core.aux = Aux::Msix;
    rig.step();
    rig.ring(9);
    rig.run(20);
    // The round robin comes to the completion again when the doorbell has been picked; that one is in stages 1..7 until 7.
    assert_eq!(rig.picked(Source::Comp), [8]);
    assert_eq!(rig.picked(Source::Db), [0, 16]);
    assert_eq!(rig.edges(), [7, 15]);
}

#[test]
fn a_warm_event_takes_four_cycles_a_slot_number_more() {
    let mut rig = Rig::new();
    rig.regs.warm = true;
    rig.run(200);
    assert_eq!(rig.edges(), [127 + 4 * 16]);
    assert!(rig.core.warm_started);
}

#[test]
fn nothing_is_picked_while_messages_fill_their_fifo() {
    let mut rig = Rig::new();
    for _ in 0..57 {
        rig.messages.push(crate::messages::Message::default());
    }
    rig.ring(8);
    rig.run(5);
    assert!(rig.picks.is_empty());
    rig.messages.tick(true, None);
    rig.run(1);
    assert_eq!(rig.picked(Source::Db), [5]);
}

#[test]
fn a_doorbell_binds_a_queue_that_nothing_holds() {
    let mut rig = Rig::new();
    rig.ring(1);
    rig.run(20);
    assert!(rig.core.ctx.vq[1].busy && rig.picked(Source::Rdy).is_empty());
    let free = rig.core.free.seen();
    rig.ring(1);
    rig.run(20);
    assert!(rig.core.ctx.vq[1].again, "busy: the ready event says so");
    assert_eq!(rig.picked(Source::Rdy).len(), 1);
    rig.core.ctx.dev[2].stopped = true;
    rig.core.ctx.vq[3].ready = false;
    (2..5).for_each(|page| rig.ring(page));
    rig.run(40);
    assert_eq!(rig.core.free.seen(), free, "the slots are back");
    rig.regs.warm = true;
    rig.ring(1);
    rig.run(40);
    assert_eq!(rig.core.free.seen(), free);
}

#[test]
fn with_single_a_queue_is_looked_at_when_all_slots_are_free() {
    let mut rig = Rig::new();
    rig.regs.single = true;
    (1..4).for_each(|page| rig.ring(page));
    rig.run(60);
    assert_eq!(rig.picked(Source::Rdy), [8]);
}
