//! The pipeline beside a list of stages that looks everything up in the cycle in which it counts.

use super::*;
use crate::ctx_types::{SRC_RXD, SRC_TXD};
use crate::edge;
use crate::util::number;
use shoal_abi::profile::TINY;

/// The pipeline with its small memories, and what it should hold.
struct Bench {
    pipe: EventPipe,
    keys: [(u64, u64); 16],
    pages: [u64; 16],
    bases: [u64; 16],
    owners: [u64; 32],
    /// Stages 1..7: event; from stage 4 on its device, virtqueue and key.
    stages: [Option<(CoreEv, u64, u64, u64)>; 7],
    /// Cycles so far, and when which slot stood in stage 7.
    now: usize,
    out: Vec<(usize, u64)>,
}

fn low<const N: usize>(bits: Bits<N>) -> u64 {
    number(bits) as u64
}

impl Bench {
    fn new() -> Self {
        let mut pipe = EventPipe::new(&TINY);
        pipe.connect_all();
        pipe.reset.next = true;
        edge!(pipe);
        pipe.reset.next = false;
        Self {
            pipe,
            keys: [(0, 0); 16],
            pages: [0; 16],
            bases: [0; 16],
            owners: [0; 32],
            stages: [None; 7],
            now: 0,
            out: Vec::new(),
        }
    }

    /// Device, virtqueue and key of an event as things stand.
    fn contexts(&self, ev: &CoreEv) -> (u64, u64, u64) {
        let (src, slot) = (low(ev.src), low(ev.slot));
        let (id, index) = (low(ev.id), low(ev.index));
        let by_slot = self.keys[slot as usize];
        if src == SRC_DB {
            let dev = self.pages[id as usize];
            (dev, self.bases[dev as usize] + index, dev)
        } else if src == SRC_RDY {
            let dev = self.owners[id as usize];
            (dev, id, dev)
        } else if src == SRC_RXP && !ev.answer {
            let dev = low(ev.dest);
            let key = if dev <= 8 { dev } else { 0 };
            (dev, self.bases[dev as usize] + index, key)
        } else if src == SRC_RXP && slot >= 6 {
            (by_slot.0, by_slot.1, 0)
        } else {
            (by_slot.0, by_slot.1, by_slot.0)
        }
    }

    fn holds(&self) -> bool {
        let Some((ev, ..)) = self.stages[2] else {
            return false;
        };
        let (_, _, key) = self.contexts(&ev);
        key != 0 && self.stages[3..].iter().flatten().any(|s| s.3 == key)
    }

    /// A cycle in which `pick` is picked if nothing holds, and slot `bind.0` gets the key `bind.1`. Is it picked?
    fn cycle(&mut self, pick: Option<CoreEv>, bind: Option<(u64, (u64, u64))>) -> bool {
        let held = self.holds();
        crate::util::settle(&mut self.pipe);
        assert_eq!(self.pipe.held.val(), held, "cycle {}", self.now);
        assert_eq!(self.pipe.any.val(), self.stages.iter().any(Option::is_some));
        let has = |of: &[u64]| {
            let mut events = self.stages.iter().flatten();
            events.any(|s| of.contains(&low(s.0.src)))
        };
        assert_eq!(self.pipe.rdy.val(), has(&[SRC_RDY]));
        assert_eq!(self.pipe.valid7.val(), self.stages[6].is_some());
        if let Some((ev, dev, vq, _)) = self.stages[6] {
            assert_eq!(low(self.pipe.slot7.val()), low(ev.slot));
            assert_eq!(low(self.pipe.dev7.val()), dev, "cycle {}", self.now);
            assert_eq!(low(self.pipe.vq7.val()), vq, "cycle {}", self.now);
            self.out.push((self.now, low(ev.slot)));
        }
        let picked = !held && pick.is_some();
        self.pipe.pick.next = picked;
        self.pipe.next_ev.next = pick.unwrap_or_default();
        self.pipe.rebind.next = bind.is_some();
        let (slot, (dev, vq)) = bind.unwrap_or_default();
        self.pipe.rebind_slot.next = slot.into();
        self.pipe.rebind_key.next = SlotKey {
            dev: dev.into(),
            vq: vq.into(),
        };
        crate::util::settle(&mut self.pipe);
        // What the memories deliver after the edge is what stands in them before it.
        let (key_dev, key_vq) = self.keys[low(self.pipe.key_slot.val()) as usize];
        let page = self.pages[low(self.pipe.page.val()) as usize % 16];
        let base = self.bases[low(self.pipe.base_dev.val()) as usize % 16];
        let owner = self.owners[low(self.pipe.own_vq.val()) as usize % 32];
        // The list.
        let leaves = self.stages[2].filter(|_| !held).map(|(ev, ..)| {
            let (dev, vq, key) = self.contexts(&ev);
            (ev, dev, vq, key)
        });
        self.stages.copy_within(3..6, 4);
        self.stages[3] = leaves;
        if !held {
            self.stages.copy_within(0..2, 1);
            self.stages[0] = pick.map(|ev| (ev, 0, 0, 0));
        }
        if bind.is_some() {
            self.keys[slot as usize] = (dev, vq);
        }
        edge!(self.pipe);
        self.pipe.slot_key.next = SlotKey {
            dev: key_dev.into(),
            vq: key_vq.into(),
        };
        self.pipe.page_owner.next = page.into();
        self.pipe.vq_base.next = base.into();
        self.pipe.vq_owner.next = owner.into();
        self.now += 1;
        picked
    }
}

fn of_slot(slot: u64) -> CoreEv {
    CoreEv {
        src: crate::ctx_types::SRC_COMP.into(),
        slot: slot.into(),
        ..CoreEv::default()
    }
}

#[test]
fn pipe_lints_clean() {
    crate::util::assert_lint_clean("pipe", EventPipe::new(&TINY));
}

#[test]
fn events_of_a_device_come_five_cycles_apart_and_others_one_behind_the_other() {
    let mut b = Bench::new();
    b.keys[0] = (1, 4);
    b.keys[1] = (2, 5);
    b.keys[2] = (2, 6);
    b.keys[3] = (3, 7);
    for slot in [0, 1, 2, 3] {
        assert!(b.cycle(Some(of_slot(slot)), None));
    }
    for _ in 0..16 {
        b.cycle(None, None);
    }
    // Picked in 0, in stage 7 in 7; slot 2 waits for slot 1 of its device.
    assert_eq!(b.out, [(7, 0), (8, 1), (13, 2), (14, 3)]);
}

#[test]
fn what_the_memories_said_is_kept_through_holds_and_binds() {
    let mut b = Bench::new();
    let mut seed = 99_u64;
    let mut random = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % n
    };
    for i in 0..16 {
        b.keys[i] = (random(5), random(24));
        b.pages[i] = random(5);
        b.bases[i] = random(16);
    }
    for i in 0..32 {
        b.owners[i] = random(5);
    }
    for _ in 0..3000 {
        let src = [0, SRC_TXD, SRC_RXD, SRC_RXP, SRC_DB, SRC_RDY, 8][random(7) as usize];
        let packet = src == SRC_RXP && random(2) == 0;
        let ev = CoreEv {
            src: src.into(),
            slot: random(8).into(),
            answer: src == SRC_RXP && !packet,
            id: random(16).into(),
            index: random(4).into(),
            dest: random(10).into(),
            ..CoreEv::default()
        };
        let pick = (random(4) != 0).then_some(ev);
        let key = (random(5), random(24));
        let bind = (random(6) == 0).then_some((random(8), key));
        b.cycle(pick, bind);
    }
}
