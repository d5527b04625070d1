//! Buffers where none should be.

use shoal_abi::mmu::{
    CAUSE_CHAIN_BYTES, CAUSE_DESC_ORDER, CAUSE_READ_ACCESS, CAUSE_READ_PAGE, CAUSE_WRITE_ACCESS,
    CAUSE_WRITE_PAGE,
};
use shoal_abi::ring::{DESC_F_NEXT, DESC_F_WRITE, MAX_CHAIN_BYTES};

use super::{prepared, rig};
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::memory::{leaf, IOVA, NO_MEMORY, PAGE, PAGES};
use crate::conform::rig::{Rig, BUFFER};

/// What a page fault at the first buffer of a queue's good chain is.
fn page(target: Target) -> u16 {
    match target {
        Target::Receive => CAUSE_WRITE_PAGE,
        _ => CAUSE_READ_PAGE,
    }
}

/// The good chain with its first buffer at `at`, `len` bytes.
fn at(rig: &mut Rig, target: Target, at: u64, len: u32) {
    rig.put_good(target);
    let (q, base) = rig.queue(target);
    let flags = rig.good(target)[0].2 | DESC_F_NEXT;
    rig.desc(base, 0, at, len, flags, 1);
    rig.offer(q, &[0]);
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    const PAGES_CLAUSE: &str = "ABI.md §7";
    const BYTES_CLAUSE: &str = "virtio 1.4 §2.7.5; ABI.md, CAP_CHAIN";
    let mut all = Vec::new();
    for target in Target::ALL {
        let fault = |cause| Outcome::Fault(vec![cause]);
        // A packet bounds what is written of a receive buffer.
        let long = match target {
            Target::Receive => Outcome::Survives,
            _ => fault(CAUSE_CHAIN_BYTES),
        };
        let mut add = |name: &str, text, clause, outcome, write: fn(&mut Rig, Target)| {
            let name = format!("buffer.{name}");
            all.push(prepared(&name, target, (text, clause), outcome, write));
        };
        add(
            "four_gib",
            "A buffer of 2^32 - 1 bytes.",
            BYTES_CLAUSE,
            long.clone(),
            |rig, t| {
                at(rig, t, IOVA + rig.queue(t).1 + BUFFER, u32::MAX);
            },
        );
        add(
            "too_long",
            "A chain of one byte more than the device takes.",
            BYTES_CLAUSE,
            long.clone(),
            |rig, t| {
                at(rig, t, IOVA + rig.queue(t).1 + BUFFER, MAX_CHAIN_BYTES + 1);
            },
        );
        add(
            "top",
            "A buffer that ends at 2^64.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, u64::MAX - 63, 64);
            },
        );
        add(
            "wraps",
            "A buffer across 2^64.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, u64::MAX - 7, 64);
            },
        );
        add(
            "no_canonical",
            "An address beyond 39 bits.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, IOVA | 1 << 39, 64);
            },
        );
        add(
            "sign",
            "An address with bit 38 set and the bits above it clear.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, 1 << 38, 64);
            },
        );
        add(
            "null",
            "A buffer at address 0.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, 0, 64);
            },
        );
        add(
            "unmapped",
            "A buffer behind the end of what is mapped.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, IOVA + PAGES * PAGE, 64);
            },
        );
        add(
            "half_mapped",
            "A buffer that begins in the last page that is mapped.",
            PAGES_CLAUSE,
            fault(page(target)),
            |rig, t| {
                at(rig, t, IOVA + PAGES * PAGE - 32, 64);
            },
        );
    }
    all.push(foreign());
    all.push(long_unmapped());
    for target in Target::ALL {
        all.push(no_memory(target));
    }
    all.push(read_only(Target::Receive));
    all.push(read_only(Target::Block));
    all.extend(odd());
    all
}

/// The platform address of a neighbour's page means nothing in another address space.
fn foreign() -> Case {
    Case {
        name: "buffer.foreign.tx".into(),
        text: "The platform address of a neighbour's memory.".into(),
        clause: "ABI.md §7",
        target: Target::Transmit,
        outcome: Outcome::Fault(vec![CAUSE_READ_PAGE]),
        attack: Box::new(|scene| {
            let address = scene.neighbour_address();
            let rig = rig(scene, Target::Transmit);
            at(rig, Target::Transmit, address, 64);
            rig.prompt(Target::Transmit);
            Ok(())
        }),
    }
}

