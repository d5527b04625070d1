//! Every rule about messages fires on a whole trace that breaks it.

use shoal_abi::cmd::{self, CONFIG_MSI, DEV_DESTROY, MSI_MASK, MSI_VALID, STATUS_SET, VQ_RESET};
use shoal_abi::mmu::{USER_INTERRUPT, USER_PASID_VALID};

use crate::monitor::player::{
    after, delivered, element, Player, AVAIL, LIVE, MESSAGE, NONE, RAM, USED,
};
use crate::monitor::BOUND;

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
        suppressed(p, 1);
        let id = p.send(0, RAM + USED + 2, &[1, 0]);
        suppressed(p, 0);
        p.done(id, 0);
        p.message();
    });
    assert_eq!(
        rule,
        ("msi", "not-due"),
        "flags that ask were read while the index was on its way"
    );
}

/// The driver sets avail.flags and the device reads them.
fn suppressed(p: &mut Player, flags: u8) {
    p.put(RAM + AVAIL, &[flags]);
    p.read(0, RAM + AVAIL);
}

#[test]
fn flags_read_before_the_index_permit_the_message_with_its_response() {
    let told = |early: bool| {
        move |p: &mut Player| {
            delivered(p);
            p.write(0, p.element_at(), &element(0, 8));
            suppressed(p, 0);
            let id = p.send(0, RAM + USED + 2, &[1, 0]);
            if early {
                p.message();
            }
            p.done(id, 0);
            p.message();
        }
    };
    assert_eq!(after(told(false)), NONE);
    assert_eq!(after(told(true)), ("msi", "not-due"));
    let rule = after(|p| {
        told(false)(p);
        p.message();
    });
    assert_eq!(rule, ("msi", "not-due"), "one message for one index");
    let rule = after(|p| {
        delivered(p);
        p.write(0, p.element_at(), &element(0, 8));
        suppressed(p, 0);
        p.index();
        suppressed(p, 1);
        p.message();
    });
    assert_eq!(rule, ("msi", "not-due"), "the look behind the index counts");
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
