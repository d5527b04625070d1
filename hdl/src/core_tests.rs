//! The whole core, with all other units at rest.

use super::*;
use shoal_abi::profile::{HYPER, MID, TINY};

/// The core is too large for the stack of a test's thread.
fn deep(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(test);
    let done = thread.expect("a thread").join();
    assert!(done.is_ok());
}

#[test]
fn core_lints_clean() {
    deep(|| {
        crate::util::assert_lint_clean("core_tiny", Core::<5, 4, 4, 4, 4>::new(&TINY));
        crate::util::assert_lint_clean("core_mid", Core::<14, 13, 13, 13, 6>::new(&MID));
        crate::util::assert_lint_clean("core_hyper", Core::<18, 18, 17, 17, 8>::new(&HYPER));
    });
}

type Tiny = Core<5, 4, 4, 4, 4>;

/// Cycle from the end of the reset on, with all other units at rest.
fn reset() -> Box<Tiny> {
    let mut c = Box::new(Tiny::new(&TINY));
    c.connect_all();
    c.rx_free.next = true;
    c.ctl_op_empty.next = true;
    c.mmu_idle.next = true;
    c.all_zero.next = true;
    c.msg_room.next = true;
    c.msg_none.next = true;
    c.other_zero.next = true;
    c.adminq_quiet.next = true;
    c.reset.next = true;
    crate::edge!(*c);
    c.reset.next = false;
    c
}

/// Cycles until READY is `up`.
fn until_ready(c: &mut Tiny, up: bool) -> u64 {
    for n in 0..1000 {
        crate::util::settle(c);
        if c.ready.val() == up {
            return n;
        }
        crate::edge!(*c);
    }
    panic!("READY does not become {up}");
}

#[test]
fn doorbells_of_nobody_go_through_one_a_cycle_and_a_warm_reset_takes_its_cycles() {
    deep(|| {
        let mut c = reset();
        assert_eq!(until_ready(&mut c, true), 32);
        // Picked in cycles 0..4, effects in cycles 7..11.
        for n in 0..14 {
            c.db_valid.next = n < 5;
            crate::util::settle(&mut *c);
            assert_eq!(c.db_pop.val(), n < 5, "cycle {n}");
            assert_eq!(c.cnt_doorbells_inc.val(), (7..12).contains(&n), "cycle {n}");
            crate::edge!(*c);
        }
        // WARM is picked in the first cycle and takes 127 + 4 * 16; the sweep begins two edges later.
        c.warm.next = true;
        assert_eq!(until_ready(&mut c, false), 1 + 191 + 1);
        assert_eq!(until_ready(&mut c, true), 32);
        c.warm.next = false;
        crate::util::settle(&mut *c);
        assert!(c.slots.all_free.val());
    });
}

#[test]
fn a_packet_for_nobody_is_thrown_away_and_the_next_one_waits_for_that() {
    deep(|| {
        let mut c = reset();
        until_ready(&mut c, true);
        let mut set = Vec::new();
        for n in 0..24_u64 {
            c.rx_head_valid.next = true;
            c.rx_done_valid.next = n == 10;
            crate::util::settle(&mut *c);
            assert_eq!(c.rx_done_pop.val(), n == 10);
            if c.rx_op_set.val() {
                assert!(c.rx_op.val().discard && c.cnt_rx_drops_inc.val());
                set.push(n);
            }
            crate::edge!(*c);
        }
        // Done with is the first in 10, free from 18 on.
        assert_eq!(set, [7]);
        crate::util::settle(&mut *c);
        assert!(c.engine.rx_owned.val() || c.pipe.rx.val());
    });
}
