//! Whatever drivers, guests, the host and the card do, the model neither panics nor hangs.

mod common;
use common::{Host, ADMIN};
use shoal_abi::cmd::*;
use shoal_abi::mmu::*;
use shoal_abi::profile::{MID, TINY};
use shoal_abi::regs;
use shoal_abi::ring::*;
use shoal_abi::stream::*;

const RINGS: u64 = 0x40_0000;
const BUFFERS: u64 = 0x80_0000;

/// The counters that a session moves: misses for one page, and for more than the MMU can take, are too rare in it.
const COUNTERS: [regs::Reg; 11] = [
    regs::CNT_DOORBELLS,
    regs::CNT_TX_PACKETS,
    regs::CNT_RX_PACKETS,
    regs::CNT_RX_DROPS,
    regs::CNT_INTERRUPTS,
    regs::CNT_FAULTS,
    regs::CNT_ADMIN,
    regs::CNT_TLB_HITS,
    regs::CNT_TLB_MISSES,
    regs::CNT_WALKS,
    regs::CNT_MMU_FAULTS,
];

/// A value for a field: mostly small, sometimes anything.
fn value(h: &mut Host, name: &str) -> u64 {
    let r = u64::from(h.rand());
    if r % 50 == 0 {
        return r << 40 | r;
    }
    let x = r / 50;
    match name {
        "type" => 1 + x % 2,
        "vq_count" => [1, 2, 4, 8][x as usize % 4],
        "vq_base" => x % 4 * 4,
        "features" | "driver_features" => REQUIRED_FEATURES | (x % 4) << F_INDIRECT_DESC,
        "status" => [0, 3, 11, 15, 15, 15][x as usize % 6],
        "size" => 4 << (x % 3),
        "desc" => RINGS + x % 8 * 0x100,
        "driver" => RINGS + 0x1000 + x % 8 * 0x100,
        "device" => RINGS + 0x2000 + x % 8 * 0x100,
        "last_avail" | "used_idx" => x % 4,
        "msi_ctrl" | "ctrl" => [4, 4, 5, 0][x as usize % 4],
        "msi_address" | "address" => 0xfee0_0000 + x % 64 * 4,
        "flags" => [17, 1, 0, 2][x as usize % 4],
        "root" => (x % 4) << 12,
        "iova" | "len" => (x % 16) << 12,
        "kind" | "group" => x % 3,
        _ => x % 4,
    }
}

fn random_command(h: &mut Host) {
    let c = &COMMANDS[h.rand() as usize % COMMANDS.len()];
    if c.opcode == LIST_USE {
        return;
    }
    let args: Vec<(&str, u64)> = c
        .data
        .iter()
        .filter(|f| f.name != "reserved")
        .map(|f| (f.name, value(h, f.name)))
        .collect();
    let member = u64::from(1 + h.rand() % 3);
    let (status, qualifier, result) = h.try_cmd(c.opcode, member, &args);
    assert_eq!(status == OK, qualifier == Q_OK);
    let full = c.result.last().map_or(0, |f| f.offset + f.bytes);
    assert_eq!(
        result.len(),
        if status == OK { full } else { 0 },
        "{}",
        c.name
    );
}

