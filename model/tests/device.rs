//! The device as a whole, behind a small host: admin queue, transmit, answer, receive, faults, warm reset.

mod common;
use common::{Host, Ring};
use shoal_abi::cmd::*;
use shoal_abi::mmu::*;
use shoal_abi::profile::{Profile, HYPER, MID, TINY};
use shoal_abi::regs;
use shoal_abi::ring::*;
use shoal_abi::stream::*;

const RINGS: u64 = 0x40_0000;
const BUFFERS: u64 = 0x80_0000;
const MSG: u64 = 0xfee0_0000;

/// A net device 3 with queues 0 (receive) and 1 (transmit), or a block device with queue 0, running on ASID 1 (bare).
fn device(h: &mut Host, kind: u16, features: u64) -> Vec<Ring> {
    h.cmd(
        ASID_SET,
        0,
        &[
            ("asid", 1),
            ("flags", u64::from(MODE_BARE) | 16),
            ("pasid", 77),
        ],
    );
    let count = if kind == TYPE_NET { 2 } else { 1 };
    let features = features | REQUIRED_FEATURES;
    h.cmd(
        DEV_CREATE,
        3,
        &[
            ("type", u64::from(kind)),
            ("vq_count", count),
            ("vq_base", 5),
            ("features", features),
            ("asid_data", 1),
            ("asid_control", 1),
            ("asid_rings", 1),
            ("doorbell_page", 2),
        ],
    );
    h.cmd(FEATURES_SET, 3, &[("driver_features", features)]);
    let s = h.cmd(STATUS_SET, 3, &[("status", 11)]);
    assert_eq!(s[0], 11);
    let rings: Vec<Ring> = (0..count)
        .map(|k| Ring {
            at: RINGS + k * 0x1_0000,
            size: 16,
            avail: 0,
        })
        .collect();
    for (k, r) in rings.iter().enumerate() {
        h.cmd(
            VQ_SETUP,
            3,
            &[
                ("vq_index", k as u64),
                ("size", 16),
                ("flags", 1),
                ("desc", r.desc()),
                ("driver", r.driver()),
                ("device", r.device()),
                ("msi_ctrl", u64::from(MSI_VALID)),
                ("msi_address", MSG + 4 * k as u64),
                ("msi_data", 0x100 + k as u64),
            ],
        );
    }
    h.cmd(STATUS_SET, 3, &[("status", 15)]);
    rings
}

fn doorbell(h: &mut Host, index: u32) {
    h.bar_write(regs::DOORBELLS + 2 * regs::DOORBELL_PAGE_BYTES, index);
}

fn fill(h: &mut Host, at: u64, n: usize) -> Vec<u8> {
    let bytes: Vec<u8> = (0..n).map(|_| h.rand() as u8).collect();
    h.poke(at, &bytes);
    bytes
}

