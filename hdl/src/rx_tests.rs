//! Tests of the receive mover.

use super::*;
use crate::util::{assert_lint_clean, number, wide};
use shoal_abi::stream;
use std::collections::{BTreeMap, VecDeque};

#[test]
fn rx_lints_clean() {
    assert_lint_clean("rx_64", Rx::<64, 8>::default());
    assert_lint_clean("rx_128", Rx::<128, 16>::default());
    assert_lint_clean("rx_512", Rx::<512, 64>::default());
}

/// Sends a packet of `packet` and offers `parts` one after another; the bytes written, and what each op said.
fn run<const W: usize, const WB: usize>(
    packet: &[u8],
    answer: bool,
    parts: &[(u64, u64)],
) -> (BTreeMap<u64, u8>, Vec<RxDone>) {
    let mut rx = Rx::<W, WB>::default();
    rx.connect_all();
    rx.reset.next = true;
    crate::edge!(rx);
    rx.reset.next = false;
    let mut input: VecDeque<&[u8]> = packet.chunks(WB).collect();
    let mut parts = parts.iter();
    let mut memory = BTreeMap::new();
    let mut dones = Vec::new();
    let mut burst: Option<(u64, u64)> = None;
    let mut responses = 0;
    let mut op_out = false;
    let mut asked = false;
    for n in 0..3000u64 {
        rx.s_axis_tvalid.next = false;
        rx.op_set.next = false;
        rx.w_grant.next = false;
        rx.w_beat_take.next = false;
        rx.mmu_rsp_valid.next = std::mem::take(&mut asked);
        rx.b_valid.next = false;
        rx.done_pop.next = false;
        if let (Some(beat), true) = (input.front(), n % 3 != 0) {
            rx.s_axis_tvalid.next = true;
            let data = beat
                .iter()
                .rev()
                .fold(0u128, |d, b| (d << 8) | u128::from(*b));
            rx.s_axis_tdata.next = wide::<W>(
                data | if beat.len() < WB {
                    0xee << (8 * beat.len())
                } else {
                    0
                },
            );
            rx.s_axis_tkeep.next = wide::<WB>((1 << beat.len()) - 1);
            rx.s_axis_tlast.next = input.len() == 1;
            rx.s_axis_tuser.next = stream::TUSER_ANSWER.put(u64::from(answer)).into();
            rx.s_axis_tdest.next = 3u64.into();
        }
        if responses > 0 && n % 7 == 0 {
            rx.b_valid.next = true;
            responses -= 1;
        }
        crate::util::settle(&mut rx);
        if rx.s_axis_tvalid.val() && rx.s_axis_tready.val() {
            input.pop_front();
        }
        if rx.head_valid.val() && !op_out {
            assert_eq!(number(rx.head.val().dest), 3);
        }
        // Taken now, answered in the next cycle.
        rx.mmu_taken.next = rx.mmu_req_valid.val();
        if rx.mmu_req_valid.val() {
            asked = true;
            rx.mmu_rsp.next = MmuRsp {
                addr: rx.mmu_req.val().va,
                ..MmuRsp::default()
            };
        }
        rx.w_grant.next = rx.w_req.val();
        if let Some((a, left)) = burst {
            if n % 4 != 2 {
                rx.w_beat_take.next = true;
                let strb = number(rx.w_beat_strb.val());
                let data = number(rx.w_beat_data.val());
                for i in 0..WB as u64 {
                    if (strb >> i) & 1 == 1 {
                        memory.insert(a + i, (data >> (8 * i)) as u8);
                    } else {
                        assert_eq!((data >> (8 * i)) & 0xff, 0);
                    }
                }
                burst = (left > 1).then_some((a + WB as u64, left - 1));
                responses += u32::from(left == 1);
            }
        }
        if rx.w_req.val() {
            burst = Some((
                number(rx.w_addr.val()) as u64,
                number(rx.w_len.val()) as u64 + 1,
            ));
        }
        if rx.done_valid.val() {
            dones.push(rx.done.val());
            rx.done_pop.next = true;
            op_out = false;
            if dones.last().expect("one").ended {
                return (memory, dones);
            }
        } else if !op_out {
            // The first op waits for the packet, as the core does.
            if rx.head_valid.val() || (!dones.is_empty() && !rx.free.val()) {
                let op = match parts.next() {
                    Some(&(va, len)) => RxOp {
                        va: va.into(),
                        len: len.into(),
                        ..RxOp::default()
                    },
                    None => RxOp {
                        discard: true,
                        ..RxOp::default()
                    },
                };
                rx.op.next = op;
                rx.op_set.next = true;
                op_out = true;
            }
        }
        crate::edge!(rx);
    }
    panic!("the packet did not end: {dones:?}");
}

fn check<const W: usize, const WB: usize>(bytes: usize, answer: bool, parts: &[(u64, u64)]) {
    let mut packet: Vec<u8> = (0..bytes).map(|n| (n * 5 + 1) as u8).collect();
    let (memory, dones) = run::<W, WB>(&packet, answer, parts);
    if !answer {
        for (n, v) in [(10, 1), (11, 0)] {
            if let Some(b) = packet.get_mut(n) {
                *b = v;
            }
        }
    }
    let places = parts.iter().flat_map(|&(va, len)| va..va + len);
    let want: BTreeMap<u64, u8> = places.zip(packet.iter().copied()).collect();
    assert_eq!(memory, want, "{bytes} {parts:x?}");
    let total: u128 = dones.iter().map(|d| number(d.bytes)).sum();
    assert_eq!(total as usize, want.len());
}

#[test]
fn a_packet_fills_the_buffers_byte_by_byte_and_the_rest_is_discarded() {
    for (bytes, parts) in [
        (64, &[(0x1000, 64)][..]),
        (1, &[(0x1003, 100)]),
        (11, &[(0x1003, 5), (0x2007, 3), (0x30ff, 300)]),
        (
            300,
            &[(0x10f1, 20), (0x2001, 1), (0x300f, 2), (0x4000, 1000)],
        ),
        (90, &[(0x10fe, 3), (0x2002, 10)]),
        (33, &[]),
    ] {
        for answer in [false, true] {
            check::<64, 8>(bytes, answer, parts);
            check::<128, 16>(bytes, answer, parts);
        }
    }
}
