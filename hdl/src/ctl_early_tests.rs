//! Tests of messages sent behind the used index (contract §4.4): steps of three accesses, `armed`, `may`, `sent`.

use super::*;

const SLOT: u64 = 6;
const ELEMENTS: u64 = 0x1_0114;
const INDEX: u64 = 0x1_0102;
const EVENT: u64 = 0x1_0204;
const USED_EVENT: u64 = 0x2_0048;
const FLAGS: u64 = 0x2_0004;
const AVAIL: u64 = 0x2_0006;

/// A TELL of chains 2, 3 and 4 with a hint; avail_event is in the page of the elements.
fn hinted(event_idx: bool, receive: bool) -> CtlOp {
    let mut op = told(SLOT, 2, 3, event_idx);
    op.tell.device = 0x1_0100.into();
    op.tell.driver = FLAGS.into();
    op.tell.receive = receive;
    op.tell.hint = true;
    op.tell.msi_addr = 0xfee0_1230_u64.into();
    op.tell.msi_data = 0x4567.into();
    op
}

/// The beat that brings the 16 bits `value` of `va`.
fn word_of(va: u64, value: u64) -> u128 {
    u128::from(value) << (8 * (va % 16))
}

/// Sends a step of a and c, both requests taken, answered one behind the other, granted: a and perhaps b of a write.
fn send(c: &mut Mid, a: u64, va_c: u64, b: bool) {
    assert!(c.mmu_req.val().write);
    assert_eq!(take(c, a), SLOT);
    assert!(!c.mmu_req.val().write);
    assert_eq!(take(c, va_c & !7), SLOT | PART);
    assert!(!c.mmu_req_valid.val());
    answer(c, SLOT, 0, 0x5_0000 + a % 4096);
    assert!(c.start.val() && c.start2.val() == b);
    answer(c, SLOT | PART, 0, 0x6_0000 + (va_c & !7) % 4096);
    assert!(c.start.val() && !c.start2.val());
    edge!(*c);
    assert_eq!(grant_write(c).1, SLOT);
    if b {
        let event = (0x5_0200, SLOT | PART, 0x30, 0x77 << 32, false);
        assert_eq!(grant_write(c), event);
    }
    assert!(!c.w_req.val());
    let word = (0x6_0000 + (va_c & !7) % 4096, SLOT | PART, 3);
    assert_eq!(grant_read(c), word);
    assert!(!c.ar_req.val());
}

/// The cycles until a request is up or a completion stands; in the cycle before, whether the message was pushed.
fn ends(c: &mut Mid) -> (u32, bool) {
    let (mut cycles, mut early) = (0, false);
    while !c.mmu_req_valid.val() && !c.comp_valid.val() {
        assert!(!early, "not at the edge of a completion");
        early = c.early_push.val();
        if early {
            let msg = c.early.val();
            assert_eq!(
                (number(msg.address), number(msg.data)),
                (0xfee0_1230, 0x4567)
            );
        }
        edge!(*c);
        cycles += 1;
        assert!(cycles < 12, "something happens");
    }
    assert!(!c.early_push.val());
    (cycles, early)
}

/// Step 0, in which the driver's 16 bits at `va_c` are `wish`; stops with the next step in Work.
fn elements(c: &mut Mid, op: CtlOp, va_c: u64, b: bool, wish: u64) {
    push(c, op);
    send(c, ELEMENTS, va_c, b);
    response(c, SLOT, false);
    if b {
        response(c, SLOT | PART, false);
    }
    beat(c, SLOT | PART, word_of(va_c, wish), false);
    assert!(!ends(c).1 && c.mmu_req_valid.val());
}

/// Step 1 without c.
fn index_alone(c: &mut Mid) {
    let tag = take(c, INDEX);
    assert!(!c.mmu_req_valid.val());
    answer(c, tag, 0, 0x5_0102);
    assert!(c.start.val() && !c.start2.val());
    edge!(*c);
    let index = (0x5_0100, SLOT, 0xc, 5 << 16, false);
    assert_eq!(grant_write(c), index);
    response(c, SLOT, false);
}

/// The message was sent, with the completion; its words.
fn sent(c: &mut Mid) -> (u64, u64) {
    assert!(ends(c).1, "sent");
    assert!(c.comp_valid.val() && c.comp.val().sent);
    let (slot, a, b, cause, iova) = completion(c, 0);
    assert_eq!((slot, cause, iova), (SLOT, 0, 0));
    assert!(!c.comp_valid.val() && !c.mmu_req_valid.val());
    (a, b)
}

