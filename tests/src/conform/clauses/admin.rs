//! The admin queue and its commands (virtio 1.4 §2.13).

use shoal_abi::cmd::{
    CAPS, DEV_CREATE, DEV_MODE_SET, EEXIST, EINVAL, FEATURES_GET, GROUP_MANAGED, GROUP_SELF,
    LIST_MANAGED, LIST_QUERY, LIST_USE, MODE_STOPPED, OK, Q_INVALID_FIELD, Q_INVALID_GROUP,
    Q_INVALID_MEMBER, Q_INVALID_OPCODE, Q_OK, RESULT_HEADER_BYTES, STATUS_GET, VQ_SETUP,
    VQ_STATE_GET,
};
use shoal_driver::admin::Framing;
use shoal_driver::cmd::Cmd;

use super::{clause, holds, Clause, Shown};
use crate::conform::cases::admin::{answer, header, refused};
use crate::conform::rig::text;
use crate::conform::scene::Scene;
use crate::conform::Target;

use Shown::{Elsewhere, Outside, Test};

pub(super) const CLAUSES: &[Clause] = &[
    clause("A1.group", "§2.13.1", "A bad group type is told of before a bad opcode and a bad member.", Test(group_first)),
    clause("A1.opcode", "§2.13.1", "A bad opcode is told of before a bad member.", Test(opcode_first)),
    clause("A1.member", "§2.13.1", "A bad member is told of as such.", Test(member)),
    clause("A2.einval", "§2.13.1", "A command that ends with EINVAL has changed nothing.", Test(nothing_changed)),
    clause("A2.eagain", "§2.13.1", "A command that ends with EAGAIN has no side effect.", Elsewhere("random sessions: the model's state behind EAGAIN is compared with the RTL's on every port")),
    clause("A3", "§2.13.1", "Status OK has qualifier OK.", Test(ok_is_ok)),
    clause("A4", "§2.13.1.1", "After a reset LIST_QUERY and LIST_USE alone are legal.", Elsewhere("cases admin.opcode with an unknown set; random sessions reset the device and send commands before LIST_USE")),
    clause("A5.set", "§2.13.1.1", "The legal opcodes are those that LIST_USE has chosen.", Test(list_use)),
    clause("A5.groups", "§2.13.1.1", "Each group has a set of its own.", Test(groups_apart)),
    clause("A6.unknown", "§2.13.1.1", "LIST_USE with an opcode that is not supported is refused.", Test(list_use_unknown)),
    clause("A6.same", "§2.13.1.1", "The list of supported opcodes does not shrink.", Test(list_is_the_same)),
    clause("A7.short", "§2.13.1", "A short readable part counts as if zeros followed.", Test(short_readable)),
    clause("A7.long", "§2.13.1", "The tail of a long readable part is ignored.", Test(long_readable)),
    clause("A7.truncated", "§2.13.1", "A short writable part truncates the result.", Test(short_writable)),
    clause("A7.untouched", "§2.13.1", "The rest of a long writable part stays; the used length is what was written.", Test(long_writable)),
    clause("A7.framing", "§2.13.1", "Framing has no meaning.", Test(framing)),
    clause("A8.always", "§2.13.1", "Status and qualifier are written whatever the command.", Test(always_answered)),
    clause("A8.eight", "§2.13.1", "What is written is a multiple of 8 bytes.", Test(multiple_of_eight)),
    clause("A9", "§2.13", "Commands of one queue are executed in order.", Test(in_order)),
    clause("A10", "§2.13.2", "Capability commands are for the SELF group only.", Outside("no capability command is supported; LIST_QUERY does not show them")),
    clause("A11", "§2.13.2", "A reset clears capabilities and resource objects.", Outside("no capabilities and no resource objects")),
    clause("A12.exists", "§2.13.3", "Creating what exists is EEXIST.", Test(exists)),
    clause("A12.objects", "§2.13.3", "Missing objects are ENXIO, no room is ENOSPC, dependants are EBUSY.", Outside("no resource objects; devices are no objects of the standard")),
    clause("A13.stop", "§2.13.4", "When a stop completes, nothing of the device is under way any more.", Test(stop)),
    clause("A13.doorbell", "§2.13.4", "Doorbells of a stopped device are accepted, and count when it goes on.", Test(stopped_doorbell)),
    clause("A13.twice", "§2.13.4", "Stop when stopped and resume when running succeed.", Test(stop_twice)),
    clause("A14", "§2.13.4", "Parts of a device out and in.", Outside("device parts are not supported yet; LIST_QUERY does not show them")),
];

