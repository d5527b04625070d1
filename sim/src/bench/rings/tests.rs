//! The rings with the test in the place of the device.

use super::*;
use crate::bench::sink::SharedSink;
use crate::bench::{Direction, IN_FLIGHT};
use crate::env::{Card, TxPacket};

fn case(direction: Direction, batch: u32, translations: Translations) -> Case {
    Case::new(64, direction, batch, 2, translations, IN_FLIGHT)
}

fn rings(case: Case) -> (HostMem, Rings) {
    let mem = HostMem::new(0, 1 << 28).unwrap();
    let layout = Layout::new(&mem, 2, 4).unwrap();
    let sink = Rc::default();
    let mut rings = Rings::new(&mem, &layout, case, 7, &sink);
    rings.start().unwrap();
    (mem, rings)
}

fn u16_at(mem: &HostMem, at: u64) -> u16 {
    let mut b = [0; 2];
    mem.read(at, &mut b).unwrap();
    u16::from_le_bytes(b)
}

/// Plays the device: uses the next `n` chains of a queue with `len` bytes written to each.
fn used(mem: &HostMem, rings: &Rings, device: u32, vq: u16, n: u16, len: u32) {
    let (_, avail, used) = rings.layout.areas(device, vq.into());
    let from = u16_at(mem, used + USED_IDX);
    for k in 0..n {
        let at = u64::from(from.wrapping_add(k) % rings.entries);
        let id = u16_at(mem, avail + AVAIL_RING + 2 * at);
        let elem = u64::from(id) | u64::from(len) << 32;
        let place = used + USED_RING + USED_ELEM_BYTES * at;
        mem.write(place, &elem.to_le_bytes()).unwrap();
    }
    mem.write(used + USED_IDX, &from.wrapping_add(n).to_le_bytes())
        .unwrap();
}

/// The bytes of the chain that stands at `n` of the available ring.
fn packet(mem: &HostMem, rings: &Rings, device: u32, vq: u16, n: u16) -> (u64, Vec<u8>) {
    let (table, avail, _) = rings.layout.areas(device, vq.into());
    let entry = u64::from(n % rings.entries);
    let id = u16_at(mem, avail + AVAIL_RING + 2 * entry);
    let mut addr = [0; 8];
    mem.read(table + u64::from(id) * DESC_BYTES, &mut addr)
        .unwrap();
    let offset = u64::from_le_bytes(addr) - rings.layout.buffers_iova(vq.into());
    let at = rings.layout.buffers(device, vq.into()) + offset;
    let mut bytes = vec![0; rings.scratch.len()];
    mem.read(at, &mut bytes).unwrap();
    (at, bytes)
}

#[test]
fn batches_go_round_the_devices_and_come_back_with_their_latency() {
    let (mem, mut rings) = rings(case(Direction::Tx, 8, Translations::Warm));
    assert_eq!(rings.next().unwrap(), Some((0, TX)));
    assert_eq!(rings.next().unwrap(), Some((1, TX)));
    while rings.next().unwrap().is_some() {}
    assert_eq!(rings.open(), 2 * 128);
    rings.rung(1, TX, 100);
    let (_, avail, _) = rings.layout.areas(1, 1);
    let event = avail + AVAIL_RING + 2 * u64::from(rings.entries);
    assert_eq!(u16_at(&mem, event), 7);
    used(&mem, &rings, 1, TX, 8, 0);
    rings.message(1, TX, 350).unwrap();
    let latency = Latency {
        device: 1,
        began: 100,
        cycles: 250,
    };
    assert_eq!(rings.latencies, [latency; 8]);
    assert_eq!(u16_at(&mem, event), 15);
    assert_eq!(
        (rings.next().unwrap(), rings.next().unwrap()),
        (Some((1, TX)), None)
    );
}

#[test]
fn a_changed_byte_a_lost_packet_and_a_wrong_length_are_seen_at_the_stream() {
    let (mem, mut rings) = rings(case(Direction::Tx, 1, Translations::Cold));
    while rings.next().unwrap().is_some() {}
    let sink = rings.sink.clone();
    let tx = |n| TxPacket {
        member: 2,
        vq: TX,
        tuser: 0,
        bytes: packet(&mem, &rings, 1, TX, n).1,
    };
    let check = |p: &TxPacket| sink.borrow_mut().check(p);
    assert_eq!((check(&tx(0)), check(&tx(1))), (Ok(()), Ok(())));
    assert!(check(&tx(3)).is_err() && check(&tx(1)).is_err());
    let mut changed = tx(2);
    changed.bytes[40] ^= 1;
    assert!(check(&changed).unwrap_err().contains("member 2"));
    changed.bytes.fill(0);
    assert!(check(&changed).is_err());
    let mut short = tx(2);
    short.bytes.pop();
    assert!(check(&short).is_err());
    let other = TxPacket { member: 1, ..tx(2) };
    assert!(check(&other).is_err());
    assert_eq!(check(&tx(2)), Ok(()));
    assert_eq!(sink.borrow().served, [0, 0, 3]);
}

#[test]
fn a_received_packet_must_be_in_the_buffer_that_is_used() {
    let (mem, mut rings) = rings(case(Direction::Rx, 1, Translations::Warm));
    while rings.next().unwrap().is_some() {}
    let mut card = SharedSink(rings.sink.clone());
    for k in 0..2 {
        rings.rung(0, RX, 1);
        let got = card.next_packet(1).unwrap();
        rings.arrived(0, 5 + k);
        let at = packet(&mem, &rings, 0, RX, k as u16).0;
        let mut bytes = got.head;
        bytes[NET_HDR_NUM_BUFFERS] = 1;
        bytes[50] ^= k as u8;
        mem.write(at, &bytes).unwrap();
        used(&mem, &rings, 0, RX, 1, bytes.len() as u32);
        let result = rings.message(0, RX, 20);
        assert_eq!(result.is_ok(), k == 0, "{result:?}");
    }
    let first = rings.latencies[0];
    assert_eq!((first.began, first.cycles), (5, 15));
    assert!(rings.message(5, RX, 20).is_err());
}

#[test]
fn cold_packets_go_from_page_to_page_and_neither_way_gets_ahead() {
    let (mem, mut rings) = rings(case(Direction::Both, 1, Translations::Cold));
    while rings.next().unwrap().is_some() {}
    assert_eq!(rings.batches[0], rings.batches[1]);
    let page = |n| packet(&mem, &rings, 0, TX, n).0 / PAGE_BYTES;
    assert!((1..4).all(|n| page(n) == page(0) + u64::from(n)) && page(4) == page(0));
    assert_ne!(
        packet(&mem, &rings, 0, TX, 4).0,
        packet(&mem, &rings, 0, TX, 0).0
    );
    // One way alone comes to its limit.
    let limit = u64::from(rings.case.active * rings.case.queued);
    for _ in 0..3 {
        used(&mem, &rings, 0, TX, 64, 0);
        rings.message(0, TX, 9).unwrap();
        while rings.next().unwrap().is_some() {}
    }
    assert_eq!(rings.batches[1], rings.batches[0] + limit);
}