/// Step 2 is up: it ends with a completion that is not sent.
fn looks_again(c: &mut Mid, va: u64) {
    let again = ends(c).1;
    assert!(!again && c.mmu_req_valid.val() && !c.mmu_req.val().write);
    let a = take(c, va & !7);
    answer(c, a, 0, 0x6_0000 + (va & !7) % 4096);
    edge!(*c);
    let (_, id, _) = grant_read(c);
    assert_eq!(id, SLOT);
    if c.ar_req.val() {
        grant_read(c);
        beat(c, SLOT | PART, 0, false);
    }
    beat(c, SLOT, 0, false);
    assert!(!ends(c).1 && c.comp_valid.val() && !c.comp.val().sent);
    completion(c, 0);
}

#[test]
fn three_accesses_come_back_in_any_order() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut c = fresh();
        // Twice, so that the second finds the records of the first.
        for _ in 0..2 {
            push(&mut c, hinted(true, false));
            send(&mut c, ELEMENTS, USED_EVENT, true);
            for access in order {
                assert!(!c.mmu_req_valid.val() && !c.comp_valid.val());
                match access {
                    0 => response(&mut c, SLOT, false),
                    1 => response(&mut c, SLOT | PART, false),
                    _ => beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), false),
                }
            }
            assert!(!ends(&mut c).1 && c.mmu_req_valid.val());
            // Armed: the index, and avail.idx beside it.
            send(&mut c, INDEX, AVAIL, false);
            response(&mut c, SLOT, false);
            beat(&mut c, SLOT | PART, word_of(AVAIL, 0x99), false);
            assert_eq!(sent(&mut c), (0, word_of(AVAIL, 0x99) as u64));
        }
    }
}

#[test]
fn the_message_goes_at_the_edge_of_the_completion() {
    let mut c = fresh();
    elements(&mut c, hinted(true, false), USED_EVENT, true, 2);
    send(&mut c, INDEX, AVAIL, false);
    beat(&mut c, SLOT | PART, 0, false);
    response(&mut c, SLOT, false);
    // End, FIFO, collector (the slot was taken in the cycle before), and the cycle in which it is added.
    let mut pushed = vec![];
    for _ in 0..5 {
        pushed.push((c.early_push.val(), c.comp_valid.val()));
        edge!(c);
    }
    let no = (false, false);
    assert_eq!(pushed, [no, no, no, (true, false), (false, true)]);
}

#[test]
fn b_and_c_keep_their_own_epochs_and_lanes() {
    for (write_epoch, pair_first) in [(true, true), (false, true), (true, false), (false, false)] {
        let mut c = fresh();
        push(&mut c, hinted(true, false));
        take(&mut c, ELEMENTS);
        take(&mut c, USED_EVENT);
        for pair in [pair_first, !pair_first] {
            answer(&mut c, if pair { SLOT } else { SLOT | PART }, 0, 0x5_0100);
            c.epoch.next = write_epoch == pair;
            assert_eq!((c.start.val(), c.start2.val()), (true, pair));
        }
        edge!(c);
        grant_write(&mut c);
        grant_write(&mut c);
        grant_read(&mut c);
        // R and B of one id in the same cycle.
        c.b_valid.next = true;
        c.b_id.next = (SLOT | PART).into();
        beat(&mut c, SLOT | PART, word_of(USED_EVENT, 3), false);
        c.b_valid.next = false;
        settle(&mut c);
        assert!(c.end_b.val() && c.end_b_epoch.val() == write_epoch);
        assert!(c.end_r.val() && c.end_r_epoch.val() != write_epoch);
        response(&mut c, SLOT, false);
        assert!(c.end_b.val() && c.end_b_epoch.val() == write_epoch);
        // The word is that of lane 1, though b is in lane 0: armed.
        assert!(!ends(&mut c).1);
        take(&mut c, INDEX);
        assert!(c.mmu_req_valid.val() && !c.mmu_req.val().write);
    }
}

/// Nothing more of the slot: the completion that stands says `cause` and `iova`, and was not sent.
fn failed(c: &mut Mid, cause: u64, iova: u64) {
    assert!(!ends(c).1);
    assert!(c.comp_valid.val() && !c.comp.val().sent);
    let got = completion(c, 0);
    assert_eq!((got.0, got.3, got.4), (SLOT, cause, iova));
    for _ in 0..6 {
        assert!(!c.mmu_req_valid.val() && !c.comp_valid.val() && !c.early_push.val());
        edge!(*c);
    }
}

