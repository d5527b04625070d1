//! Tests of the control unit against hand-worked ops: what goes out when, and what completes when.

use super::*;
use crate::edge;
use crate::types::{Tell, CTL_RD, CTL_TELL, CTL_WR, CTL_XL};
use crate::util::{assert_lint_clean, number, settle, wide};
use shoal_abi::mmu;
use shoal_abi::profile::{HYPER, MID, TINY};

/// The unit with the sizes of profile mid: beats of 16 bytes.
type Mid = Ctl<128, 6, 7, 64>;

const PART: u64 = 1 << 6;

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("ctl-tiny", Ctl::<64, 4, 5, 16>::new(&TINY));
    assert_lint_clean("ctl-mid", Mid::new(&MID));
    assert_lint_clean("ctl-hyper", Ctl::<512, 8, 9, 256>::new(&HYPER));
}

fn fresh() -> Mid {
    let mut c = Mid::new(&MID);
    c.connect_all();
    c.reset.next = true;
    edge!(c);
    c.reset.next = false;
    settle(&mut c);
    c
}

fn read(slot: u64, va: u64, va_b: Option<u64>) -> CtlOp {
    CtlOp {
        kind: CTL_RD.into(),
        slot: slot.into(),
        asid: 3.into(),
        va: va.into(),
        two: va_b.is_some(),
        va_b: va_b.unwrap_or(0).into(),
        ..CtlOp::default()
    }
}

fn push(c: &mut Mid, op: CtlOp) {
    c.op_push.next = true;
    c.op.next = op;
    edge!(*c);
    c.op_push.next = false;
    settle(c);
}

/// The request is up for `va`, and taken in this cycle; gives its tag.
fn take(c: &mut Mid, va: u64) -> u64 {
    assert!(c.mmu_req_valid.val());
    let req = c.mmu_req.val();
    assert_eq!(number(req.va) as u64, va);
    c.mmu_taken.next = true;
    edge!(*c);
    c.mmu_taken.next = false;
    settle(c);
    number(req.tag) as u64
}

/// The answer is up in this cycle.
fn answer(c: &mut Mid, tag: u64, cause: u16, addr: u64) {
    c.mmu_rsp_valid.next = true;
    c.mmu_rsp.next = MmuRsp {
        cause: u64::from(cause).into(),
        addr: addr.into(),
        user: if cause == 0 {
            0x10_0005.into()
        } else {
            0.into()
        },
        tag: tag.into(),
    };
    edge!(*c);
    c.mmu_rsp_valid.next = false;
    settle(c);
}

/// The read that asks: address, id, size; granted in this cycle.
fn grant_read(c: &mut Mid) -> (u64, u64, u64) {
    assert!(c.ar_req.val());
    let ar = (c.ar_addr.val(), c.ar_id.val(), c.ar_size.val());
    c.ar_grant.next = true;
    edge!(*c);
    c.ar_grant.next = false;
    settle(c);
    (
        number(ar.0) as u64,
        number(ar.1) as u64,
        number(ar.2) as u64,
    )
}

/// An R beat is accepted in this cycle.
fn beat(c: &mut Mid, id: u64, data: u128, bad: bool) {
    c.r_valid.next = true;
    c.r_id.next = id.into();
    c.r_data.next = wide(data);
    c.r_bad.next = bad;
    edge!(*c);
    c.r_valid.next = false;
    settle(c);
}

/// A B is accepted in this cycle.
fn response(c: &mut Mid, id: u64, bad: bool) {
    c.b_valid.next = true;
    c.b_id.next = id.into();
    c.b_bad.next = bad;
    edge!(*c);
    c.b_valid.next = false;
    settle(c);
}

