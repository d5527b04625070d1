//! Tests of the steps of a TELL against hand-worked rings.

use super::*;
use crate::util::{assert_lint_clean, number, settle, wide};

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("ctl-tell", CtlTell::default());
}

fn tell(count: u64, event_idx: bool, receive: bool) -> Tell {
    Tell {
        device: 0x10_0000.into(),
        driver: 0x20_0000.into(),
        size: 16.into(),
        used_idx: 0xffff.into(),
        last_avail: 0x1234.into(),
        count: count.into(),
        heads: wide(0x0005_0007),
        used_len: 0xaabb_ccdd.into(),
        used_more: wide(0x1_2345),
        event_idx,
        receive,
        ..Tell::default()
    }
}

fn told(step: u64, count: u64, event_idx: bool, receive: bool) -> CtlInfo {
    plan(step, 0, tell(count, event_idx, receive))
}

fn plan(step: u64, wish: u64, tell: Tell) -> CtlInfo {
    let mut t = CtlTell::default();
    t.connect_all();
    t.op.next = CtlInfo {
        kind: CTL_TELL.into(),
        ..CtlInfo::default()
    };
    t.tell.next = tell;
    t.step.next = step.into();
    t.wish.next = wish.into();
    settle(&mut t);
    t.info.val()
}

#[test]
fn step_0_writes_the_elements() {
    let one = told(0, 1, true, false);
    assert_eq!(
        (number(one.va), number(one.len), one.two, one.spread),
        (0x10_0004 + 8 * 15, 8, true, true)
    );
    assert_eq!(number(one.data), 0x0005_0007);
    assert_eq!(number(one.lens), 0x1_2345_aabb_ccdd);
    let two = told(0, 2, true, false);
    assert_eq!((number(two.len), two.spread), (16, true));
    assert_eq!(number(two.data), 0x0005_0007);
}

#[test]
fn avail_event_goes_with_the_elements_if_it_makes_a_pair_with_them() {
    // Where the ring begins, elements told: the last two are cut, and all in the page before avail_event.
    for (device, count, event_idx, receive, first) in [
        (0x10_0000_u64, 1, true, false, true),
        (0x10_0000, 1, true, true, false),
        (0x10_0000, 1, false, false, false),
        (0x10_0f7c, 1, true, false, false),
        (0x10_0f80, 2, true, false, false),
        (0x10_0f84, 1, true, false, true),
    ] {
        let t = Tell {
            device: device.into(),
            ..tell(count, event_idx, receive)
        };
        let (i0, i1) = (plan(0, 0, t), plan(1, 0, t));
        assert_eq!(i0.two, first, "{device:#x}");
        assert_eq!(i1.two, event_idx && !receive && !first, "{device:#x}");
        for i in [i0, i1] {
            let event = (u128::from(device) + 4 + 8 * 16, 0x1234);
            assert_eq!((number(i.va_b), number(i.data_b)), event);
        }
    }
}

#[test]
fn what_the_driver_waits_for_is_read_with_a_hint_unless_elements_are_cut() {
    for (event_idx, va) in [(true, 0x20_0024), (false, 0x20_0000)] {
        for receive in [false, true] {
            let mut t = tell(2, event_idx, receive);
            assert!(!plan(0, 0, t).third);
            t.hint = true;
            let i = plan(0, 0, t);
            assert!(i.third && !i.sends && number(i.va_c) == va);
            assert!(!plan(2, 0, t).third && !plan(2, 0, t).sends);
            // Element 15 begins 4 bytes before the end of a page.
            t.device = 0x10_0f80.into();
            let i = plan(0, 0, t);
            assert!(!i.third && number(i.va) == 0x10_0ffc);
            assert!(!plan(1, 0, t).third && !plan(1, 0, t).sends, "not armed");
        }
    }
}

#[test]
fn it_is_armed_as_the_word_says() {
    // u = 0xffff, m = 3: the message is due for 0xffff, 0 and 1.
    for (event_idx, wish, armed) in [
        (true, 0xfffe, false),
        (true, 0xffff, true),
        (true, 0, true),
        (true, 1, true),
        (true, 2, false),
        (false, 0, true),
        (false, 1, false),
        (false, 0xfffe, true),
    ] {
        for (receive, hint) in [(false, true), (true, true), (false, false)] {
            let i = plan(
                1,
                wish,
                Tell {
                    hint,
                    ..tell(3, event_idx, receive)
                },
            );
            let armed = armed && hint;
            assert_eq!((i.third, i.sends), (armed && !receive, armed), "{wish:#x}");
            assert!(!i.two && number(i.va_c) == 0x20_0002);
        }
    }
    // avail_event is still to be written: it is looked again.
    let i = plan(
        1,
        0xffff,
        Tell {
            hint: true,
            device: 0x10_0f7c.into(),
            ..tell(1, true, false)
        },
    );
    assert!(i.two && !i.third && !i.sends);
}

#[test]
fn step_1_writes_the_indices() {
    for (event_idx, receive) in [(true, false), (true, true), (false, false)] {
        let i = told(1, 3, event_idx, receive);
        assert_eq!(
            (number(i.kind) as u64, number(i.va), number(i.len)),
            (CTL_WR, 0x10_0002, 2)
        );
        assert_eq!(number(i.data), 2, "u + m in 16 bits");
    }
}

#[test]
fn step_2_reads_what_the_driver_waits_for() {
    for (event_idx, receive, va) in [
        (true, false, 0x20_0024),
        (false, false, 0x20_0000),
        (false, true, 0x20_0000),
    ] {
        let i = told(2, 3, event_idx, receive);
        assert_eq!((number(i.kind) as u64, number(i.va)), (CTL_RD, va));
        assert_eq!((i.two, number(i.va_b)), (!receive, 0x20_0002));
    }
}