#[test]
fn a_fault_of_the_pairs_translation_waits_for_c() {
    for c_first in [false, true] {
        let mut c = fresh();
        push(&mut c, hinted(true, false));
        take(&mut c, ELEMENTS);
        take(&mut c, USED_EVENT);
        if !c_first {
            answer(&mut c, SLOT, 15, 0);
            assert!(!c.start.val() && !c.start2.val());
        }
        answer(&mut c, SLOT | PART, 0, 0x6_0048);
        edge!(c);
        grant_read(&mut c);
        if c_first {
            beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), false);
        }
        for _ in 0..6 {
            assert!(!c.comp_valid.val() && !c.mmu_req_valid.val() && !c.w_req.val());
            edge!(c);
        }
        if c_first {
            answer(&mut c, SLOT, 15, 0);
        } else {
            beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), false);
        }
        failed(&mut c, 15, ELEMENTS);
    }
}

#[test]
fn a_fault_of_cs_translation_waits_for_the_writes() {
    let mut c = fresh();
    push(&mut c, hinted(true, false));
    take(&mut c, ELEMENTS);
    take(&mut c, USED_EVENT);
    answer(&mut c, SLOT | PART, 13, 0);
    answer(&mut c, SLOT, 0, 0x5_0114);
    edge!(c);
    grant_write(&mut c);
    grant_write(&mut c);
    response(&mut c, SLOT, false);
    for _ in 0..6 {
        assert!(!c.comp_valid.val() && !c.mmu_req_valid.val());
        edge!(c);
    }
    response(&mut c, SLOT | PART, false);
    failed(&mut c, 13, USED_EVENT & !7);
}

#[test]
fn a_bad_response_names_its_access_of_three() {
    let (read, write) = (
        u64::from(mmu::CAUSE_READ_ACCESS),
        u64::from(mmu::CAUSE_WRITE_ACCESS),
    );
    for (bad, cause, iova) in [
        ([true, false, false], write, ELEMENTS),
        ([false, true, false], write, EVENT),
        ([false, false, true], read, USED_EVENT),
        // The collector takes the word before the second response.
        ([false, true, true], read, USED_EVENT),
    ] {
        let mut c = fresh();
        push(&mut c, hinted(true, false));
        send(&mut c, ELEMENTS, USED_EVENT, true);
        response(&mut c, SLOT, bad[0]);
        response(&mut c, SLOT | PART, bad[1]);
        beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), bad[2]);
        failed(&mut c, cause, iova);
    }
    // Beside the index.
    for (bad_b, bad_r, cause, iova) in [(true, false, write, INDEX), (false, true, read, AVAIL)] {
        let mut c = fresh();
        elements(&mut c, hinted(true, false), USED_EVENT, true, 4);
        send(&mut c, INDEX, AVAIL, false);
        response(&mut c, SLOT, bad_b);
        beat(&mut c, SLOT | PART, 0, bad_r);
        failed(&mut c, cause, iova);
    }
}

#[test]
fn it_is_sent_if_the_driver_asked_for_it_before_the_index() {
    for (event_idx, wish, armed) in [
        (true, 1, false),
        (true, 2, true),
        (true, 4, true),
        (true, 5, false),
        (false, 0, true),
        (false, 1, false),
        (false, 2, true),
    ] {
        let mut c = fresh();
        let va = if event_idx { USED_EVENT } else { FLAGS };
        elements(&mut c, hinted(event_idx, false), va, event_idx, wish);
        if armed {
            send(&mut c, INDEX, AVAIL, false);
            response(&mut c, SLOT, false);
            beat(&mut c, SLOT | PART, word_of(AVAIL, 0x1234), false);
            assert_eq!(sent(&mut c).1 >> 48, 0x1234, "{wish}");
        } else {
            index_alone(&mut c);
            looks_again(&mut c, va);
        }
    }
}

#[test]
fn a_receive_slot_is_sent_without_another_word() {
    for (event_idx, wish, armed) in [(true, 3, true), (true, 5, false), (false, 0, true)] {
        let mut c = fresh();
        let va = if event_idx { USED_EVENT } else { FLAGS };
        elements(&mut c, hinted(event_idx, true), va, false, wish);
        index_alone(&mut c);
        if armed {
            assert_eq!(sent(&mut c), (0, 0));
        } else {
            looks_again(&mut c, va);
        }
    }
}

