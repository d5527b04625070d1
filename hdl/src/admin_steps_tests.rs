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

#[test]
fn a_drain_waits_for_the_messages_that_it_may_have_left() {
    let mut steps = AdminSteps::default();
    steps.connect_all();
    steps.reset.next = true;
    crate::edge!(steps);
    steps.reset.next = false;
    steps.poll.next = true;
    // Those of the old epoch first, uncounted; the flip; those of the epoch before it, counted; then it is over.
    let mut polls = Vec::new();
    for (old_zero, follow) in [
        (false, NEXT_POLL),
        (true, NEXT_POLL),
        (false, NEXT_POLL),
        (true, NEXT_EXEC),
    ] {
        steps.msg_old_zero.next = old_zero;
        steps.go.next = true;
        crate::edge!(steps);
        steps.go.next = false;
        crate::edge!(steps);
        assert!(steps.done.val());
        assert_eq!(crate::util::number(steps.follow.val()) as u64, follow);
        crate::edge!(steps);
        polls.push((
            steps.msg_flip.val(),
            crate::util::number(steps.polls.q.val()) as u64,
        ));
        steps.commit.next = true;
        crate::edge!(steps);
        steps.commit.next = false;
    }
    assert_eq!(polls, [(false, 0), (true, 0), (false, 1), (false, 1)]);
    assert_eq!(steps.phase.val(), 1);
}