fn id(scene: &Scene) -> u32 {
    scene.guilty[0].id()
}

fn group_first(scene: &mut Scene) -> Result<(), String> {
    refused(scene, &header(0x7e, 7, u64::MAX), (EINVAL, Q_INVALID_GROUP))
}

fn opcode_first(scene: &mut Scene) -> Result<(), String> {
    let want = (EINVAL, Q_INVALID_OPCODE);
    refused(scene, &header(0x7e, GROUP_MANAGED, u64::MAX), want)
}

fn member(scene: &mut Scene) -> Result<(), String> {
    let want = (EINVAL, Q_INVALID_MEMBER);
    refused(scene, &header(STATUS_GET, GROUP_MANAGED, u64::MAX), want)
}

/// All that can be read of the network device.
fn state(scene: &Scene) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for (opcode, vq) in [
        (STATUS_GET, 0),
        (FEATURES_GET, 0),
        (VQ_STATE_GET, 0),
        (VQ_STATE_GET, 1),
    ] {
        let mut bytes = header(opcode, GROUP_MANAGED, id(scene).into());
        bytes.extend([vq, 0, 0, 0, 0, 0, 0, 0]);
        let done = scene.mgmtdev.exec_raw(&bytes, 96, &Framing::default());
        all.extend(done.map_err(text)?.writable);
    }
    Ok(all)
}

fn nothing_changed(scene: &mut Scene) -> Result<(), String> {
    let before = state(scene)?;
    for (opcode, name, value) in [
        (VQ_SETUP, "vq_index", 5),
        (DEV_MODE_SET, "flags", 0xfe),
        (DEV_CREATE, "type", 9),
    ] {
        let c = Cmd::new(opcode, id(scene).into()).put(name, value);
        let (status, _) = answer(scene, &c.readable())?;
        holds(status != OK, "the command is refused")?;
    }
    holds(state(scene)? == before, "nothing has changed")
}

fn ok_is_ok(scene: &mut Scene) -> Result<(), String> {
    for opcode in [CAPS, LIST_QUERY] {
        let got = answer(scene, &header(opcode, GROUP_SELF, 0))?;
        holds(got == (OK, Q_OK), "OK has qualifier OK")?;
    }
    Ok(())
}

/// Makes `opcodes` the legal ones of the managed group.
fn choose(scene: &Scene, opcodes: [u64; 2]) -> Result<(u16, u16), String> {
    let mut bytes = header(LIST_USE, GROUP_MANAGED, 0);
    bytes.extend(opcodes[0].to_le_bytes());
    bytes.extend(opcodes[1].to_le_bytes());
    answer(scene, &bytes)
}

/// LIST commands and STATUS_GET.
const FEW: [u64; 2] = [1 << LIST_QUERY | 1 << LIST_USE, 1 << (STATUS_GET - 64)];

fn list_use(scene: &mut Scene) -> Result<(), String> {
    holds(choose(scene, FEW)?.0 == OK, "LIST_USE succeeds")?;
    let of = |opcode| header(opcode, GROUP_MANAGED, id(scene).into());
    holds(
        answer(scene, &of(STATUS_GET))?.0 == OK,
        "a chosen opcode is legal",
    )?;
    refused(scene, &of(VQ_STATE_GET), (EINVAL, Q_INVALID_OPCODE))?;
    holds(choose(scene, LIST_MANAGED)?.0 == OK, "LIST_USE again")?;
    holds(answer(scene, &of(VQ_STATE_GET))?.0 == OK, "legal again")
}