#[test]
fn it_is_not_sent_once_its_slot_may_not() {
    // What is cleared: another slot, this one in step 0, this one in step 1.
    for (slot, late) in [(SLOT + 1, false), (SLOT, false), (SLOT, true)] {
        let mut c = fresh();
        let clear = |c: &mut Mid| {
            c.may_clear.next = true;
            c.may_slot.next = slot.into();
            edge!(*c);
            c.may_clear.next = false;
            settle(c);
        };
        push(&mut c, hinted(true, false));
        if !late {
            clear(&mut c);
        }
        send(&mut c, ELEMENTS, USED_EVENT, true);
        response(&mut c, SLOT, false);
        response(&mut c, SLOT | PART, false);
        beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), false);
        assert!(!ends(&mut c).1);
        // It is armed all the same.
        send(&mut c, INDEX, AVAIL, false);
        response(&mut c, SLOT, false);
        if late {
            clear(&mut c);
        }
        beat(&mut c, SLOT | PART, 0, false);
        if slot == SLOT {
            looks_again(&mut c, USED_EVENT);
        } else {
            sent(&mut c);
        }
    }
}

#[test]
fn what_is_pushed_at_the_edge_of_the_clear_stays_sent() {
    let mut c = fresh();
    elements(&mut c, hinted(true, false), USED_EVENT, true, 4);
    send(&mut c, INDEX, AVAIL, false);
    response(&mut c, SLOT, false);
    beat(&mut c, SLOT | PART, 0, false);
    while !c.early_push.val() {
        edge!(c);
    }
    c.may_clear.next = true;
    c.may_slot.next = SLOT.into();
    settle(&mut c);
    assert!(c.early_push.val());
    edge!(c);
    assert!(c.comp_valid.val() && c.comp.val().sent);
}

#[test]
fn with_avail_event_behind_the_elements_page_it_looks_again() {
    let mut c = fresh();
    let mut op = hinted(true, false);
    // avail_event begins the next page.
    op.tell.device = 0x1_0efc.into();
    push(&mut c, op);
    send(&mut c, 0x1_0f10, USED_EVENT, false);
    response(&mut c, SLOT, false);
    beat(&mut c, SLOT | PART, word_of(USED_EVENT, 4), false);
    assert!(!ends(&mut c).1);
    for (va, id) in [(0x1_0efe, SLOT), (0x1_1000, SLOT | PART)] {
        assert!(c.mmu_req.val().write);
        assert_eq!(take(&mut c, va), id);
        answer(&mut c, id, 0, va);
        edge!(c);
        assert_eq!(grant_write(&mut c).1, id);
        response(&mut c, id, false);
    }
    looks_again(&mut c, USED_EVENT);
}

#[test]
fn an_op_is_straight_in_work_only_with_nothing_before_it() {
    let mut c = fresh();
    push(&mut c, read(1, 0x1000, None));
    assert!(c.mmu_req_valid.val() && c.op_empty.val());
    // Work is not free: this one waits, and so does the one that comes as Work becomes free.
    push(&mut c, read(2, 0x2000, None));
    assert!(!c.op_empty.val());
    c.op_push.next = true;
    c.op.next = read(3, 0x3000, None);
    take(&mut c, 0x1000);
    assert!(!c.op_empty.val());
    c.op_push.next = false;
    take(&mut c, 0x2000);
    assert!(c.op_empty.val());
    // The last access goes as an op comes: that is next.
    c.op_push.next = true;
    c.op.next = read(4, 0x4000, Some(0x9000));
    take(&mut c, 0x3000);
    c.op_push.next = false;
    settle(&mut c);
    assert!(c.op_empty.val());
    // Its first access is not the last one.
    c.op_push.next = true;
    c.op.next = read(5, 0x5000, None);
    take(&mut c, 0x4000);
    c.op_push.next = false;
    settle(&mut c);
    assert!(!c.op_empty.val());
    take(&mut c, 0x9000);
    take(&mut c, 0x5000);
    assert!(!c.mmu_req_valid.val() && c.op_empty.val());
}

#[test]
fn an_op_waits_behind_the_next_step_of_a_tell() {
    let mut c = fresh();
    push(&mut c, told(SLOT, 0, 1, false));
    let tag = take(&mut c, 0x1_0f04);
    answer(&mut c, tag, 0, 0x5f04);
    edge!(c);
    grant_write(&mut c);
    response(&mut c, SLOT, false);
    for _ in 0..3 {
        edge!(c);
    }
    // The step is in the Next FIFO, Work is free: the op that comes at this edge goes behind it.
    assert!(!c.mmu_req_valid.val());
    push(&mut c, read(1, 0x7000, None));
    assert!(!c.op_empty.val());
    take(&mut c, 0x1_0f02);
    take(&mut c, 0x7000);
    assert!(!c.mmu_req_valid.val() && c.op_empty.val());
}
