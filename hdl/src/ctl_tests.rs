//! Tests of the control unit against hand-worked ops.

use super::*;
use crate::edge;
use crate::types::CTL_WR;
use crate::util::{assert_lint_clean, number, settle};
use shoal_abi::profile::{MID, TINY};

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("ctl", Ctl::new(&MID));
}

fn fresh() -> Ctl {
    let mut c = Ctl::new(&TINY);
    c.connect_all();
    c.reset.next = true;
    edge!(c);
    c.reset.next = false;
    settle(&mut c);
    c
}

fn push(c: &mut Ctl, op: CtlOp) {
    c.op_push.next = true;
    c.op.next = op;
    edge!(*c);
    c.op_push.next = false;
    settle(c);
}

#[test]
fn a_bypass_read_of_two_words_asks_twice_without_the_mmu() {
    let mut c = fresh();
    let op = CtlOp {
        kind: CTL_RD.into(),
        words2: true,
        bypass: true,
        client: 5.into(),
        va: 0x1004.into(),
        ..CtlOp::default()
    };
    push(&mut c, op);
    assert!(!c.op_empty.val() && c.start.val());
    edge!(c);
    assert!(c.ar_req.val() && c.op_empty.val());
    assert_eq!(
        (number(c.ar_addr.val()), number(c.ar_id.val())),
        (0x1000, 5)
    );
    c.ar_grant.next = true;
    settle(&mut c);
    assert!(c.start.val());
    edge!(c);
    assert_eq!(
        (number(c.ar_addr.val()), number(c.ar_id.val())),
        (0x1008, 13)
    );
    edge!(c);
    assert!(c.idle.val() && !c.start.val());
}

#[test]
fn a_write_over_a_page_end_goes_out_in_two_parts() {
    let mut c = fresh();
    let op = CtlOp {
        kind: CTL_WR.into(),
        asid: 3.into(),
        client: 2.into(),
        va: 0x1ffd.into(),
        len: 8.into(),
        data: 0x8877_6655_4433_2211_u64.into(),
        ..CtlOp::default()
    };
    push(&mut c, op);
    edge!(c);
    assert!(c.mmu_req_valid.val() && c.mmu_req.val().write && c.mmu_req.val().va == 0x1ffd);
    c.mmu_rsp_valid.next = true;
    c.mmu_rsp.next = MmuRsp {
        addr: 0x5ffd.into(),
        ..MmuRsp::default()
    };
    edge!(c);
    c.mmu_rsp_valid.next = false;
    settle(&mut c);
    assert!(c.w_req.val() && !c.w_beats2.val());
    assert_eq!(
        (
            number(c.w_addr.val()),
            number(c.w_id.val()),
            number(c.w_strb.val())
        ),
        (0x5ff8, 10, 0xe0)
    );
    // Bytes without strobe are 0, also in the second beat that is not sent.
    assert_eq!(number(c.w_data.val()), 0x3322_1100_0000_0000);
    c.w_grant.next = true;
    edge!(c);
    c.w_grant.next = false;
    c.b1_valid.next = true;
    edge!(c);
    c.b1_valid.next = false;
    settle(&mut c);
    assert!(c.mmu_req_valid.val() && c.mmu_req.val().va == 0x2000);
    c.mmu_rsp_valid.next = true;
    c.mmu_rsp.next = MmuRsp {
        addr: 0x9000.into(),
        ..MmuRsp::default()
    };
    edge!(c);
    assert_eq!(
        (
            number(c.w_addr.val()),
            number(c.w_id.val()),
            number(c.w_strb.val())
        ),
        (0x9000, 2, 0x1f)
    );
    assert_eq!(number(c.w_data.val()), 0x88_7766_5544);
}

#[test]
fn a_fault_of_the_first_word_leaves_the_second_its_own_event() {
    let mut c = fresh();
    push(
        &mut c,
        CtlOp {
            words2: true,
            client: 1.into(),
            va: 0x1004.into(),
            ..CtlOp::default()
        },
    );
    edge!(c);
    c.mmu_rsp_valid.next = true;
    c.mmu_rsp.next = MmuRsp {
        cause: 13.into(),
        ..MmuRsp::default()
    };
    edge!(c);
    assert!(
        c.x_valid.val() && !c.x.val().word && c.x.val().cause == 13 && c.x.val().iova == 0x1000
    );
    c.x_pop.next = true;
    edge!(c);
    assert!(c.x_valid.val() && c.x.val().word && c.x.val().iova == 0x1008 && c.idle.val());
}

#[test]
fn a_request_goes_down_when_it_is_taken_and_comes_up_for_the_next_word() {
    let mut c = fresh();
    push(
        &mut c,
        CtlOp {
            words2: true,
            va: 0x2000.into(),
            ..CtlOp::default()
        },
    );
    edge!(c);
    for va in [0x2000, 0x2008] {
        assert!(c.mmu_req_valid.val() && c.mmu_req.val().va == va);
        edge!(c);
        assert!(c.mmu_req_valid.val(), "it is up until it is taken");
        c.mmu_taken.next = true;
        edge!(c);
        c.mmu_taken.next = false;
        for _ in 0..3 {
            settle(&mut c);
            assert!(!c.mmu_req_valid.val() && !c.idle.val());
            edge!(c);
        }
        c.mmu_rsp_valid.next = true;
        c.mmu_rsp.next = MmuRsp {
            cause: 13.into(),
            ..MmuRsp::default()
        };
        edge!(c);
        c.mmu_rsp_valid.next = false;
        settle(&mut c);
    }
    assert!(c.idle.val() && !c.mmu_req_valid.val());
}