/// The completion, which must come after `cycles` edges: slot, a, b, cause, iova.
fn completion(c: &mut Mid, cycles: u32) -> (u64, u64, u64, u64, u64) {
    for _ in 0..cycles {
        assert!(!c.comp_valid.val(), "not yet");
        edge!(*c);
    }
    assert!(c.comp_valid.val(), "now");
    let comp = c.comp.val();
    c.comp_pop.next = true;
    edge!(*c);
    c.comp_pop.next = false;
    settle(c);
    (
        number(comp.slot) as u64,
        number(comp.a) as u64,
        number(comp.b) as u64,
        number(comp.cause) as u64,
        number(comp.iova) as u64,
    )
}

#[test]
fn a_merged_read_is_one_access_and_completes_four_cycles_after_its_beat() {
    let mut c = fresh();
    push(&mut c, read(5, 0x1002, Some(0x100c)));
    assert!(c.op_empty.val(), "straight into Work");
    let tag = take(&mut c, 0x1000);
    assert!(!c.mmu_req_valid.val());
    edge!(c);
    answer(&mut c, tag, 0, 0x7000);
    // Stage K: the start; the arbiter is asked a cycle later.
    assert!(c.start.val() && !c.ar_req.val());
    edge!(c);
    assert!(!c.start.val());
    assert_eq!(number(c.ar_user.val()), 0x10_0005);
    assert_eq!(grant_read(&mut c), (0x7000, 5, 4));
    assert!(!c.ar_req.val());
    beat(&mut c, 5, (0xbbbb << 64) | 0xaaaa, false);
    // The end, the R FIFO, the collector, the completion.
    assert!(c.end_r.val() && !c.end_r_epoch.val() && !c.comp_valid.val());
    assert_eq!(completion(&mut c, 3), (5, 0xaaaa, 0xbbbb, 0, 0));
    assert!(!c.comp_valid.val() && !c.end_r.val());
}

#[test]
fn one_word_is_read_alone_and_two_in_one_word_too() {
    for va_b in [None, Some(0x100a)] {
        let mut c = fresh();
        push(&mut c, read(1, 0x100c, va_b));
        edge!(c);
        let tag = take(&mut c, 0x1008);
        answer(&mut c, tag, 0, 0x7008);
        edge!(c);
        assert_eq!(grant_read(&mut c), (0x7008, 1, 3));
        beat(&mut c, 1, (0xbbbb << 64) | 0xaaaa, false);
        let b = if va_b.is_some() { 0xbbbb } else { 0 };
        assert_eq!(completion(&mut c, 3), (1, 0xbbbb, b, 0, 0));
    }
}

#[test]
fn a_merged_read_is_as_wide_as_its_words_are_apart() {
    let mut c = Ctl::<512, 8, 9, 256>::new(&HYPER);
    c.connect_all();
    c.reset.next = true;
    edge!(c);
    c.reset.next = false;
    for (va_b, size, addr) in [
        (0x10da_u64, 3_u128, 0x10d8_u128),
        (0x10d4, 4, 0x10d0),
        (0x10c2, 5, 0x10c0),
        (0x10fc, 6, 0x10c0),
        (0x1100, 3, 0x10d8),
    ] {
        let mut op = read(200, 0x10dc, Some(va_b));
        op.bypass = true;
        c.op_push.next = true;
        c.op.next = op;
        edge!(c);
        c.op_push.next = false;
        edge!(c);
        edge!(c);
        edge!(c);
        assert!(c.ar_req.val());
        let (got_size, got_addr) = (number(c.ar_size.val()), number(c.ar_addr.val()));
        assert_eq!((got_size, got_addr), (size, addr), "{va_b:#x}");
        c.ar_grant.next = true;
        edge!(c);
        c.ar_grant.next = false;
        assert_eq!(c.ar_req.val(), va_b == 0x1100, "a second access");
    }
}

/// A read of two parts, both granted.
fn two_parts(c: &mut Mid, slot: u64) {
    push(c, read(slot, 0x1ff8, Some(0x5008)));
    edge!(*c);
    let a = take(c, 0x1ff8);
    let b = take(c, 0x5008);
    // The later one is answered first.
    answer(c, b, 0, 0x9008);
    answer(c, a, 0, 0x7ff8);
    assert_eq!(grant_read(c), (0x9008, slot | PART, 3));
    assert_eq!(grant_read(c), (0x7ff8, slot, 3));
}