fn both(test: impl Fn(&'static Profile, u32)) {
    for seed in [1, 77, 4711] {
        test(&TINY, seed);
        test(&MID, seed);
        test(&HYPER, seed);
    }
}

#[test]
fn outputs_are_zero_after_reset_and_ready_comes_after_the_sweep() {
    let mut d = shoal_model::Device::new(&TINY);
    assert_eq!(d.outputs(), shoal_abi::ports::Outputs::default());
    let mut i = shoal_abi::ports::Inputs::default();
    d.tick(&i);
    assert!(d.outputs().m_axi_rready && d.outputs().s_axil_arready && d.outputs().s_axis_tready);
    // READY is 1 after 2^vq_aw edges; a read held in the cycle before still sees 0.
    (i.s_axil_araddr, i.s_axil_arvalid, i.s_axil_rready) = (regs::READY.offset, true, true);
    let mut seen = Vec::new();
    for edge in 2..60 {
        d.tick(&i);
        if d.outputs().s_axil_rvalid {
            seen.push((edge, d.outputs().s_axil_rdata));
        }
    }
    let first = seen.iter().find(|s| s.1 == 1).expect("ready").0;
    assert!(
        seen.iter().filter(|s| s.0 < first).all(|s| s.0 - 1 < 32),
        "{seen:?}"
    );
    assert!(first > 32 && first <= 35, "{seen:?}");
    i.reset = true;
    d.tick(&i);
    assert_eq!(d.outputs(), shoal_abi::ports::Outputs::default());
}

#[test]
fn commands_are_refused_in_the_order_of_the_abi() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        assert_eq!(h.raw(CAPS, 9, 0, &[]), (EINVAL, Q_INVALID_GROUP, vec![]));
        assert_eq!(h.raw(0x7f, GROUP_SELF, 0, &[]).1, Q_INVALID_OPCODE);
        assert_eq!(h.raw(0x4000, GROUP_SELF, 0, &[]).1, Q_INVALID_OPCODE);
        assert_eq!(h.try_cmd(STATUS_GET, 1, &[]).1, Q_INVALID_MEMBER);
        assert_eq!(
            h.try_cmd(ASID_SET, 0, &[("asid", u64::from(p.asids))]).1,
            Q_INVALID_FIELD
        );
        let caps = h.cmd(CAPS, 0, &[]);
        assert_eq!((caps.len(), &caps[..4]), (64, &p.devices.to_le_bytes()[..]));
        device(&mut h, TYPE_NET, 0);
        assert_eq!(h.try_cmd(DEV_CREATE, 3, &[]).0, EEXIST);
        assert_eq!(h.try_cmd(GROUP_ASID_SET, 3, &[]).0, EBUSY);
        assert_eq!(h.try_cmd(VQ_SETUP, 3, &[("size", 2)]).0, EBUSY);
        assert_eq!(h.try_cmd(FEATURES_SET, 3, &[]).1, Q_INVALID_COMMAND);
        assert_eq!(
            h.try_cmd(STATUS_SET, 3, &[("status", 1)]).1,
            Q_INVALID_FIELD
        );
        let asid = h.cmd(ASID_GET, 0, &[("asid", 1)]);
        assert_eq!(asid[..12], [1, 0, 0, 0, 17, 0, 0, 0, 77, 0, 0, 0]);
        let x = h.cmd(TRANSLATE, 0, &[("asid", 1), ("iova", 0x1234_5678)]);
        assert_eq!(x[..8], 0x1234_5678_u64.to_le_bytes());
        assert_eq!(x[12..], (USER_PASID_VALID | 77).to_le_bytes());
        let x = h.cmd(TRANSLATE, 0, &[("asid", 2), ("iova", 0x1234_5678)]);
        assert_eq!(x[8..12], u32::from(CAUSE_ASID_OFF).to_le_bytes());
        h.cmd(DEV_DESTROY, 3, &[]);
        assert_eq!(h.try_cmd(STATUS_GET, 3, &[]).1, Q_INVALID_MEMBER);
        h.cmd(
            IOTLB_INVALIDATE,
            0,
            &[("kind", 2), ("asid", 1), ("len", 4096)],
        );
    });
}

#[test]
fn transmit_chains_go_out_as_packets_and_are_used_in_order() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 1 << F_EVENT_IDX);
        let r = &mut rings[1];
        let mut sent = Vec::new();
        for n in 0..20u16 {
            let count = 1 + h.rand() % 4;
            let mut parts = Vec::new();
            let mut bytes = Vec::new();
            let head = n % 4 * 4;
            for k in 0..count {
                let at = BUFFERS
                    + u64::from(head) * 0x4000
                    + u64::from(k) * 0x1000
                    + u64::from(h.rand() % 300);
                let len = h.rand() % 700;
                bytes.extend(fill(&mut h, at, len as usize));
                parts.push((at, len, false));
            }
            // used_event: every element interrupts
            h.poke(r.driver() + 4 + 2 * 16, &n.to_le_bytes());
            r.offer(&mut h, head, &parts);
            sent.push((head, bytes));
            doorbell(&mut h, 1);
            let r = &*r;
            h.until("used element", 50_000, |h| r.used_idx(h) == n + 1);
            h.until("message", 500, |h| h.messages.len() == usize::from(n) + 1);
        }
        h.run(500);
        assert_eq!(h.packets.len(), 20);
        for (n, (head, bytes)) in sent.iter().enumerate() {
            let packet = &h.packets[n];
            assert_eq!(&packet.bytes, bytes, "packet {n}");
            assert_eq!((packet.dest, packet.tid), (3, 1));
            assert_eq!(TUSER_TYPE.get(packet.user), u64::from(TYPE_NET));
            assert_eq!(
                (
                    TUSER_ABORT.get(packet.user),
                    TUSER_WRITABLE.get(packet.user)
                ),
                (0, 0)
            );
            if n >= 4 {
                assert_eq!(r.used(&h, n as u16), (u32::from(*head), 0));
            }
        }
        assert_eq!(h.messages, vec![(MSG + 4, 0x101); 20]);
        assert_eq!(h.bar_read(regs::CNT_TX_PACKETS.offset), 20);
        assert_eq!(h.peek16(r.device() + 4 + 8 * 16), 20, "avail_event");
        let stats = h.cmd(STATS_GET, 3, &[("vq_index", 1)]);
        assert_eq!(stats[..12], [20, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0]);
        let state = h.cmd(VQ_STATE_GET, 3, &[("vq_index", 1)]);
        assert_eq!(state, [20, 0, 20, 0, 16, 0, 1, 0]);
    });
}

