//! Commands and their answers, on the real context memories.

use super::bench::*;
use super::*;
use crate::ctx_types::SlotState;
use shoal_abi::cmd;

#[test]
fn only_the_list_commands_are_legal_before_list_use() {
    let mut b = Bench::new();
    assert_eq!(
        b.command(cmd::CAPS, 0, 0, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_OPCODE)
    );
    assert_eq!(
        b.command(cmd::CAPS, 7, 0, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_GROUP)
    );
    let (status, _, list, len) = b.command(cmd::LIST_QUERY, cmd::GROUP_MANAGED, 0, &[]);
    assert_eq!((status, len), (0, 24));
    assert_eq!(list[0..8], cmd::LIST_MANAGED[0].to_le_bytes());
    assert_eq!(list[8..16], cmd::LIST_MANAGED[1].to_le_bytes());
    assert_eq!(
        b.command(cmd::LIST_USE, 0, 0, &[0xff; 16]),
        refused(cmd::EINVAL, cmd::Q_INVALID_FIELD)
    );
    b.use_all();
    let (status, _, caps, len) = b.command(cmd::CAPS, 0, 0, &[]);
    assert_eq!((status, len), (0, 72));
    assert_eq!(caps[0..8], [8, 0, 0, 0, 24, 0, 0, 0]);
    assert_eq!(caps[60..64], [64, 0, 0, 0]);
    assert_eq!(
        b.command(cmd::DEV_CREATE, 0, 1, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_OPCODE)
    );
}

#[test]
fn a_device_lives_from_create_to_destroy() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(
        b.member(cmd::STATUS_GET, 2, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_MEMBER)
    );
    assert_eq!(
        b.create(9, 1, 2, 0),
        refused(cmd::EINVAL, cmd::Q_INVALID_MEMBER)
    );
    assert_eq!(
        b.create(2, 1, 3, 4),
        refused(cmd::EINVAL, cmd::Q_INVALID_FIELD)
    );
    assert_eq!(
        b.create(2, 1, 2, 23),
        refused(cmd::EINVAL, cmd::Q_INVALID_FIELD)
    );
    assert_eq!(b.create(2, 1, 2, 4), DONE);
    assert_eq!(
        b.create(2, 1, 2, 4),
        refused(cmd::EEXIST, cmd::Q_INVALID_MEMBER)
    );
    assert_eq!(b.create(3, 2, 2, 5), refused(cmd::EBUSY, cmd::Q_NORESOURCE));
    assert_eq!(b.setup(2, 0), DONE);
    assert_eq!(b.setup(2, 1), DONE);
    assert_eq!(b.setup(2, 1), refused(cmd::EBUSY, cmd::Q_INVALID_COMMAND));
    assert_eq!(b.setup(2, 2), refused(cmd::EINVAL, cmd::Q_INVALID_FIELD));
    assert!(b.ready.is_empty());
    b.start(2);
    // Queue 0 of a network device receives; only queue 1 is looked at.
    assert_eq!(b.ready, [5]);
    assert_eq!(
        b.member(cmd::VQ_STATE_GET, 2, &[1]),
        (0, 0, vec![9, 0, 7, 0, 64, 0, 1, 0], 16)
    );
    let (.., msi, _) = b.member(cmd::MSI_GET, 2, &[1]);
    assert_eq!(msi, [0, 0x70, 0, 0, 0, 0, 0, 0, 0x33, 0, 0, 0, 5, 0, 0, 0]);
    let (.., config, len) = b.member(cmd::CONFIG_GET, 2, &[]);
    assert_eq!(len, 80);
    assert_eq!(config[0..8], [0; 8]);
    assert!((0..64).all(|n| config[8 + n] == n as u8 ^ 0x40));
    let mut data = vec![0x11; 72];
    data[0..8].copy_from_slice(&0x8000_0000_0000_0102u64.to_le_bytes());
    assert_eq!(b.member(cmd::CONFIG_SET, 2, &data), DONE);
    let (.., config, _) = b.member(cmd::CONFIG_GET, 2, &[]);
    assert_eq!(config[0], 1);
    for n in 0..64 {
        let want = if [1, 8, 63].contains(&n) {
            0x11
        } else {
            n as u8 ^ 0x40
        };
        assert_eq!(config[8 + n], want, "byte {n}");
    }
    let mut polled = 0;
    let answer = b.command_with(cmd::DEV_DESTROY, cmd::GROUP_MANAGED, 2, &[], |_, n| {
        polled = n
    });
    assert_eq!((answer, polled), (DONE, 2));
    assert_eq!(
        b.member(cmd::STATUS_GET, 2, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_MEMBER)
    );
    // The longest way through an execute event.
    assert_eq!(b.create(3, 2, 8, 3), DONE);
}