/// The way a good driver sets a device up; what is refused is refused.
fn good_device(h: &mut Host) {
    let member = u64::from(1 + h.rand() % 3);
    let features = REQUIRED_FEATURES | u64::from(h.rand() % 4) << F_INDIRECT_DESC;
    let (kind, mode) = (u64::from(1 + h.rand() % 2), u64::from(1 + h.rand() % 2));
    h.try_cmd(
        ASID_SET,
        0,
        &[("asid", mode), ("flags", mode), ("root", 0), ("pasid", 9)],
    );
    h.try_cmd(STATUS_SET, member, &[("status", 0)]);
    let create = [
        ("type", kind),
        ("vq_count", 2),
        ("vq_base", 2 * member),
        ("features", features),
        ("asid_data", mode),
        ("asid_rings", mode),
        ("doorbell_page", member),
    ];
    h.try_cmd(DEV_CREATE, member, &create);
    h.try_cmd(FEATURES_SET, member, &[("driver_features", features)]);
    h.try_cmd(STATUS_SET, member, &[("status", 11)]);
    h.try_cmd(STATUS_SET, member, &[("status", 15)]);
    for index in 0..2 {
        let names = [
            "size",
            "desc",
            "driver",
            "device",
            "msi_ctrl",
            "msi_address",
        ];
        let mut args: Vec<_> = names.iter().map(|n| (*n, value(h, n))).collect();
        args.extend([("vq_index", index), ("flags", 1)]);
        h.try_cmd(VQ_SETUP, member, &args);
    }
    h.try_cmd(
        MSI_SET,
        member,
        &[("vq_index", 0xffff), ("ctrl", 4), ("address", 0xfee0_0000)],
    );
}

/// Rings full of half sensible descriptors.
fn scribble(h: &mut Host) {
    // Rings that take packets, or any.
    let kinds: [u16; 8] = if h.rand().is_multiple_of(3) {
        [2, 2, 2, 3, 2, 2, 3, 4]
    } else {
        [0, 1, 1, 2, 2, 3, 3, 4]
    };
    for n in 0..64u64 {
        let at = RINGS + 16 * n;
        let addr = if h.rand().is_multiple_of(4) {
            RINGS + u64::from(h.rand() % 64) * 16
        } else {
            BUFFERS + u64::from(h.rand() % 0x8000)
        };
        let len = [0, 16, 32, 1, 77, 600, 3000][h.rand() as usize % 7];
        let flags = kinds[h.rand() as usize % 8];
        let next = (h.rand() % 18) as u16;
        h.poke(at, &addr.to_le_bytes());
        h.poke(at + 8, &u32::to_le_bytes(len));
        h.poke(at + 12, &u16::to_le_bytes(flags));
        h.poke(at + 14, &next.to_le_bytes());
    }
    for n in 0..8u64 {
        let at = RINGS + 0x1000 + n * 0x100;
        for k in 0..20 {
            let x = (h.rand() % 17) as u16;
            h.poke(at + 4 + 2 * k, &x.to_le_bytes());
        }
        let idx = (h.rand() % 12) as u16;
        h.poke(at + 2, &idx.to_le_bytes());
    }
    // Sv39 tables at 0..0x4000 that map rings and buffers to themselves, with some entries spoilt.
    let leaf = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
    let mut pte = |table: u64, index: u64, target: u64, flags: u64| {
        let spoilt = h.rand();
        let flags = if spoilt.is_multiple_of(40) {
            u64::from(spoilt >> 8 & 0xff)
        } else {
            flags
        };
        h.poke(
            table + 8 * index,
            &(target >> 12 << PTE_PPN_LSB | flags).to_le_bytes(),
        );
    };
    pte(0, 0, 0x1000, PTE_V);
    pte(0x1000, RINGS >> 21, 0x2000, PTE_V);
    pte(0x1000, BUFFERS >> 21, 0x3000, PTE_V);
    for k in 0..0x10 {
        pte(0x2000, k, RINGS + (k << 12), leaf);
        pte(0x3000, k, BUFFERS + (k << 12), leaf);
    }
}

