//! The whole core, with all other units at rest.

use super::*;
use crate::util::deep;
use shoal_abi::profile::{HYPER, MID, TINY};

#[test]
fn core_lints_clean() {
    deep(|| {
        crate::util::assert_lint_clean("core_tiny", Core::<5, 3, 4, 4, 4>::new(&TINY));
        crate::util::assert_lint_clean("core_mid", Core::<14, 12, 13, 13, 6>::new(&MID));
        crate::util::assert_lint_clean("core_hyper", Core::<18, 17, 17, 17, 8>::new(&HYPER));
    });
}

type Tiny = Core<5, 3, 4, 4, 4>;

/// Cycle from the end of the reset on, with all other units at rest.
fn reset() -> Box<Tiny> {
    let mut c = Box::new(Tiny::new(&TINY));
    c.connect_all();
    c.rx_idle.next = true;
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
fn packets_for_nobody_are_ordered_away_as_receive_slots_come_back() {
    deep(|| {
        let mut c = reset();
        until_ready(&mut c, true);
        c.rx_head_valid.next = true;
        let (mut popped, mut ordered) = (Vec::new(), Vec::new());
        for n in 0..20_u64 {
            crate::util::settle(&mut *c);
            if c.rx_head_pop.val() {
                popped.push(n);
            }
            if c.rx_order_push.val() {
                assert!(c.rx_order_none.val() && c.cnt_rx_drops_inc.val());
                ordered.push(n);
            }
            assert!(!c.rx_op_push.val() && !c.rx_done_pop.val());
            crate::edge!(*c);
        }
        // Three receive slots, each taken in vain for eight cycles.
        assert_eq!(popped, [0, 1, 2, 8, 9, 10, 16, 17, 18]);
        assert_eq!(ordered, [7, 8, 9, 15, 16, 17]);
        // A warm reset waits for the slots, and for the mover.
        c.rx_idle.next = false;
        c.warm.next = true;
        for n in 0..400_u64 {
            c.rx_head_valid.next = n < 100;
            crate::util::settle(&mut *c);
            assert!(c.ready.val() && !c.cnt_rx_drops_inc.val() | (n < 8));
            crate::edge!(*c);
        }
        assert!(c.slots.rx_all_free.val());
        c.rx_idle.next = true;
        assert_eq!(until_ready(&mut c, false), 1);
        assert_eq!(until_ready(&mut c, true), 32);
        c.warm.next = false;
        crate::util::settle(&mut *c);
        assert!(c.slots.rx_all_free.val() && c.slots.all_free.val());
    });
}

#[path = "core_share_tests.rs"]
mod shares;
