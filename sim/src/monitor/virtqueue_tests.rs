//! Every rule about rings and buffers fires on a trace that breaks it.

use shoal_abi::cmd::{self, DEV_DESTROY, DEV_MODE_SET, STATUS_SET, VQ_RESET, VQ_STATE_GET};
use shoal_abi::ring::{DESC_F_INDIRECT, DESC_F_WRITE};

use crate::monitor::player::{
    self, after, delivered, desc, element, Player, AVAIL, BUFFER, NONE, RAM, USED,
};

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
fn queues_that_overlap_are_let_go_but_not_out_of_their_mappings() {
    let overlap = |p: &mut Player| {
        let mut d = player::setup_data();
        d[0] = 1; // queue 1 with the rings of queue 0
        p.ok(cmd::VQ_SETUP, 1, &d);
        p.read(0, RAM + AVAIL);
    };
    let mut p = Player::running(false);
    p.chain();
    assert_eq!(p.blurred(), 0);
    overlap(&mut p);
    assert_eq!(p.blurred(), 2);
    p.write(0, RAM + BUFFER, &[1; 8]);
    p.write(0, RAM + USED + 2, &[9, 9]);
    p.message();
    assert_eq!(p.result, Ok(()));
    p.write(0, RAM + 0xe000, &[1]);
    assert_eq!(p.rule(), ("dma", "unmapped"));
    let rule = after(|p| {
        overlap(p);
        p.ok(DEV_MODE_SET, 1, &[1]);
        p.write(0, RAM + BUFFER, &[1; 8]);
    });
    assert_eq!(
        rule,
        ("virtqueue", "outside"),
        "a stopped device goes nowhere"
    );
}

#[test]
fn a_driver_that_changes_an_available_descriptor_gets_no_false_alarm() {
    let rule = after(|p| {
        p.post(BUFFER, DESC_F_WRITE);
        p.fetch();
        p.put(RAM + 0x1000, &desc(0x7000, 64, DESC_F_WRITE, 0));
        p.read(0, RAM + 0x1000);
        p.write(0, RAM + 0x7000, &[1; 8]);
        p.used(8);
    });
    assert_eq!(rule, NONE);
}

#[test]
fn a_long_indirect_table_and_a_chain_of_zero_bytes_pass() {
    let rule = after(|p| {
        p.post(BUFFER, 0);
        p.put(RAM + 0x1000, &desc(0x6000, 0xffff_fff0, DESC_F_INDIRECT, 0));
        p.put(RAM + 0x6000, &desc(0xffff_ffff_ffff_f000, 0, 0, 0));
        p.fetch();
        p.read(0, RAM + 0x6000);
        p.read(0, RAM + 0x6008);
        p.used(0);
    });
    assert_eq!(rule, NONE);
}