#[test]
fn chains_offered_together_are_served_in_visits() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        let r = &mut rings[1];
        // The first entry lies in the beat of avail.idx, the next eight in two words; the last chain is not a plain one.
        let mut sent: Vec<Vec<u8>> = Vec::new();
        for n in 0..11u16 {
            let at = BUFFERS + u64::from(n) * 0x1000;
            let len = 1 + h.rand() % 300;
            let bytes = fill(&mut h, at, len as usize);
            if n < 10 {
                r.offer(&mut h, n, &[(at, len, false)]);
            } else {
                r.offer(&mut h, n, &[(at, len, false), (at + 0x1000, 0, false)]);
            }
            sent.push(bytes);
        }
        doorbell(&mut h, 1);
        let r = &*r;
        h.until("used elements", 50_000, |h| r.used_idx(h) == 11);
        h.run(500);
        let packets: Vec<_> = h.packets.iter().map(|p| p.bytes.clone()).collect();
        assert_eq!(packets, sent);
        for n in 0..11 {
            assert_eq!(r.used(&h, n), (u32::from(n), 0));
        }
        assert_eq!(h.bar_read(regs::CNT_TX_PACKETS.offset), 11);
        assert_eq!(h.messages.len(), 4, "visits of 1, 8, 1 and 1");
        let state = h.cmd(VQ_STATE_GET, 3, &[("vq_index", 1)]);
        assert_eq!(state[..4], [11, 0, 11, 0]);
        h.cmd(DEV_MODE_SET, 3, &[("flags", 1)]);
        h.cmd(DEV_DESTROY, 3, &[]);
    });
}

#[test]
fn a_fault_of_one_chain_of_a_visit_ends_it_without_used_elements() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        h.bad.push((BUFFERS + 0x5000) >> 12);
        let r = &mut rings[1];
        for n in 0..4u16 {
            let at = BUFFERS + 0x1000 * u64::from(3 + n);
            r.offer(&mut h, n, &[(at, 64, false)]);
        }
        doorbell(&mut h, 1);
        h.until("packets", 5000, |h| h.packets.len() == 4);
        h.run(1000);
        let aborts: Vec<u64> = h.packets.iter().map(|p| TUSER_ABORT.get(p.user)).collect();
        assert_eq!(aborts, [0, 0, 1, 0]);
        // The visit before has been told of.
        assert_eq!(r.used_idx(&h), 1);
        assert_eq!(h.cmd(STATUS_GET, 3, &[])[0], 15 | S_NEEDS_RESET);
        h.cmd(STATUS_SET, 3, &[("status", 0)]);
    });
}

#[test]
fn answers_fill_the_writable_descriptors() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_BLK, 1 << F_INDIRECT_DESC);
        let r = &mut rings[0];
        let request = fill(&mut h, BUFFERS + 5, 16);
        // An indirect table of three descriptors.
        let table = BUFFERS + 0x1_0000;
        let entries = [
            (BUFFERS + 5, 16u32, 1u16),
            (BUFFERS + 0x1003, 300, 3),
            (BUFFERS + 0x2000, 1, 2),
        ];
        for (k, (addr, len, flags)) in entries.iter().enumerate() {
            let at = table + 16 * k as u64;
            h.poke(at, &addr.to_le_bytes());
            h.poke(at + 8, &len.to_le_bytes());
            h.poke(at + 12, &flags.to_le_bytes());
            h.poke(at + 14, &(k as u16 + 1).to_le_bytes());
        }
        let at = r.desc() + 16 * 7;
        h.poke(at, &table.to_le_bytes());
        h.poke(at + 8, &48u32.to_le_bytes());
        h.poke(at + 12, &DESC_F_INDIRECT.to_le_bytes());
        r.publish(&mut h, 7);
        doorbell(&mut h, 0);
        h.until("packet", 5000, |h| !h.packets.is_empty());
        let packet = h.packets[0].clone();
        assert_eq!(packet.bytes, request);
        assert_eq!(TUSER_WRITABLE.get(packet.user), 301);
        let tag = TUSER_TAG.get(packet.user);
        let answer: Vec<u8> = (0..310).map(|k| k as u8).collect();
        // A wrong tag first: thrown away.
        h.send(&answer, 3, 0, TUSER_ANSWER.put(1) | TUSER_TAG.put(tag ^ 8));
        h.run(600);
        assert_eq!(h.byte(BUFFERS + 0x1010), 0);
        h.send(&answer, 3, 0, TUSER_ANSWER.put(1) | TUSER_TAG.put(tag));
        let r = &*r;
        h.until("used element", 5000, |h| r.used_idx(h) == 1);
        h.run(300);
        assert_eq!(r.used(&h, 0), (7, 301));
        assert_eq!(h.peek(BUFFERS + 0x1003, 300), answer[..300]);
        assert_eq!(h.peek(BUFFERS + 0x2000, 2), [answer[300], 0]);
        assert_eq!(h.peek(BUFFERS + 0x1002, 1), [0]);
        assert_eq!(h.messages, [(MSG, 0x100)]);
    });
}

