//! How random sessions are made: mostly sensible, biased to corners.

use proptest::collection::vec;
use proptest::prelude::{any, prop, prop_oneof, Just, Strategy};
use shoal_abi::cmd::{self, COMMANDS, GROUP_MANAGED, GROUP_SELF};
use shoal_abi::regs::{self, REGS};
use shoal_abi::ring::{COMMON_FEATURES, TYPE_BLK};

use super::action::{Action, Chain, Command, Desc, Halt, Provision};
use super::admin::bind;
use super::layout;

/// A value for a command field of `bytes` bytes: small, a corner, or anything.
fn field(bytes: usize) -> impl Strategy<Value = u64> {
    let max = if bytes >= 8 {
        u64::MAX
    } else {
        (1 << (8 * bytes)) - 1
    };
    prop_oneof![
        6 => 0u64..4,
        3 => 0u64..32,
        1 => Just(16u64),
        1 => Just(cmd::CONFIG_MSI.into()),
        1 => Just(layout::ARENA),
        1 => Just(layout::ARENA_IOVA),
        1 => Just(COMMON_FEATURES),
        1 => any::<u64>(),
    ]
    .prop_map(move |v| v & max)
}

fn command() -> impl Strategy<Value = Command> {
    (0..COMMANDS.len() + 2).prop_flat_map(|n| {
        let c = COMMANDS.get(n);
        let data: Vec<_> = c
            .map_or(&[][..], |c| c.data)
            .iter()
            .map(|f| (Just((f.offset, f.bytes)), field(f.bytes)))
            .collect();
        let group = match c {
            Some(c) if c.member => {
                prop_oneof![15 => Just(GROUP_MANAGED), 1 => Just(GROUP_SELF)].boxed()
            }
            Some(_) => prop_oneof![15 => Just(GROUP_SELF), 2 => Just(GROUP_MANAGED)].boxed(),
            None => any::<u16>().boxed(),
        };
        let opcode = c.map_or(any::<u16>().boxed(), |c| Just(c.opcode).boxed());
        (
            opcode,
            group,
            prop_oneof![12 => 1u64..5, 1 => 0u64..12, 1 => any::<u64>()],
            data,
            prop_oneof![6 => Just(0u8), 1 => 1u8..6],
        )
            .prop_map(|(opcode, group, member, fields, framing)| {
                let mut data = Vec::new();
                for ((offset, bytes), value) in fields {
                    data.resize(data.len().max(offset + bytes), 0);
                    let n = bytes.min(8);
                    data[offset..offset + n].copy_from_slice(&value.to_le_bytes()[..n]);
                }
                Command {
                    opcode,
                    group,
                    member,
                    data,
                    framing,
                }
            })
    })
}

/// A command that asks, and is granted.
fn query() -> impl Strategy<Value = Command> {
    let own = prop_oneof![
        Just((cmd::LIST_QUERY, Vec::new())),
        Just((cmd::CAPS, Vec::new())),
        (0u8..8).prop_map(|asid| (cmd::ASID_GET, vec![asid])),
        (0u8..8, 0u8..2, 0u64..0x10_0000).prop_map(|(asid, write, at)| {
            let iova = layout::iova(asid.into(), at).to_le_bytes();
            (
                cmd::TRANSLATE,
                [&[asid, 0, 0, 0, write, 0, 0, 0][..], &iova].concat(),
            )
        }),
    ]
    .prop_map(|(opcode, data)| (opcode, GROUP_SELF, data));
    let of_queue = prop_oneof![
        Just(cmd::VQ_STATE_GET),
        Just(cmd::STATS_GET),
        Just(cmd::MSI_GET)
    ];
    let managed = prop_oneof![
        1 => Just((cmd::LIST_QUERY, Vec::new())),
        1 => Just((cmd::FEATURES_GET, Vec::new())),
        1 => Just((cmd::STATUS_GET, Vec::new())),
        1 => Just((cmd::CONFIG_GET, Vec::new())),
        1 => Just((cmd::MSI_GET, cmd::CONFIG_MSI.to_le_bytes().to_vec())),
        4 => (of_queue, 0u8..2).prop_map(|(opcode, q)| (opcode, vec![q, 0])),
        1 => (0u8..3, 0u8..8).prop_map(|(g, a)| (cmd::GROUP_ASID_SET, vec![g, 0, 0, 0, a, 0, 0, 0])),
    ]
    .prop_map(|(opcode, data)| (opcode, GROUP_MANAGED, data));
    (
        prop_oneof![1 => own, 2 => managed],
        1u64..3,
        prop_oneof![6 => Just(0u8), 1 => 1u8..6],
    )
        .prop_map(|((opcode, group, data), member, framing)| Command {
            opcode,
            group,
            member,
            data,
            framing,
        })
}

