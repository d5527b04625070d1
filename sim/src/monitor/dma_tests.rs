//! Every rule about memory fires on a trace that breaks it, and on no legal one.

use shoal_abi::cmd::{
    self, CONFIG_MSI, DEV_DESTROY, DEV_MODE_SET, IOTLB_INVALIDATE, MSI_MASK, MSI_VALID, STATUS_SET,
    VQ_RESET, VQ_STATE_GET,
};
use shoal_abi::mmu::{USER_INTERRUPT, USER_PASID_VALID};
use shoal_abi::regs::STATUS_QUEUE_SELECT;
use shoal_abi::ring::{DESC_F_INDIRECT, DESC_F_WRITE};

use super::super::BOUND;

#[path = "player.rs"]
mod player;
use player::{desc, element, Player, AVAIL, BUFFER, LIVE, MESSAGE, RAM, USED};

/// A running device that does `f`; the rule it breaks, as (monitor, rule).
fn after(f: impl FnOnce(&mut Player)) -> (&'static str, &'static str) {
    let mut p = Player::running(false);
    assert_eq!(p.result, Ok(()), "the running device is legal");
    f(&mut p);
    p.rule()
}

const NONE: (&str, &str) = ("none", "none");

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
fn an_indirect_chain_of_readable_and_writable_buffers_passes() {
    let rule = after(|p| {
        p.put(RAM + 0x6000, &desc(0x7001, 5, 1, 1));
        p.put(RAM + 0x6010, &desc(0x8004, 8, DESC_F_WRITE, 0));
        p.post(BUFFER, 0);
        p.put(
            RAM + 0x1000,
            &desc(0x6000, 32, DESC_F_INDIRECT | DESC_F_WRITE, 0),
        );
        p.fetch();
        for word in 0..4 {
            p.read(0, RAM + 0x6000 + 8 * word);
        }
        p.read(0, RAM + 0x7000);
        p.write(0, RAM + 0x8004, &[7; 8]);
        p.used(8);
        p.read(0, RAM + AVAIL);
        p.message();
    });
    assert_eq!(rule, NONE);
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
fn accesses_outside_rings_and_buffers_are_found() {
    assert_eq!(after(|p| p.read(0, RAM + BUFFER)), ("virtqueue", "outside"));
    assert_eq!(
        after(|p| p.write(0, RAM + BUFFER, &[1])),
        ("virtqueue", "outside")
    );
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.write(0, RAM + BUFFER + 60, &[1; 8]);
    });
    assert_eq!(rule, ("virtqueue", "outside"), "past the end of the buffer");
    let rule = after(|p| {
        p.chain();
        p.write(0, RAM + BUFFER, &[1]);
    });
    assert_eq!(rule, ("virtqueue", "outside"), "the chain is used");
}

#[test]
fn writes_to_what_is_only_readable_are_found() {
    assert_eq!(
        after(|p| p.write(0, RAM + 0x1000, &[1; 8])),
        ("virtqueue", "read-only")
    );
    assert_eq!(
        after(|p| p.write(0, RAM + AVAIL + 2, &[1; 2])),
        ("virtqueue", "read-only")
    );
    let rule = after(|p| {
        p.post(BUFFER, 0);
        p.fetch();
        p.write(0, RAM + BUFFER, &[1; 8]);
    });
    assert_eq!(rule, ("virtqueue", "read-only"));
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.read(0, RAM + BUFFER);
    });
    assert_eq!(rule, ("virtqueue", "write-only"));
}

/// A chain with 8 bytes written, about to be used.
fn delivered(p: &mut Player) {
    p.post(BUFFER, DESC_F_WRITE);
    p.fetch();
    p.write(0, RAM + BUFFER, &[1; 8]);
}

#[test]
fn a_wrong_used_element_is_found() {
    let rule = after(|p| {
        delivered(p);
        p.used(9);
    });
    assert_eq!(rule, ("virtqueue", "used-len"));
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at(), &element(1, 8));
    });
    assert_eq!(rule, ("virtqueue", "used-id"));
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at() + 8, &element(0, 8));
    });
    assert_eq!(rule, ("virtqueue", "used-ring"));
    let rule = after(|p| {
        delivered(p);
        p.write(0, RAM + USED, &[0; 2]);
    });
    assert_eq!(rule, ("virtqueue", "used-ring"), "used.flags");
    let rule = after(|p| {
        delivered(p);
        p.write(0, RAM + USED + 4 + 32, &[0; 2]);
    });
    assert_eq!(rule, ("virtqueue", "avail-event"));
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.write(0, RAM + BUFFER + 8, &[1; 8]);
        p.used(1);
    });
    assert_eq!(
        rule,
        ("virtqueue", "used-len"),
        "the first byte was not written"
    );
}