/// As long as a chain may be, and none of it is mapped: the neighbour's time is the point.
fn long_unmapped() -> Case {
    let text =
        "A chain of 8 MiB, the most that the device takes, of which only the first page is mapped.";
    let what = (text, "ABI.md §7");
    let causes = Outcome::Fault(vec![CAUSE_READ_PAGE]);
    prepared(
        "buffer.long_unmapped",
        Target::Transmit,
        what,
        causes,
        |rig, t| {
            let (q, base) = rig.queue(t);
            let last = IOVA + (PAGES - 1) * PAGE;
            rig.desc(base, 0, last, MAX_CHAIN_BYTES, 0, 0);
            rig.offer(q, &[0]);
        },
    )
}

/// Mapped, but there is no memory.
fn no_memory(target: Target) -> Case {
    let cause = if target == Target::Receive {
        CAUSE_WRITE_ACCESS
    } else {
        CAUSE_READ_ACCESS
    };
    let what = (
        "A buffer that is mapped to an address without memory.",
        "ABI.md §7",
    );
    prepared(
        "buffer.no_memory",
        target,
        what,
        Outcome::Fault(vec![cause]),
        |rig, t| {
            let (q, base) = rig.queue(t);
            rig.memory.set_page((base + BUFFER) / PAGE, leaf(NO_MEMORY));
            rig.put_good(t);
            rig.offer(q, &[0]);
        },
    )
}

/// The buffer that the device writes is read only.
fn read_only(target: Target) -> Case {
    use shoal_abi::mmu::PTE_W;
    let what = (
        "What the device has to write is mapped for reading only.",
        "ABI.md §7",
    );
    prepared(
        "buffer.read_only",
        target,
        what,
        Outcome::Fault(vec![CAUSE_WRITE_PAGE]),
        |rig, t| {
            let (q, base) = rig.queue(t);
            let written = if t == Target::Receive { 0 } else { PAGE };
            let page = (base + BUFFER + written) / PAGE;
            rig.memory.set_page(page, rig.memory.pte(page) & !PTE_W);
            rig.put_good(t);
            rig.offer(q, &[0]);
        },
    )
}

/// Strange, but nothing is wrong with them; and the wrong direction for a queue.
fn odd() -> Vec<Case> {
    let fine = (
        "Buffers of 0 bytes before and behind the others.",
        "virtio 1.4 §2.7.4",
    );
    let over = (
        "All buffers of a chain are the same bytes.",
        "virtio 1.4 §2.7.4",
    );
    let mut all = Vec::new();
    for target in Target::ALL {
        all.push(prepared(
            "buffer.zero",
            target,
            fine,
            Outcome::Survives,
            |rig, t| {
                let (q, base) = rig.queue(t);
                let [(at, len, flags), (at2, len2, flags2)] = rig.good(t);
                rig.desc(base, 0, at, 0, flags | DESC_F_NEXT, 1);
                rig.desc(base, 1, at, len, flags | DESC_F_NEXT, 2);
                rig.desc(base, 2, at2, len2, flags2 | DESC_F_NEXT, 3);
                rig.desc(base, 3, at2, 0, flags2, 0);
                rig.offer(q, &[0]);
            },
        ));
        all.push(prepared(
            "buffer.overlap",
            target,
            over,
            Outcome::Survives,
            |rig, t| {
                let (q, base) = rig.queue(t);
                let [(at, _, flags), (_, _, flags2)] = rig.good(t);
                rig.desc(base, 0, at + 3, 64, flags | DESC_F_NEXT, 1);
                rig.desc(base, 1, at + 3, 64, flags2, 0);
                rig.offer(q, &[0]);
            },
        ));
    }
    let readable = (
        "A readable descriptor in a receive queue.",
        "virtio 1.4 §5.1.6.4; ABI.md §8",
    );
    let causes = Outcome::Fault(vec![CAUSE_DESC_ORDER]);
    all.push(prepared(
        "buffer.readable",
        Target::Receive,
        readable,
        causes,
        |rig, t| {
            let (q, base) = rig.queue(t);
            rig.desc(base, 0, IOVA + base + BUFFER, 100, 0, 0);
            rig.offer(q, &[0]);
        },
    ));
    let writable = (
        "A transmit chain with writable bytes, which nobody answers.",
        "ABI.md §8",
    );
    all.push(prepared(
        "buffer.writable",
        Target::Transmit,
        writable,
        Outcome::Survives,
        |rig, t| {
            rig.put_good(t);
            let (q, base) = rig.queue(t);
            let (at, len, _) = rig.good(t)[1];
            rig.desc(base, 1, at, len, DESC_F_WRITE, 0);
            rig.offer(q, &[0]);
        },
    ));
    all
}
