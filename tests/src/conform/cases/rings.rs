//! Rings and descriptor tables whose contents are wrong.

use shoal_abi::mmu::{
    CAUSE_AVAIL_JUMP, CAUSE_CHAIN_LONG, CAUSE_DESC_INDEX, CAUSE_DESC_ORDER, CAUSE_INDIRECT,
    CAUSE_INDIRECT_TABLE,
};
use shoal_abi::ring::{DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE};

use super::prepared;
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::memory::IOVA;
use crate::conform::rig::{Rig, SIZE, TABLE};

const TWO: [u16; 2] = [0, 1];

/// The chain that begins with descriptor 0, in table 0 of the queue.
fn offer(rig: &mut Rig, target: Target) -> u64 {
    let (q, base) = rig.queue(target);
    rig.offer(q, &[0]);
    base
}

/// Descriptor 0 names an indirect table of `bytes` bytes; `flags` and `next` go with it.
fn indirect(rig: &mut Rig, target: Target, at: u64, bytes: u32, flags: u16) -> u64 {
    let base = offer(rig, target);
    rig.desc(
        base,
        0,
        IOVA + base + TABLE + at,
        bytes,
        DESC_F_INDIRECT | flags,
        1,
    );
    base + TABLE
}

/// The good chain as entries 0 and 1 of an indirect table, the second with these flags and this next.
fn put_table(rig: &Rig, target: Target, table: u64, flags: u16, next: u16) {
    let parts = rig.good(target);
    for n in TWO {
        let (at, len, f) = parts[usize::from(n)];
        let (more, next) = if n == 0 {
            (DESC_F_NEXT, 1)
        } else {
            (flags, next)
        };
        rig.desc(table, n, at, len, f | more, next);
    }
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for target in Target::ALL {
        // The second of a request's descriptors is writable, the first is not.
        let looped = if target.is_blk() {
            CAUSE_DESC_ORDER
        } else {
            CAUSE_CHAIN_LONG
        };
        let mut add = |name, text, cause, write: fn(&mut Rig, Target)| {
            let what = match cause {
                CAUSE_AVAIL_JUMP => "virtio 1.4 §2.7.13.3",
                CAUSE_INDIRECT | CAUSE_INDIRECT_TABLE => "virtio 1.4 §2.7.5.3",
                CAUSE_DESC_ORDER => "virtio 1.4 §2.7.4.2",
                _ => "virtio 1.4 §2.7.5",
            };
            all.push(prepared(
                name,
                target,
                (text, what),
                Outcome::Fault(vec![cause]),
                write,
            ));
        };
        add(
            "ring.loop.self",
            "A descriptor is its own next.",
            CAUSE_CHAIN_LONG,
            |rig, t| {
                let base = offer(rig, t);
                let (at, len, flags) = rig.good(t)[0];
                rig.desc(base, 0, at, len, flags | DESC_F_NEXT, 0);
            },
        );
        add(
            "ring.loop.all",
            "The table's last descriptor leads to the first.",
            CAUSE_CHAIN_LONG,
            |rig, t| {
                let base = offer(rig, t);
                let (at, _, flags) = rig.good(t)[0];
                for n in 0..SIZE {
                    rig.desc(base, n, at, 16, flags | DESC_F_NEXT, (n + 1) % SIZE);
                }
            },
        );
        add(
            "ring.next.outside",
            "`next` is the table's size.",
            CAUSE_DESC_INDEX,
            |rig, t| {
                let base = offer(rig, t);
                let (at, len, flags) = rig.good(t)[0];
                rig.desc(base, 0, at, len, flags | DESC_F_NEXT, SIZE);
            },
        );
        add(
            "ring.next.far",
            "`next` is 65535.",
            CAUSE_DESC_INDEX,
            |rig, t| {
                let base = offer(rig, t);
                let (at, len, flags) = rig.good(t)[0];
                rig.desc(base, 0, at, len, flags | DESC_F_NEXT, u16::MAX);
            },
        );
        add(
            "ring.head.outside",
            "An available entry is the table's size.",
            CAUSE_DESC_INDEX,
            |rig, t| {
                rig.put_good(t);
                let q = rig.queue(t).0;
                rig.offer(q, &[SIZE]);
            },
        );
        add(
            "ring.head.far",
            "An available entry is 65535.",
            CAUSE_DESC_INDEX,
            |rig, t| {
                rig.put_good(t);
                let q = rig.queue(t).0;
                rig.offer(q, &[u16::MAX]);
            },
        );
        add(
            "ring.index.jump",
            "The available index is one more than the queue's size ahead.",
            CAUSE_AVAIL_JUMP,
            |rig, t| {
                rig.put_good(t);
                rig.jump(rig.queue(t).0, SIZE + 1);
            },
        );
        add(
            "ring.index.back",
            "The available index goes back by one.",
            CAUSE_AVAIL_JUMP,
            |rig, t| {
                rig.put_good(t);
                rig.jump(rig.queue(t).0, u16::MAX);
            },
        );
        add(
            "ring.order",
            "A readable descriptor stands behind a writable one.",
            CAUSE_DESC_ORDER,
            |rig, t| {
                let base = offer(rig, t);
                let (at, len, _) = rig.good(t)[0];
                rig.desc(base, 0, at, len, DESC_F_WRITE | DESC_F_NEXT, 1);
                rig.desc(base, 1, at, len, 0, 0);
            },
        );
        add(
            "indirect.nested",
            "An indirect table holds an indirect descriptor.",
            CAUSE_INDIRECT,
            |rig, t| {
                let table = indirect(rig, t, 0, 32, 0);
                put_table(rig, t, table, DESC_F_INDIRECT, 0);
            },
        );
        add(
            "indirect.next",
            "A descriptor is INDIRECT and has a next.",
            CAUSE_INDIRECT,
            |rig, t| {
                let table = indirect(rig, t, 0, 32, DESC_F_NEXT);
                put_table(rig, t, table, 0, 0);
            },
        );
        add(
            "indirect.empty",
            "An indirect table of 0 bytes.",
            CAUSE_INDIRECT_TABLE,
            |rig, t| {
                let table = indirect(rig, t, 0, 0, 0);
                put_table(rig, t, table, 0, 0);
            },
        );
        add(
            "indirect.odd",
            "An indirect table of 24 bytes.",
            CAUSE_INDIRECT_TABLE,
            |rig, t| {
                let table = indirect(rig, t, 0, 24, 0);
                put_table(rig, t, table, 0, 0);
            },
        );
        add(
            "indirect.unaligned",
            "An indirect table at an address that is no multiple of 8.",
            CAUSE_INDIRECT_TABLE,
            |rig, t| {
                let table = indirect(rig, t, 4, 32, 0);
                put_table(rig, t, table, 0, 0);
            },
        );
        add(
            "indirect.next.outside",
            "`next` leads out of an indirect table.",
            CAUSE_DESC_INDEX,
            |rig, t| {
                let table = indirect(rig, t, 0, 32, 0);
                put_table(rig, t, table, DESC_F_NEXT, 2);
            },
        );
        add(
            "indirect.loop",
            "An indirect table leads back to its first entry.",
            looped,
            |rig, t| {
                let table = indirect(rig, t, 0, 32, 0);
                put_table(rig, t, table, DESC_F_NEXT, 0);
            },
        );
        add(
            "indirect.long",
            "An indirect chain of more descriptors than the queue has.",
            CAUSE_CHAIN_LONG,
            |rig, t| {
                let table = indirect(rig, t, 0, 16 * (u32::from(SIZE) + 1), 0);
                let (at, _, flags) = rig.good(t)[0];
                for n in 0..=SIZE {
                    let more = if n < SIZE { DESC_F_NEXT } else { 0 };
                    rig.desc(table, n, at, 16, flags | more, n + 1);
                }
            },
        );
        add(
            "indirect.behind",
            "A chain of the table's size ends in an indirect descriptor with a next.",
            CAUSE_INDIRECT,
            |rig, t| {
                let base = offer(rig, t);
                let (at, len, flags) = rig.good(t)[0];
                rig.desc(base, 0, at, len, flags | DESC_F_NEXT, 1);
                rig.desc(
                    base,
                    1,
                    IOVA + base + TABLE,
                    16,
                    DESC_F_INDIRECT | DESC_F_NEXT,
                    2,
                );
            },
        );
    }
    all
}