#[test]
fn received_packets_are_scattered_or_dropped() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        let r = &mut rings[0];
        let mut packet: Vec<u8> = (0..213).map(|k| k as u8 ^ 0x5a).collect();
        h.send(&packet, 3, 0, 0);
        h.until("drop", 5000, |h| h.feed.is_empty());
        h.run(200);
        assert_eq!(h.bar_read(regs::CNT_RX_DROPS.offset), 1);
        r.offer(
            &mut h,
            2,
            &[
                (BUFFERS + 9, 13, true),
                (BUFFERS + 0xfff, 0, true),
                (BUFFERS + 0xffd, 500, true),
            ],
        );
        h.send(&packet, 3, 0, 0);
        h.send(&packet, 3, 1, 0);
        h.send(&packet, 8, 0, 0);
        {
            let r = &*r;
            h.until("used element", 5000, |h| r.used_idx(h) == 1);
        }
        h.run(500);
        (packet[10], packet[11]) = (1, 0);
        assert_eq!(r.used(&h, 0), (2, 213));
        assert_eq!(h.peek(BUFFERS + 9, 13), packet[..13]);
        assert_eq!(h.peek(BUFFERS + 0xffd, 200), packet[13..]);
        assert_eq!(h.byte(BUFFERS + 0xffd + 200), 0);
        assert_eq!(h.bar_read(regs::CNT_RX_PACKETS.offset), 1);
        assert_eq!(h.bar_read(regs::CNT_RX_DROPS.offset), 3);
        // Truncated, one descriptor too short.
        r.offer(&mut h, 5, &[(BUFFERS + 0x3000, 100, true)]);
        h.send(&packet, 3, 0, 0);
        let r = &*r;
        h.until("used element", 5000, |h| r.used_idx(h) == 2);
        assert_eq!(r.used(&h, 1), (5, 100));
        assert_eq!(h.byte(BUFFERS + 0x3064), 0);
    });
}

#[test]
fn packets_behind_one_another_are_received_in_visits() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        let r = &mut rings[0];
        // Chains 3 and 7 have two descriptors, of 60 bytes and more.
        let two = |n: u16| n % 4 == 3;
        let at = |n: u16| BUFFERS + 0x2000 * u64::from(n) + 7 * u64::from(n);
        for n in 0..8u16 {
            let second = (at(n) + 0x1000, 1000, true);
            let parts = [(at(n), if two(n) { 60 } else { 900 }, true), second];
            r.offer(&mut h, 2 * n, &parts[..1 + usize::from(two(n))]);
        }
        let packets: Vec<Vec<u8>> = (0..8)
            .map(|n| (0..70 + 113 * n).map(|_| h.rand() as u8).collect())
            .collect();
        for packet in &packets {
            h.send(packet, 3, 0, TUSER_ANSWER.put(0));
            // One between them is nobody's.
            h.send(&[1, 2, 3], 3, 1, 0);
        }
        let r = &*r;
        h.until("used elements", 50_000, |h| r.used_idx(h) == 8);
        h.run(800);
        for n in 0..8u16 {
            let mut packet = packets[usize::from(n)].clone();
            (packet[10], packet[11]) = (1, 0);
            let len = packet.len();
            assert_eq!(r.used(&h, n), (2 * u32::from(n), len as u32), "{n}");
            let cut = if two(n) { 60 } else { len };
            assert_eq!(h.peek(at(n), cut), packet[..cut]);
            assert_eq!(h.peek(at(n) + 0x1000, len - cut), packet[cut..]);
        }
        assert_eq!(h.bar_read(regs::CNT_RX_PACKETS.offset), 8);
        assert_eq!(h.bar_read(regs::CNT_RX_DROPS.offset), 8);
        assert!((3..=8).contains(&h.messages.len()), "{}", h.messages.len());
        h.cmd(DEV_MODE_SET, 3, &[("flags", 1)]);
        h.cmd(DEV_DESTROY, 3, &[]);
    });
}