#[test]
fn a_drain_waits_for_the_slot_and_releases_one_that_waits_for_an_answer() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    assert_eq!(b.setup(1, 0), DONE);
    b.start(1);
    assert_eq!(b.ready, [0]);
    let bind = |b: &mut Bench, state: SlotState| {
        b.ctx.alone.next = false;
        b.ctx.dev_at.next = 1u64.into();
        b.ctx.vq_at.next = 0u64.into();
        b.ctx.slot_at.next = 2u64.into();
        let mut eng = CtxCmd {
            dev_addr: 1u64.into(),
            slot_addr: 2u64.into(),
            ..CtxCmd::default()
        };
        b.ctx.eng.next = eng;
        crate::edge!(b.ctx);
        eng.dev = DevRec {
            inflight: 1u64.into(),
            ..b.ctx.dev.val()
        };
        eng.vq = VqRec {
            busy: true,
            slot: 2u64.into(),
            again: true,
            ..b.ctx.vq.val()
        };
        eng.slot = SlotRec {
            state,
            dev: 1u64.into(),
            ..SlotRec::default()
        };
        eng.dev_we = true;
        eng.vq_we = true;
        eng.slot_we = true;
        b.ctx.eng.next = eng;
        crate::edge!(b.ctx);
        eng.dev_we = false;
        eng.vq_we = false;
        eng.slot_we = false;
        b.ctx.eng.next = eng;
        crate::edge!(b.ctx);
    };
    // A chain at work: the drain polls until its slot is released, and once more for the messages before.
    bind(&mut b, SlotState::Desc);
    let mut polled = 0;
    let answer = b.command_with(cmd::VQ_RESET, cmd::GROUP_MANAGED, 1, &[0, 0], |b, n| {
        polled = n;
        if n == 3 {
            let vq = b.ctx.vq.val();
            b.ctx.alone.next = false;
            let mut eng = b.ctx.eng.val();
            eng.vq = VqRec { busy: false, ..vq };
            eng.dev = DevRec {
                inflight: 0u64.into(),
                ..b.ctx.dev.val()
            };
            eng.vq_we = true;
            eng.dev_we = true;
            b.ctx.eng.next = eng;
            crate::edge!(b.ctx);
            b.ctx.eng.next = CtxCmd::default();
        }
    });
    assert_eq!((answer, polled, b.flips), (DONE, 4, 1));
    assert_eq!(
        b.member(cmd::VQ_STATE_GET, 1, &[0]),
        (0, 0, vec![0, 0, 0, 0, 64, 0, 0, 0], 16)
    );
    // One that waits for the card: released at once.
    bind(&mut b, SlotState::Answer);
    let answer = b.command_with(cmd::STATUS_SET, cmd::GROUP_MANAGED, 1, &[0], |_, n| {
        polled = n
    });
    assert_eq!((answer, polled, b.flips), ((0, 0, vec![0; 8], 16), 2, 2));
    assert_eq!(b.freed, [2]);
    b.ctx.eng.next = CtxCmd::default();
    b.ctx.alone.next = false;
    b.ctx.slot_at.next = 2u64.into();
    crate::edge!(b.ctx);
    assert!(b.ctx.slot.val().state == SlotState::Idle);
}

