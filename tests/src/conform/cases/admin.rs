//! Commands of a management driver that is wrong, or of one that a tenant could get hold of.

use shoal_abi::cmd::{
    Command, COMMANDS, CONFIG_SET, DEV_CREATE, DEV_MODE_SET, EBUSY, EEXIST, EINVAL, FEATURES_SET,
    GROUP_ASID_SET, GROUP_MANAGED, GROUP_SELF, HEADER_BYTES, LIST_QUERY, LIST_USE, MSI_SET,
    Q_INVALID_COMMAND, Q_INVALID_FIELD, Q_INVALID_GROUP, Q_INVALID_MEMBER, Q_INVALID_OPCODE,
    Q_NORESOURCE, RESULT_HEADER_BYTES, SCHED_SET, STATUS_SET, VQ_RESET, VQ_SETUP, VQ_STATE_GET,
};
use shoal_driver::admin::Framing;
use shoal_driver::cmd::Cmd;

use super::rig;
use crate::conform::case::{Case, Outcome, Target};
use crate::conform::rig::text;
use crate::conform::scene::Scene;

type Done = Result<(), String>;

fn case(name: &str, what: &str, attack: impl Fn(&mut Scene) -> Done + 'static) -> Case {
    Case {
        name: format!("admin.{name}"),
        text: what.into(),
        clause: "virtio 1.4 §2.13.1; ABI.md §4.1",
        target: Target::Transmit,
        outcome: Outcome::Survives,
        attack: Box::new(attack),
    }
}

/// Status and qualifier of the answer to these bytes.
pub(in crate::conform) fn answer(scene: &Scene, command: &[u8]) -> Result<(u16, u16), String> {
    let done = scene
        .mgmtdev
        .exec_raw(command, 96, &Framing::default())
        .map_err(text)?;
    if done.used < RESULT_HEADER_BYTES {
        return Err(format!("an answer of {} bytes", done.used));
    }
    let word = |at: usize| u16::from_le_bytes([done.writable[at], done.writable[at + 1]]);
    Ok((word(0), word(2)))
}

pub(in crate::conform) fn refused(scene: &Scene, command: &[u8], want: (u16, u16)) -> Done {
    let got = answer(scene, command)?;
    if got == want {
        return Ok(());
    }
    let head = &command[..command.len().min(HEADER_BYTES)];
    Err(format!(
        "{head:02x?}: status and qualifier {got:?} instead of {want:?}"
    ))
}

/// A command with this header and no data.
pub(in crate::conform) fn header(opcode: u16, group: u16, member: u64) -> Vec<u8> {
    let mut b = vec![0; HEADER_BYTES];
    b[0..2].copy_from_slice(&opcode.to_le_bytes());
    b[2..4].copy_from_slice(&group.to_le_bytes());
    b[16..].copy_from_slice(&member.to_le_bytes());
    b
}

pub(in crate::conform) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for &opcode in &[
        FEATURES_SET,
        STATUS_SET,
        CONFIG_SET,
        VQ_SETUP,
        VQ_STATE_GET,
        VQ_RESET,
        GROUP_ASID_SET,
        MSI_SET,
        SCHED_SET,
        DEV_MODE_SET,
        DEV_CREATE,
    ] {
        all.push(cut(opcode));
    }
    all.extend(COMMANDS.iter().filter(|c| c.member).map(no_member));
    all.push(case("group", "Groups that do not exist.", |scene| {
        for group in [1, 2, 0x5347, 0x5349, 0x8000, 0xffff] {
            for opcode in [LIST_QUERY, STATUS_SET, 0x7f] {
                let id = rig(scene, Target::Transmit).id();
                let want = (EINVAL, Q_INVALID_GROUP);
                refused(scene, &header(opcode, group, id.into()), want)?;
            }
        }
        Ok(())
    }));
    all.push(case(
        "opcode",
        "Opcodes that do not exist, or belong to the other group.",
        |scene| {
            for group in [GROUP_SELF, GROUP_MANAGED] {
                let mine = |op: u16| {
                    let of = |c: &&Command| c.opcode == op && c.member == (group == GROUP_MANAGED);
                    COMMANDS.iter().any(|c| of(&c)) || [LIST_QUERY, LIST_USE].contains(&op)
                };
                for opcode in (0..=0x82)
                    .chain([0x100, 0x4000, 0xffff])
                    .filter(|op| !mine(*op))
                {
                    let id = rig(scene, Target::Transmit).id();
                    let want = (EINVAL, Q_INVALID_OPCODE);
                    refused(scene, &header(opcode, group, id.into()), want)?;
                }
            }
            Ok(())
        },
    ));
    all.extend(arguments());
    all
}

