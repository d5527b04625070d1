//! Sessions that once went wrong, in lockstep on `tiny`.

use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_abi::regs::{FQ_BASE_LO, FQ_CTRL, FQ_HEAD};
use shoal_abi::ring::MAX_CHAIN_BYTES;
use shoal_conformance::chaos::layout::FAULTS;
use shoal_conformance::chaos::{Action, Chain, Desc, Pair, Provision, World};

fn net(member: u8, asid: u8) -> Action {
    Action::Provision(Provision {
        member,
        blk: false,
        rings: asid,
        data: asid,
        event: false,
        indirect: true,
        log2: 4,
        start: 0,
        place: 0,
    })
}

fn chain(len: u32) -> Vec<Chain> {
    let descs = vec![Desc {
        offset: 0,
        len,
        write: false,
    }];
    vec![Chain {
        descs,
        indirect_from: None,
        flaw: 1,
    }]
}

/// Sent packets and faults after `actions`.
fn play(actions: &[Action]) -> (u64, u64) {
    let rtl = dut::rtl_factory(&TINY, 1, Vec::new())().expect("the RTL");
    let model = dut::model_factory(&TINY)().expect("the model");
    let mut world = World::new(&TINY, Pair::new(&TINY, rtl, Some(model)), 1)
        .unwrap_or_else(|e| panic!("set-up: {e}"));
    world.play(actions).unwrap_or_else(|e| panic!("{e}"));
    let reach = world.reach().unwrap_or_else(|e| panic!("{e}"));
    (reach.counters[1], reach.counters[5])
}

/// One guest's descriptor of 4 GiB held the transmit mover of all, and a warm reset, until its last byte. ASID 0 is bare: no page
/// table ends the transfer.
#[test]
fn a_chain_too_long_for_the_movers_is_a_fault_and_a_neighbour_goes_on() {
    for len in [u32::MAX, MAX_CHAIN_BYTES + 1] {
        let actions = [
            net(1, 0),
            net(2, 1),
            Action::Fill(1, 1, chain(len)),
            Action::Wait(1000),
            Action::Fill(2, 1, chain(64)),
            Action::Wait(1000),
        ];
        assert_eq!(play(&actions), (1, 1), "{len} bytes");
    }
}

#[test]
fn a_warm_reset_ends_behind_a_chain_too_long_for_the_movers() {
    let actions = [
        net(1, 0),
        Action::Fill(1, 1, chain(u32::MAX)),
        Action::Wait(200),
        Action::Warm,
        Action::Fill(1, 1, chain(64)),
        Action::Wait(1000),
    ];
    assert_eq!(play(&actions).0, 1);
}

/// FQ_TAIL beyond a ring that was made smaller pointed the device at memory behind the ring. The monitors see a write there.
#[test]
fn a_fault_queue_that_shrinks_below_its_tail_is_still_written_inside() {
    let control = |log2: u32| Action::Write(FQ_CTRL.offset, log2 << 4 | 1, 0b0011);
    let mut actions: Vec<_> = (1..=4).map(|m| net(m, 0)).collect();
    actions.push(control(3));
    for m in 1..=3 {
        actions.push(Action::Fill(m, 1, chain(u32::MAX)));
        actions.push(Action::Wait(1000));
    }
    let elsewhere = FAULTS as u32 + 0x1000;
    actions.extend([
        Action::Write(FQ_CTRL.offset, 0, 0b0011),
        Action::Write(FQ_BASE_LO.offset, elsewhere, 0b1111),
        Action::Write(FQ_HEAD.offset, 1, 0b1111),
        control(1),
        Action::Fill(4, 1, chain(u32::MAX)),
        Action::Wait(1000),
    ]);
    assert_eq!(play(&actions).1, 4);
}

/// A buffer of 4 GiB in a space with a 1 GiB page reaches the admin queue's answers. The monitors took one of them for the device's
/// own access, and missed its end at DEV_DESTROY.
#[test]
fn an_admin_answer_in_a_buffer_of_a_device_is_not_the_devices_access() {
    let provision = |member, blk, rings| {
        Action::Provision(Provision {
            member,
            blk,
            rings,
            data: 1,
            event: false,
            indirect: false,
            log2: 8,
            start: 0,
            place: 0,
        })
    };
    let one = |len, write, flaw| {
        let descs = vec![Desc {
            offset: 0,
            len,
            write,
        }];
        Chain {
            descs,
            indirect_from: None,
            flaw,
        }
    };
    let actions = [
        provision(1, true, 0),
        provision(2, false, 2),
        Action::Fill(1, 0, vec![one(u32::MAX, true, 0), one(1, false, 0)]),
        Action::Fill(2, 0, vec![one(1, false, 0), one(1, false, 0)]),
        Action::Fill(2, 1, vec![one(1, false, 16)]),
        Action::Heal,
    ];
    play(&actions);
}
