//! Sessions that lead straight to one fault, for what random ones reach too seldom.

use shoal_abi::profile::{Profile, MID, TINY};
use shoal_abi::{cmd, regs};
use shoal_conformance::chaos::{Action, Chain, Command, Halt, Provision};

/// A profile and what happens on it.
pub type Session = (&'static Profile, Vec<Action>);

/// Host memory at buffer offset 0.
const BUFFERS: u32 = 0x16_0000;
/// IOVA of the arena in translated spaces, in pages of 4 KiB.
const ARENA_IOVA: u64 = 0x4000_0000;
/// Buffer offsets of pages that translated spaces do not map in the ordinary way.
const READ_ONLY: u32 = 0x9_8000;
const NOT_ACCESSED: u32 = 0x9_a000;

/// Net, with the ASIDs of its rings and of its buffers.
fn net(member: u8, rings: u8, data: u8) -> Provision {
    Provision {
        member,
        blk: false,
        rings,
        data,
        event: false,
        indirect: true,
        log2: 4,
        start: 0,
        place: 0,
    }
}

/// Block, likewise.
fn blk(member: u8, rings: u8, data: u8) -> Provision {
    Provision {
        blk: true,
        ..net(member, rings, data)
    }
}

/// Buffers as (offset, bytes, device-writable).
fn chain(parts: &[(u32, u32, bool)], flaw: u8) -> Chain {
    let desc = |&(offset, len, write)| shoal_conformance::chaos::Desc { offset, len, write };
    Chain {
        descs: parts.iter().map(desc).collect(),
        indirect_from: None,
        flaw,
    }
}

/// 16 bytes out from `offset` and a byte in.
fn request(offset: u32) -> Chain {
    chain(&[(offset, 16, false), (0x100, 1, true)], 0)
}

fn command(group: u16, member: u64, opcode: u16, data: &[u64]) -> Action {
    let data = data.iter().flat_map(|d| d.to_le_bytes()).collect();
    Action::Admin(Command {
        opcode,
        group,
        member,
        data,
        framing: 0,
    })
}

fn own(opcode: u16, data: &[u64]) -> Action {
    command(cmd::GROUP_SELF, 0, opcode, data)
}

fn tiny(actions: impl IntoIterator<Item = Action>) -> Session {
    (&TINY, actions.into_iter().collect())
}

/// A device, one chain on its queue 0, and time.
fn one(p: Provision, c: Chain) -> Session {
    let fill = Action::Fill(p.member, 0, vec![c]);
    tiny([Action::Provision(p), fill, Action::Wait(2000)])
}

/// A page is used, invalidated, and used again; `kind` of IOTLB_INVALIDATE.
fn dropped(kind: u8) -> Session {
    tiny([
        Action::Provision(blk(1, 0, 1)),
        Action::Fill(1, 0, vec![request(0)]),
        Action::Wait(2000),
        Action::Invalidate(kind, 1, 0, 0),
        Action::Wait(1000),
        Action::Fill(1, 0, vec![request(0)]),
        Action::Wait(2000),
    ])
}

/// Both movers walk for the same page at the same time, the receive mover in ASID 1, the transmit mover in `asid`.
fn meeting(asid: u8) -> Session {
    tiny([
        Action::Provision(net(1, 0, 1)),
        Action::Provision(blk(2, 0, asid)),
        Action::Fill(1, 0, vec![chain(&[(0, 500, true)], 0)]),
        Action::Wait(1500),
        Action::Memory(300, 0, 0),
        Action::Fill(2, 0, vec![request(0)]),
        Action::Packet(1, 0, 100),
        Action::Wait(8000),
        Action::Fill(2, 0, vec![request(0x3000)]),
        Action::Wait(8000),
    ])
}

/// The ordinary life of two devices.
fn tour() -> Session {
    let out = chain(&[(0x803, 70, false), (0x1_0005, 300, false)], 0);
    let into = chain(&[(0x2003, 50, true), (0x1_2001, 2000, true)], 0);
    tiny([
        Action::Write(0x8000_0000, 0, 15),
        Action::Poke(BUFFERS + 0x808, 0x0123_4567_89ab_cdef),
        Action::Provision(net(1, 1, 1)),
        Action::Provision(blk(2, 3, 3)),
        Action::Fill(1, 0, vec![into.clone(), into]),
        Action::Packet(1, 0, 100),
        Action::Packet(1, 0, 700),
        Action::Wait(1500),
        Action::Fill(1, 1, vec![out.clone(), out]),
        Action::Fill(2, 0, vec![request(0x13), request(0x4000)]),
        Action::Wait(2500),
        own(cmd::ASID_GET, &[9999]),
        Action::Halt(2, Halt::Destroy),
        Action::Wait(3000),
    ])
}

/// The session that shows `fault`.
pub fn of(fault: &str) -> Session {
    match fault {
        "msix_masked" => {
            let mask = regs::MSIX_TABLE + regs::MSIX_ENTRY_BYTES + 12;
            let write = Action::Write(mask, 1, 15);
            tiny([
                write,
                Action::Wait(500),
                own(cmd::CAPS, &[]),
                Action::Wait(2000),
            ])
        }
        "doorbell_index" => tiny([
            Action::Provision(blk(1, 0, 0)),
            Action::Provision(blk(2, 0, 0)),
            // Contexts of member 2 start 3 behind those of member 1.
            Action::Kick(1, 3),
            Action::Wait(1000),
        ]),
        "pte_accessed" => one(blk(1, 0, 1), request(NOT_ACCESSED)),
        "pte_writable" | "fault_access" => tiny([
            Action::Provision(net(1, 0, 1)),
            Action::Fill(1, 0, vec![chain(&[(READ_ONLY, 500, true)], 0)]),
            Action::Packet(1, 0, 100),
            Action::Wait(2000),
        ]),
        "tlb_asid" => {
            // The same page in ASID 1 and in one whose entries fall on the same sets, with an empty root table.
            let other = 1 + (1u64 << MID.tlb_aw[0]);
            let translate = |asid| own(cmd::TRANSLATE, &[asid, ARENA_IOVA]);
            let bind = own(cmd::ASID_SET, &[other | 2 << 32, 0, 0x40_0000]);
            (
                &MID,
                vec![bind, translate(1), translate(other), Action::Wait(4000)],
            )
        }
        "mmu_partition" => {
            // Two pages of one set, which share the way of their address space.
            let translate = |page: u64| own(cmd::TRANSLATE, &[1, ARENA_IOVA + (page << 12)]);
            let other = 1 << TINY.tlb_aw[0];
            tiny([
                Action::Write(regs::MMU_CTRL.offset, regs::MMU_PARTITION, 15),
                translate(0),
                translate(other),
                translate(0),
                Action::Wait(4000),
            ])
        }
        "invalidate_drop" => dropped(0),
        "invalidate_generation" | "tlb_generation" => dropped(1),
        "walk_cache_page" => {
            // Two regions of 2 MiB whose tables fall on the same entry.
            let translate = |va| own(cmd::TRANSLATE, &[1, va]);
            tiny([
                translate(ARENA_IOVA),
                translate(ARENA_IOVA + 0x80_0000),
                Action::Wait(2000),
            ])
        }
        "walk_asid" => meeting(2),
        "waiter_lost" | "waiter_again" => meeting(1),
        "walk_old" | "invalidate_translations" => {
            // Slow walks, one page after another, while everything is invalidated.
            let pages = |from: u32| chain(&[0, 1, 2, 3].map(|n| ((from + n) << 12, 16, false)), 0);
            let fill = Action::Fill(1, 0, [0, 4, 8, 12].map(pages).to_vec());
            tiny([
                Action::Provision(blk(1, 0, 1)),
                Action::Memory(300, 0, 0),
                fill.clone(),
                Action::Invalidate(0, 0, 0, 0),
                Action::Wait(12_000),
                fill,
                Action::Wait(12_000),
            ])
        }
        "invalidate_wait" => {
            let long = chain(&[(0, 4096, false), (0, 4096, false), (0x2000, 1, true)], 0);
            let again = [Action::Invalidate(0, 0, 0, 0), Action::Wait(5000)];
            let start = [
                Action::Provision(blk(1, 0, 1)),
                Action::Memory(300, 0, 0),
                Action::Fill(1, 0, vec![long; 4]),
            ];
            tiny(start.into_iter().chain(again.clone()).chain(again))
        }
        "read_response" => one(
            blk(1, 0, 0),
            Chain {
                flaw: 16,
                ..request(0)
            },
        ),
        "transmit_lanes" => {
            let poke = Action::Poke(BUFFERS, 0x0123_4567_89ab_cdef);
            let (profile, actions) = one(blk(1, 0, 0), request(3));
            (profile, [vec![poke], actions].concat())
        }
        "chain_limit" => one(
            blk(1, 0, 0),
            Chain {
                flaw: 10,
                ..request(0)
            },
        ),
        "next_range" => one(
            blk(1, 0, 0),
            Chain {
                flaw: 9,
                ..request(0)
            },
        ),
        "receive_stopped" => tiny([
            Action::Provision(net(1, 0, 0)),
            Action::Fill(1, 0, vec![chain(&[(0, 500, true)], 0)]),
            Action::Halt(1, Halt::Stop),
            Action::Wait(2000),
            Action::Packet(1, 0, 100),
            Action::Wait(1000),
        ]),
        "event_index" => {
            let p = Provision {
                event: true,
                ..blk(1, 0, 0)
            };
            tiny([
                Action::Provision(p),
                Action::Quiet(1, 0, false, 0),
                Action::Fill(1, 0, vec![request(0)]),
                Action::Wait(2000),
            ])
        }
        "vq_masked" => tiny([
            Action::Provision(blk(1, 0, 0)),
            Action::Mask(1, 0, true),
            Action::Wait(2000),
            Action::Fill(1, 0, vec![request(0)]),
            Action::Wait(2000),
        ]),
        "needs_reset" => tiny([
            Action::Provision(blk(1, 0, 0)),
            Action::Fill(
                1,
                0,
                vec![Chain {
                    flaw: 13,
                    ..request(0)
                }],
            ),
            Action::Wait(1000),
            Action::Kick(1, 0),
            Action::Wait(1000),
        ]),
        "vq_index" => tiny([
            Action::Provision(blk(1, 0, 0)),
            command(cmd::GROUP_MANAGED, 1, cmd::VQ_STATE_GET, &[1]),
            Action::Wait(2000),
        ]),
        "drain_wait" => tiny([
            Action::Provision(blk(1, 0, 0)),
            Action::Memory(250, 0, 0),
            Action::Fill(
                1,
                0,
                vec![chain(&[(0, 4096, false), (0x2000, 1, true)], 0); 8],
            ),
            Action::Halt(1, Halt::Destroy),
            Action::Wait(8000),
        ]),
        "drain_member" => tiny([
            Action::Provision(blk(1, 0, 0)),
            Action::Provision(blk(2, 0, 0)),
            // The answer to the request does not come: it stays in flight.
            Action::Streams(0, 100),
            Action::Fill(2, 0, vec![request(0)]),
            Action::Wait(1000),
            Action::Halt(1, Halt::Destroy),
            Action::Wait(2000),
        ]),
        _ => tour(),
    }
}