#[test]
fn a_used_element_for_nothing_available_is_found() {
    assert_eq!(after(|p| p.used(0)), ("virtqueue", "not-available"));
    // The entry and the descriptor were read before the index that makes them available.
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.read(0, RAM + AVAIL + 4);
        p.read(0, RAM + 0x1000);
        p.read(0, RAM + 0x1008);
        let early = p.ask(0, RAM + AVAIL + 4);
        p.answer(early, RAM + AVAIL + 4, 0);
        p.used(0);
    });
    assert_eq!(rule, NONE, "the word with the entry also holds the index");
    let rule = after(|p| {
        p.chain();
        p.chain();
        p.post(BUFFER, DESC_F_WRITE);
        let entry = p.ask(0, RAM + AVAIL + 8);
        p.read(0, RAM + AVAIL);
        p.answer(entry, RAM + AVAIL + 8, 0);
        p.used(0);
    });
    assert_eq!(rule, ("virtqueue", "not-available"));
    let rule = after(|p| {
        p.post(BUFFER, 0);
        p.read(0, RAM + AVAIL);
        p.read(0, RAM + AVAIL + 4);
        p.used(0);
    });
    assert_eq!(
        rule,
        ("virtqueue", "not-read"),
        "the readable part was never looked at"
    );
}

#[test]
fn writes_out_of_order_are_found() {
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.send(0, RAM + BUFFER, &[1; 8]);
        p.used(8);
    });
    assert_eq!(rule, ("virtqueue", "payload-order"));
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at(), &element(0, 8));
        p.write(0, RAM + BUFFER + 8, &[1; 8]);
    });
    assert_eq!(rule, ("virtqueue", "late-payload"));
    let rule = after(|p| {
        delivered(p);
        p.send(0, p.element_at(), &element(0, 8));
        p.index();
    });
    assert_eq!(rule, ("virtqueue", "index-order"));
    let rule = after(|p| {
        delivered(p);
        p.index();
    });
    assert_eq!(rule, ("virtqueue", "index-alone"));
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at(), &element(0, 8));
        p.idx += 1;
        p.index();
    });
    assert_eq!(rule, ("virtqueue", "used-idx"));
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        let id = p.send(0, RAM + BUFFER, &[1; 8]);
        p.done(id, 2);
        p.used(8);
    });
    assert_eq!(rule, ("virtqueue", "after-error"));
}

#[test]
fn a_device_that_does_not_run_touches_no_ring() {
    let mut p = Player::new();
    p.bind(0);
    p.create(false);
    p.walk(AVAIL);
    p.read(0, RAM + AVAIL);
    assert_eq!(p.rule(), ("virtqueue", "not-running"));
    let rule = after(|p| {
        p.ok(DEV_MODE_SET, 1, &[1]);
        p.read(0, RAM + AVAIL);
    });
    assert_eq!(rule, ("virtqueue", "not-running"));
    for (opcode, data) in [
        (VQ_RESET, &[0; 2][..]),
        (DEV_DESTROY, &[]),
        (STATUS_SET, &[0]),
    ] {
        let rule = after(|p| {
            p.command(opcode, 1, data, cmd::OK, &[0; 8], |_| ());
            p.read(0, RAM + AVAIL);
        });
        assert_eq!(rule, ("virtqueue", "outside"), "opcode {opcode:#x}");
    }
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
fn a_wrong_ring_state_in_an_answer_is_found() {
    let rule = after(|p| {
        p.chain();
        p.ok(DEV_MODE_SET, 1, &[1]);
        p.command(
            VQ_STATE_GET,
            1,
            &[0; 2],
            cmd::OK,
            &[1, 0, 2, 0, 4, 0, 1, 0],
            |_| (),
        );
    });
    assert_eq!(rule, ("virtqueue", "state"));
}

#[test]
fn messages_are_held_to_their_shape_and_reason() {
    assert_eq!(after(Player::message), ("msi", "not-due"));
    let rule = after(|p| {
        p.chain();
        p.message();
    });
    assert_eq!(rule, ("msi", "not-due"), "one message for one used buffer");
    let other = |p: &mut Player| p.write(USER_INTERRUPT, 0xfee0_0000, &[9, 0, 0, 0]);
    assert_eq!(after(other), ("msi", "no-slot"));
    let long = |p: &mut Player| p.write(USER_INTERRUPT, 0xfee0_0000, &[0; 8]);
    assert_eq!(after(long), ("msi", "shape"));
    let tagged = |p: &mut Player| p.write(USER_INTERRUPT | USER_PASID_VALID, MESSAGE.0, &[0; 4]);
    assert_eq!(after(tagged), ("msi", "pasid"));
    let rule = after(|p| {
        delivered(p);
        p.used(8);
        p.put(RAM + AVAIL, &[1]);
        p.read(0, RAM + AVAIL);
        p.message();
    });
    assert_eq!(rule, ("msi", "not-due"), "suppressed by avail.flags");
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at(), &element(0, 8));
        let id = p.send(0, RAM + USED + 2, &[1, 0]);
        p.read(0, RAM + AVAIL);
        p.done(id, 0);
        p.message();
    });
    assert_eq!(
        rule,
        ("msi", "not-due"),
        "flags were read before the index had its response"
    );
}