#[test]
fn a_long_packet_whose_buffer_faults_goes_through() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        // Sv39 without a table: no buffer can be translated.
        h.cmd(STATUS_SET, 3, &[("status", 0)]);
        let sv39 = [
            ("asid", 2),
            ("flags", u64::from(MODE_SV39)),
            ("root", 0x70_0000),
        ];
        h.cmd(ASID_SET, 0, &sv39);
        h.cmd(GROUP_ASID_SET, 3, &[("group", 0), ("asid", 2)]);
        h.cmd(FEATURES_SET, 3, &[("driver_features", REQUIRED_FEATURES)]);
        h.cmd(STATUS_SET, 3, &[("status", 11)]);
        let r = &mut rings[0];
        let setup = [
            ("size", 16),
            ("flags", 1),
            ("desc", r.desc()),
            ("driver", r.driver()),
            ("device", r.device()),
        ];
        h.cmd(VQ_SETUP, 3, &setup);
        h.cmd(STATUS_SET, 3, &[("status", 15)]);
        let beats = 2 * p.rx_beats.min(300);
        r.offer(&mut h, 0, &[(BUFFERS, 65_000, true)]);
        h.send(&vec![0x33; beats * p.beat_bytes()], 3, 0, 0);
        h.send(&[0x44; 100], 3, 0, 0);
        h.until("packets", 20_000, |h| h.feed.is_empty());
        h.run(2000);
        assert_eq!(r.used_idx(&h), 0);
        assert_eq!(h.cmd(STATUS_GET, 3, &[])[0], 15 | S_NEEDS_RESET);
        assert_eq!(h.bar_read(regs::CNT_FAULTS.offset), 1);
        h.cmd(STATUS_SET, 3, &[("status", 0)]);
    });
}

#[test]
fn warm_reset_with_packets_in_flight_ends_with_everything_gone() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, 0);
        for n in 0..5 {
            rings[0].offer(&mut h, n, &[(BUFFERS, 640, true)]);
        }
        (0..9).for_each(|n| h.send(&[n; 333], 3, 0, 0));
        let wait = u64::from(h.rand() % 900);
        h.run(wait);
        h.bar_write(regs::STATUS_QUEUE_SELECT.offset, 0);
        h.until("end of the warm reset", 100_000, |h| {
            h.bar_read(regs::STATUS_QUEUE_SELECT.offset) == 0 && h.bar_read(regs::READY.offset) == 1
        });
        assert!(h.feed.is_empty());
        h.bring_up();
        let mut rings = device(&mut h, TYPE_NET, 0);
        h.poke(rings[0].device() + 2, &[0, 0]);
        rings[0].offer(&mut h, 0, &[(BUFFERS, 640, true)]);
        h.send(&[5; 333], 3, 0, 0);
        h.until("used element", 5000, |h| rings[0].used_idx(h) == 1);
    });
}