fn groups_apart(scene: &mut Scene) -> Result<(), String> {
    choose(scene, FEW)?;
    let caps = answer(scene, &header(CAPS, GROUP_SELF, 0))?;
    holds(caps.0 == OK, "the other group is as it was")?;
    choose(scene, LIST_MANAGED).map(drop)
}

fn list_use_unknown(scene: &mut Scene) -> Result<(), String> {
    let got = choose(scene, [LIST_MANAGED[0] | 1 << 60, LIST_MANAGED[1]])?;
    holds(got == (EINVAL, Q_INVALID_FIELD), "it is refused")?;
    let of = header(STATUS_GET, GROUP_MANAGED, id(scene).into());
    holds(answer(scene, &of)?.0 == OK, "the set is as it was")
}

fn list_is_the_same(scene: &mut Scene) -> Result<(), String> {
    for group in [GROUP_SELF, GROUP_MANAGED] {
        let ask = || {
            scene
                .mgmtdev
                .exec_raw(&header(LIST_QUERY, group, 0), 24, &Framing::default())
        };
        let first = ask().map_err(text)?;
        choose(scene, FEW)?;
        let second = ask().map_err(text)?;
        holds(first == second, "the list is the same")?;
        choose(scene, LIST_MANAGED)?;
    }
    Ok(())
}

fn short_readable(scene: &mut Scene) -> Result<(), String> {
    // Without data: queue 0.
    let bytes = header(VQ_STATE_GET, GROUP_MANAGED, id(scene).into());
    holds(answer(scene, &bytes)?.0 == OK, "what is missing is zero")
}

fn long_readable(scene: &mut Scene) -> Result<(), String> {
    let mut bytes = header(STATUS_GET, GROUP_MANAGED, id(scene).into());
    bytes.extend([0xff; 160]);
    holds(answer(scene, &bytes)?.0 == OK, "the tail is ignored")
}

fn short_writable(scene: &mut Scene) -> Result<(), String> {
    let bytes = header(CAPS, GROUP_SELF, 0);
    for room in [8, 16, 24] {
        let done = scene.mgmtdev.exec_raw(&bytes, room, &Framing::default());
        let done = done.map_err(text)?;
        holds(done.used == room, "the result fills the room")?;
        holds(done.writable[..4] == [0; 4], "the command succeeds")?;
    }
    Ok(())
}

fn long_writable(scene: &mut Scene) -> Result<(), String> {
    let bytes = header(STATUS_GET, GROUP_MANAGED, id(scene).into());
    let done = scene.mgmtdev.exec_raw(&bytes, 200, &Framing::default());
    let done = done.map_err(text)?;
    holds(
        done.used == RESULT_HEADER_BYTES + 8,
        "the used length is what was written",
    )
}

fn framing(scene: &mut Scene) -> Result<(), String> {
    let bytes = header(CAPS, GROUP_SELF, 0);
    let plain = scene.mgmtdev.exec_raw(&bytes, 96, &Framing::default());
    let plain = plain.map_err(text)?;
    for (readable, writable, indirect) in [
        (vec![3, 5], vec![1, 2, 3], false),
        (vec![1; 7], vec![9], true),
    ] {
        let framing = Framing {
            readable,
            writable,
            indirect,
        };
        let other = scene.mgmtdev.exec_raw(&bytes, 96, &framing);
        holds(other.map_err(text)? == plain, "the answer is the same")?;
    }
    Ok(())
}

fn always_answered(scene: &mut Scene) -> Result<(), String> {
    for opcode in (0..0x90).filter(|op| *op != LIST_USE) {
        // Of no member: nothing is carried out that changes anything.
        answer(scene, &header(opcode, GROUP_MANAGED, 0))?;
    }
    Ok(())
}

