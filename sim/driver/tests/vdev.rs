//! Managed devices: life cycle, the vDPA operations, data through rings that the test builds itself.

use shoal_abi::cmd::{EINVAL, MAX_INTERVAL, MAX_WEIGHT, Q_INVALID_FIELD};
use shoal_abi::mmu::CAUSE_DESC_INDEX;
use shoal_abi::{profile, ring};
use shoal_driver::cmd::{Pace, Sched};
use shoal_driver::fake::Fake;
use shoal_driver::{Dma, Error, Mgmtdev, Options, Perm, SpaceKind, Time, Vdev, VdevConfig};

const IOVA: u64 = 0x4000_0000;
const BYTES: u64 = 0x10000;
const ALL_OK: u8 = ring::S_ACKNOWLEDGE | ring::S_DRIVER | ring::S_FEATURES_OK;

fn probe() -> (Fake, Mgmtdev<Fake>) {
    let fake = Fake::new(&profile::TINY);
    let m = Mgmtdev::probe(fake.clone(), Options::default()).unwrap();
    (fake, m)
}

fn blk(m: &Mgmtdev<Fake>, kind: SpaceKind) -> Vdev<Fake> {
    m.dev_add(VdevConfig::blk(2048, kind)).unwrap()
}

/// A device with its window mapped; the window's platform address.
fn window(fake: &Fake, v: &Vdev<Fake>) -> u64 {
    let pa = fake.alloc(BYTES as usize).unwrap().addr;
    v.dma_map(0, IOVA, BYTES, pa, Perm::Rw).unwrap();
    pa
}

fn features_ok(v: &Vdev<Fake>, features: u64) {
    assert_eq!(v.set_status(0), Ok(0));
    v.set_status(ring::S_ACKNOWLEDGE | ring::S_DRIVER).unwrap();
    v.set_driver_features(features).unwrap();
    assert_eq!(v.set_status(ALL_OK), Ok(ALL_OK));
}

fn start(v: &Vdev<Fake>) {
    features_ok(v, ring::REQUIRED_FEATURES);
    v.set_vq_num(0, 8).unwrap();
    v.set_vq_address(0, IOVA, IOVA + 0x1000, IOVA + 0x2000)
        .unwrap();
    v.set_vq_cb(0, true).unwrap();
    v.set_vq_ready(0, true).unwrap();
    v.set_status(ALL_OK | ring::S_DRIVER_OK).unwrap();
}

fn put_desc(fake: &Fake, at: u64, iova: u64, len: u32, flags: u16, next: u16) {
    fake.write(at, &iova.to_le_bytes());
    fake.write(at + 8, &len.to_le_bytes());
    fake.write(at + 12, &flags.to_le_bytes());
    fake.write(at + 14, &next.to_le_bytes());
}

/// A block write or read of one sector as chain `n`; the window's page 3 holds header, data, status.
fn request(fake: &Fake, v: &Vdev<Fake>, pa: u64, n: u16, kind: u32, sector: u64) {
    fake.write(pa + 0x3000, &kind.to_le_bytes());
    fake.write(pa + 0x3008, &sector.to_le_bytes());
    let data = if kind == 0 { ring::DESC_F_WRITE } else { 0 };
    put_desc(fake, pa, IOVA + 0x3000, 16, ring::DESC_F_NEXT, 1);
    put_desc(
        fake,
        pa + 16,
        IOVA + 0x3100,
        512,
        ring::DESC_F_NEXT | data,
        2,
    );
    put_desc(fake, pa + 32, IOVA + 0x3fff, 1, ring::DESC_F_WRITE, 0);
    fake.write(pa + 0x1000 + 4 + 2 * u64::from(n % 8), &0u16.to_le_bytes());
    fake.write(pa + 0x1002, &(n + 1).to_le_bytes());
    v.kick_vq(0);
}