#[test]
fn a_message_of_a_dead_device_is_found() {
    for (opcode, data, rule) in [
        (DEV_DESTROY, &[][..], "no-slot"),
        (STATUS_SET, &[0], "no-slot"),
        (VQ_RESET, &[0; 2], "not-due"),
    ] {
        let found = after(|p| {
            delivered(p);
            p.used(8);
            p.read(0, RAM + AVAIL);
            p.command(opcode, 1, data, cmd::OK, &[0; 8], |_| ());
            p.message();
        });
        assert_eq!(found, ("msi", rule));
    }
    let rule = after(|p| {
        delivered(p);
        p.used(8);
        p.read(0, RAM + AVAIL);
        p.send(USER_INTERRUPT, MESSAGE.0, &MESSAGE.1.to_le_bytes());
        p.ok(DEV_DESTROY, 1, &[]);
    });
    assert_eq!(rule, ("dma", "drain"), "the message is still under way");
}

#[test]
fn a_masked_message_waits_and_is_sent_while_it_is_unmasked() {
    let masked = |p: &mut Player| {
        p.msi_set(0, MSI_VALID | MSI_MASK, |_| ());
        delivered(p);
        p.used(8);
        p.read(0, RAM + AVAIL);
    };
    let rule = after(|p| {
        masked(p);
        p.message();
    });
    assert_eq!(rule, ("msi", "masked"));
    let rule = after(|p| {
        masked(p);
        p.msi_set(0, MSI_VALID, Player::message);
        p.chain();
    });
    assert_eq!(rule, NONE);
    let rule = after(|p| {
        masked(p);
        p.msi_set(0, MSI_VALID, |_| ());
        p.wait(BOUND);
        p.read(0, RAM + AVAIL);
    });
    assert_eq!(rule, ("msi", "missing"));
}

#[test]
fn a_missing_message_is_found_when_the_device_works_on() {
    let quiet = |p: &mut Player| {
        delivered(p);
        p.used(8);
        p.read(0, RAM + AVAIL);
        p.wait(BOUND);
    };
    let rule = after(|p| {
        quiet(p);
        p.read(0, RAM + AVAIL);
    });
    assert_eq!(rule, ("msi", "missing"));
    let rule = after(|p| {
        quiet(p);
        p.command(
            cmd::STATUS_GET,
            1,
            &[],
            cmd::OK,
            &[LIVE, 0, 0, 0, 0, 0, 0, 0],
            |_| (),
        );
    });
    assert_eq!(rule, ("msi", "missing"));
    let rule = after(|p| {
        quiet(p);
        p.command(
            cmd::STATUS_GET,
            1,
            &[],
            cmd::OK,
            &[LIVE | 64, 0, 0, 0, 0, 0, 0, 0],
            |_| (),
        );
    });
    assert_eq!(rule, NONE, "a device that faulted owes nothing");
}

#[test]
fn configuration_messages_follow_changes_and_one_fault() {
    let rule = after(|p| {
        p.msi_set(0, 0, |_| ());
        p.msi_set(CONFIG_MSI, MSI_VALID, |_| ());
        p.command(cmd::CONFIG_SET, 1, &[0; 72], cmd::OK, &[], Player::message);
        p.message(); // a fault
    });
    assert_eq!(rule, NONE);
    let rule = after(|p| {
        p.msi_set(0, 0, |_| ());
        p.msi_set(CONFIG_MSI, MSI_VALID, |_| ());
        p.message();
        p.message();
    });
    assert_eq!(rule, ("msi", "not-due"));
}