#[test]
fn two_parts_come_back_in_either_order() {
    for order in [[0, PART], [PART, 0]] {
        let mut c = fresh();
        // Twice, so that the second op finds the record of the first.
        for n in [0_u64, 0x1000] {
            two_parts(&mut c, 9);
            for part in order {
                let word = u128::from(n + 1 + part);
                beat(&mut c, 9 | part, word << 64, false);
            }
            // They are added two cycles apart: the same slot.
            assert_eq!(completion(&mut c, 4), (9, n + 1, n + 1 + PART, 0, 0));
        }
    }
}

#[test]
fn the_first_fault_counts_and_names_its_access() {
    let mut c = fresh();
    two_parts(&mut c, 2);
    beat(&mut c, 2 | PART, 0, true);
    beat(&mut c, 2, 0, true);
    let cause = u64::from(mmu::CAUSE_READ_ACCESS);
    let (_, _, _, got, iova) = completion(&mut c, 4);
    assert_eq!((got, iova), (cause, 0x5008));
    // A translation fault of one part; the other is read all the same.
    push(&mut c, read(2, 0x1ffc, Some(0x500a)));
    edge!(c);
    let a = take(&mut c, 0x1ff8);
    let b = take(&mut c, 0x5008);
    answer(&mut c, a, 13, 0);
    assert!(!c.start.val(), "a fault starts nothing");
    answer(&mut c, b, 0, 0x9008);
    assert!(c.start.val());
    edge!(c);
    assert_eq!(grant_read(&mut c), (0x9008, 2 | PART, 3));
    beat(&mut c, 2 | PART, 7 << 64, false);
    assert_eq!(completion(&mut c, 3), (2, 0, 7, 13, 0x1ff8));
}

#[test]
fn a_translation_is_told_with_address_and_pasid() {
    let mut c = fresh();
    let op = CtlOp {
        kind: CTL_XL.into(),
        msi: true,
        slot: 57.into(),
        va: 0x1235.into(),
        ..CtlOp::default()
    };
    for (cause, addr, user) in [(0, 0x9235, 0x10_0005), (15, 0, 0)] {
        push(&mut c, op);
        edge!(c);
        assert!(c.mmu_req.val().write);
        let tag = take(&mut c, 0x1235);
        answer(&mut c, tag, cause, addr);
        assert!(!c.start.val());
        let iova = if cause == 0 { 0 } else { 0x1235 };
        let told = (57, addr, user, u64::from(cause), iova);
        assert_eq!(completion(&mut c, 3), told);
    }
}

fn write(slot: u64, va: u64, len: u64, va_b: Option<u64>) -> CtlOp {
    CtlOp {
        kind: CTL_WR.into(),
        len: len.into(),
        data: 0x8877_6655_4433_2211_u64.into(),
        data_b: 0xbbaa.into(),
        ..read(slot, va, va_b)
    }
}

/// The write that asks: address of its first word, id, strobes, data, two beats; granted in this cycle.
fn grant_write(c: &mut Mid) -> (u64, u64, u64, u128, bool) {
    assert!(c.w_req.val());
    let (addr, id, strb) = (c.w_addr.val(), c.w_id.val(), c.w_strb.val());
    let (data, beats2) = (number(c.w_data.val()), number(c.w_beats.val()) == 2);
    c.w_grant.next = true;
    edge!(*c);
    c.w_grant.next = false;
    settle(c);
    (
        number(addr) as u64 & !7,
        number(id) as u64,
        number(strb) as u64,
        data,
        beats2,
    )
}