#[test]
fn a_sector_written_comes_back_in_every_kind_of_space() {
    for kind in [SpaceKind::Sv39, SpaceKind::Sv48, SpaceKind::Pasid] {
        let (fake, m) = probe();
        let v = blk(&m, kind);
        let pa = window(&fake, &v);
        start(&v);
        let bytes: Vec<u8> = (0..512).map(|n| (n * 7) as u8).collect();
        fake.write(pa + 0x3100, &bytes);
        request(&fake, &v, pa, 0, 1, 77);
        fake.wait().unwrap();
        fake.write(pa + 0x3100, &[0; 512]);
        request(&fake, &v, pa, 1, 0, 77);
        fake.wait().unwrap();
        let mut back = vec![0; 512];
        fake.read(pa + 0x3100, &mut back);
        assert_eq!(back, bytes, "{kind:?}");
        assert_eq!(v.take_vq_interrupts(0), 2);
        assert_eq!(v.get_vq_state(0), Ok(2));
        let s = v.get_vendor_vq_stats(0).unwrap();
        assert_eq!((s.kicks, s.chains, s.interrupts, s.faults), (2, 2, 2, 0));
        // Stop and start again: the queue goes on where it was.
        v.set_vq_ready(0, false).unwrap();
        assert!(!v.get_vq_ready(0));
        assert_eq!(v.get_vq_state(0), Ok(2));
        v.set_vq_ready(0, true).unwrap();
        request(&fake, &v, pa, 2, 0, 78);
        fake.wait().unwrap();
        assert_eq!(v.get_vq_state(0), Ok(3));
        assert_eq!(fake.machine().wild_accesses, 0);
    }
}

#[test]
fn suspend_stops_the_queue_and_resume_goes_on_without_a_kick() {
    let (fake, m) = probe();
    let v = blk(&m, SpaceKind::Sv39);
    let pa = window(&fake, &v);
    start(&v);
    v.suspend().unwrap();
    request(&fake, &v, pa, 0, 0, 0);
    fake.wait().unwrap();
    assert_eq!(v.get_vq_state(0), Ok(0));
    v.resume().unwrap();
    fake.wait().unwrap();
    assert_eq!(v.get_vq_state(0), Ok(1));
}

#[test]
fn masked_interrupts_come_when_unmasked() {
    let (fake, m) = probe();
    let v = blk(&m, SpaceKind::Sv39);
    let pa = window(&fake, &v);
    start(&v);
    v.mask_vq_cb(0, true).unwrap();
    request(&fake, &v, pa, 0, 0, 0);
    fake.wait().unwrap();
    assert_eq!(v.take_vq_interrupts(0), 0);
    v.mask_vq_cb(0, false).unwrap();
    assert_eq!(v.take_vq_interrupts(0), 1);
    v.set_vq_cb(0, false).unwrap();
    request(&fake, &v, pa, 1, 0, 0);
    fake.wait().unwrap();
    assert_eq!((v.vq_msi(0), v.get_vq_state(0)), (None, Ok(2)));
}

#[test]
fn a_bad_ring_needs_a_reset_and_leaves_a_record() {
    let (fake, m) = probe();
    let (v, other) = (blk(&m, SpaceKind::Sv39), blk(&m, SpaceKind::Sv39));
    let pa = window(&fake, &v);
    v.set_config_cb(true).unwrap();
    start(&v);
    fake.write(pa + 0x1004, &9u16.to_le_bytes());
    fake.write(pa + 0x1002, &1u16.to_le_bytes());
    v.kick_vq(0);
    fake.wait().unwrap();
    assert_ne!(v.get_status().unwrap() & ring::S_NEEDS_RESET, 0);
    assert_eq!(v.take_config_interrupts(), 1);
    let faults = m.take_faults();
    assert_eq!(faults.len(), 1);
    assert_eq!(
        (faults[0].cause, faults[0].member, faults[0].vq_index),
        (CAUSE_DESC_INDEX, v.id(), 0)
    );
    assert!(faults[0]
        .to_string()
        .contains("descriptor index out of range"));
    assert_eq!(m.take_faults(), []);
    assert_eq!(other.get_status(), Ok(0));
    v.reset().unwrap();
    assert_eq!((v.get_status(), v.get_vq_ready(0)), (Ok(0), false));
    assert_eq!(
        m.translate(v.spaces()[0].asid(), IOVA, true).unwrap(),
        Ok((pa, None)),
        "maps outlive a reset"
    );
}

