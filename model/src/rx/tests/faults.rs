//! Faults of translations and responses, epochs of what is not written.

use super::*;

#[test]
fn a_fault_of_a_translation_skips_the_rest_of_the_packet() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 5);
        b.fault = Some(0x2000);
        b.feed(&[7; 900], true, false);
        b.feed(&[8; 30], true, false);
        b.order(0);
        b.order(1);
        b.data(0, 0x1fc0, 300, false);
        b.data(1, 0x8000, 300, true);
        b.until_done(1);
        assert_eq!(b.done, [failed(0, 300, false, CAUSE_WRITE_PAGE, 0x2000)]);
        assert!(b.mem.keys().all(|&a| a < 0x2000));
        assert_eq!(b.mem.len(), 64);
        b.rx.push(0, RxOp::Discard);
        b.until_done(3);
        assert_eq!(b.done[1..], [done(0, 0, true), done(1, 30, true)]);
        assert_eq!(b.mem.len(), 94);
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn bursts_behind_a_fault_are_not_written_and_their_accesses_end() {
    for seed in 1..40 {
        let mut b = Bench::new(&MID, seed);
        // The second page of three faults.
        b.fault = Some(0x2000);
        b.feed(&[7; 6000], true, false);
        b.feed(&[8; 600], true, false);
        b.order(0);
        b.order(0);
        b.data(0, 0x1b00, 6000, true);
        b.data(0, 0x8001, 600, true);
        b.until_done(2);
        assert_eq!(
            b.done,
            [
                failed(0, 6000, true, CAUSE_WRITE_PAGE, 0x2000),
                done(0, 600, true)
            ]
        );
        assert_eq!(b.mem.len(), 5 * 256 + 600);
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn a_response_and_a_burst_that_is_skipped_end_accesses_in_one_cycle() {
    let mut b = Bench::new(&MID, 1);
    (b.fast, b.mute, b.fault) = (true, true, Some(0x2000));
    b.feed(&[7; 6000], true, false);
    b.order(0);
    b.data(0, 0x1f00, 6000, true);
    for _ in 0..1000 {
        // The response of the one burst that is written is there when one that could be written stands behind the fault.
        let answer = b.rx.ring.gone().and_then(|i| i.answer);
        let stands = answer.is_some_and(|a| a.cause == CAUSE_NONE);
        if stands && b.rx.issuer.skips() {
            if let Some(resp) = b.responses.pop_front() {
                b.rx.expectations.respond(resp != 0);
            }
        }
        b.tick();
    }
    assert_eq!(b.most_ends, 2);
    assert_eq!(b.done, [failed(0, 6000, true, CAUSE_WRITE_PAGE, 0x2000)]);
    b.pop_headers();
    b.assert_idle();
}

#[test]
fn a_bad_response_is_a_fault_of_its_burst_and_stops_nothing() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 5);
        b.bad = Some(0x2000);
        b.feed(&[7; 400], true, false);
        b.feed(&[8; 40], true, false);
        b.order(3);
        b.order(3);
        b.data(3, 0x1f80, 1000, true);
        b.data(3, 0x4000, 1000, true);
        b.until_done(2);
        // The burst that fails is the second: it begins with the page.
        assert_eq!(
            b.done,
            [
                failed(3, 400, true, CAUSE_WRITE_ACCESS, 0x2000),
                done(3, 40, true)
            ]
        );
        assert_eq!(b.mem.len(), 440);
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn the_first_fault_in_the_order_of_the_packet_counts() {
    for seed in 1..20 {
        let mut b = Bench::new(&MID, seed);
        (b.bad, b.fault) = (Some(0x1000), Some(0x2000));
        b.feed(&[7; 600], true, false);
        b.order(0);
        b.data(0, 0x1f00, 600, true);
        b.until_done(1);
        // The response of the first burst comes before the fault of the second, whenever that was found.
        assert_eq!(b.done, [failed(0, 600, true, CAUSE_WRITE_ACCESS, 0x1f00)]);
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn responses_that_nobody_asked_for_are_survived() {
    let mut b = Bench::new(&TINY, 1);
    for _ in 0..100 {
        b.responses.push_back(RESP_SLVERR);
    }
    b.feed(&[7; 300], true, false);
    b.order(0);
    b.data(0, 0, 300, true);
    b.rx.push(200, RxOp::Discard);
    b.run(3000);
    assert_eq!(b.done.len(), 1);
    b.rx.reset();
    assert!(b.rx.idle() && b.rx.tready());
}