#[test]
fn a_write_over_a_page_end_goes_out_in_two_parts() {
    let mut c = fresh();
    push(&mut c, write(4, 0x1ffd, 8, None));
    edge!(c);
    assert!(c.mmu_req.val().write);
    let a = take(&mut c, 0x1ffd);
    let b = take(&mut c, 0x2000);
    answer(&mut c, a, 0, 0x5ffd);
    answer(&mut c, b, 0, 0x9000);
    // Bytes without strobe are 0.
    let first = (0x5ff8, 4, 0xe0, 0x3322_1100_0000_0000, false);
    assert_eq!(grant_write(&mut c), first);
    let rest = (0x9000, 4 | PART, 0x1f, 0x88_7766_5544, false);
    assert_eq!(grant_write(&mut c), rest);
    response(&mut c, 4, false);
    assert!(c.end_b.val());
    response(&mut c, 4 | PART, true);
    let cause = u64::from(mmu::CAUSE_WRITE_ACCESS);
    assert_eq!(completion(&mut c, 4), (4, 0, 0, cause, 0x1ffd));
}

#[test]
fn a_write_of_two_places_is_two_accesses_also_in_one_beat() {
    let mut c = fresh();
    push(&mut c, write(4, 0x1006, 8, Some(0x1004)));
    edge!(c);
    // One page: one translation.
    let a = take(&mut c, 0x1006);
    assert!(!c.mmu_req_valid.val());
    answer(&mut c, a, 0, 0x5006);
    assert!(c.start.val() && c.start2.val());
    edge!(c);
    assert!(!c.start.val() && !c.start2.val());
    let first = (0x5000, 4, 0x3fc0, 0x8877_6655_4433_2211 << 48, true);
    assert_eq!(grant_write(&mut c), first);
    let other = (0x5000, 4 | PART, 0x30, 0xbbaa << 32, false);
    assert_eq!(grant_write(&mut c), other);
    response(&mut c, 4 | PART, true);
    response(&mut c, 4, false);
    let cause = u64::from(mmu::CAUSE_WRITE_ACCESS);
    assert_eq!(completion(&mut c, 4), (4, 0, 0, cause, 0x1004));
}

#[test]
fn a_message_passes_the_mmu_but_not_beside_an_answer() {
    let mut c = fresh();
    push(&mut c, read(1, 0x1000, None));
    edge!(c);
    c.op_push.next = true;
    c.op.next = CtlOp {
        bypass: true,
        msi: true,
        ..write(2, 0xfee0_0004, 4, None)
    };
    let tag = take(&mut c, 0x1000);
    c.op_push.next = false;
    // The message is in Work: the answer holds it for a cycle.
    answer(&mut c, tag, 0, 0x7000);
    assert!(c.start.val() && !c.w_req.val());
    edge!(c);
    assert!(c.start.val() && !c.w_req.val() && c.ar_req.val());
    edge!(c);
    assert!(!c.start.val() && c.w_req.val());
    assert_eq!(number(c.w_user.val()) as u32, mmu::USER_INTERRUPT);
    let message = (0xfee0_0000, 2, 0xf0, 0x4433_2211 << 32, false);
    assert_eq!(grant_write(&mut c), message);
    // A read and a write may come back in one cycle; they are collected one by one.
    grant_read(&mut c);
    c.b_valid.next = true;
    c.b_id.next = 2.into();
    beat(&mut c, 1, 0xaa, false);
    c.b_valid.next = false;
    assert!(c.end_r.val() && c.end_b.val());
    assert_eq!(completion(&mut c, 3), (1, 0xaa, 0, 0, 0));
    assert_eq!(completion(&mut c, 0), (2, 0, 0, 0, 0));
}

#[test]
fn an_access_ends_in_the_epoch_of_its_start() {
    let mut c = fresh();
    for (slot, epoch) in [(0_u64, true), (1, false)] {
        push(&mut c, read(slot, 0x1000, None));
        edge!(c);
        let tag = take(&mut c, 0x1000);
        answer(&mut c, tag, 0, 0x1000);
        c.epoch.next = epoch;
        edge!(c);
        grant_read(&mut c);
    }
    c.epoch.next = false;
    beat(&mut c, 1, 0, false);
    assert!(c.end_r.val() && !c.end_r_epoch.val());
    beat(&mut c, 0, 0, false);
    assert!(c.end_r.val() && c.end_r_epoch.val());
}