#[test]
fn features_status_and_configuration_follow_the_standard() {
    let (_, m) = probe();
    let v = m
        .dev_add(VdevConfig::net([2, 0, 0, 0, 0, 9], SpaceKind::Sv39))
        .unwrap();
    assert_eq!(
        (v.get_device_id(), v.vq_count(), v.get_vq_align()),
        (1, 2, 16)
    );
    assert_eq!(
        v.get_device_features(),
        ring::COMMON_FEATURES | ring::NET_FEATURES
    );
    v.set_status(ring::S_ACKNOWLEDGE | ring::S_DRIVER).unwrap();
    v.set_driver_features(1 << ring::F_VERSION_1).unwrap();
    assert_eq!(
        v.set_status(ALL_OK).unwrap() & ring::S_FEATURES_OK,
        0,
        "ACCESS_PLATFORM is missing"
    );
    features_ok(&v, ring::REQUIRED_FEATURES);
    assert!(v.set_driver_features(0).is_err());
    assert_eq!(v.get_driver_features(), Ok(ring::REQUIRED_FEATURES));
    let mut mac = [0; 6];
    let generation = v.get_config(ring::NET_CFG_MAC, &mut mac).unwrap();
    assert_eq!(mac, [2, 0, 0, 0, 0, 9]);
    v.set_config(ring::NET_CFG_STATUS, &[0, 0]).unwrap();
    let mut all = vec![0xff; v.get_config_size()];
    assert_ne!(v.get_config(0, &mut all), Ok(generation));
    assert_eq!(
        (&all[..6], &all[6..8], &all[10..12]),
        (&mac[..], &[0, 0][..], &1500u16.to_le_bytes()[..])
    );
    assert!(v.get_config(60, &mut [0; 5]).is_err());
}

#[test]
fn groups_move_between_the_address_spaces_of_a_device() {
    let (fake, m) = probe();
    let mut config = VdevConfig::blk(64, SpaceKind::Sv39);
    config.spaces.push(SpaceKind::Pasid);
    config.group_space = [1, 1, 0];
    let v = m.dev_add(config).unwrap();
    let (rings, buffers) = (
        fake.alloc(0x4000).unwrap().addr,
        fake.alloc(0x4000).unwrap().addr,
    );
    v.dma_map(0, IOVA, 0x3000, rings, Perm::Rw).unwrap();
    v.dma_map(1, IOVA + 0x3000, 0x1000, buffers, Perm::Rw)
        .unwrap();
    assert_eq!((v.group_asid(0), v.group_asid(2)), (Some(1), Some(0)));
    start(&v);
    fake.write(buffers, &4u32.to_le_bytes());
    put_desc(&fake, rings, IOVA + 0x3000, 16, ring::DESC_F_NEXT, 1);
    put_desc(&fake, rings + 16, IOVA + 0x3fff, 1, ring::DESC_F_WRITE, 0);
    fake.write(buffers + 0xfff, &[7]);
    fake.write(rings + 0x1002, &1u16.to_le_bytes());
    v.kick_vq(0);
    fake.wait().unwrap();
    assert_eq!(v.get_vq_state(0), Ok(1));
    let mut status = [9];
    fake.read(buffers + 0xfff, &mut status);
    assert_eq!(status, [0]);
    assert!(v.set_group_asid(0, 0).is_err(), "not while it runs");
    v.suspend().unwrap();
    v.set_group_asid(0, 0).unwrap();
    assert!(v.set_group_asid(0, 2).is_err() && v.set_group_asid(3, 0).is_err());
}