/// DEV_CREATE, of a member that may exist and with queues that may be taken.
fn create() -> impl Strategy<Value = Command> {
    let member = prop_oneof![2 => 1u64..3, 3 => 3u64..6, 1 => Just(0u64), 1 => any::<u64>()];
    (member, 0u8..12, 0u8..3).prop_map(|(member, vq_base, asid)| {
        let mut data = vec![0; 96];
        data[0] = TYPE_BLK as u8;
        data[2] = 1;
        data[4] = vq_base;
        data[8..16].copy_from_slice(&COMMON_FEATURES.to_le_bytes());
        data[16] = asid;
        data[28] = vq_base;
        Command {
            opcode: cmd::DEV_CREATE,
            group: GROUP_MANAGED,
            member,
            data,
            framing: 0,
        }
    })
}

fn desc() -> impl Strategy<Value = Desc> {
    let len = prop_oneof![
        12 => 1u32..40,
        9 => 40u32..700,
        1 => Just(0u32),
        1 => prop_oneof![19 => Just(64u32), 1 => Just(u32::MAX)],
        1 => Just(4096u32),
        1 => 0u32..6000,
    ];
    // The last ones lie among the special pages at the end of the arena.
    let offset = prop_oneof![
        4 => 0u32..0x8000,
        3 => (0u32..16, 0u32..12).prop_map(|(k, n)| k * 4096 + 4084 + n),
        1 => prop_oneof![12 => 0u32..0x1000, 1 => 0x9_0000u32..0xa_0000],
    ];
    (offset, len, any::<bool>()).prop_map(|(offset, len, write)| Desc { offset, len, write })
}

fn flaw() -> impl Strategy<Value = u8> {
    prop_oneof![60 => Just(0u8), 3 => Just(1u8), 3 => 9u8..20, 2 => Just(16u8)]
}

fn chain() -> impl Strategy<Value = Chain> {
    (
        vec(desc(), 1..5),
        prop_oneof![3 => Just(None), 1 => (0usize..4).prop_map(Some)],
        flaw(),
        0u8..12,
    )
        .prop_map(|(mut descs, indirect_from, flaw, order)| {
            match order {
                // A disorderly chain now and then; receive-like and transmit-like ones often.
                0 => {}
                1..=3 => descs.iter_mut().for_each(|d| d.write = true),
                4..=6 => descs.iter_mut().for_each(|d| d.write = false),
                _ => descs.sort_by_key(|d| d.write),
            }
            if order == 7 {
                // A block request: header, data, status.
                descs[0] = Desc {
                    offset: 0,
                    len: 16,
                    write: false,
                };
            }
            Chain {
                descs,
                indirect_from,
                flaw,
            }
        })
}

/// A chain that takes a packet of ordinary length.
fn receive_chain() -> impl Strategy<Value = Chain> {
    let part = (
        0u32..0x9_0000,
        prop_oneof![3 => 200u32..2000, 1 => 1u32..64],
    )
        .prop_map(|(offset, len)| Desc {
            offset,
            len,
            write: true,
        });
    (
        vec(part, 1..4),
        prop_oneof![2 => Just(None), 1 => Just(Some(0))],
    )
        .prop_map(|(descs, indirect_from)| Chain {
            descs,
            indirect_from,
            flaw: 0,
        })
}

fn member() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![5 => 1u8..3, 1 => 3u8..5]
}

fn provision(member: impl Strategy<Value = u8>) -> impl Strategy<Value = Provision> {
    let log2 = prop_oneof![3 => Just(4u8), 2 => Just(1u8), 2 => Just(8u8), 1 => 2u8..8];
    let start = prop_oneof![2 => Just(0u16), 2 => 0xfff8u16..=0xffff, 1 => any::<u16>()];
    let place = prop_oneof![6 => Just(0u8), 7 => Just(1u8), 1 => 2u8..6];
    (
        (member, any::<bool>(), 0u8..8, 0u8..8),
        (any::<bool>(), prop::bool::weighted(0.8), log2, start, place),
    )
        .prop_map(
            |((member, blk, rings, data), (event, indirect, log2, start, place))| Provision {
                member,
                blk,
                rings,
                data,
                event,
                indirect,
                log2,
                start,
                place,
            },
        )
}

fn halt() -> impl Strategy<Value = Halt> {
    prop_oneof![
        3 => Just(Halt::Stop),
        2 => Just(Halt::Reset),
        2 => Just(Halt::Destroy),
        3 => (0u8..2).prop_map(Halt::Queue),
    ]
}