#[test]
fn no_more_than_the_window_is_under_way() {
    let mut c = fresh();
    let window = MID.ctl_window as u64;
    for slot in 0..=window {
        c.op_push.next = true;
        c.op.next = read(slot, 0x1000 * slot, None);
        edge!(c);
    }
    c.op_push.next = false;
    c.mmu_taken.next = true;
    // Ops go one a cycle.
    for slot in 0..window {
        settle(&mut c);
        assert!(c.mmu_req_valid.val());
        assert_eq!(number(c.mmu_req.val().tag) as u64, slot);
        edge!(c);
    }
    for _ in 0..3 {
        settle(&mut c);
        assert!(!c.mmu_req_valid.val() && c.op_empty.val(), "full");
        edge!(c);
    }
    c.mmu_taken.next = false;
    // An access is under way until its grant, or to its fault.
    answer(&mut c, 3, 0, 0x3000);
    edge!(c);
    assert!(!c.mmu_req_valid.val());
    grant_read(&mut c);
    assert!(c.mmu_req_valid.val());
    take(&mut c, 0x1000 * window);
    push(&mut c, read(60, 0, None));
    edge!(c);
    assert!(!c.mmu_req_valid.val());
    answer(&mut c, 5, 13, 0);
    assert!(!c.mmu_req_valid.val(), "stage K");
    edge!(c);
    assert!(c.mmu_req_valid.val());
}

#[test]
fn sources_take_turns_and_a_slot_is_not_taken_twice_running() {
    let mut c = fresh();
    // Writes of two places in slots 0 and 1, a read in slot 2: all granted.
    for op in [
        write(0, 0x100, 2, Some(0x200)),
        write(1, 0x300, 2, Some(0x400)),
        read(2, 0x500, None),
    ] {
        push(&mut c, CtlOp { bypass: true, ..op });
    }
    for _ in 0..3 {
        edge!(c);
    }
    for _ in 0..4 {
        grant_write(&mut c);
    }
    grant_read(&mut c);
    // B FIFO: 0, 0', 1, 1'; an R beat with the last.
    response(&mut c, 0, false);
    response(&mut c, PART, false);
    response(&mut c, 1, false);
    c.b_valid.next = true;
    c.b_id.next = (1 | PART).into();
    beat(&mut c, 2, 0x77, false);
    c.b_valid.next = false;
    settle(&mut c);
    // Taken: B of 0 two cycles ago; then 0 must wait for a cycle; in this cycle 0, then the R beat (X and R come before B),
    // then 1, none, 1. A completion stands two cycles after the last access is taken.
    let mut told = vec![];
    for _ in 0..8 {
        told.push(c.comp_valid.val().then(|| number(c.comp.val().slot)));
        c.comp_pop.next = true;
        edge!(c);
    }
    let slots = [None, None, Some(0), Some(2), None, None, Some(1), None];
    assert_eq!(told, slots);
}

#[test]
fn a_pair_is_read_with_two_grants_and_counts_once() {
    let mut c = fresh();
    push(&mut c, read(9, 0x1ff8, Some(0x1002)));
    edge!(c);
    let tag = take(&mut c, 0x1ff8);
    c.epoch.next = true;
    answer(&mut c, tag, 0, 0x7ff8);
    assert!(c.start.val() && c.start2.val());
    edge!(c);
    assert_eq!(grant_read(&mut c), (0x7ff8, 9, 3));
    assert_eq!(grant_read(&mut c), (0x7000, 9 | PART, 3));
    assert!(!c.ar_req.val());
    beat(&mut c, 9 | PART, 0xbb, false);
    assert!(c.end_r.val() && c.end_r_epoch.val());
    beat(&mut c, 9, 0xaa << 64, false);
    assert!(c.end_r.val() && c.end_r_epoch.val());
    assert_eq!(completion(&mut c, 4), (9, 0xaa, 0xbb, 0, 0));
    // A fault of its translation is all of it, and the slot is as new.
    for n in 0..2 {
        push(&mut c, read(9, 0x1ff8, Some(0x1002)));
        edge!(c);
        let tag = take(&mut c, 0x1ff8);
        answer(&mut c, tag, 13, 0);
        assert!(!c.start.val() && !c.start2.val());
        assert_eq!(completion(&mut c, 3), (9, 0, 0, 13, 0x1ff8), "{n}");
    }
}