fn multiple_of_eight(scene: &mut Scene) -> Result<(), String> {
    for (opcode, group) in [
        (CAPS, GROUP_SELF),
        (LIST_QUERY, GROUP_SELF),
        (STATUS_GET, GROUP_MANAGED),
        (FEATURES_GET, GROUP_MANAGED),
    ] {
        let bytes = header(opcode, group, id(scene).into());
        let done = scene.mgmtdev.exec_raw(&bytes, 96, &Framing::default());
        holds(
            done.map_err(text)?.used.is_multiple_of(8),
            "a multiple of 8 bytes",
        )?;
    }
    Ok(())
}

fn in_order(scene: &mut Scene) -> Result<(), String> {
    let member = u64::from(id(scene));
    let config = |byte: u8| {
        Cmd::new(shoal_abi::cmd::CONFIG_SET, member)
            .put("bytes", 1)
            .put_bytes("config", &[byte])
    };
    let get = Cmd::new(shoal_abi::cmd::CONFIG_GET, member);
    let mut tickets = Vec::new();
    for n in 0..8 {
        for c in [config(n), get.clone()] {
            tickets.push((c.clone(), scene.mgmtdev.submit(&c).map_err(text)?));
        }
    }
    scene.host.run(40_000).map_err(text)?;
    let mut seen = Vec::new();
    for (c, ticket) in tickets {
        let reply = scene.mgmtdev.poll(&c, ticket).map_err(text)?;
        let reply = reply.map_err(|_| "a command is still in flight")?;
        if c.name() == get.name() {
            seen.push(reply.bytes("config")[0]);
        }
    }
    holds(
        seen == [0, 1, 2, 3, 4, 5, 6, 7],
        "each sees those before it, and none behind it",
    )
}

fn exists(scene: &mut Scene) -> Result<(), String> {
    let c = Cmd::new(DEV_CREATE, id(scene).into());
    refused(scene, &c.readable(), (EEXIST, Q_INVALID_MEMBER))
}

fn stop(scene: &mut Scene) -> Result<(), String> {
    let rig = &mut scene.guilty[0];
    rig.put_good(Target::Transmit);
    rig.offer(1, &[0; 4]);
    rig.kick(1);
    scene.host.run(200).map_err(text)?;
    let c = Cmd::new(DEV_MODE_SET, rig.id().into()).put("flags", MODE_STOPPED.into());
    scene.mgmtdev.exec_retry(&c).map_err(text)?;
    let (used, sent) = (rig.used(1), scene.function.take_sent(rig.id()).len());
    holds(
        usize::from(used) == sent,
        "what was sent is used when the stop completes",
    )?;
    scene.host.run(20_000).map_err(text)?;
    holds(rig.used(1) == used, "nothing is used after that")?;
    holds(
        scene.function.take_sent(rig.id()).is_empty(),
        "nothing is sent after that",
    )
}

fn stopped_doorbell(scene: &mut Scene) -> Result<(), String> {
    let rig = &mut scene.guilty[0];
    rig.vdev.suspend().map_err(text)?;
    rig.put_good(Target::Transmit);
    rig.offer(1, &[0]);
    rig.kick(1);
    scene.host.run(5000).map_err(text)?;
    holds(rig.used(1) == 0, "nothing happens while it is stopped")?;
    rig.vdev.resume().map_err(text)?;
    scene.host.run(5000).map_err(text)?;
    holds(rig.used(1) == 1, "the chain is used when it goes on")
}

fn stop_twice(scene: &mut Scene) -> Result<(), String> {
    let vdev = scene.guilty[0].vdev.clone();
    for _ in 0..2 {
        vdev.suspend().map_err(text)?;
    }
    for _ in 0..2 {
        vdev.resume().map_err(text)?;
    }
    scene.guilty[0].work().map(drop)
}