/// What brings back what `halt` took away.
fn revival(member: u8, halt: Halt) -> Action {
    match halt {
        Halt::Stop | Halt::Resume => Action::Halt(member, Halt::Resume),
        Halt::Reset | Halt::Destroy => Action::Revive(member),
        Halt::Queue(q) => Action::Ring(member, q),
    }
}

/// One action.
pub fn action() -> impl Strategy<Value = Action> {
    let register = prop_oneof![
        4 => (0..REGS.len()).prop_map(|r| REGS[r].offset),
        1 => (0u32..0x240).prop_map(|k| k * 4),
        1 => any::<u32>(),
    ];
    let poked = prop_oneof![
        0u32..0x400,
        Just(0x20_0000),
        0x20_1000..0x20_1400u32,
        0x20_2000..0x20_2800u32,
    ];
    prop_oneof![
        6 => (0u16..1500).prop_map(Action::Wait),
        4 => command().prop_map(Action::Admin),
        6 => query().prop_map(Action::Admin),
        1 => create().prop_map(Action::Admin),
        4 => Just(Action::Heal),
        2 => provision(member()).prop_map(Action::Provision),
        2 => member().prop_map(Action::Revive),
        2 => (member(), 0u8..2).prop_map(|(m, q)| Action::Ring(m, q)),
        20 => (member(), 0u8..2, vec(chain(), 1..4)).prop_map(|(m, q, c)| Action::Fill(m, q, c)),
        2 => (member(), 0u8..2, any::<bool>(), 0u8..3)
            .prop_map(|(m, q, n, b)| Action::Quiet(m, q, n, b)),
        2 => (0u8..17, prop_oneof![4 => 0u16..3, 1 => any::<u16>()])
            .prop_map(|(p, i)| Action::Kick(p, i)),
        10 => (member(), prop_oneof![8 => Just(0u8), 1 => 0u8..4], prop_oneof![1 => 0u16..16, 4 => 12u16..1600])
            .prop_map(|(m, q, n)| Action::Packet(m, q, n)),
        3 => (prop_oneof![4 => Just(0u8), 1 => 1u8..5], prop_oneof![4 => Just(0u16), 1 => any::<u16>()], 0u16..600)
            .prop_map(|(m, x, n)| Action::Answer(m, x, n)),
        2 => (0..REGS.len(), any::<u32>(), 0u8..16).prop_map(|(r, d, s)| {
            // Resets have actions of their own: a stray one would leave the session without an admin queue.
            let r = &REGS[r];
            let s = if r.offset == regs::STATUS_QUEUE_SELECT.offset { s & 0xe } else { s };
            Action::Write(r.offset, d, s)
        }),
        1 => (0u32..0x300, any::<u32>(), 0u8..16)
            .prop_map(|(a, d, s)| Action::Write(0x8000_0000 | a, d, s)),
        1 => (0u32..20, any::<u32>(), 0u8..16)
            .prop_map(|(k, d, s)| Action::Write(regs::MSIX_TABLE + 4 * k, d, s)),
        3 => register.prop_map(Action::Read),
        2 => (poked, any::<u64>()).prop_map(|(o, v)| Action::Poke(0x10_0000 + (o & !7), v)),
        2 => (prop_oneof![9 => 0u16..120, 1 => 0u16..600], 0u8..60, 0u8..60)
            .prop_map(|(l, j, s)| Action::Memory(l, j, s)),
        1 => (0u8..90, 0u8..90).prop_map(|(s, g)| Action::Streams(s, g)),
        2 => (member(), any::<u8>()).prop_map(|(m, b)| Action::Config(m, b)),
        1 => (prop::bool::weighted(0.8), prop::bool::weighted(0.8), 0u16..4)
            .prop_map(|(e, m, h)| Action::Faults(e, m, h)),
        1 => Just(Action::Warm),
        1 => (1u8..5).prop_map(Action::Hard),
    ]
}

