//! Every rule of the AXI4 monitor fires on a trace that breaks it, and on no legal one.

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::{MID, TINY};

use super::super::testing::Trace;
use super::*;

fn aw(o: &mut Outputs, id: u16, addr: u64, len: u8, size: u8) {
    o.m_axi_awvalid = true;
    o.m_axi_awid = id;
    o.m_axi_awaddr = addr;
    o.m_axi_awlen = len;
    o.m_axi_awsize = size;
    o.m_axi_awburst = 1;
    o.m_axi_awcache = 3;
    o.m_axi_awprot = 2;
}

fn ar(o: &mut Outputs, id: u16, addr: u64, len: u8, size: u8) {
    o.m_axi_arvalid = true;
    o.m_axi_arid = id;
    o.m_axi_araddr = addr;
    o.m_axi_arlen = len;
    o.m_axi_arsize = size;
    o.m_axi_arburst = 1;
    o.m_axi_arcache = 3;
    o.m_axi_arprot = 2;
}

fn w(o: &mut Outputs, strb: u64, last: bool) {
    o.m_axi_wvalid = true;
    o.m_axi_wdata[0] = 0x1122_3344_5566_7788;
    o.m_axi_wstrb = strb;
    o.m_axi_wlast = last;
}

fn b(i: &mut Inputs, id: u16) {
    i.m_axi_bvalid = true;
    i.m_axi_bid = id;
}

fn r(i: &mut Inputs, id: u16, last: bool) {
    i.m_axi_rvalid = true;
    i.m_axi_rid = id;
    i.m_axi_rlast = last;
}

fn ready(i: &mut Inputs) {
    i.m_axi_awready = true;
    i.m_axi_wready = true;
    i.m_axi_arready = true;
}

fn broken(t: &Trace) -> &'static str {
    t.broken(&mut Axi4::new(&TINY))
}

/// A trace that starts with one idle cycle.
fn start() -> Trace {
    let mut t = Trace::new();
    t.wait(1);
    t
}

#[test]
fn a_legal_trace_with_stalls_early_data_and_two_reads_of_an_id_passes() {
    let mut t = Trace::new();
    t.cycle(|i, o| {
        i.reset = true;
        aw(o, 63, 7, 9, 7); // garbage in reset does not count
    });
    t.wait(2);
    // Data ahead of its address, address stalled for two cycles, unaligned start.
    t.cycle(|i, o| {
        ready(i);
        w(o, 0xf8, false);
    });
    t.cycle(|_, o| aw(o, 5, 0x1003, 1, 3));
    t.cycle(|_, o| aw(o, 5, 0x1003, 1, 3));
    t.cycle(|i, o| {
        i.m_axi_awready = true;
        aw(o, 5, 0x1003, 1, 3);
        w(o, 0x01, true);
    });
    t.cycle(|i, o| {
        ready(i);
        w(o, 0x01, true);
    });
    t.cycle(|i, _| b(i, 5));
    // Up to the last byte of a page; two reads with one ID; answers beat by beat.
    t.cycle(|i, o| {
        ready(i);
        ar(o, 2, 0x1ff0, 1, 3);
    });
    t.cycle(|i, o| {
        ready(i);
        ar(o, 2, 0x2000, 0, 2);
        r(i, 2, false);
    });
    t.cycle(|i, _| r(i, 2, true));
    t.cycle(|i, _| r(i, 2, true));
    assert_eq!(t.run(&mut Axi4::new(&TINY)), Ok(()));
}

#[test]
fn a_valid_that_falls_before_ready_is_found_on_each_channel() {
    for (n, rule) in ["aw-held", "w-held", "ar-held"].into_iter().enumerate() {
        let mut t = start();
        t.cycle(|_, o| match n {
            0 => aw(o, 1, 0x40, 0, 3),
            1 => w(o, 0xff, true),
            _ => ar(o, 1, 0x40, 0, 3),
        });
        t.wait(1);
        assert_eq!(broken(&t), rule);
    }
}

#[test]
fn a_payload_that_changes_before_ready_is_found_on_each_channel() {
    for (n, rule) in ["aw-stable", "w-stable", "ar-stable"]
        .into_iter()
        .enumerate()
    {
        let mut t = start();
        for addr in [0x40, 0x48] {
            t.cycle(|_, o| match n {
                0 => aw(o, 1, addr, 0, 3),
                1 => w(o, addr, true),
                _ => ar(o, 1, addr, 0, 3),
            });
        }
        assert_eq!(broken(&t), rule);
    }
}