#[test]
fn address_spaces_translations_and_messages() {
    let mut b = Bench::new();
    b.use_all();
    let mut data = vec![0; 24];
    data[0] = 5;
    data[4] = 0x13;
    data[8] = 0x77;
    data[17] = 0x90;
    assert_eq!(b.command(cmd::ASID_SET, 0, 0, &data), DONE);
    let (.., entry, len) = b.command(cmd::ASID_GET, 0, 0, &[5]);
    assert_eq!((entry, len), (data.clone(), 32));
    data[0] = 16;
    assert_eq!(
        b.command(cmd::ASID_SET, 0, 0, &data),
        refused(cmd::EINVAL, cmd::Q_INVALID_FIELD)
    );
    let answer = b.command(cmd::TRANSLATE, 0, 0, &[5, 0, 0, 0, 0, 0, 0, 0, 0x34, 0x12]);
    assert_eq!(
        answer,
        (
            0,
            0,
            vec![0x34, 0x12, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0x10, 0],
            24
        )
    );
    let mut polled = 0;
    let answer = b.command_with(cmd::IOTLB_INVALIDATE, 0, 0, &[1, 0, 0, 0, 5], |_, n| {
        polled = n
    });
    assert_eq!((answer, polled, b.invalidated), (DONE, 3, 1));
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    b.start(1);
    let mut data = vec![0; 24];
    data[0] = 0xff;
    data[1] = 0xff;
    data[4] = 4;
    data[9] = 0x60;
    data[16] = 0x99;
    assert_eq!(b.member(cmd::MSI_SET, 1, &data), DONE);
    assert!(b.messages.is_empty());
    assert_eq!(b.member(cmd::CONFIG_SET, 1, &[]), DONE);
    assert_eq!(b.messages, [(0x6000, 0x99)]);
    data[4] = 5;
    assert_eq!(b.member(cmd::MSI_SET, 1, &data), DONE);
    assert_eq!(b.member(cmd::CONFIG_SET, 1, &[]), DONE);
    let (.., msi, _) = b.member(cmd::MSI_GET, 1, &[0xff, 0xff]);
    assert_eq!(msi[12], 7);
    data[4] = 4;
    data[16] = 0x98;
    assert_eq!(b.member(cmd::MSI_SET, 1, &data), DONE);
    assert_eq!(b.messages, [(0x6000, 0x99), (0x6000, 0x98)]);
    let (.., msi, _) = b.member(cmd::MSI_GET, 1, &[0xff, 0xff]);
    assert_eq!(msi[12], 4);
}

#[test]
fn a_queue_that_is_not_live_ends_what_is_under_way() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    // In a poll: its next event does nothing but end it.
    b.put(cmd::IOTLB_INVALIDATE, 0, 0, &[1, 0, 0, 0, 5]);
    let mut polled = 0;
    b.run(|b, n| {
        polled = n;
        if n == 1 {
            b.admin.live.next = false;
            crate::util::settle(&mut b.admin);
        }
    });
    assert!(b.admin.idle.val());
    assert_eq!(polled, 1);
    // With an answer: Idle in the next cycle.
    b.admin.live.next = true;
    b.put(cmd::CAPS, 0, 0, &[]);
    b.run(|_, _| {});
    assert!(b.admin.scatter.val());
    b.admin.live.next = false;
    b.cycle();
    assert!(b.admin.idle.val());
    // Before its execution: the command is not run.
    b.admin.live.next = true;
    b.put(cmd::DEV_DESTROY, cmd::GROUP_MANAGED, 1, &[]);
    b.admin.exec_begin.next = true;
    b.cycle();
    b.admin.exec_begin.next = false;
    b.admin.live.next = false;
    b.event(
        CoreEv {
            src: crate::ctx_types::SRC_ADM.into(),
            ..CoreEv::default()
        },
        127,
    );
    assert!(b.admin.idle.val());
    b.admin.live.next = true;
    let (status, ..) = b.member(cmd::STATUS_GET, 1, &[]);
    assert_eq!(status, cmd::OK);
}
