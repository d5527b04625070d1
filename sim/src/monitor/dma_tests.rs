//! Every rule about mappings and drains fires on a trace that breaks it, and on no legal one.

use shoal_abi::cmd::{
    self, DEV_DESTROY, DEV_MODE_SET, IOTLB_INVALIDATE, STATUS_SET, VQ_RESET, VQ_STATE_GET,
};
use shoal_abi::mmu::{MODE_BARE, USER_PASID_VALID};
use shoal_abi::regs::STATUS_QUEUE_SELECT;
use shoal_abi::ring::DESC_F_WRITE;

use crate::monitor::player::{after, Player, AVAIL, BUFFER, LIVE, NONE, RAM, USED};
use crate::monitor::BOUND;

fn invalidate_all(p: &mut Player) {
    p.ok(IOTLB_INVALIDATE, 0, &[0; 24]);
}

#[test]
fn a_legal_life_of_a_device_passes() {
    for (event_idx, pasid) in [(false, 0), (true, 0), (false, 9)] {
        let mut p = Player::running(event_idx);
        if pasid != 0 {
            p.status(0);
            p.bind(pasid);
            invalidate_all(&mut p);
            p.setup();
            p.status(LIVE);
            for page in 0..16 {
                p.walk(page << 12);
            }
        }
        for n in 0..6u16 {
            p.put(RAM + AVAIL + 12, &n.to_le_bytes());
            if event_idx {
                p.post(BUFFER, DESC_F_WRITE);
                p.fetch();
                p.write(p.user, RAM + USED + 4 + 32, &n.to_le_bytes());
                p.used(0);
                p.read(p.user, RAM + AVAIL + 12);
                p.message();
            } else {
                p.chain();
            }
        }
        p.command(DEV_MODE_SET, 1, &[1], cmd::OK, &[], |_| ());
        p.command(
            VQ_STATE_GET,
            1,
            &[0; 2],
            cmd::OK,
            &[6, 0, 6, 0, 4, 0, 1, 0],
            |_| (),
        );
        p.ok(DEV_MODE_SET, 1, &[0]);
        p.ok(VQ_RESET, 1, &[0; 2]);
        p.ok(DEV_DESTROY, 1, &[]);
        p.reg(STATUS_QUEUE_SELECT, 0);
        p.reg_read(STATUS_QUEUE_SELECT, 0);
        assert_eq!(p.result, Ok(()), "event_idx {event_idx}, pasid {pasid}");
    }
}

#[test]
fn accesses_outside_every_mapping_or_against_its_rights_are_found() {
    assert_eq!(after(|p| p.read(0, 0x9_9000)), ("dma", "unmapped"));
    assert_eq!(
        after(|p| p.write(0, RAM + 0xe000, &[1])),
        ("dma", "unmapped"),
        "never walked"
    );
    assert_eq!(
        after(|p| p.write(0, RAM + 0xf000, &[1])),
        ("dma", "permission")
    );
    let tagged = USER_PASID_VALID | 5;
    assert_eq!(after(|p| p.read(tagged, RAM + AVAIL)), ("dma", "unmapped"));
    let rule = after(|p| {
        p.post(0xf000, DESC_F_WRITE);
        p.fetch();
        p.write(0, RAM + 0xf000, &[1]);
    });
    assert_eq!(rule, ("dma", "permission"));
}

#[test]
fn an_untagged_access_of_an_asid_with_a_pasid_is_found() {
    let mut p = Player::running(false);
    p.status(0);
    p.bind(9);
    invalidate_all(&mut p);
    p.setup();
    p.status(LIVE);
    p.walk(AVAIL);
    assert_eq!(p.result, Ok(()));
    p.read(0, RAM + AVAIL);
    assert_eq!(p.rule(), ("dma", "unmapped"));
}

#[test]
fn a_translation_from_before_an_invalidation_is_dead_afterwards() {
    let rule = after(|p| {
        invalidate_all(p);
        p.read(0, RAM + AVAIL);
    });
    assert_eq!(rule, ("dma", "unmapped"));
    let rule = after(|p| {
        invalidate_all(p);
        p.walk(AVAIL);
        p.read(0, RAM + AVAIL);
    });
    assert_eq!(rule, NONE);
    let rule = after(|p| {
        p.ask(0, RAM + AVAIL);
        invalidate_all(p);
    });
    assert_eq!(rule, ("dma", "invalidate-drain"));
    let rule = after(|p| {
        let id = p.ask(0, RAM + AVAIL);
        p.command(IOTLB_INVALIDATE, 0, &[0; 24], cmd::OK, &[], |p| {
            p.answer(id, RAM + AVAIL, 0)
        });
    });
    assert_eq!(rule, NONE);
}

