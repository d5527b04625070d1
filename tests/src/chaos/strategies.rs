//! How random sessions are made: mostly sensible, biased to corners.

use proptest::collection::vec;
use proptest::prelude::{any, prop, prop_oneof, Just, Strategy};
use shoal_abi::cmd::{self, COMMANDS, GROUP_MANAGED, GROUP_SELF};
use shoal_abi::regs::{self, REGS};

use super::action::{Action, Chain, Command, Desc};
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
        1 => Just(shoal_abi::ring::COMMON_FEATURES),
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

fn desc() -> impl Strategy<Value = Desc> {
    let len = prop_oneof![12 => 1u32..40, 1 => Just(0u32), 1 => prop_oneof![9 => Just(64u32), 1 => Just(u32::MAX)], 9 => 40u32..700, 1 => Just(4096u32), 1 => 0u32..6000];
    let offset = prop_oneof![4 => 0u32..0x8000, 2 => (0u32..16).prop_map(|k| k * 4096 + 4090), 1 => prop_oneof![5 => 0u32..0x1000, 1 => 0x9_0000u32..0xa_0000]];
    (offset, len, any::<bool>()).prop_map(|(offset, len, write)| Desc { offset, len, write })
}

fn chain() -> impl Strategy<Value = Chain> {
    (
        vec(desc(), 1..5),
        prop_oneof![3 => Just(None), 1 => (0usize..4).prop_map(Some)],
        prop_oneof![24 => Just(0u8), 3 => Just(1u8), 2 => 9u8..16],
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

/// One action.
pub fn action() -> impl Strategy<Value = Action> {
    let member = prop_oneof![5 => 1u8..3, 1 => 3u8..5];
    prop_oneof![
        6 => (0u16..1500).prop_map(Action::Wait),
        4 => command().prop_map(Action::Admin),
        3 => (member.clone(), any::<bool>(), 0u8..8, 0u8..8, any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(m, b, r, d, e, i)| Action::Provision(m, b, r, d, e, i)),
        24 => (member.clone(), 0u8..2, vec(chain(), 1..4)).prop_map(|(m, q, c)| Action::Fill(m, q, c)),
        2 => (0u8..17, prop_oneof![4 => 0u16..3, 1 => any::<u16>()]).prop_map(|(p, i)| Action::Kick(p, i)),
        14 => (member.clone(), prop_oneof![8 => Just(0u8), 1 => 0u8..4], prop_oneof![1 => 0u16..16, 4 => 12u16..1600]).prop_map(|(m, q, n)| Action::Packet(m, q, n)),
        3 => (prop_oneof![4 => Just(0u8), 1 => 1u8..5], prop_oneof![4 => Just(0u16), 1 => any::<u16>()], 0u16..600).prop_map(|(m, x, n)| Action::Answer(m, x, n)),
        2 => (0..REGS.len(), any::<u32>(), 0u8..16).prop_map(|(r, d, s)| {
            // Resets have actions of their own: a stray one would leave the session without an admin queue.
            let r = &REGS[r];
            let s = if r.offset == regs::STATUS_QUEUE_SELECT.offset { s & 0xe } else { s };
            Action::Write(r.offset, d, s)
        }),
        1 => (0u32..0x300, any::<u32>(), 0u8..16).prop_map(|(a, d, s)| Action::Write(0x8000_0000 | a, d, s)),
        1 => (0u32..20, any::<u32>(), 0u8..16).prop_map(|(k, d, s)| Action::Write(regs::MSIX_TABLE + 4 * k, d, s)),
        3 => prop_oneof![4 => (0..REGS.len()).prop_map(|r| REGS[r].offset), 1 => (0u32..0x240).prop_map(|k| k * 4), 1 => any::<u32>()].prop_map(Action::Read),
        2 => (prop_oneof![0u32..0x400, Just(0x20_0000), 0x20_1000..0x20_1400u32, 0x20_2000..0x20_2800u32], any::<u64>()).prop_map(|(o, v)| Action::Poke(0x10_0000 + (o & !7), v)),
        2 => (0u8..120, 0u8..60, 0u8..60).prop_map(|(l, j, s)| Action::Memory(l, j, s)),
        1 => Just(Action::Warm),
        1 => (1u8..5).prop_map(Action::Hard),
    ]
}

/// A whole session: two devices with buffers first, then anything.
pub fn session(len: usize) -> impl Strategy<Value = Vec<Action>> {
    let fill = |m| vec(chain(), 2..5).prop_map(move |c| Action::Fill(m, 0, c));
    let start = (
        any::<bool>(),
        0u8..8,
        0u8..8,
        any::<bool>(),
        fill(1),
        fill(2),
    )
        .prop_map(|(b, r, d, e, f1, f2)| {
            vec![
                Action::Provision(1, b, r, d, e, true),
                Action::Provision(2, !b, d, r, !e, true),
                f1,
                f2,
            ]
        });
    (start, vec(action(), 1..len)).prop_map(|(mut a, b)| {
        a.extend(b);
        a
    })
}
