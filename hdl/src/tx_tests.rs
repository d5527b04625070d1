//! Tests of the transmit mover.

use super::*;
use crate::util::{assert_lint_clean, number, wide};
use shoal_abi::stream;

#[test]
fn tx_lints_clean() {
    assert_lint_clean("tx_64", Tx::<64, 8>::default());
    assert_lint_clean("tx_128", Tx::<128, 16>::default());
}

#[test]
fn the_side_band_has_the_abi_layout() {
    let user = TxUser::default();
    assert_eq!(user.get_my_offset_tag(), stream::TUSER_TAG.lsb as usize);
    assert_eq!(
        user.get_my_offset_writable(),
        stream::TUSER_WRITABLE.lsb as usize
    );
    assert_eq!(user.get_my_offset_typ(), stream::TUSER_TYPE.lsb as usize);
    assert_eq!(
        user.get_my_offset_answer(),
        stream::TUSER_ANSWER.lsb as usize
    );
    assert_eq!(user.get_my_offset_abort(), stream::TUSER_ABORT.lsb as usize);
    assert_eq!(TxUser::BITS, 64);
}

/// Runs the mover over a memory in which byte a holds a * 7 + a / 256; one chain of `parts`, then the bytes that leave. The epoch
/// changes all the time, and of reads with two ids the younger come first.
fn run<const W: usize, const WB: usize>(parts: &[(u64, u64)]) -> (Vec<u8>, TxDone) {
    let byte = |a: u64| (a.wrapping_mul(7) ^ (a >> 8)) as u8;
    let mut tx = Tx::<W, WB>::default();
    tx.connect_all();
    tx.reset.next = true;
    crate::edge!(tx);
    tx.reset.next = false;
    let mut ops: Vec<TxOp> = parts
        .iter()
        .map(|&(va, len)| TxOp {
            va: va.into(),
            len: len.into(),
            ..TxOp::default()
        })
        .collect();
    ops.push(TxOp {
        end: true,
        tag: 0x1234u64.into(),
        writable: 77u64.into(),
        ..TxOp::default()
    });
    let mut ops = ops.into_iter();
    let mut beats: Vec<(u128, u64)> = Vec::new();
    let mut out = Vec::new();
    let mut ended = false;
    let mut asked = false;
    for n in 0..4000u64 {
        tx.op_push.next = false;
        if number(tx.op_count.val()) < 8 {
            if let Some(op) = ops.next() {
                tx.op.next = op;
                tx.op_push.next = true;
            }
        }
        tx.epoch.next = n % 11 > 5;
        tx.m_axis_tready.next = n % 5 != 1;
        tx.done_pop.next = ended && tx.done_valid.val();
        tx.ar_grant.next = false;
        tx.mmu_rsp_valid.next = std::mem::take(&mut asked);
        tx.r_valid.next = false;
        crate::util::settle(&mut tx);
        if ended && tx.done_valid.val() {
            return (out, tx.done.val());
        }
        // Taken now, answered in the next cycle.
        tx.mmu_taken.next = tx.mmu_req_valid.val();
        if tx.mmu_req_valid.val() {
            asked = true;
            tx.mmu_rsp.next = MmuRsp {
                addr: tx.mmu_req.val().va,
                ..MmuRsp::default()
            };
        }
        tx.ar_grant.next = tx.ar_req.val();
        if n % 3 != 0 {
            if let Some(&(oldest, _)) = beats.first() {
                let other = beats.iter().position(|&(id, _)| id != oldest);
                let (_, a) = beats.remove(other.unwrap_or(0));
                let data =
                    (0..WB as u64).fold(0u128, |d, i| d | (u128::from(byte(a + i)) << (8 * i)));
                tx.r_data.next = wide::<W>(data);
                tx.r_valid.next = true;
            }
        }
        if tx.ar_req.val() {
            let a = number(tx.ar_addr.val()) as u64;
            assert_eq!(a % WB as u64, 0);
            for k in 0..=number(tx.ar_len.val()) as u64 {
                beats.push((number(tx.ar_id.val()), a + k * WB as u64));
            }
        }
        if tx.m_axis_tvalid.val() && n % 5 != 1 {
            let keep = number(tx.m_axis_tkeep.val());
            let data = number(tx.m_axis_tdata.val());
            let bytes = keep.count_ones();
            assert_eq!(keep, (1 << bytes) - 1);
            if tx.m_axis_tlast.val() {
                ended = true;
                assert_eq!(number(tx.m_axis_tuser.val()), 0x1234 | (77 << 16));
            } else {
                assert_eq!(bytes as usize, WB);
            }
            out.extend((0..bytes).map(|i| (data >> (8 * i)) as u8));
        }
        crate::edge!(tx);
    }
    panic!("the packet did not end: {} bytes", out.len());
}

fn check<const W: usize, const WB: usize>(parts: &[(u64, u64)]) {
    let (got, done) = run::<W, WB>(parts);
    let want: Vec<u8> = parts
        .iter()
        .flat_map(|&(va, len)| va..va + len)
        .map(|a| (a.wrapping_mul(7) ^ (a >> 8)) as u8)
        .collect();
    assert_eq!(got, want, "{parts:x?}");
    assert_eq!(done, TxDone::default());
}

#[test]
fn scattered_buffers_leave_as_one_packed_packet() {
    for parts in [
        &[(0x1000, 64)][..],
        &[(0x1003, 1)],
        &[
            (0x10ff, 2),
            (0x2001, 300),
            (0x3007, 9),
            (0x40f0, 0),
            (0x40f0, 32),
        ],
        &[
            (0x1001, 7),
            (0x1002, 6),
            (0x1003, 5),
            (0x1004, 12),
            (0x100f, 17),
        ],
        &[],
    ] {
        check::<64, 8>(parts);
        check::<128, 16>(parts);
    }
}