/// One changed signal of an address and the rule it breaks.
type Change = (fn(&mut Outputs), &'static str);

#[test]
fn every_signal_of_an_address_is_held_to_its_rule() {
    let writes: [Change; 12] = [
        (|o| o.m_axi_awid = 64, "range"),
        (|o| o.m_axi_awuser = 1 << 22, "range"),
        (|o| o.m_axi_awsize = 9, "range"),
        (|o| o.m_axi_awsize = 4, "size"),
        (|o| o.m_axi_awburst = 2, "burst"),
        (|o| o.m_axi_awlock = true, "constant"),
        (|o| o.m_axi_awcache = 0, "constant"),
        (|o| o.m_axi_awprot = 0, "constant"),
        (|o| o.m_axi_awqos = 1, "constant"),
        (|o| o.m_axi_awregion = 1, "constant"),
        (|o| o.m_axi_awaddr = 0xff8, "boundary"),
        (
            |o| (o.m_axi_awaddr, o.m_axi_awlen) = (0xf01, 31),
            "boundary",
        ),
    ];
    for (n, (change, rule)) in writes.into_iter().enumerate() {
        let mut t = start();
        t.cycle(|_, o| {
            aw(o, 1, 0x40, 1, 3);
            change(o);
        });
        if n == 11 {
            // 0xf01 rounded down and 32 beats of 8 bytes end exactly at the page: legal.
            assert_eq!(t.run(&mut Axi4::new(&TINY)), Ok(()));
        } else {
            assert_eq!(broken(&t), rule, "change {n}");
        }
    }
    let reads: [Change; 12] = [
        (|o| o.m_axi_arid = 64, "range"),
        (|o| o.m_axi_aruser = 1 << 22, "range"),
        (|o| o.m_axi_arsize = 9, "range"),
        (|o| o.m_axi_arsize = 4, "size"),
        (|o| o.m_axi_arburst = 0, "burst"),
        (|o| o.m_axi_arlock = true, "constant"),
        (|o| o.m_axi_arcache = 15, "constant"),
        (|o| o.m_axi_arprot = 3, "constant"),
        (|o| o.m_axi_arqos = 8, "constant"),
        (|o| o.m_axi_arregion = 2, "constant"),
        (|o| o.m_axi_aruser = USER_INTERRUPT, "constant"),
        (|o| o.m_axi_arlen = 255, "boundary"),
    ];
    for (n, (change, rule)) in reads.into_iter().enumerate() {
        let mut t = start();
        t.cycle(|_, o| {
            ar(o, 1, 0xf40, 1, 3);
            change(o);
        });
        assert_eq!(broken(&t), rule, "change {n}");
    }
}

#[test]
fn a_full_width_beat_is_legal_on_the_wide_bus_and_data_above_a_narrow_one_is_not() {
    let mut t = start();
    t.cycle(|i, o| {
        ready(i);
        aw(o, 0, 0x10, 0, 4);
        w(o, 0xffff, true);
        o.m_axi_wdata[1] = 9;
    });
    assert_eq!(t.run(&mut Axi4::new(&MID)), Ok(()));
    for change in [
        |o: &mut Outputs| o.m_axi_wstrb = 0x100,
        |o: &mut Outputs| o.m_axi_wdata[1] = 1,
    ] {
        let mut t = start();
        t.cycle(|_, o| {
            w(o, 0xff, true);
            change(o);
        });
        assert_eq!(broken(&t), "range");
    }
}

#[test]
fn byte_enables_outside_the_transfer_are_found_whichever_channel_comes_first() {
    for data_first in [false, true] {
        let mut t = start();
        let data = |i: &mut Inputs, o: &mut Outputs| {
            ready(i);
            w(o, 0x18, true);
        };
        let addr = |i: &mut Inputs, o: &mut Outputs| {
            ready(i);
            aw(o, 1, 0x44, 0, 2);
        };
        if data_first {
            t.cycle(data).cycle(addr);
        } else {
            t.cycle(addr).cycle(data);
        }
        assert_eq!(broken(&t), "strobe");
    }
}

#[test]
fn wlast_too_early_and_too_late_are_found() {
    for (len, last) in [(1, true), (0, false)] {
        let mut t = start();
        t.cycle(|i, o| {
            ready(i);
            aw(o, 1, 0x40, len, 3);
            w(o, 0xff, last);
        });
        assert_eq!(broken(&t), "wlast");
    }
}

#[test]
fn an_address_without_data_is_found_after_the_bound() {
    let mut t = start();
    t.cycle(|i, o| {
        ready(i);
        aw(o, 1, 0x40, 0, 3);
    });
    t.wait(BOUND as usize + 1);
    assert_eq!(broken(&t), "w-missing");
}

#[test]
fn ready_for_responses_is_never_taken_back() {
    for change in [
        |o: &mut Outputs| o.m_axi_bready = false,
        |o: &mut Outputs| o.m_axi_rready = false,
    ] {
        let mut t = start();
        t.cycle(|_, o| change(o));
        assert_eq!(broken(&t), "ready");
    }
}

#[test]
fn a_valid_in_the_first_cycle_after_reset_is_found() {
    let mut t = start();
    t.cycle(|i, _| i.reset = true);
    t.cycle(|_, o| ar(o, 0, 0, 0, 3));
    assert_eq!(broken(&t), "reset");
}

#[test]
fn responses_that_nothing_asked_for_are_errors_of_the_environment() {
    let violation = |t: &Trace| {
        t.run(&mut Axi4::new(&TINY))
            .expect_err("the trace breaks a rule")
    };
    let mut t = start();
    t.cycle(|i, o| {
        ready(i);
        aw(o, 1, 0x40, 0, 3);
    });
    t.cycle(|i, _| b(i, 1)); // the data was never sent
    let v = violation(&t);
    assert_eq!((v.rule, v.environment), ("b-unknown", true));
    assert!(v.to_string().contains("environment: b-unknown"));

    let mut t = start();
    t.cycle(|i, _| r(i, 1, true));
    assert_eq!(
        (violation(&t).rule, violation(&t).environment),
        ("r-unknown", true)
    );

    let mut t = start();
    t.cycle(|i, o| {
        ready(i);
        ar(o, 1, 0x40, 1, 3);
    });
    t.cycle(|i, _| r(i, 1, true));
    assert_eq!(
        (violation(&t).rule, violation(&t).environment),
        ("rlast", true)
    );

    let mut t = start();
    t.cycle(|i, o| {
        ready(i);
        ar(o, 1, 0x40, 0, 3);
        aw(o, 1, 0x40, 0, 3);
        w(o, 0xff, true);
    });
    let mut bad_b = Trace::new();
    bad_b.then(&t).cycle(|i, _| {
        b(i, 1);
        i.m_axi_bresp = 1;
    });
    assert_eq!(violation(&bad_b).rule, "resp");
    t.cycle(|i, _| {
        r(i, 1, true);
        i.m_axi_rresp = 1;
    });
    assert_eq!(violation(&t).rule, "resp");
}