/// A command for the hostile device, cut at every byte: what is missing is zero.
fn cut(opcode: u16) -> Case {
    let name = Cmd::new(opcode, 0).name();
    let what = format!("{name}, cut behind each of its bytes.");
    case(
        &format!("cut.{}", name.to_lowercase()),
        &what,
        move |scene| {
            let id = rig(scene, Target::Transmit).id();
            let whole = Cmd::new(opcode, id.into()).readable();
            for n in 1..whole.len() {
                answer(scene, &whole[..n])?;
            }
            Ok(())
        },
    )
}

/// A command for devices that do not exist.
fn no_member(command: &'static Command) -> Case {
    let what = format!("{} for devices that do not exist.", command.name);
    let name = format!("member.{}", command.name.to_lowercase());
    case(&name, &what, move |scene| {
        let devices = u64::from(scene.host.borrow().profile().devices);
        let id = u64::from(rig(scene, Target::Transmit).id());
        let mut members = vec![0, devices + 1, 1 << 32 | id, 1 << 63 | id, u64::MAX];
        if command.opcode != DEV_CREATE {
            // There are as many as there can be, but for four.
            members.push(devices);
        }
        for member in members {
            let bytes = Cmd::new(command.opcode, member).readable();
            refused(scene, &bytes, (EINVAL, Q_INVALID_MEMBER))?;
        }
        Ok(())
    })
}

