//! The slave against a small random master that knows what memory must hold.

use std::collections::HashMap;

use super::*;
use shoal_abi::ports::{data, Data};

/// A host with memory, and the slave; `step` is one cycle.
struct Bench {
    mem: HostMem,
    iommu: Iommu,
    irqs: IrqController,
    slave: AxiSlave,
    cycle: u64,
}

impl Bench {
    fn new(settings: AxiSettings, beat_bytes: usize) -> Self {
        Self {
            mem: HostMem::new(1 << 20, 1 << 20).unwrap(),
            iommu: Iommu::default(),
            irqs: IrqController::default(),
            slave: AxiSlave::new(settings, beat_bytes, 6, Dice::new(11, 0)),
            cycle: 0,
        }
    }

    fn step(&mut self, out: &Outputs) -> Inputs {
        let mut inputs = Inputs::default();
        let Self {
            mem, iommu, irqs, ..
        } = self;
        let mut on = Platform {
            mem,
            remote: None,
            iommu,
            irqs,
        };
        self.slave.tick(self.cycle, out, &mut inputs, &mut on);
        self.cycle += 1;
        inputs
    }

    /// Does one read alone; data beats and the last response.
    fn read(&mut self, ar: Outputs) -> (Vec<Data>, u8) {
        let mut out = Outputs {
            m_axi_arvalid: true,
            m_axi_rready: true,
            m_axi_arburst: 1,
            ..ar
        };
        let mut beats = Vec::new();
        for _ in 0..10_000 {
            let i = self.step(&out);
            out.m_axi_arvalid &= !i.m_axi_arready;
            if i.m_axi_rvalid {
                beats.push(i.m_axi_rdata);
                if i.m_axi_rlast {
                    return (beats, i.m_axi_rresp);
                }
            }
        }
        panic!("no answer");
    }

    /// Does one write alone, data first when `early`; the response.
    fn write(&mut self, aw: Outputs, beats: &[(Data, u64)], early: bool) -> u8 {
        let mut out = Outputs {
            m_axi_awvalid: !early,
            m_axi_bready: true,
            m_axi_awburst: 1,
            ..aw
        };
        let mut sent = 0;
        for _ in 0..10_000 {
            out.m_axi_wvalid = sent < beats.len();
            if out.m_axi_wvalid {
                (out.m_axi_wdata, out.m_axi_wstrb) = beats[sent];
                out.m_axi_wlast = sent + 1 == beats.len();
            } else if early {
                out.m_axi_awvalid = true;
            }
            let i = self.step(&out);
            sent += usize::from(out.m_axi_wvalid && i.m_axi_wready);
            if out.m_axi_awvalid && i.m_axi_awready {
                out.m_axi_awvalid = false;
                return self.write_rest(out, beats, sent);
            }
        }
        panic!("the address is never taken");
    }

    fn write_rest(&mut self, mut out: Outputs, beats: &[(Data, u64)], mut sent: usize) -> u8 {
        for _ in 0..10_000 {
            out.m_axi_wvalid = sent < beats.len();
            if out.m_axi_wvalid {
                (out.m_axi_wdata, out.m_axi_wstrb) = beats[sent];
                out.m_axi_wlast = sent + 1 == beats.len();
            }
            let i = self.step(&out);
            sent += usize::from(out.m_axi_wvalid && i.m_axi_wready);
            if i.m_axi_bvalid {
                return i.m_axi_bresp;
            }
        }
        panic!("no response");
    }
}

fn ar(addr: u64, beats: u8, size: u8) -> Outputs {
    Outputs {
        m_axi_araddr: addr,
        m_axi_arlen: beats - 1,
        m_axi_arsize: size,
        ..Outputs::default()
    }
}

fn aw(addr: u64, beats: u8, size: u8) -> Outputs {
    Outputs {
        m_axi_awaddr: addr,
        m_axi_awlen: beats - 1,
        m_axi_awsize: size,
        ..Outputs::default()
    }
}