#[test]
fn the_grant_of_part_0_of_a_pair_leaves_it_under_way() {
    let mut c = fresh();
    for slot in 0..MID.ctl_window as u64 + 1 {
        push(
            &mut c,
            CtlOp {
                bypass: true,
                ..read(slot, 0x1ff8, Some(0x1002))
            },
        );
    }
    for _ in 0..4 {
        edge!(c);
    }
    // All but the last are in the access FIFO; that one stays in Work until a pair is through.
    let mut starts = 0;
    for granted in 0..2 {
        for _ in 0..3 {
            starts += u32::from(c.start2.val());
            edge!(c);
        }
        assert_eq!(starts, 0, "{granted} grants");
        grant_read(&mut c);
    }
    for _ in 0..3 {
        starts += u32::from(c.start2.val());
        edge!(c);
    }
    assert_eq!(starts, 1);
}

fn told(slot: u64, used_idx: u64, count: u64, event_idx: bool) -> CtlOp {
    CtlOp {
        kind: CTL_TELL.into(),
        slot: slot.into(),
        asid: 3.into(),
        tell: Tell {
            device: 0x1_0f00.into(),
            driver: 0x2_0000.into(),
            size: 32.into(),
            used_idx: used_idx.into(),
            last_avail: 0x77.into(),
            count: count.into(),
            heads: wide(0x0008_0007_0006_0005_0004_0003_0002_0001),
            used_len: 0x55.into(),
            used_more: wide(0x1_0007 << 17 | 0x66),
            event_idx,
            ..Tell::default()
        },
        ..CtlOp::default()
    }
}

/// Waits until the next step of the TELL is in Work.
fn next_step(c: &mut Mid) {
    for _ in 0..4 {
        assert!(!c.mmu_req_valid.val() && !c.comp_valid.val());
        edge!(*c);
    }
    assert!(c.mmu_req_valid.val());
    assert_eq!(number(c.mmu_req.val().asid), 3);
}

#[test]
fn a_tell_writes_elements_then_indices_then_reads() {
    let mut c = fresh();
    push(&mut c, told(6, 2, 3, true));
    edge!(c);
    assert!(c.mmu_req.val().write);
    let tag = take(&mut c, 0x1_0f14);
    // Something else in Work meanwhile: the steps come from what is kept.
    push(&mut c, read(7, 0x9000, None));
    edge!(c);
    take(&mut c, 0x9000);
    answer(&mut c, tag, 0, 0x5f14);
    assert!(c.start.val() && !c.start2.val());
    edge!(c);
    assert!(c.w_full.val());
    assert_eq!(
        (number(c.w_addr.val()), number(c.w_beats.val())),
        (0x5f14, 2)
    );
    assert_eq!(number(c.w_strb.val()), 0xff_ffff << 4);
    assert_eq!(number(c.w_data.val()), (1 << 32) | (0x55 << 64) | (2 << 96));
    grant_write(&mut c);
    response(&mut c, 6, false);
    next_step(&mut c);
    // avail_event is behind the end of the page: two translations.
    assert!(c.mmu_req.val().write);
    let a = take(&mut c, 0x1_0f02);
    let b = take(&mut c, 0x1_1004);
    answer(&mut c, a, 0, 0x5f02);
    answer(&mut c, b, 0, 0x8004);
    assert_eq!(grant_write(&mut c), (0x5f00, 6, 0xc, 5 << 16, false));
    assert_eq!(
        grant_write(&mut c),
        (0x8000, 6 | PART, 0x30, 0x77 << 32, false)
    );
    response(&mut c, 6 | PART, false);
    response(&mut c, 6, false);
    for _ in 0..5 {
        assert!(!c.mmu_req_valid.val());
        edge!(c);
    }
    // used_event and avail.idx are a pair.
    assert!(!c.mmu_req.val().write);
    let tag = take(&mut c, 0x2_0040);
    answer(&mut c, tag, 0, 0xa044 & !7);
    assert!(c.start2.val());
    edge!(c);
    assert_eq!(grant_read(&mut c), (0xa040, 6, 3));
    assert_eq!(grant_read(&mut c), (0xa000, 6 | PART, 3));
    beat(&mut c, 6, 0x11, false);
    beat(&mut c, 6 | PART, 0x22, false);
    assert_eq!(completion(&mut c, 4), (6, 0x11, 0x22, 0, 0));
    assert!(!c.comp_valid.val());
}

