//! Noninterference: whatever a tenant does to his own devices, another one's queues, packets and messages carry the same bytes.
//!
//! A plan is a list of rounds; before each, the hostile tenant does some random things. The neighbour's trace, round by round, must
//! be that of a run in which nobody does anything; any two plans are thereby compared with each other.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::{any, prop, prop_oneof, Just, Strategy};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};
use shoal::env::RxPacket;
use shoal::monitor::Cover;
use shoal_abi::mmu::{PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_V, PTE_W};
use shoal_abi::ring::{DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, NET_HDR_BYTES};

use shoal_driver::cmd;

use super::memory::{leaf, IOVA, NO_MEMORY, PAGE, PAGES};
use super::rig::{text, Rig, BUFFER, QUEUE_BYTES, SIZE, TABLE};
use super::scene::{on_a_card, Scene};
use super::Options;

/// What a page table entry becomes.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// What it was in the beginning.
    Good,
    /// Zero.
    Absent,
    /// Without these bits.
    Without(u64),
    /// With this reserved bit, 54 to 63.
    Reserved(u8),
    /// A page where no memory is.
    Nowhere,
    /// Another page of the region.
    Other(u8),
    /// A table: its own.
    Loop,
}

/// Something that the hostile tenant does. The first field is true for his block device, else it is his network device.
#[derive(Clone, Debug)]
pub enum Mischief {
    /// Writes bytes into the rings and tables of a queue.
    Put(bool, u16, Vec<u8>),
    /// Writes a descriptor: queue, in the indirect table or not, number, offset of the buffer, length, flags, next.
    Desc(bool, u8, bool, u8, u16, u32, u16, u16),
    /// Makes chains available and rings.
    Offer(bool, u8, Vec<u16>),
    /// Sets the available index ahead and rings.
    Jump(bool, u8, u16),
    /// Writes to the doorbell.
    Kick(bool, u32),
    /// Changes the entry of a page; 0xfe the middle table's, 0xff the root's.
    Page(bool, u8, Entry),
    /// His translations are dropped.
    Drop(bool),
    /// A packet for him arrives.
    Packet(u16),
    /// His block requests are not answered, or they are again.
    Silent(bool),
    /// His driver resets the device and starts again.
    Reset(bool),
    /// His driver resets a queue.
    QueueReset(bool, u8),
    /// His driver masks the message of a queue, or unmasks it.
    Mask(bool, u8, bool),
    /// Time passes.
    Wait(u16),
}

fn entry() -> impl Strategy<Value = Entry> {
    let bits = prop_oneof![
        Just(PTE_V),
        Just(PTE_R),
        Just(PTE_W),
        Just(PTE_A),
        Just(PTE_D)
    ];
    prop_oneof![
        4 => Just(Entry::Good),
        1 => Just(Entry::Absent),
        2 => bits.prop_map(Entry::Without),
        1 => (54u8..64).prop_map(Entry::Reserved),
        1 => Just(Entry::Nowhere),
        1 => (0..PAGES as u8).prop_map(Entry::Other),
        1 => Just(Entry::Loop),
    ]
}

