//! Rings and page tables that the device cannot reach, or that mean nothing.

use shoal_abi::mmu::{
    CAUSE_ASID_OFF, CAUSE_READ_ACCESS, CAUSE_READ_PAGE, CAUSE_TABLE_ACCESS, CAUSE_WRITE_ACCESS,
    CAUSE_WRITE_PAGE, MODE_BARE, PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_RESERVED, PTE_V, PTE_W,
};
use shoal_abi::ring::DESC_F_INDIRECT;
use shoal_driver::cmd::{self, Binding};

use super::rig;
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::memory::{leaf, IOVA, NO_MEMORY, PAGE};
use crate::conform::rig::{text, Rig, AVAIL, BUFFER, TABLE, USED};

/// A case in which `change` spoils the tables; the device forgets what it knew, and looks at a good chain.
fn spoilt(
    name: &str,
    what: &str,
    target: Target,
    causes: &[u16],
    change: impl Fn(&Rig, u64) + 'static,
) -> Case {
    Case {
        name: format!("{name}.{}", target.name()),
        text: what.into(),
        clause: "ABI.md §7",
        target,
        outcome: Outcome::Fault(causes.to_vec()),
        attack: Box::new(move |scene| {
            let mgmtdev = scene.mgmtdev.clone();
            let rig = rig(scene, target);
            let (q, base) = rig.queue(target);
            rig.put_good(target);
            rig.offer(q, &[0]);
            change(rig, base);
            let drop = cmd::iotlb_invalidate(Some(rig.asid()), None);
            mgmtdev.exec(&drop).map_err(text)?;
            rig.prompt(target);
            Ok(())
        }),
    }
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for target in Target::ALL {
        all.extend(places(target));
    }
    all.extend(entries());
    all.extend(spaces());
    all
}

/// Each part of a queue unmapped, and without memory.
fn places(target: Target) -> Vec<Case> {
    let mut all = Vec::new();
    for (part, offset, writes) in [
        ("desc", 0, false),
        ("avail", AVAIL, false),
        ("used", USED, true),
        ("table", TABLE, false),
    ] {
        let causes = if writes {
            [CAUSE_WRITE_PAGE, CAUSE_WRITE_ACCESS]
        } else {
            [CAUSE_READ_PAGE, CAUSE_READ_ACCESS]
        };
        for (how, cause, pte) in [
            ("unmapped", causes[0], 0),
            ("no_memory", causes[1], leaf(NO_MEMORY)),
        ] {
            let name = format!("table.{part}.{how}");
            let what = format!("The queue's {part} is {}.", how.replace('_', " "));
            all.push(spoilt(&name, &what, target, &[cause], move |rig, base| {
                if part == "table" {
                    rig.desc(base, 0, IOVA + base + TABLE, 32, DESC_F_INDIRECT, 0);
                }
                rig.memory.set_page((base + offset) / PAGE, pte);
            }));
        }
    }
    all.push(spoilt(
        "table.used.read_only",
        "The queue's used ring is mapped for reading only.",
        target,
        &[CAUSE_WRITE_PAGE],
        |rig, base| {
            let page = (base + USED) / PAGE;
            rig.memory.set_page(page, rig.memory.pte(page) & !PTE_W);
        },
    ));
    all
}

/// Entries that mean nothing, on the way to a transmit queue's payload or to everything.
fn entries() -> Vec<Case> {
    let t = Target::Transmit;
    let payload = |name: &str, what: &str, entry: fn(u64) -> u64| {
        spoilt(name, what, t, &[CAUSE_READ_PAGE], move |rig, base| {
            let page = (base + BUFFER) / PAGE;
            rig.memory.set_page(page, entry(rig.memory.pte(page)));
        })
    };
    let mut all = vec![
        payload("pte.reserved", "A reserved bit is set.", |pte| {
            pte | PTE_RESERVED & 1 << 54
        }),
        payload("pte.high", "Bit 63 is set.", |pte| pte | 1 << 63),
        payload("pte.write_only", "W without R.", |pte| pte & !PTE_R),
        payload("pte.invalid", "V is clear.", |pte| pte & !PTE_V),
        payload("pte.not_accessed", "A is clear.", |pte| pte & !PTE_A),
        payload("pte.pointer", "The lowest level holds a pointer.", |pte| {
            pte & !(PTE_R | PTE_W | PTE_A | PTE_D)
        }),
    ];
    let middle = |name: &str, what: &str, cause, entry: u64| {
        spoilt(name, what, t, &[cause], move |rig, _| {
            rig.memory.set_middle(entry)
        })
    };
    all.push(middle(
        "pte.misaligned",
        "A page of 2 MiB at an address that is no multiple of that.",
        CAUSE_READ_PAGE,
        leaf(0x1000),
    ));
    all.push(middle(
        "pte.no_table",
        "The lowest table has no memory.",
        CAUSE_TABLE_ACCESS,
        (NO_MEMORY / PAGE) << PTE_PPN_LSB | PTE_V,
    ));
    all.push(spoilt(
        "pte.misaligned_gib",
        "A page of 1 GiB at an address that is no multiple of that.",
        t,
        &[CAUSE_READ_PAGE],
        |rig, _| rig.memory.set_root(leaf(0x20_0000)),
    ));
    all.push(spoilt(
        "pte.not_dirty",
        "D is clear where the device writes.",
        Target::Receive,
        &[CAUSE_WRITE_PAGE],
        |rig, base| {
            let page = (base + BUFFER) / PAGE;
            rig.memory.set_page(page, rig.memory.pte(page) & !PTE_D);
        },
    ));
    all
}

/// Address spaces that are off, without memory, or of a PASID that the platform does not know.
fn spaces() -> Vec<Case> {
    let pasid = Binding {
        mode: MODE_BARE,
        pasid: Some(0x7_7777),
        root: 0,
    };
    let no_root = Binding {
        mode: shoal_abi::mmu::MODE_SV39,
        pasid: None,
        root: NO_MEMORY,
    };
    let mut all = Vec::new();
    for target in Target::ALL {
        for (name, what, cause, to) in [
            (
                "space.off",
                "The address space is off.",
                CAUSE_ASID_OFF,
                Binding::OFF,
            ),
            (
                "space.pasid",
                "A PASID that the platform does not know.",
                CAUSE_READ_ACCESS,
                pasid,
            ),
            (
                "space.no_root",
                "The root table has no memory.",
                CAUSE_TABLE_ACCESS,
                no_root,
            ),
        ] {
            all.push(Case {
                name: format!("{name}.{}", target.name()),
                text: what.into(),
                clause: "ABI.md §7",
                target,
                outcome: Outcome::Fault(vec![cause]),
                attack: Box::new(move |scene| {
                    let mgmtdev = scene.mgmtdev.clone();
                    let rig = rig(scene, target);
                    rig.put_good(target);
                    let q = rig.queue(target).0;
                    rig.offer(q, &[0]);
                    let asid = rig.asid();
                    mgmtdev.exec(&cmd::asid_set(asid, to)).map_err(text)?;
                    mgmtdev
                        .exec(&cmd::iotlb_invalidate(Some(asid), None))
                        .map_err(text)?;
                    rig.prompt(target);
                    Ok(())
                }),
            });
        }
    }
    all
}
