//! Doorbells that mean nothing.

use shoal::env::RegOp;
use shoal::host::HostError;
use shoal_abi::regs::{DOORBELLS, DOORBELL_PAGE_BYTES};

use super::rig;
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::rig::text;
use crate::conform::scene::Scene;

fn case(name: &str, what: &str, attack: fn(&mut Scene) -> Result<(), String>) -> Case {
    Case {
        name: format!("doorbell.{name}"),
        text: what.into(),
        clause: "ABI.md §3.3",
        target: Target::Transmit,
        outcome: Outcome::Survives,
        attack: Box::new(attack),
    }
}

/// A write to the doorbell region is answered with an error.
fn is_refused(scene: &Scene, address: u32) -> Result<(), String> {
    match scene.host.borrow_mut().write32(address, 0) {
        Err(HostError::BadResponse { .. }) => Ok(()),
        other => Err(format!(
            "a write to {address:#x}: {other:?} instead of an error"
        )),
    }
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    vec![
        case(
            "flood",
            "200 doorbells of a queue with nothing in it.",
            |scene| {
                let rig = rig(scene, Target::Transmit);
                (0..200).for_each(|_| rig.kick(1));
                Ok(())
            },
        ),
        case(
            "flood_all",
            "Doorbells of every page and index, owned or not.",
            |scene| {
                let pages = scene.host.borrow().profile().doorbell_pages.min(16);
                for page in 0..pages {
                    for index in [0, 1, 2, 7, 0xffff] {
                        let at = DOORBELLS + page * DOORBELL_PAGE_BYTES;
                        scene.host.borrow_mut().post_write32(at, index);
                    }
                }
                Ok(())
            },
        ),
        case(
            "index",
            "Indices of queues that the device does not have.",
            |scene| {
                let rig = rig(scene, Target::Transmit);
                for q in [2, 3, 7, 8, 0x7fff, 0xffff] {
                    rig.kick(q);
                }
                Ok(())
            },
        ),
        case(
            "high_bits",
            "Bits 31:16 of a doorbell name a neighbour's queue.",
            |scene| {
                let doorbell = rig(scene, Target::Transmit).vdev.doorbell();
                let other = scene.neighbour_id() << 16;
                scene.host.borrow_mut().post_write32(doorbell, other | 1);
                Ok(())
            },
        ),
        case(
            "not_ready",
            "Doorbells of a queue that was reset.",
            |scene| {
                let rig = rig(scene, Target::Transmit);
                rig.vdev.set_vq_ready(1, false).map_err(text)?;
                (0..20).for_each(|_| rig.kick(1));
                Ok(())
            },
        ),
        case(
            "not_running",
            "Doorbells of a device without DRIVER_OK.",
            |scene| {
                let rig = rig(scene, Target::Transmit);
                rig.vdev.reset().map_err(text)?;
                (0..20).for_each(|_| rig.kick(1));
                Ok(())
            },
        ),
        case("bytes", "Writes of some bytes of a doorbell.", |scene| {
            let rig = rig(scene, Target::Transmit);
            let addr = rig.vdev.doorbell();
            for strb in [1, 2, 4, 8, 12, 0] {
                let op = RegOp::Write {
                    addr,
                    data: 1,
                    strb,
                };
                scene.host.borrow_mut().env().axil.post(op);
            }
            Ok(())
        }),
        case("inside", "Other addresses in a device's page.", |scene| {
            let doorbell = rig(scene, Target::Transmit).vdev.doorbell();
            [4, 8, 0x800, 0xffc]
                .into_iter()
                .try_for_each(|at| is_refused(scene, doorbell + at))
        }),
        case("beyond", "Pages behind the last.", |scene| {
            let pages = scene.host.borrow().profile().doorbell_pages;
            is_refused(scene, DOORBELLS + pages * DOORBELL_PAGE_BYTES)?;
            is_refused(scene, 0x7fff_f000)
        }),
    ]
}
