//! Tests of the message FIFOs: what asks, cut at a page, and what counts in which epoch.

use super::*;
use crate::edge;
use crate::util::{assert_lint_clean, number, settle};

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("messages", Messages::<4>::default());
    assert_lint_clean("messages-hyper", Messages::<8>::default());
}

type Small = Messages<4>;

fn fresh() -> Small {
    let mut m = Small::default();
    m.connect_all();
    m.reset.next = true;
    edge!(m);
    m.reset.next = false;
    m
}

fn push(m: &mut Small, address: u64) {
    m.push.next = true;
    m.msg.next = Message {
        address: address.into(),
        data: 0x4433_2211.into(),
    };
    edge!(*m);
    m.push.next = false;
    settle(m);
}

#[test]
fn a_message_is_cut_at_the_end_of_a_page() {
    for (address, addr, two, strb, data) in [
        (0x1004_u64, 0x1000, false, 0xf0, 0x4433_2211 << 32),
        (0x1006, 0x1000, true, 0x3c0, 0x4433_2211 << 48),
        (0x1ffc, 0x1ff8, false, 0xf0, 0x4433_2211 << 32),
        (0x1ffd, 0x1ff8, false, 0xe0, 0x33_2211 << 40),
        (0x1fff, 0x1ff8, false, 0x80, 0x11 << 56),
    ] {
        let mut m = fresh();
        push(&mut m, address);
        assert!(m.w_req.val() && !m.w_epoch.val());
        assert_eq!((number(m.w_addr.val()), m.w_beats2.val()), (addr, two));
        assert_eq!(
            (number(m.w_strb.val()), number(m.w_data.val())),
            (strb, data)
        );
        m.w_grant.next = true;
        edge!(m);
        assert!(!m.w_req.val() && !m.none.val());
    }
}

#[test]
fn the_old_epoch_is_over_with_its_last_response() {
    let mut m = fresh();
    push(&mut m, 0);
    push(&mut m, 0);
    assert!(m.old_zero.val() && !m.none.val());
    m.flip.next = true;
    edge!(m);
    m.flip.next = false;
    settle(&mut m);
    assert!(!m.old_zero.val());
    push(&mut m, 0);
    m.b_valid.next = true;
    edge!(m);
    assert!(!m.old_zero.val());
    edge!(m);
    assert!(m.old_zero.val() && !m.none.val());
    m.b_epoch.next = true;
    edge!(m);
    assert!(m.none.val());
}

#[test]
fn there_is_room_with_56_but_not_with_57() {
    let mut m = fresh();
    for _ in 0..56 {
        push(&mut m, 0);
        assert!(m.room.val());
    }
    push(&mut m, 0);
    assert!(!m.room.val());
}

fn early(m: &mut Small, address: u64) {
    m.early_push.next = true;
    m.early.next = Message {
        address: address.into(),
        data: 5.into(),
    };
    settle(m);
}

/// The address of the message that asks, and its data; granted in this cycle.
fn granted(m: &mut Small) -> (u128, u128) {
    assert!(m.w_req.val());
    let asks = (number(m.w_addr.val()), number(m.w_data.val()));
    m.w_grant.next = true;
    edge!(*m);
    m.w_grant.next = false;
    settle(m);
    asks
}

#[test]
fn early_messages_go_first() {
    let mut m = fresh();
    push(&mut m, 0x100);
    early(&mut m, 0x200);
    push(&mut m, 0x300);
    m.early_push.next = false;
    settle(&mut m);
    assert_eq!(granted(&mut m), (0x200, 5));
    // One comes while the other FIFO asks, at the edge of its grant.
    early(&mut m, 0x400);
    assert_eq!(granted(&mut m), (0x100, 0x4433_2211));
    m.early_push.next = false;
    settle(&mut m);
    assert_eq!(granted(&mut m), (0x400, 5));
    assert_eq!(granted(&mut m), (0x300, 0x4433_2211));
    assert!(!m.w_req.val() && !m.none.val());
    for n in 0..4 {
        assert!(!m.none.val(), "{n}");
        m.b_valid.next = true;
        edge!(m);
    }
    assert!(m.none.val());
}

#[test]
fn both_pushes_of_a_cycle_count_in_its_epoch() {
    let mut m = fresh();
    early(&mut m, 0x200);
    m.flip.next = true;
    push(&mut m, 0x100);
    m.flip.next = false;
    m.early_push.next = false;
    settle(&mut m);
    // They are of the old epoch, as it was before the edge.
    assert!(!m.old_zero.val() && !m.w_epoch.val());
    // One comes of the new epoch in the cycle of a response.
    early(&mut m, 0x300);
    m.b_valid.next = true;
    edge!(m);
    assert!(!m.old_zero.val(), "one of two");
    m.early_push.next = false;
    edge!(m);
    assert!(m.old_zero.val() && !m.none.val());
    granted(&mut m);
    assert!(m.w_epoch.val());
    m.b_epoch.next = true;
    edge!(m);
    assert!(m.none.val());
}

#[test]
fn early_messages_do_not_take_the_room_of_the_others() {
    let mut m = fresh();
    for _ in 0..16 {
        early(&mut m, 0x200);
        push(&mut m, 0);
    }
    for _ in 16..56 {
        m.early_push.next = false;
        push(&mut m, 0);
    }
    assert!(m.room.val());
}
