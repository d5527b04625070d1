//! Address spaces: page tables against an independent walker, isolation, release of every page.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shoal_abi::mmu::CAUSE_ASID_OFF;
use shoal_abi::profile;
use shoal_driver::fake::{walk, Fake};
use shoal_driver::page_table::{PageTable, Scheme};
use shoal_driver::{AddressSpace, Dma, Error, Mgmtdev, Options, Perm, SpaceKind};

const K4: u64 = 4096;
const M2: u64 = 2 << 20;
const G1: u64 = 1 << 30;

fn probe() -> (Fake, Mgmtdev<Fake>) {
    let fake = Fake::new(&profile::TINY);
    let m = Mgmtdev::probe(fake.clone(), Options::default()).unwrap();
    (fake, m)
}

fn translate(fake: &Fake, t: &PageTable<Fake>, iova: u64, write: bool) -> Option<u64> {
    let level = if t.scheme() == Scheme::Sv39 { 2 } else { 3 };
    walk(|pa| Some(fake.read_u64(pa)), t.root(), level, iova, write)
        .ok()
        .map(|(_, pa)| pa)
}

#[test]
fn leaves_are_as_large_as_alignment_allows() {
    for scheme in [Scheme::Sv39, Scheme::Sv48] {
        let fake = Fake::new(&profile::TINY);
        let mut t = PageTable::new(fake.clone(), scheme).unwrap();
        let upper = if scheme == Scheme::Sv48 { 1 } else { 0 };
        t.map(4 * G1, 8 * G1, 2 * G1, Perm::Rw).unwrap();
        assert_eq!(
            t.table_pages(),
            1 + upper,
            "two 1 GiB leaves need no further table"
        );
        t.map(G1, M2, 3 * M2, Perm::Rw).unwrap();
        assert_eq!(
            t.table_pages(),
            2 + upper,
            "2 MiB leaves stand in one table"
        );
        t.map(8 * G1 - K4, 7 * K4, 2 * K4, Perm::Ro).unwrap();
        assert_eq!(
            t.table_pages(),
            6 + upper,
            "4 KiB leaves on both sides of a 1 GiB line"
        );
        assert_eq!(
            translate(&fake, &t, 5 * G1 + 12345, true),
            Some(9 * G1 + 12345)
        );
        assert_eq!(
            translate(&fake, &t, G1 + 2 * M2 + 1, true),
            Some(3 * M2 + 1)
        );
        assert_eq!(translate(&fake, &t, 8 * G1, false), Some(8 * K4));
        assert_eq!(translate(&fake, &t, 8 * G1, true), None, "read only");
        t.release();
        assert_eq!(fake.pages_held(), 0);
    }
}

#[test]
fn a_hole_in_a_large_leaf_splits_it_and_leaves_the_rest() {
    let fake = Fake::new(&profile::TINY);
    let mut t = PageTable::new(fake.clone(), Scheme::Sv48).unwrap();
    t.map(0, 4 * G1, G1, Perm::Rw).unwrap();
    let unlinked = t.unmap(M2 + 5 * K4, K4).unwrap();
    t.release_unlinked(unlinked);
    for (iova, there) in [
        (0, true),
        (M2 + 4 * K4, true),
        (M2 + 5 * K4, false),
        (M2 + 6 * K4, true),
        (G1 - 1, true),
    ] {
        let want = there.then_some(4 * G1 + iova);
        assert_eq!(translate(&fake, &t, iova, true), want, "{iova:#x}");
    }
    let unlinked = t.unmap(0, G1).unwrap();
    t.release_unlinked(unlinked);
    assert_eq!(t.table_pages(), 1, "tables without entries are freed");
    t.release();
}