#[test]
fn elements_over_a_page_end_go_out_in_two_parts() {
    let mut c = fresh();
    // Element 29 begins at 0x1_0fec, 31 at 0x1_0ffc.
    push(&mut c, told(6, 29, 3, false));
    edge!(c);
    let a = take(&mut c, 0x1_0fec);
    let b = take(&mut c, 0x1_1000);
    answer(&mut c, b, 0, 0x9000);
    answer(&mut c, a, 0, 0x5fec);
    // What is behind it is 4 bytes, a beat of 8.
    assert!(!c.w_full.val());
    assert_eq!(
        grant_write(&mut c),
        (0x9000, 6 | PART, 0xf, 0x1_0007, false)
    );
    assert!(c.w_full.val());
    let all = (1 << 32) | (0x55 << 64) | (2 << 96);
    assert_eq!(grant_write(&mut c), (0x5fe8, 6, 0xff_fff0, all, true));
    // A bad response of one of them ends the TELL.
    response(&mut c, 6 | PART, true);
    response(&mut c, 6, false);
    let cause = u64::from(mmu::CAUSE_WRITE_ACCESS);
    assert_eq!(completion(&mut c, 4), (6, 0, 0, cause, 0x1_0fec));
    for _ in 0..4 {
        assert!(!c.mmu_req_valid.val());
        edge!(c);
    }
}

#[test]
fn a_fault_of_any_step_ends_a_tell() {
    for failing in 0..3 {
        let mut c = fresh();
        push(&mut c, told(6, 0, 1, false));
        edge!(c);
        for (step, va) in [0x1_0f04, 0x1_0f02, 0x2_0000].into_iter().enumerate() {
            let tag = take(&mut c, va);
            if step == failing {
                answer(&mut c, tag, 15, 0);
                assert_eq!(completion(&mut c, 3), (6, 0, 0, 15, va));
                for _ in 0..4 {
                    assert!(!c.mmu_req_valid.val());
                    edge!(c);
                }
                break;
            }
            answer(&mut c, tag, 0, va);
            edge!(c);
            assert!(!c.w_full.val(), "up to 8 bytes");
            grant_write(&mut c);
            response(&mut c, 6, false);
            next_step(&mut c);
        }
    }
}

#[test]
fn the_next_step_goes_before_the_next_op() {
    let mut c = fresh();
    push(&mut c, told(6, 0, 1, false));
    edge!(c);
    let tag = take(&mut c, 0x1_0f04);
    answer(&mut c, tag, 0, 0x5f04);
    edge!(c);
    grant_write(&mut c);
    response(&mut c, 6, false);
    // Two ops come; the first is in Work when the step does.
    c.op_push.next = true;
    c.op.next = read(1, 0x7000, None);
    edge!(c);
    c.op.next = read(2, 0x8000, None);
    edge!(c);
    c.op_push.next = false;
    for _ in 0..4 {
        edge!(c);
    }
    take(&mut c, 0x7000);
    take(&mut c, 0x1_0f02);
    take(&mut c, 0x8000);
    assert!(!c.mmu_req_valid.val());
}

#[path = "ctl_early_tests.rs"]
mod early;
