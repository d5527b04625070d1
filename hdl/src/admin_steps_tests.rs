//! Tests of the steps of an execute event.

use super::*;

#[test]
fn admin_steps_lints_clean() {
    crate::util::assert_lint_clean("admin_steps", AdminSteps::default());
}

#[test]
fn a_drain_gives_up_after_as_many_polls_as_the_abi_says() {
    let mut steps = AdminSteps::default();
    steps.connect_all();
    steps.reset.next = true;
    crate::edge!(steps);
    steps.reset.next = false;
    steps.poll.next = true;
    steps.ctx_dev.next = DevRec {
        inflight: 1u64.into(),
        ..DevRec::default()
    };
    let mut polls = 0;
    loop {
        polls += 1;
        steps.go.next = true;
        crate::edge!(steps);
        steps.go.next = false;
        crate::edge!(steps);
        assert!(steps.done.val());
        let follow = crate::util::number(steps.follow.val()) as u64;
        crate::edge!(steps);
        if follow == NEXT_EXEC {
            break;
        }
        assert_eq!(follow, NEXT_POLL);
    }
    assert_eq!(polls, cmd::DRAIN_POLLS);
    assert_eq!(steps.phase.val(), 2);
}