#[test]
fn devices_come_and_go_without_a_leak_and_ids_return_at_once() {
    let (fake, m) = probe();
    let held = fake.pages_held();
    let free = |m: &Mgmtdev<Fake>| {
        let p = m.pools();
        [
            p.members.in_use(),
            p.vqs.in_use(),
            p.asids.in_use(),
            p.pasids.in_use(),
            p.doorbell_pages.in_use(),
            p.msis.in_use(),
        ]
    };
    let idle = free(&m);
    for round in 0..40u8 {
        let kinds = [SpaceKind::Sv39, SpaceKind::Sv48, SpaceKind::Pasid];
        let mut all: Vec<Vdev<Fake>> = (0..8)
            .map(|n| {
                let kind = kinds[usize::from(n + round) % 3];
                let config = if n % 2 == 0 {
                    VdevConfig::net([2, 0, 0, 0, 1, n], kind)
                } else {
                    VdevConfig::blk(8, kind)
                };
                m.dev_add(config).unwrap()
            })
            .collect();
        assert_eq!(
            all.iter().map(Vdev::id).collect::<Vec<_>>(),
            (1..=8).collect::<Vec<_>>()
        );
        assert!(matches!(
            m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)),
            Err(Error::Exhausted {
                what: "member ids",
                ..
            })
        ));
        for v in &all {
            v.set_vq_cb(0, true).unwrap();
            v.set_config_cb(true).unwrap();
            v.dma_map(0, 0x20_0000, 0x5000, 0x1000, Perm::Ro).unwrap();
        }
        fake.machine_mut().moods.try_again = 3;
        while !all.is_empty() {
            m.dev_del(all.swap_remove(usize::from(round) % all.len()))
                .unwrap();
        }
        assert_eq!((free(&m), fake.pages_held()), (idle, held), "round {round}");
    }
}

#[test]
fn a_device_in_use_is_not_deleted_and_a_failed_add_takes_nothing() {
    let (_, m) = probe();
    let v = blk(&m, SpaceKind::Sv39);
    let other = v.clone();
    assert!(matches!(m.dev_del(v), Err(Error::State(_))));
    let mut bad = VdevConfig::blk(8, SpaceKind::Sv39);
    bad.device_features = Some(1 << ring::F_VERSION_1);
    let in_use = || {
        let p = m.pools();
        (p.asids.in_use(), p.members.in_use())
    };
    let before = in_use();
    assert!(m.dev_add(bad).unwrap_err().command_status().is_some());
    assert_eq!((in_use(), before.1), (before, 1));
    m.dev_del(other).unwrap();
}

#[test]
fn a_share_is_read_back_and_one_out_of_range_is_refused() {
    let (_, m) = probe();
    let v = blk(&m, SpaceKind::Sv39);
    let new = Sched {
        weight: MAX_WEIGHT,
        pace: None,
    };
    assert_eq!(v.sched().unwrap(), new);
    let pace = |interval, burst| Some(Pace { interval, burst });
    let slow = Sched {
        weight: 2,
        pace: pace(250, 1000),
    };
    v.set_sched(slow).unwrap();
    for (weight, pace) in [
        (0, None),
        (MAX_WEIGHT + 1, None),
        (1, pace(0, 0)),
        (1, pace(MAX_INTERVAL + 1, 0)),
        (1, pace(1, MAX_INTERVAL + 1)),
    ] {
        let e = v.set_sched(Sched { weight, pace }).unwrap_err();
        let s = e.command_status().expect("the device refuses it");
        assert_eq!((s.status, s.qualifier), (EINVAL, Q_INVALID_FIELD));
    }
    assert_eq!(v.sched().unwrap(), slow);
}