#[test]
fn fault_gives_needs_reset_one_record_and_no_used_element() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        h.bar_write(regs::FQ_BASE_LO.offset, 0x20_0000);
        h.bar_write(regs::FQ_CTRL.offset, 1 | 2 << 4 | 2 << 16);
        h.bar_write(regs::MSIX_TABLE + 0x20, MSG as u32 + 0x80);
        h.bar_write(regs::MSIX_TABLE + 0x28, 0xfa);
        h.bar_write(regs::MSIX_TABLE + 0x2c, 0);
        let mut rings = device(&mut h, TYPE_NET, 0);
        h.cmd(
            MSI_SET,
            3,
            &[
                ("vq_index", u64::from(CONFIG_MSI)),
                ("ctrl", 4),
                ("address", MSG + 0x40),
                ("data", 0xcf),
            ],
        );
        h.bad.push((BUFFERS + 0x5000) >> 12);
        let r = &mut rings[1];
        r.offer(
            &mut h,
            0,
            &[(BUFFERS, 64, false), (BUFFERS + 0x5100, 700, false)],
        );
        doorbell(&mut h, 1);
        h.until("record", 5000, |h| h.peek64(0x20_0018 - 24) != 0);
        h.run(1000);
        assert_eq!(r.used_idx(&h), 0);
        assert_eq!(TUSER_ABORT.get(h.packets[0].user), 1);
        assert_eq!(
            h.peek64(0x20_0000),
            u64::from(CAUSE_READ_ACCESS) | 1 << 12 | 2 << 34 | 3 << 40
        );
        assert_eq!(
            (h.peek64(0x20_0008), h.peek64(0x20_0010)),
            (1, BUFFERS + 0x5100)
        );
        assert_eq!(h.bar_read(regs::FQ_TAIL.offset), 1);
        assert_eq!(h.cmd(STATUS_GET, 3, &[])[0], 15 | S_NEEDS_RESET);
        h.messages.sort_unstable();
        assert_eq!(h.messages, [(MSG + 0x40, 0xcf), (MSG + 0x80, 0xfa)]);
        h.cmd(STATUS_SET, 3, &[("status", 0)]);
        assert_eq!(h.cmd(STATUS_GET, 3, &[])[0], 0);
    });
}

#[test]
fn drains_wait_for_answers_and_release_what_waits() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_BLK, 0);
        rings[0].offer(
            &mut h,
            0,
            &[(BUFFERS, 64, false), (BUFFERS + 0x100, 9, true)],
        );
        doorbell(&mut h, 0);
        h.until("packet", 5000, |h| h.packets.len() == 1);
        h.run(100);
        // Nobody answers: stop gives up and the device runs on.
        assert_eq!(h.try_cmd(DEV_MODE_SET, 3, &[("flags", 1)]).0, EAGAIN);
        h.cmd(VQ_RESET, 3, &[("vq_index", 0)]);
        assert_eq!(
            h.cmd(VQ_STATE_GET, 3, &[("vq_index", 0)]),
            [0, 0, 0, 0, 16, 0, 0, 0]
        );
        h.cmd(DEV_MODE_SET, 3, &[("flags", 1)]);
        h.cmd(GROUP_ASID_SET, 3, &[("group", 0), ("asid", 2)]);
        h.cmd(DEV_DESTROY, 3, &[]);
    });
}

#[test]
fn warm_reset_with_work_in_flight_ends_with_everything_gone() {
    both(|p, seed| {
        let mut h = Host::new(p, seed);
        h.start();
        let mut rings = device(&mut h, TYPE_BLK, 0);
        for n in 0..4 {
            rings[0].offer(
                &mut h,
                n * 2,
                &[(BUFFERS, 640, false), (BUFFERS + 0x1000, 9, true)],
            );
        }
        doorbell(&mut h, 0);
        let wait = u64::from(h.rand() % 400);
        h.run(wait);
        h.bar_write(regs::STATUS_QUEUE_SELECT.offset, 0);
        h.until("end of the warm reset", 100_000, |h| {
            h.bar_read(regs::STATUS_QUEUE_SELECT.offset) == 0 && h.bar_read(regs::READY.offset) == 1
        });
        h.packets.clear();
        h.run(500);
        assert!(h.packets.is_empty());
        h.bring_up();
        assert_eq!(h.try_cmd(STATUS_GET, 3, &[]).1, Q_INVALID_MEMBER);
        let mut rings = device(&mut h, TYPE_NET, 0);
        rings[1].offer(&mut h, 0, &[(BUFFERS, 64, false)]);
        doorbell(&mut h, 1);
        h.until("packet", 5000, |h| h.packets.len() == 1);
    });
}

#[test]
fn no_input_whatever_makes_the_model_panic() {
    for p in [&TINY, &MID, &HYPER] {
        let mut h = Host::new(p, 99);
        h.start();
        let mut rings = device(&mut h, TYPE_NET, COMMON_FEATURES);
        rings[1].offer(&mut h, 0, &[(BUFFERS, 64, false)]);
        let mut x = 0x9e37_79b9_7f4a_7c15_u64;
        let mut word = move || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for n in 0..300_000 {
            let mut i = shoal_abi::ports::Inputs::from_fn(|_| std::array::from_fn(|_| word()));
            i.reset = n % 50_000 == 49_999;
            // Often where registers and doorbells are.
            if n % 2 == 0 {
                i.s_axil_awaddr &= 0x4000_7ffc;
            }
            h.dev.tick(&i);
            let _ = h.dev.outputs();
        }
    }
}