#[test]
fn strobed_bytes_reach_memory_before_the_response_and_no_other_bytes_do() {
    for early in [false, true] {
        let mut b = Bench::new(AxiSettings::default(), 16);
        b.mem.write(0x1000, &[0x55; 64]).unwrap();
        let value = data([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        let beats = [(value, 0xf0f0), (value, 0x00ff)];
        assert_eq!(b.write(aw(0x1010, 2, 4), &beats, early), 0);
        let mut back = [0; 64];
        b.mem.read(0x1000, &mut back).unwrap();
        let mut expected = [0x55; 64];
        for l in [4, 5, 6, 7, 12, 13, 14, 15] {
            expected[0x10 + l] = l as u8;
        }
        for l in 0..8 {
            expected[0x20 + l] = l as u8;
        }
        assert_eq!(back, expected);
    }
}

#[test]
fn narrow_and_unaligned_reads_put_bytes_in_their_lanes() {
    let mut b = Bench::new(AxiSettings::default(), 16);
    b.mem.write(0x2000, &(0..64).collect::<Vec<u8>>()).unwrap();
    let byte = |d: &Data, l: usize| d[l / 8].to_le_bytes()[l % 8];
    let (beats, resp) = b.read(ar(0x200a, 3, 2));
    assert_eq!((beats.len(), resp), (3, 0));
    assert_eq!((byte(&beats[0], 10), byte(&beats[0], 11)), (10, 11));
    assert_eq!((byte(&beats[1], 12), byte(&beats[1], 15)), (12, 15));
    assert_eq!((byte(&beats[2], 0), byte(&beats[2], 3)), (16, 19));
}

#[test]
fn each_way_to_refuse_has_its_response() {
    let mut b = Bench::new(AxiSettings::default(), 8);
    let pasid = |o: Outputs| Outputs {
        m_axi_aruser: USER_PASID_VALID | 9,
        ..o
    };
    assert_eq!(b.read(ar(1 << 40, 2, 3)).1, 3, "no memory there");
    assert_eq!(b.read(pasid(ar(0x1000, 1, 3))).1, 2);
    b.iommu.map(9, 0x1000, 1 << 40, 4096, true);
    assert_eq!(b.read(pasid(ar(0x1000, 1, 3))).1, 3, "mapped to nothing");
    b.iommu.map(9, 0x1000, 0x5000, 4096, false);
    b.mem.write(0x5008, &7_u64.to_le_bytes()).unwrap();
    let (beats, resp) = b.read(pasid(ar(0x1008, 1, 3)));
    assert_eq!((beats[0][0], resp), (7, 0));
    let to = Outputs {
        m_axi_awuser: USER_PASID_VALID | 9,
        ..aw(0x1008, 1, 3)
    };
    assert_eq!(b.write(to, &[(data([1]), 0xff)], false), 2, "read-only");
    assert_eq!(b.read(ar(0x1ff8, 2, 3)).1, 2, "crosses a page");
    assert_eq!(b.slave.counts().illegal, 1);
}

#[test]
fn an_interrupt_message_reaches_the_controller_and_not_memory() {
    let mut b = Bench::new(AxiSettings::default(), 8);
    let to = Outputs {
        m_axi_awuser: 1 << 21,
        ..aw(0x1004, 1, 2)
    };
    assert_eq!(
        b.write(to, &[(data([0xabcd_1234_0000_0000]), 0xf0)], false),
        0
    );
    assert_eq!(b.irqs.take(0x1004, 0xabcd_1234), 1);
    let mut back = [0; 8];
    b.mem.read(0x1000, &mut back).unwrap();
    assert_eq!(back, [0; 8]);
    assert_eq!(
        b.write(to, &[(data([]), 0xff)], false),
        2,
        "eight bytes are no message"
    );
}

#[test]
fn reads_stay_in_order_within_an_id_and_overtake_across_ids() {
    let mut b = Bench::new(AxiSettings::default(), 8);
    for n in 0..4096_u64 {
        b.mem.write(0x1_0000 + n * 8, &n.to_le_bytes()).unwrap();
    }
    let mut dice = Dice::new(2, 2);
    let mut next: u64 = 0;
    let mut expected: HashMap<u16, Vec<(u64, bool)>> = HashMap::new();
    let mut ends = Vec::new();
    let mut open: Option<u16> = None;
    let mut interleaved = false;
    let mut out = Outputs {
        m_axi_arburst: 1,
        m_axi_arsize: 3,
        ..Outputs::default()
    };
    let mut last = Inputs::default();
    while b.cycle < 200_000 && ends.len() < 500 {
        if !out.m_axi_arvalid && next < 500 {
            out.m_axi_arvalid = true;
            out.m_axi_arid = dice.up_to(7) as u16;
            out.m_axi_arlen = dice.up_to(3) as u8;
            out.m_axi_araddr = 0x1_0000 + next * 64;
        }
        out.m_axi_rready = dice.percent(70);
        let i = b.step(&out);
        if last.m_axi_rvalid {
            let same = (i.m_axi_rvalid, i.m_axi_rid, i.m_axi_rdata, i.m_axi_rlast);
            assert_eq!(
                same,
                (true, last.m_axi_rid, last.m_axi_rdata, last.m_axi_rlast)
            );
        }
        if i.m_axi_rvalid && out.m_axi_rready {
            let beats = expected
                .get_mut(&i.m_axi_rid)
                .expect("a read with this ID is open");
            assert_eq!((i.m_axi_rdata[0], i.m_axi_rlast), beats.remove(0));
            interleaved |= open.is_some_and(|id| id != i.m_axi_rid);
            open = (!i.m_axi_rlast).then_some(i.m_axi_rid);
            if i.m_axi_rlast {
                ends.push(i.m_axi_rdata[0] / 8);
            }
        }
        last = i;
        last.m_axi_rvalid &= !out.m_axi_rready;
        if out.m_axi_arvalid && i.m_axi_arready {
            let beats = u64::from(out.m_axi_arlen) + 1;
            let list = expected.entry(out.m_axi_arid).or_default();
            list.extend((0..beats).map(|n| (next * 8 + n, n + 1 == beats)));
            next += 1;
            out.m_axi_arvalid = false;
        }
    }
    assert_eq!(ends.len(), 500);
    assert!(
        ends.windows(2).any(|w| w[0] > w[1]),
        "some completion overtakes"
    );
    assert!(interleaved, "some bursts interleave");
    assert_eq!(b.slave.in_flight(), (0, 0));
}

#[test]
fn writes_of_one_id_land_in_order_and_a_slow_memory_delays_the_response() {
    let mut b = Bench::new(
        AxiSettings {
            latency: 100,
            ..AxiSettings::default()
        },
        8,
    );
    let mut out = Outputs {
        m_axi_awburst: 1,
        m_axi_awsize: 3,
        m_axi_bready: true,
        ..Outputs::default()
    };
    (out.m_axi_awaddr, out.m_axi_wstrb, out.m_axi_wlast) = (0x3000, 0xff, true);
    let (mut addresses, mut data, mut responses, mut first) = (0_u64, 0_u64, 0_u64, 0);
    let mut seen = 0;
    while responses < 100 && b.cycle < 50_000 {
        out.m_axi_awvalid = addresses < 100;
        out.m_axi_wvalid = data < 100;
        out.m_axi_wdata = shoal_abi::ports::data([data + 1]);
        let i = b.step(&out);
        addresses += u64::from(out.m_axi_awvalid && i.m_axi_awready);
        data += u64::from(out.m_axi_wvalid && i.m_axi_wready);
        if i.m_axi_bvalid {
            responses += 1;
            first = if responses == 1 { b.cycle } else { first };
        }
        let mut back = [0; 8];
        b.mem.read(0x3000, &mut back).unwrap();
        let now = u64::from_le_bytes(back);
        assert!(now >= seen, "{now} after {seen}");
        assert!(now >= responses, "a response before its write");
        seen = now;
    }
    assert_eq!((responses, seen), (100, 100));
    assert!(first > 100, "{first}");
}

#[test]
fn bandwidth_is_limited_to_what_is_set() {
    let settings = AxiSettings {
        beats_per_256: 64,
        ..AxiSettings::smooth(5)
    };
    let mut b = Bench::new(settings, 8);
    let out = Outputs {
        m_axi_arvalid: true,
        m_axi_arlen: 7,
        m_axi_arsize: 3,
        m_axi_arburst: 1,
        m_axi_rready: true,
        ..Outputs::default()
    };
    let beats = (0..10_000).filter(|_| b.step(&out).m_axi_rvalid).count();
    assert!((2400..=2520).contains(&beats), "{beats}");
}

/// Reads bursts of 256 bytes without a pause on a bus of 64-byte words; cycles a burst, and from the first AR to its first beat.
fn stream_of_reads(link: Option<LinkSettings>) -> (f64, u64) {
    // 64 bytes a beat exist only where a profile has them; the widest bus of this build does.
    let beat = shoal_abi::profile::DATA_WORDS * 8;
    let mut bench = Bench::new(
        AxiSettings {
            link,
            ..AxiSettings::smooth(20)
        },
        beat,
    );
    let mut out = ar(
        0x1000,
        u8::try_from(256 / beat).unwrap(),
        beat.trailing_zeros() as u8,
    );
    (out.m_axi_arvalid, out.m_axi_rready, out.m_axi_arburst) = (true, true, 1);
    let (mut accepted, mut first, mut bursts) = (None, None, 0);
    for cycle in 0..20_000_u64 {
        let i = bench.step(&out);
        if i.m_axi_arready {
            accepted.get_or_insert(cycle);
        }
        if i.m_axi_rvalid {
            first.get_or_insert(cycle);
            bursts += u64::from(i.m_axi_rlast);
        }
    }
    (20_000.0 / bursts as f64, first.unwrap() - accepted.unwrap())
}

#[test]
fn a_link_paces_completions_and_a_wide_one_changes_nothing() {
    let beat = shoal_abi::profile::DATA_WORDS * 8;
    let (wide, latency) = stream_of_reads(None);
    assert!((wide - 256.0 / beat as f64).abs() < 0.1, "{wide}");
    let (gen3, later) = stream_of_reads(Some(LinkSettings::new(LinkSpeed::Gen3x16)));
    let down = LinkSettings::new(LinkSpeed::Gen3x16).completions(0, 256) as f64;
    let wanted = (down / LinkSpeed::Gen3x16.bytes_a_cycle()).max(wide);
    assert!((gen3 - wanted).abs() < 0.1 * wanted, "{gen3} {wanted}");
    assert!(later >= latency);
}

#[test]
fn data_for_a_busy_link_waits() {
    let settings = AxiSettings {
        link: Some(LinkSettings::new(LinkSpeed::Gen3x16)),
        ..AxiSettings::smooth(20)
    };
    let mut bench = Bench::new(settings, 8);
    // Single dwords: 28 bytes a beat, two a cycle at most, and one port.
    let mut out = aw(0x1000, 1, 3);
    (out.m_axi_awvalid, out.m_axi_bready, out.m_axi_awburst) = (true, true, 1);
    (out.m_axi_wvalid, out.m_axi_wlast, out.m_axi_wstrb) = (true, true, 0xf);
    let taken = |bench: &mut Bench, out: &Outputs| {
        (0..10_000).filter(|_| bench.step(out).m_axi_wready).count()
    };
    assert!(taken(&mut bench, &out) > 9_900);
    // With read requests beside them the direction is full: 24 + 28 bytes of 56.8 a cycle still pass, three would not.
    (out.m_axi_arvalid, out.m_axi_arlen, out.m_axi_arsize) = (true, 127, 3);
    out.m_axi_rready = true;
    (out.m_axi_araddr, out.m_axi_arburst) = (0x2000, 1);
    let both = taken(&mut bench, &out);
    assert!(both < 10_000, "{both}");
}
