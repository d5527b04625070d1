//! Packets of several slots, in the order of the stream, and how many of them enter.

use super::*;

#[test]
fn packets_of_several_slots_are_written_in_the_order_of_the_stream() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 3);
        let slots: Vec<u16> = (0..6).map(|_| (b.rand() % 3) as u16).collect();
        for (n, slot) in slots.iter().enumerate() {
            b.feed(&vec![n as u8; 100 + n], true, false);
            b.order(*slot);
        }
        // Each slot has its ops early: those of the last slot first.
        for slot in [2, 1, 0] {
            for n in (0..6).filter(|&n| slots[n] == slot) {
                b.data(slot, 0x1000 * n as u64 + 5, 1000, true);
            }
        }
        b.until_done(6);
        let want: Vec<_> = (0..6)
            .map(|n| done(slots[n], 100 + n as u32, true))
            .collect();
        assert_eq!(b.done, want);
        for n in 0..6u64 {
            assert!((0..100 + n).all(|k| b.mem[&(0x1000 * n + 5 + k)] == n as u8));
            assert_eq!(b.mem.get(&(0x1000 * n + 5 + 100 + n)), None);
        }
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn an_op_of_another_slot_does_not_help_the_packet_that_is_next() {
    let mut b = Bench::new(&TINY, 3);
    b.fast = true;
    b.feed(&[1; 20], true, false);
    b.feed(&[2; 20], true, false);
    b.order(4);
    b.order(5);
    b.data(5, 0x2000, 100, true);
    b.run(50);
    assert!(b.done.is_empty() && b.mem.is_empty());
    b.rx.push(4, RxOp::Discard);
    b.until_done(2);
    assert_eq!(b.done, [done(4, 0, true), done(5, 20, true)]);
}

#[test]
fn a_packet_without_slot_goes_without_a_word() {
    let mut b = Bench::new(&MID, 3);
    b.fast = true;
    b.feed(&[1; 200], true, false);
    b.feed(&[], true, false);
    b.feed(&[3; 10], true, false);
    b.rx.order(None);
    b.rx.order(None);
    b.order(0);
    b.data(0, 0x2000, 100, true);
    b.until_done(1);
    assert_eq!(b.done, [done(0, 10, true)]);
    assert_eq!(b.mem.len(), 10);
    b.pop_headers();
    b.assert_idle();
}

#[test]
fn a_packet_longer_than_its_chain_is_cut_off() {
    let mut b = Bench::new(&MID, 9);
    b.feed(&[7; 500], true, false);
    b.feed(&[8; 16], true, false);
    b.order(0);
    b.order(0);
    b.data(0, 0x1ff0, 300, true);
    b.data(0, 0x4000, 16, true);
    b.until_done(2);
    // The second one is as long as its chain.
    assert_eq!(b.done, [done(0, 300, true), done(0, 16, true)]);
    assert_eq!(b.mem.len(), 316);
    b.pop_headers();
    b.assert_idle();
}

#[test]
fn an_op_of_no_bytes_ends_the_chain() {
    let mut b = Bench::new(&MID, 9);
    b.feed(&[7; 50], true, false);
    b.feed(&[], true, false);
    b.order(0);
    b.order(0);
    b.data(0, 0x1000, 0, true);
    b.data(0, 0x1000, 0, true);
    b.until_done(2);
    assert_eq!(b.done, [done(0, 0, true), done(0, 0, true)]);
    b.pop_headers();
    b.assert_idle();
}

#[test]
fn an_empty_last_beat_ends_the_packet_behind_a_segment_that_it_fills() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 21);
        let n = 2 * p.beat_bytes();
        b.feed(&vec![7; n], true, true);
        b.order(0);
        b.data(0, 0x1000, n as u32, false);
        let empty = b.feed.pop_back().expect("the empty beat");
        b.until_done(1);
        assert_eq!(b.done, [done(0, n as u32, false)]);
        b.feed.push_back(empty);
        b.data(0, 0x3000, 64, false);
        b.until_done(2);
        assert_eq!(b.done[1], done(0, 0, true));
        b.pop_headers();
        b.assert_idle();
    }
}