#[test]
fn a_drain_that_completes_with_an_access_under_way_is_found() {
    for (opcode, data) in [
        (VQ_RESET, &[0; 2][..]),
        (DEV_DESTROY, &[]),
        (STATUS_SET, &[0]),
        (DEV_MODE_SET, &[1]),
    ] {
        let rule = after(|p| {
            p.ask(0, RAM + AVAIL);
            p.command(opcode, 1, data, cmd::OK, &[0; 8], |_| ());
        });
        assert_eq!(rule, ("dma", "drain"), "opcode {opcode:#x}");
        let rule = after(|p| {
            p.ask(0, RAM + AVAIL);
            p.command(opcode, 1, data, cmd::EAGAIN, &[0; 8], |_| ());
        });
        assert_eq!(rule, NONE, "opcode {opcode:#x} was not done");
    }
    let rule = after(|p| {
        p.ask(0, RAM + AVAIL);
        p.reg(STATUS_QUEUE_SELECT, 0);
        p.reg_read(STATUS_QUEUE_SELECT, 0);
    });
    assert_eq!(rule, ("dma", "drain"));
}

#[test]
fn an_effect_ahead_of_its_completion_passes_only_if_the_command_succeeds() {
    for (status, rule) in [(cmd::OK, NONE), (cmd::EINVAL, ("virtqueue", "not-running"))] {
        let mut p = Player::new();
        p.bind(0);
        p.create(false);
        p.post(BUFFER, DESC_F_WRITE);
        p.command(
            STATUS_SET,
            1,
            &[LIVE],
            status,
            &[LIVE, 0, 0, 0, 0, 0, 0, 0],
            |p| {
                p.walk(AVAIL);
                p.walk(0x1000);
                p.fetch();
            },
        );
        assert_eq!(p.rule(), rule);
        if status == cmd::OK {
            p.walk(USED);
            p.walk(BUFFER);
            p.write(0, RAM + BUFFER, &[1; 8]);
            p.used(8);
            assert_eq!(p.result, Ok(()), "what was read ahead counts");
        }
    }
}

#[test]
fn an_access_that_a_command_cannot_explain_is_found_though_the_command_hangs() {
    let rule = after(|p| {
        p.command(DEV_MODE_SET, 1, &[0], cmd::OK, &[], |p| {
            p.read(0, RAM + BUFFER);
            p.wait(BOUND);
            p.read(0, RAM + AVAIL);
        });
    });
    assert_eq!(rule, ("virtqueue", "outside"));
}

#[test]
fn a_chain_under_way_follows_its_asid_to_another_mode() {
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        let bare = [1, u32::from(MODE_BARE), 0, 0, 0, 0]
            .map(u32::to_le_bytes)
            .concat();
        p.ok(cmd::ASID_SET, 0, &bare);
        p.write(0, BUFFER, &[1; 8]); // not translated any more
        p.write(0, RAM + BUFFER + 8, &[1; 8]); // by what was read before: not invalidated yet
        p.used(16);
    });
    assert_eq!(rule, NONE);
}

#[test]
fn a_device_whose_reset_gave_up_goes_on_with_what_was_under_way() {
    let give_up = |p: &mut Player| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.command(STATUS_SET, 1, &[0], cmd::EAGAIN, &[], |_| ());
        p.status(1);
    };
    let rule = after(|p| {
        give_up(p);
        p.write(0, RAM + BUFFER, &[1; 8]);
    });
    assert_eq!(rule, NONE);
    let rule = after(|p| {
        give_up(p);
        p.status(0);
        p.write(0, RAM + BUFFER, &[1; 8]);
    });
    assert_eq!(rule, ("virtqueue", "outside"));
}

#[test]
fn what_a_blurred_queue_may_have_done_is_not_held_against_it_when_a_command_ends_it() {
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.put(RAM + 0x1000, &[0; 16]);
        p.read(0, RAM + 0x1000); // the descriptor has changed
        p.command(VQ_RESET, 1, &[0; 2], cmd::OK, &[], |p| {
            p.write(0, RAM + 0x7000, &[1; 8])
        });
    });
    assert_eq!(rule, NONE);
}