/// Actions that only say something together.
fn group() -> impl Strategy<Value = Vec<Action>> {
    let fill = |m| (0u8..2, vec(chain(), 1..5)).prop_map(move |(q, c)| Action::Fill(m, q, c));
    let receive = || {
        let packets = vec(prop_oneof![1 => 0u16..16, 6 => 12u16..1600], 1..5);
        (0u8..2, vec(receive_chain(), 1..5), packets).prop_map(|(n, c, p)| Action::Receive(n, c, p))
    };
    let halted = (member(), halt(), any::<bool>()).prop_flat_map(move |(m, how, both)| {
        let work = prop_oneof![fill(m), receive()];
        (work, 0u16..600, 0u16..600).prop_map(move |(work, before, after)| {
            let mut all = vec![work];
            all.push(Action::Wait(before));
            all.push(Action::Halt(m, how));
            if both {
                all.push(Action::Packet(m, 0, after));
            }
            all.push(Action::Wait(after));
            if how == Halt::Stop {
                // Group 1 holds nothing: what matters is that it can be bound anew while the device stands.
                all.push(Action::Admin(Command {
                    opcode: cmd::GROUP_ASID_SET,
                    group: GROUP_MANAGED,
                    member: m.into(),
                    data: vec![1, 0, 0, 0, 1, 0, 0, 0],
                    framing: 0,
                }));
            }
            all.push(revival(m, how));
            all
        })
    });
    let masked =
        (member(), prop_oneof![3 => 0u8..2, 1 => Just(0xffu8)]).prop_flat_map(move |(m, slot)| {
            let work = vec(chain(), 1..5).prop_map(move |c| Action::Fill(m, slot & 1, c));
            let work = prop_oneof![work, receive()];
            (work, 200u16..1500, any::<u8>()).prop_map(move |(work, wait, bytes)| {
                let on = Action::Mask(m, slot, true);
                let off = Action::Mask(m, slot, false);
                vec![
                    Action::Heal,
                    on,
                    work,
                    Action::Config(m, bytes),
                    Action::Wait(wait),
                    off,
                ]
            })
        });
    let shot_down = (member(), 0u8..4, 0u8..8, 0u8..0xff, 0u8..32).prop_flat_map(
        move |(m, kind, asid, page, pages)| {
            (fill(m), 0u16..300, fill(m)).prop_map(move |(first, wait, then)| {
                vec![
                    first,
                    Action::Wait(wait),
                    Action::Invalidate(kind, asid, page, pages),
                    then,
                ]
            })
        },
    );
    // An address space that goes away under the devices that use it, and comes back.
    let unbound = (member(), 0u8..8).prop_flat_map(move |(m, asid)| {
        (fill(m), 0u16..300, fill(m)).prop_map(move |(first, wait, then)| {
            let mut off = bind(asid.into());
            off.data[4] &= !3;
            vec![
                first,
                Action::Admin(off),
                Action::Invalidate(1, asid, 0, 0),
                then,
                Action::Wait(wait),
                Action::Admin(bind(asid.into())),
                Action::Invalidate(1, asid, 0, 0),
                Action::Heal,
            ]
        })
    });
    // More chains than a visit takes.
    let crowd = (member(), 0u8..2, receive_chain(), 8usize..12)
        .prop_map(|(m, q, c, n)| vec![Action::Heal, Action::Fill(m, q, vec![c; n])]);
    let stuck = (member(), halt(), any::<bool>()).prop_map(move |(m, how, revive)| {
        let mut all = vec![Action::Stuck(m, how)];
        all.extend(revive.then(|| revival(m, how)));
        all
    });
    // More faults than the fault queue holds.
    let faults = (
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
        vec(9u8..20, 4),
    )
        .prop_map(|(enable, in_memory, flaws)| {
            let mut all = vec![Action::Faults(enable, in_memory, 0)];
            for pair in flaws.chunks(2) {
                all.push(Action::Heal);
                for (m, &flaw) in (1..).zip(pair) {
                    let descs = vec![Desc {
                        offset: 64,
                        len: 40,
                        write: true,
                    }];
                    let chain = Chain {
                        descs,
                        indirect_from: Some(0),
                        flaw,
                    };
                    all.push(Action::Fill(m, 0, vec![chain]));
                }
                all.push(Action::Packet(1, 0, 60));
                all.push(Action::Packet(2, 0, 60));
                all.push(Action::Wait(600));
            }
            all
        });
    prop_oneof![
        60 => action().prop_map(|a| vec![a]),
        10 => receive().prop_map(|a| vec![a]),
        1 => unbound,
        2 => crowd,
        8 => halted,
        4 => masked,
        4 => shot_down,
        2 => faults,
        1 => stuck,
    ]
}

/// A whole session: two devices with buffers first, then anything; about `len` steps.
pub fn session(len: usize) -> impl Strategy<Value = Vec<Action>> {
    let fill = |m| vec(chain(), 2..5).prop_map(move |c| Action::Fill(m, 0, c));
    let start = (provision(Just(1u8)), provision(Just(2u8)), fill(1), fill(2)).prop_map(
        |(one, two, f1, f2)| {
            // One of each type.
            let two = Provision {
                blk: !one.blk,
                ..two
            };
            vec![Action::Provision(one), Action::Provision(two), f1, f2]
        },
    );
    (start, vec(group(), 1..len)).prop_map(|(mut a, b)| {
        a.extend(b.into_iter().flatten());
        a
    })
}