#[test]
fn no_more_packets_enter_than_the_device_holds() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 1);
        b.fast = true;
        let beat = p.beat_bytes();
        for _ in 0..p.rx_packets - 1 {
            b.feed(&[1; 3], true, false);
        }
        b.feed(&vec![1; 2 * beat], true, false);
        b.run(2 * p.rx_packets);
        // The last packet has begun to enter, and its other beat waits until one is through.
        assert_eq!((b.feed.len(), b.rx.packets), (1, p.rx_packets));
        assert!(!b.rx.tready());
        assert_eq!(b.pop_headers(), p.rx_packets);
        b.rx.order(None);
        b.run(8);
        assert_eq!((b.feed.len(), b.rx.packets), (0, p.rx_packets - 1));
        (1..p.rx_packets).for_each(|_| b.rx.order(None));
        b.run(6 * p.rx_packets);
        b.assert_idle();
    }
}

#[test]
fn a_packet_of_more_beats_than_the_device_holds_goes_through() {
    let mut b = Bench::new(&TINY, 7);
    b.feed(&[9; 5000], true, false);
    b.order(0);
    b.data(0, 0x10_0003, 4990, true);
    b.until_done(1);
    assert_eq!(b.done, [done(0, 4990, true)]);
    assert_eq!(b.mem.len(), 4990);
    b.pop_headers();
    b.assert_idle();
}

#[test]
fn nothing_is_lost_while_the_core_takes_no_ends() {
    let mut b = Bench::new(&TINY, 17);
    (b.fast, b.busy) = (true, true);
    let (packets, room) = (40, 1 << TINY.slot_w);
    let mut sent = 0;
    for _ in 0..3000 {
        if sent < packets && b.rx.cutter.ops[0].len() < 2 && b.feed.len() < 2 {
            b.feed(&[5; 9], true, false);
            b.order(0);
            b.data(0, 0x1000, 64, true);
            sent += 1;
        }
        b.pop_headers();
        b.tick();
    }
    // The FIFO of ends is full, behind it the expectations and the ring.
    assert_eq!(b.rx.done().len(), room);
    assert!(b.rx.expectations.is_full() && !b.rx.idle());
    b.busy = false;
    for _ in 0..3000 {
        if sent < packets && b.rx.cutter.ops[0].len() < 2 && b.feed.len() < 2 {
            b.feed(&[5; 9], true, false);
            b.order(0);
            b.data(0, 0x1000, 64, true);
            sent += 1;
        }
        b.pop_headers();
        b.tick();
    }
    assert_eq!(b.done, vec![done(0, 9, true); packets]);
    b.assert_idle();
}

#[test]
fn a_packet_of_one_burst_takes_the_cycles_of_the_contract() {
    let mut b = Bench::new(&MID, 1);
    b.fast = true;
    b.order(0);
    b.data(0, 0x1000, 64, true);
    b.run(3);
    // Free, Wait, Fetch: it is in Cut now, and nothing is there.
    b.feed(&[1; 16], true, false);
    b.tick();
    assert!(b.rx.ring.asked().is_none());
    b.tick();
    assert!(
        b.rx.request().is_some(),
        "cut in the cycle behind the entry"
    );
    b.tick();
    // Taken; the answer is up in the next cycle, the arbiter is asked in the one after.
    assert!(b.rx.request().is_none() && b.rx.write_request(b.p).is_none());
    b.tick();
    assert!(b.rx.write_request(b.p).is_some());
    b.tick();
    assert!(b.w.aw().is_some() && b.w.w().is_none());
    b.tick();
    assert!(b.w.w().is_some_and(|w| w.last));
    // fin: the last beat was taken with the load, so the packet is through in one cycle.
    assert_eq!(b.rx.packets, 1);
    b.tick();
    assert_eq!(b.rx.packets, 0);
}
