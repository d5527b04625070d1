//! What a hostile driver changes while the device is at it.

use shoal_abi::ring::{DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE};
use shoal_driver::cmd;

use super::rig;
use crate::conform::case::{Attack, Case, Outcome, Target};
use crate::conform::memory::{IOVA, PAGE};
use crate::conform::rig::{text, Rig, AVAIL, BUFFER, SIZE, TABLE};
use crate::conform::scene::Scene;

/// Cycles for which memory is changed, and those from one change to the next.
const CYCLES: u64 = 10_000;
const STRIDE: u64 = 24;

/// One change: where, and what is there then.
type Change = (u64, Vec<u8>);

/// For a while a change is made every few cycles, chosen by `next`, a number that goes up; doorbells between them.
fn rewrite(
    scene: &mut Scene,
    target: Target,
    mut next: impl FnMut(u64) -> Change + 'static,
) -> Result<(), String> {
    let mem = scene.host.borrow().mem().clone();
    let start = scene.host.cycle();
    scene
        .host
        .borrow_mut()
        .add_tap(Box::new(move |cycle, _, _| {
            let at = cycle.saturating_sub(start);
            if at < CYCLES && at.is_multiple_of(STRIDE) {
                let (address, bytes) = next(at / STRIDE);
                // It is memory that the case has.
                let _ = mem.write(address, &bytes);
            }
        }));
    for _ in 0..10 {
        rig(scene, target).prompt(target);
        scene.host.run(CYCLES / 10).map_err(text)?;
    }
    // What comes late comes before the judgement.
    scene.host.run(STRIDE).map_err(text)
}

/// Numbers without a pattern.
fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n ^ n >> 29
}

fn racing(
    name: &str,
    what: &str,
    target: Target,
    attack: impl Fn(&mut Scene, Target) -> Result<(), String> + 'static,
) -> Case {
    let attack: Attack = Box::new(move |scene| attack(scene, target));
    Case {
        name: format!("race.{name}.{}", target.name()),
        text: what.into(),
        clause: "virtio 1.4 §2.7.13",
        target,
        outcome: Outcome::Either,
        attack,
    }
}

/// All entries of the available ring offer descriptor 0, a whole ring of them.
fn offer_all(rig: &mut Rig, target: Target) -> u64 {
    rig.put_good(target);
    let (q, base) = rig.queue(target);
    rig.offer(q, &[0; SIZE as usize]);
    base
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for target in Target::ALL {
        all.push(racing(
            "desc",
            "Descriptors change while they are read.",
            target,
            |scene, t| {
                let rig = rig(scene, t);
                let base = offer_all(rig, t);
                let at = rig.memory.pa(base);
                let good = rig.memory.get(base, 16);
                rewrite(scene, t, move |n| {
                    let r = mix(n);
                    if r & 3 == 0 {
                        return (at, good.clone());
                    }
                    let flags = (r >> 8) as u16 & (DESC_F_NEXT | DESC_F_WRITE | DESC_F_INDIRECT);
                    let mut d = (IOVA + r % 0x2_0000).to_le_bytes().to_vec();
                    d.extend_from_slice(&((r >> 16) as u32 % 3000).to_le_bytes());
                    d.extend_from_slice(&flags.to_le_bytes());
                    d.extend_from_slice(&((r >> 40) as u16 % (SIZE + 1)).to_le_bytes());
                    (at + 16 * (n % 2), d)
                })
            },
        ));
        all.push(racing(
            "avail",
            "The available ring and its index change.",
            target,
            |scene, t| {
                let rig = rig(scene, t);
                let base = offer_all(rig, t);
                let at = rig.memory.pa(base + AVAIL);
                rewrite(scene, t, move |n| {
                    let r = mix(n);
                    let value = (r >> 20) as u16 % 12;
                    (
                        at + 2 * (r % (u64::from(SIZE) + 3)),
                        value.to_le_bytes().to_vec(),
                    )
                })
            },
        ));
        all.push(racing(
            "table",
            "An indirect table changes while it is read.",
            target,
            |scene, t| {
                let rig = rig(scene, t);
                let base = offer_all(rig, t);
                rig.desc(base, 0, IOVA + base + TABLE, 64, DESC_F_INDIRECT, 0);
                let at = rig.memory.pa(base + TABLE);
                rewrite(scene, t, move |n| {
                    let r = mix(n);
                    let flags = (r >> 8) as u16 & (DESC_F_NEXT | DESC_F_WRITE);
                    let mut d = (IOVA + BUFFER + r % 0x1000).to_le_bytes().to_vec();
                    d.extend_from_slice(&((r >> 16) as u32 % 300).to_le_bytes());
                    d.extend_from_slice(&flags.to_le_bytes());
                    d.extend_from_slice(&((r >> 40) as u16 % 5).to_le_bytes());
                    (at + 16 * (n % 4), d)
                })
            },
        ));
        all.push(racing(
            "pte",
            "Page table entries go and come without an invalidation.",
            target,
            |scene, t| {
                let rig = rig(scene, t);
                offer_all(rig, t);
                let pages = rig.memory.page_entries();
                let good: Vec<u64> = (0..16).map(|p| rig.memory.pte(p)).collect();
                rewrite(scene, t, move |n| {
                    let r = mix(n);
                    let page = r % 16;
                    let pte = if r & 0x100 == 0 {
                        r
                    } else {
                        good[page as usize]
                    };
                    (pages + 8 * page, pte.to_le_bytes().to_vec())
                })
            },
        ));
        all.push(commands(
            target,
            "invalidate",
            "The address space is invalidated again and again.",
            |scene, t| {
                let c = cmd::iotlb_invalidate(Some(rig(scene, t).asid()), None);
                scene.mgmtdev.exec(&c).map(drop).map_err(text)
            },
        ));
        all.push(commands(
            target,
            "stop",
            "The device is stopped and goes on, again and again.",
            |scene, t| {
                let vdev = rig(scene, t).vdev.clone();
                vdev.suspend().map_err(text)?;
                vdev.resume().map_err(text)
            },
        ));
        all.push(commands(
            target,
            "reset",
            "The device is reset with chains in flight, and started.",
            |scene, t| {
                let rig = rig(scene, t);
                rig.vdev.reset().map_err(text)?;
                rig.start()
            },
        ));
        all.push(commands(
            target,
            "queue_reset",
            "The queue is reset with chains in flight.",
            |scene, t| {
                let rig = rig(scene, t);
                let (q, base) = rig.queue(t);
                rig.vdev.set_vq_ready(q, false).map_err(text)?;
                rig.vdev.set_vq_state(q, 0).map_err(text)?;
                rig.memory.put(base + AVAIL, &[0; PAGE as usize]);
                rig.forget(q);
                rig.vdev.set_vq_ready(q, true).map_err(text)
            },
        ));
    }
    all
}

/// A command of the host while chains of the device are in flight: it works on.
fn commands(
    target: Target,
    name: &str,
    what: &str,
    command: fn(&mut Scene, Target) -> Result<(), String>,
) -> Case {
    Case {
        outcome: Outcome::Survives,
        ..racing(name, what, target, move |scene, t| {
            for _ in 0..6 {
                let rig = rig(scene, t);
                rig.put_good(t);
                let q = rig.queue(t).0;
                // A packet uses one receive chain, a doorbell any number of others.
                let chains = if t == Target::Receive { 1 } else { 3 };
                rig.offer(q, &vec![0; chains]);
                rig.prompt(t);
                scene.host.run(300).map_err(text)?;
                command(scene, t)?;
            }
            Ok(())
        })
    }
}