/// Something, mostly what a device looks at.
fn mischief() -> impl Strategy<Value = Mischief> {
    // Long legal chains would hold the movers for as long as MAX_CHAIN_BYTES allows: that bound has tests of its own.
    let len = prop_oneof![9 => 1u32..1500, 1 => Just(0u32), 1 => Just(u32::MAX), 1 => any::<u32>().prop_map(|n| n | 1 << 25)];
    let flags = prop_oneof![
        6 => (0u16..4).prop_map(|f| f & (DESC_F_NEXT | DESC_F_WRITE)),
        2 => Just(DESC_F_INDIRECT),
        1 => any::<u16>(),
    ];
    let number = || prop_oneof![9 => 0u16..SIZE, 1 => any::<u16>()];
    let blk = any::<bool>;
    let queue = || 0u8..2;
    prop_oneof![
        2 => (blk(), 0u16..0x4000, vec(any::<u8>(), 1..32)).prop_map(|(b, at, bytes)| Mischief::Put(b, at, bytes)),
        16 => (blk(), queue(), prop::bool::weighted(0.3), 0u8..8, 0u16..0x3000, len, flags, number())
            .prop_map(|(b, q, t, n, at, len, flags, next)| Mischief::Desc(b, q, t, n, at, len, flags, next)),
        8 => (blk(), queue(), vec(number(), 1..5)).prop_map(|(b, q, heads)| Mischief::Offer(b, q, heads)),
        1 => (blk(), queue(), any::<u16>()).prop_map(|(b, q, n)| Mischief::Jump(b, q, n)),
        2 => (blk(), prop_oneof![3 => 0u32..2, 1 => any::<u32>()]).prop_map(|(b, n)| Mischief::Kick(b, n)),
        3 => (blk(), prop_oneof![8 => 0..2 * (QUEUE_BYTES / PAGE) as u8, 1 => Just(0xfe), 1 => Just(0xff)], entry())
            .prop_map(|(b, page, e)| Mischief::Page(b, page, e)),
        2 => blk().prop_map(Mischief::Drop),
        3 => (0u16..2000).prop_map(Mischief::Packet),
        1 => any::<bool>().prop_map(Mischief::Silent),
        4 => blk().prop_map(Mischief::Reset),
        1 => (blk(), queue()).prop_map(|(b, q)| Mischief::QueueReset(b, q)),
        1 => (blk(), queue(), any::<bool>()).prop_map(|(b, q, m)| Mischief::Mask(b, q, m)),
        3 => (0u16..1500).prop_map(Mischief::Wait),
    ]
}

/// What is done before each of up to `rounds` rounds.
fn plan(rounds: usize) -> impl Strategy<Value = Vec<Vec<Mischief>>> {
    vec(vec(mischief(), 1..24), 1..=rounds)
}

/// The neighbour's trace of each of `rounds` rounds in which nobody else does anything.
///
/// # Errors
/// What went wrong: the device does not work.
fn undisturbed(options: &Options, rounds: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut cover = Cover::default();
    on_a_card(options, "undisturbed", &mut cover, |host| {
        let mut scene = Scene::new(host)?;
        (0..rounds).map(|_| scene.neighbours_round()).collect()
    })
}

/// Carries `plan` out; the neighbour's trace must begin like `undisturbed`, and the hostile tenant's devices work after a reset.
///
/// # Errors
/// What differs, or does not work.
fn interfere(
    options: &Options,
    plan: &[Vec<Mischief>],
    undisturbed: &[Vec<u8>],
    cover: &mut Cover,
) -> Result<(), String> {
    on_a_card(options, "interfere", cover, |host| {
        let mut scene = Scene::new(host)?;
        for (round, (acts, quiet)) in plan.iter().zip(undisturbed).enumerate() {
            for act in acts {
                do_it(&mut scene, act)?;
            }
            let trace = scene.neighbours_round();
            if trace.map_err(|e| format!("round {round}: {e}"))? != *quiet {
                return Err(format!("round {round}: the neighbour's trace differs"));
            }
        }
        scene.recover()
    })
}

/// Most rounds of a plan.
const ROUNDS: usize = 6;