#[derive(Clone, Debug)]
enum Op {
    Map {
        iova: u64,
        pa: u64,
        bytes: u64,
        perm: Perm,
    },
    Unmap {
        iova: u64,
        bytes: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    // Few places and sizes around the leaf sizes, so that ranges meet.
    let page = prop_oneof![
        0u64..8,
        508u64..516,
        1020u64..1030,
        Just(G1 / K4),
        (G1 / K4 - 4)..(G1 / K4 + 4)
    ];
    let count = prop_oneof![1u64..6, 510u64..515, Just(1024), Just(G1 / K4)];
    let perm = prop_oneof![Just(Perm::Ro), Just(Perm::Wo), Just(Perm::Rw)];
    (any::<bool>(), page.clone(), page, count, perm).prop_map(|(map, iova, pa, n, perm)| {
        let (iova, bytes) = (iova * K4, n * K4);
        if map {
            Op::Map {
                iova,
                pa: pa * K4 + 4 * G1,
                bytes,
                perm,
            }
        } else {
            Op::Unmap { iova, bytes }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The device, which keeps every translation until it is invalidated, sees exactly the mappings that stand.
    #[test]
    fn the_device_sees_exactly_what_is_mapped(ops in prop::collection::vec(op(), 1..14), sv48 in any::<bool>()) {
        let (fake, m) = probe();
        let held = fake.pages_held();
        let kind = if sv48 { SpaceKind::Sv48 } else { SpaceKind::Sv39 };
        let space = AddressSpace::new(&m, kind).unwrap();
        // Reference: IOVA page -> (page, writable).
        let mut want: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Map { iova, pa, bytes, perm } => {
                    let free = want.range(iova..iova + bytes).next().is_none();
                    let got = space.dma_map(iova, bytes, pa, perm);
                    prop_assert_eq!(got.is_ok(), free, "{:?}", got);
                    if free {
                        want.extend((0..bytes).step_by(4096).map(|n| (iova + n, (pa + n, perm.writable()))));
                    }
                }
                Op::Unmap { iova, bytes } => {
                    let all = want.range(iova..iova + bytes).count() as u64 * K4 == bytes;
                    let got = space.dma_unmap(iova, bytes);
                    prop_assert_eq!(got.is_ok(), all, "{:?}", got);
                    if all {
                        want.retain(|&at, _| at < iova || at >= iova + bytes);
                    }
                }
            }
            prop_assert_eq!(space.mapped_bytes(), want.len() as u64 * K4);
            let edges = want.keys().flat_map(|&k| [k.wrapping_sub(K4), k, k + K4]);
            let probes: Vec<u64> = edges.chain([0, M2, G1]).filter(|&k| k < 1 << 38).collect();
            for iova in probes.iter().step_by(probes.len().div_ceil(40)) {
                let expect = want.get(iova).copied();
                prop_assert_eq!(space.lookup(*iova).map(|(pa, _)| pa), expect.map(|e| e.0));
                let read = m.translate(space.asid(), *iova + 5, false).unwrap().ok();
                prop_assert_eq!(read, expect.map(|e| (e.0 + 5, None)));
                let write = m.translate(space.asid(), *iova + 7, true).unwrap().ok();
                prop_assert_eq!(write, expect.filter(|e| e.1).map(|e| (e.0 + 7, None)));
            }
        }
        space.reset_map().unwrap();
        prop_assert_eq!(space.mapped_bytes(), 0);
        for iova in want.keys().step_by(want.len().div_ceil(40).max(1)) {
            prop_assert!(m.translate(space.asid(), *iova, false).unwrap().is_err());
        }
        space.release().unwrap();
        prop_assert_eq!(fake.pages_held(), held);
    }
}

#[test]
fn pasid_spaces_pass_the_iova_on_with_their_tag() {
    let (_, m) = probe();
    let a = AddressSpace::new(&m, SpaceKind::Pasid).unwrap();
    let b = AddressSpace::new(&m, SpaceKind::Pasid).unwrap();
    assert_ne!(a.pasid(), b.pasid());
    let top = !(K4 - 1);
    a.dma_map(top, K4, 0x5000, Perm::Rw).unwrap();
    assert_eq!(
        m.translate(a.asid(), top + 9, true).unwrap(),
        Ok((top + 9, a.pasid()))
    );
    a.dma_unmap(top, K4).unwrap();
    let asid = a.asid();
    a.release().unwrap();
    assert_eq!(m.translate(asid, 0, false).unwrap(), Err(CAUSE_ASID_OFF));
}

#[test]
fn bad_ranges_are_refused_with_their_numbers() {
    let (_, m) = probe();
    let s = AddressSpace::new(&m, SpaceKind::Sv39).unwrap();
    let limit = 1 << 38;
    for (iova, bytes, pa) in [
        (1, K4, 0),
        (0, 5, 0),
        (0, 0, 0),
        (0, K4, 8),
        (limit - K4, 2 * K4, 0),
        (u64::MAX - 4095, 2 * K4, 0),
        (0, K4, 1 << 56),
        (0, 2 * K4, (1 << 56) - K4),
    ] {
        assert!(
            matches!(
                s.dma_map(iova, bytes, pa, Perm::Rw),
                Err(Error::Argument { .. })
            ),
            "{iova:#x} {bytes:#x}"
        );
    }
    s.dma_map(limit - K4, K4, (1 << 56) - K4, Perm::Rw).unwrap();
    assert_eq!(
        s.dma_unmap(0, K4),
        Err(Error::NotMapped { iova: 0, bytes: K4 })
    );
    assert_eq!(s.iova_range(), (0, limit - 1));
}