/// Arguments out of range, one at a time, and commands at the wrong moment.
fn arguments() -> Vec<Case> {
    let field = (EINVAL, Q_INVALID_FIELD);
    let one = |name: &str,
               what: &str,
               want: (u16, u16),
               make: fn(&mut Scene, Cmd) -> Cmd,
               opcode: u16| {
        case(name, what, move |scene| {
            let id = rig(scene, Target::Transmit).id();
            let c = make(scene, Cmd::new(opcode, id.into()));
            refused(scene, &c.readable(), want)
        })
    };
    // A queue set up well, but for what a case changes.
    fn queue(c: Cmd) -> Cmd {
        c.put("vq_index", 1).put("size", 8).put("flags", 1)
    }
    // A device beside the others, made well, but for what a case changes: the member is free.
    fn device(scene: &mut Scene, _: Cmd) -> Cmd {
        let devices = scene.host.borrow().profile().devices;
        let features = rig(scene, Target::Transmit).vdev.get_device_features();
        Cmd::new(DEV_CREATE, devices.into())
            .put("type", 1)
            .put("vq_count", 2)
            .put("vq_base", 20)
            .put("features", features)
            .put("doorbell_page", 9)
    }
    vec![
        one(
            "vq.index",
            "VQ_SETUP of a queue that the device does not have.",
            field,
            |_, c| queue(c).put("vq_index", 2),
            VQ_SETUP,
        ),
        one(
            "vq.size",
            "VQ_SETUP with 3 entries.",
            field,
            |_, c| queue(c).put("size", 3),
            VQ_SETUP,
        ),
        one(
            "vq.zero",
            "VQ_SETUP with no entries.",
            field,
            |_, c| queue(c).put("size", 0),
            VQ_SETUP,
        ),
        one(
            "vq.desc",
            "VQ_SETUP with an unaligned descriptor table.",
            field,
            |_, c| queue(c).put("desc", 8),
            VQ_SETUP,
        ),
        one(
            "vq.driver",
            "VQ_SETUP with an unaligned available ring.",
            field,
            |_, c| queue(c).put("driver", 1),
            VQ_SETUP,
        ),
        one(
            "vq.device",
            "VQ_SETUP with an unaligned used ring.",
            field,
            |_, c| queue(c).put("device", 2),
            VQ_SETUP,
        ),
        one(
            "vq.group",
            "VQ_SETUP with a group of its own.",
            field,
            |_, c| queue(c).put("group", 2),
            VQ_SETUP,
        ),
        one(
            "vq.busy",
            "VQ_SETUP of a queue that is ready.",
            (EBUSY, Q_INVALID_COMMAND),
            |_, c| queue(c),
            VQ_SETUP,
        ),
        one(
            "vq_reset.index",
            "VQ_RESET of a queue that the device does not have.",
            field,
            |_, c| c.put("vq_index", 2),
            VQ_RESET,
        ),
        one(
            "msi.index",
            "MSI_SET of a queue that the device does not have.",
            field,
            |_, c| c.put("vq_index", 2),
            MSI_SET,
        ),
        one(
            "msi.address",
            "MSI_SET with an unaligned address.",
            field,
            |_, c| c.put("ctrl", 4).put("address", 2),
            MSI_SET,
        ),
        one(
            "group_asid.group",
            "GROUP_ASID_SET of group 3.",
            field,
            |_, c| c.put("group", 3),
            GROUP_ASID_SET,
        ),
        one(
            "group_asid.asid",
            "GROUP_ASID_SET to an address space behind the last.",
            field,
            |scene, c| {
                let asids = scene.host.borrow().profile().asids;
                c.put("asid", asids.into())
            },
            GROUP_ASID_SET,
        ),
        one(
            "group_asid.running",
            "GROUP_ASID_SET of a device that runs.",
            (EBUSY, Q_INVALID_COMMAND),
            |_, c| c,
            GROUP_ASID_SET,
        ),
        one(
            "features.late",
            "FEATURES_SET behind FEATURES_OK.",
            (EINVAL, Q_INVALID_COMMAND),
            |_, c| c,
            FEATURES_SET,
        ),
        one(
            "mode.flags",
            "DEV_MODE_SET with an unknown flag.",
            field,
            |_, c| c.put("flags", 2),
            DEV_MODE_SET,
        ),
        one(
            "status.clear",
            "STATUS_SET that clears DRIVER_OK but not the others.",
            field,
            |_, c| c.put("status", 3),
            STATUS_SET,
        ),
        one(
            "sched.weight",
            "SCHED_SET with a weight of 9.",
            field,
            |_, c| c.put("weight", 9),
            SCHED_SET,
        ),
        one(
            "create.exists",
            "DEV_CREATE of a device that exists.",
            (EEXIST, Q_INVALID_MEMBER),
            |_, c| c,
            DEV_CREATE,
        ),
        one(
            "create.type",
            "DEV_CREATE of type 3.",
            field,
            |s, c| device(s, c).put("type", 3),
            DEV_CREATE,
        ),
        one(
            "create.queues",
            "DEV_CREATE of a network device with 3 queues.",
            field,
            |s, c| device(s, c).put("vq_count", 3),
            DEV_CREATE,
        ),
        one(
            "create.features",
            "DEV_CREATE with a feature that there is not.",
            field,
            |s, c| device(s, c).put("features", u64::MAX),
            DEV_CREATE,
        ),
        one(
            "create.asid",
            "DEV_CREATE in an address space behind the last.",
            field,
            |s, c| device(s, c).put("asid_rings", u64::from(u32::MAX)),
            DEV_CREATE,
        ),
        one(
            "create.contexts",
            "DEV_CREATE with a neighbour's virtqueue contexts.",
            (EBUSY, Q_NORESOURCE),
            |s, c| device(s, c).put("vq_base", 0),
            DEV_CREATE,
        ),
        one(
            "create.page",
            "DEV_CREATE with a neighbour's doorbell page.",
            (EBUSY, Q_NORESOURCE),
            |s, c| {
                let doorbell =
                    rig(s, Target::Transmit).vdev.doorbell() - shoal_abi::regs::DOORBELLS;
                let page = doorbell / shoal_abi::regs::DOORBELL_PAGE_BYTES;
                device(s, c).put("doorbell_page", page.into())
            },
            DEV_CREATE,
        ),
    ]
}