/// Plays as many plans as `config` says; what the monitors have seen happen.
///
/// # Errors
/// Why the shortest plan fails that does. That of a device without deliberate faults is kept beside `source`.
pub fn play(options: &Options, config: Config, source: &'static str) -> Result<Cover, String> {
    let quiet = undisturbed(options, ROUNDS).map_err(|e| format!("undisturbed: {e}"))?;
    let cover = RefCell::new(Cover::default());
    let kept = FileFailurePersistence::WithSource("proptest-regressions");
    let config = Config {
        source_file: Some(source),
        failure_persistence: options.plusargs.is_empty().then(|| Box::new(kept) as _),
        ..config
    };
    let result = TestRunner::new(config).run(&plan(ROUNDS), |plan| {
        let played = interfere(options, &plan, &quiet, &mut cover.borrow_mut());
        played.map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => Ok(cover.into_inner()),
        Err(TestError::Fail(why, plan)) => Err(format!("{why}: {plan:#?}")),
        Err(e) => Err(e.to_string()),
    }
}

/// The queue of a device that has one or two.
fn of(rig: &Rig, q: u8) -> (u16, u64) {
    let q = u16::from(q) % rig.vdev.vq_count();
    (q, u64::from(q) * QUEUE_BYTES)
}

fn do_it(scene: &mut Scene, act: &Mischief) -> Result<(), String> {
    let host = scene.host.clone();
    let ids = [scene.guilty[0].id(), scene.guilty[1].id()];
    fn pick(scene: &mut Scene, is_blk: bool) -> &mut Rig {
        &mut scene.guilty[usize::from(is_blk)]
    }
    match act {
        Mischief::Put(b, at, bytes) => pick(scene, *b).memory.put(u64::from(*at), bytes),
        Mischief::Desc(b, q, in_table, n, at, len, flags, next) => {
            let rig = pick(scene, *b);
            let (_, base) = of(rig, *q);
            let table = base + if *in_table { TABLE } else { 0 };
            let (at, len) = if *flags == DESC_F_INDIRECT {
                (base + TABLE, len & 0x7f)
            } else {
                (base + BUFFER + u64::from(*at), *len)
            };
            rig.desc(table, (*n).into(), IOVA + at, len, *flags, *next);
        }
        Mischief::Offer(b, q, heads) => {
            let rig = pick(scene, *b);
            let (q, _) = of(rig, *q);
            rig.offer(q, heads);
            rig.kick(q);
        }
        Mischief::Jump(b, q, ahead) => {
            let rig = pick(scene, *b);
            let (q, _) = of(rig, *q);
            rig.jump(q, *ahead);
            rig.kick(q);
        }
        Mischief::Kick(b, data) => pick(scene, *b).vdev.kick_vq_with_data(*data),
        Mischief::Page(b, page, entry) => set_entry(pick(scene, *b), *page, *entry),
        Mischief::Packet(n) => {
            let bytes = vec![0xa5; NET_HDR_BYTES + usize::from(*n)];
            let packet = RxPacket::receive(ids[0], 0, bytes);
            scene.function.send(packet);
        }
        Mischief::Silent(on) => scene.function.set_silent(ids[1], *on),
        Mischief::Reset(b) => {
            let rig = pick(scene, *b);
            rig.vdev.reset().map_err(text)?;
            rig.start()?;
        }
        Mischief::QueueReset(b, q) => {
            let rig = pick(scene, *b);
            let (q, _) = of(rig, *q);
            match rig.vdev.set_vq_ready(q, false) {
                Ok(()) => rig.forget(q),
                // A request without an answer cannot be drained (ABI.md §8): nothing has changed.
                Err(e) if e.is_try_again() => {}
                Err(e) => return Err(text(e)),
            }
        }
        Mischief::Drop(b) => {
            let rig = pick(scene, *b);
            let drop = cmd::iotlb_invalidate(Some(rig.asid()), None);
            rig.vdev.mgmtdev().exec(&drop).map_err(text)?;
        }
        Mischief::Mask(b, q, on) => {
            let rig = pick(scene, *b);
            let (q, _) = of(rig, *q);
            rig.vdev.mask_vq_cb(q, *on).map_err(text)?;
        }
        Mischief::Wait(cycles) => host.run((*cycles).into()).map_err(text)?,
    }
    Ok(())
}

fn set_entry(rig: &Rig, page: u8, entry: Entry) {
    let memory = &rig.memory;
    let table = memory.page_entries();
    let at = u64::from(page) % PAGES;
    let pointer = |pa: u64| (pa / PAGE) << PTE_PPN_LSB | PTE_V;
    let good = match page {
        0xff => pointer(table - PAGE),
        0xfe => pointer(table),
        _ => memory.pte(at),
    };
    let pte = match entry {
        Entry::Good => good,
        Entry::Absent => 0,
        Entry::Without(bits) => good & !bits,
        Entry::Reserved(bit) => good | 1 << bit,
        Entry::Nowhere => leaf(NO_MEMORY),
        Entry::Other(other) => memory.pte(other.into()),
        Entry::Loop => pointer(table),
    };
    match page {
        0xff => memory.set_root(pte),
        0xfe => memory.set_middle(pte),
        _ => memory.set_page(at, pte),
    }
}