/// A session; gives the counters at its end.
fn session(p: &'static shoal_abi::profile::Profile, seed: u32) -> Vec<u32> {
    let mut h = Host::new(p, seed);
    h.start();
    h.bar_write(regs::FQ_CTRL.offset, 1 | 2 << 4);
    h.bar_write(regs::FQ_BASE_LO.offset, 0x20_0000);
    for round in 0..300 {
        match h.rand() % 14 {
            0..=3 => random_command(&mut h),
            4..=6 => good_device(&mut h),
            7 => scribble(&mut h),
            8 => {
                let tail = h.bar_read(regs::FQ_TAIL.offset);
                h.bar_write(regs::FQ_HEAD.offset, tail);
                let page = (BUFFERS >> 12) + u64::from(h.rand() % 8);
                h.bad = if h.rand().is_multiple_of(2) {
                    vec![page]
                } else {
                    vec![]
                };
            }
            9 => {
                for _ in 0..4 {
                    let n = (h.rand() % 700) as usize;
                    let (dest, tid) = (h.rand() % 4, (h.rand() % 3) as u16);
                    h.send(&vec![0x77; n], dest, tid, 0);
                }
            }
            10 => {
                let (n, bit) = ((h.rand() % 90) as usize, u64::from(h.rand()) & 1);
                if let Some(packet) = h.packets.pop() {
                    let user =
                        TUSER_ANSWER.put(1) | TUSER_TAG.put(TUSER_TAG.get(packet.user) ^ bit << 9);
                    h.send(&vec![0x55; n], packet.dest, packet.tid, user);
                }
            }
            _ => {
                for _ in 0..6 {
                    let (page, index) = (h.rand() % 4, h.rand() % 4);
                    h.bar_write(regs::DOORBELLS + page * regs::DOORBELL_PAGE_BYTES, index);
                }
            }
        }
        let wait = u64::from(h.rand() % 300);
        h.run(wait);
        assert_eq!(
            h.bar_read(regs::STATUS_QUEUE_SELECT.offset) & 0x40,
            0,
            "admin queue stopped, round {round}"
        );
    }
    // Everything is gone after a warm reset, and the device works.
    h.bad.clear();
    h.bar_write(regs::STATUS_QUEUE_SELECT.offset, 0);
    h.until("end of the warm reset", 200_000, |h| {
        h.bar_read(regs::STATUS_QUEUE_SELECT.offset) == 0 && h.bar_read(regs::READY.offset) == 1
    });
    h.bring_up();
    for member in 1..4 {
        assert_eq!(h.try_cmd(STATUS_GET, member, &[]).1, Q_INVALID_MEMBER);
    }
    assert!(h.peek16(ADMIN + 0x2002) > 0);
    COUNTERS.iter().map(|r| h.bar_read(r.offset)).collect()
}

#[test]
fn hostile_sessions_end_with_a_working_device() {
    let mut sums = [0u64; COUNTERS.len()];
    let mut add = |counters: Vec<u32>| {
        sums.iter_mut()
            .zip(counters)
            .for_each(|(s, c)| *s += u64::from(c));
    };
    for seed in 1..=24 {
        add(session(&TINY, seed * 7919));
    }
    add(session(&MID, 4242));
    for (reg, sum) in COUNTERS.iter().zip(sums) {
        println!("{} {sum}", reg.name);
        assert!(
            sum > 0,
            "{} never counted: the sessions are too tame",
            reg.name
        );
    }
}

#[test]
fn responses_that_nobody_asked_for_are_survived() {
    let mut h = Host::new(&TINY, 31);
    h.start();
    for _ in 0..40 {
        random_command(&mut h);
    }
    scribble(&mut h);
    for n in 0..60_000_u32 {
        let x = h.rand();
        h.inputs = shoal_abi::ports::Inputs {
            m_axi_rvalid: x & 7 == 0,
            m_axi_rid: (h.rand() & 0x3f) as u16,
            m_axi_rdata: [h.rand().into(); shoal_abi::profile::DATA_WORDS],
            m_axi_rlast: x & 16 == 0,
            m_axi_bvalid: x & 0x60 == 0,
            m_axi_bid: (h.rand() & 0x3f) as u16,
            ..h.inputs
        };
        if n % 500 == 0 {
            for index in 0..4 {
                h.poke(RINGS + 0x1002 + 0x100 * index, &(n as u16).to_le_bytes());
            }
        }
        let i = h.inputs;
        h.dev.tick(&i);
    }
    h.inputs = shoal_abi::ports::Inputs {
        reset: true,
        ..Default::default()
    };
    h.step();
    assert_eq!(h.dev.outputs(), shoal_abi::ports::Outputs::default());
}
