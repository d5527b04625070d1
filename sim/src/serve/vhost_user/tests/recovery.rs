//! Marks and rings alone: a driver, a device and a server that may end before any of its stores.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proptest::prelude::*;
use vm_memory::{AtomicAccess, Bytes, VolatileSlice};

use crate::serve::vhost_user::inflight::{part_bytes, Cells, Ring, Track};

const AVAIL: u64 = 0;
const USED: u64 = 0x100;
const PART: u64 = 0x200;
const SIZE: u16 = 8;

/// Memory, and the stores that the server still makes.
#[derive(Debug)]
struct Shared {
    bytes: RefCell<Vec<u8>>,
    left: Cell<u32>,
}

/// The memory from an address on.
#[derive(Clone, Debug)]
struct View(Rc<Shared>, u64);

impl Cells for View {
    fn load<T: AtomicAccess + Default>(&self, at: u64) -> T {
        let mut bytes = self.0.bytes.borrow_mut();
        let slice = VolatileSlice::from(bytes.as_mut_slice());
        slice.read_obj((self.1 + at) as usize).unwrap()
    }

    fn store<T: AtomicAccess>(&self, at: u64, value: T) {
        let Some(left) = self.0.left.get().checked_sub(1) else {
            return;
        };
        self.0.left.set(left);
        let mut bytes = self.0.bytes.borrow_mut();
        let slice = VolatileSlice::from(bytes.as_mut_slice());
        slice.write_obj(value, (self.1 + at) as usize).unwrap();
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// The driver makes one of its free heads available.
    Submit(usize),
    /// The device takes a chain.
    Fetch,
    /// It ends one of those it has.
    Complete(usize),
    /// The driver takes what is used.
    Reap,
    Look,
    /// The server ends within a look, after so many stores; it had just written a used entry, but no index. The driver goes on for as
    /// many requests. A next server ends as it opens the region, after so many stores, and one more opens it.
    Kill(u32, Option<usize>, usize, u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any::<usize>().prop_map(Op::Submit),
        4 => Just(Op::Fetch),
        3 => any::<usize>().prop_map(Op::Complete),
        2 => Just(Op::Reap),
        3 => Just(Op::Look),
        1 => (0..12_u32, any::<Option<usize>>(), 0..4_usize, 0..24_u32)
            .prop_map(|(stores, torn, more, again)| Op::Kill(stores, torn, more, again)),
    ]
}

struct World {
    shared: Rc<Shared>,
    /// Heads of the driver that are free, and those in flight in the order given.
    free: Vec<u16>,
    flying: Vec<u16>,
    avail_idx: u16,
    last_used: u16,
    /// What the device has, and where it goes on.
    held: Vec<u16>,
    next: u16,
    used_idx: u16,
    /// Both indices at the last look.
    looked: (u16, u16),
    track: Option<Track<View, View>>,
}

impl World {
    fn new(base: u16) -> Self {
        let shared = Rc::new(Shared {
            bytes: RefCell::new(vec![0; (PART + part_bytes(SIZE)) as usize]),
            left: Cell::new(u32::MAX),
        });
        let mut world = Self {
            shared,
            free: (0..SIZE).collect(),
            flying: Vec::new(),
            avail_idx: base,
            last_used: base,
            held: Vec::new(),
            next: base,
            used_idx: base,
            looked: (base, base),
            track: None,
        };
        world.put(AVAIL + 2, base);
        world.put(USED + 2, base);
        world.track = Some(world.open().unwrap());
        world
    }

    fn put<T: AtomicAccess>(&self, at: u64, value: T) {
        self.shared.left.set(u32::MAX);
        View(self.shared.clone(), 0).store(at, value);
    }

    fn get<T: AtomicAccess + Default>(&self, at: u64) -> T {
        View(self.shared.clone(), 0).load(at)
    }

    fn open(&self) -> Result<Track<View, View>, String> {
        let view = |at| View(self.shared.clone(), at);
        let ring = Ring {
            mem: view(0),
            avail: AVAIL,
            used: USED,
            size: SIZE,
        };
        Track::open(view(PART), SIZE, ring, self.used_idx)
    }

    fn submit(&mut self, pick: usize) {
        let ahead = self.avail_idx.wrapping_sub(self.looked.0);
        if self.free.is_empty() || ahead >= SIZE {
            return;
        }
        let head = self.free.swap_remove(pick % self.free.len());
        self.put(AVAIL + 4 + u64::from(self.avail_idx % SIZE) * 2, head);
        self.avail_idx = self.avail_idx.wrapping_add(1);
        self.put(AVAIL + 2, self.avail_idx);
        self.flying.push(head);
    }

    fn fetch(&mut self) {
        if self.next != self.avail_idx {
            let head = self.get(AVAIL + 4 + u64::from(self.next % SIZE) * 2);
            assert!(!self.held.contains(&head), "given twice");
            self.held.push(head);
            self.next = self.next.wrapping_add(1);
        }
    }

    fn write_used(&mut self, pick: usize) -> Option<u16> {
        if self.held.is_empty() || self.used_idx.wrapping_sub(self.looked.1) >= SIZE {
            return None;
        }
        let head = self.held[pick % self.held.len()];
        let at = USED + 4 + u64::from(self.used_idx % SIZE) * 8;
        self.put(at, u64::from(head));
        Some(head)
    }

    fn complete(&mut self, pick: usize) {
        if let Some(head) = self.write_used(pick) {
            self.held.retain(|h| *h != head);
            self.used_idx = self.used_idx.wrapping_add(1);
            self.put(USED + 2, self.used_idx);
        }
    }

    fn reap(&mut self) {
        while self.last_used != self.used_idx {
            let at = USED + 4 + u64::from(self.last_used % SIZE) * 8;
            let head = self.get::<u32>(at) as u16;
            let place = self.flying.iter().position(|h| *h == head);
            self.flying.remove(place.expect("used once"));
            self.free.push(head);
            self.last_used = self.last_used.wrapping_add(1);
        }
    }

    fn look(&mut self) {
        self.shared.left.set(u32::MAX);
        self.track.as_mut().unwrap().look();
        self.looked = (self.avail_idx, self.used_idx);
    }

    fn kill(&mut self, stores: u32, torn: Option<usize>, more: usize, again: u32) {
        self.shared.left.set(stores);
        self.track.take().unwrap().look();
        if let Some(pick) = torn {
            self.write_used(pick);
        }
        self.held.clear();
        self.reap();
        (0..more).for_each(|n| self.submit(n));
        self.shared.left.set(again);
        let _ = self.open();
        self.shared.left.set(u32::MAX);
        let track = self.open().unwrap();
        assert_eq!(track.start(), self.used_idx);
        self.track = Some(track);
        self.looked = (self.avail_idx, self.used_idx);
        // The device finds what is in flight, in the order in which the driver gave it.
        self.next = self.used_idx;
        let given: Vec<u16> = (0..self.avail_idx.wrapping_sub(self.next))
            .map(|n| self.next.wrapping_add(n))
            .map(|place| self.get(AVAIL + 4 + u64::from(place % SIZE) * 2))
            .collect();
        assert_eq!(given, self.flying);
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Submit(pick) => self.submit(pick),
            Op::Fetch => self.fetch(),
            Op::Complete(pick) => self.complete(pick),
            Op::Reap => self.reap(),
            Op::Look => self.look(),
            Op::Kill(stores, torn, more, again) => self.kill(stores, torn, more, again),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_in_flight_is_given_again_once_whenever_the_server_ends(
        base in prop_oneof![Just(0), Just(u16::MAX - 3), any::<u16>()],
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(base);
        ops.iter().for_each(|op| world.apply(op));
        world.kill(0, None, 0, u32::MAX);
        // And all of it comes back.
        while !world.flying.is_empty() {
            world.fetch();
            world.complete(1);
            world.reap();
            world.look();
        }
        assert_eq!(world.track.unwrap().count(), 0);
    }

    #[test]
    fn nothing_that_a_region_or_a_ring_holds_panics(
        base in any::<u16>(),
        ops in prop::collection::vec(op(), 0..40),
        stray in prop::collection::vec((0..PART + part_bytes(SIZE), any::<u8>()), 1..12),
        noise in prop::collection::vec(any::<u8>(), (PART + part_bytes(SIZE)) as usize),
        is_noise in any::<bool>(),
    ) {
        let mut world = World::new(base);
        ops.iter().for_each(|op| world.apply(op));
        if is_noise {
            world.shared.bytes.borrow_mut().copy_from_slice(&noise);
            world.put(PART + 8, 1_u16);
        }
        stray.iter().for_each(|(at, byte)| world.put(*at, *byte));
        world.track.as_mut().unwrap().look();
        if let Ok(mut track) = world.open() {
            stray.iter().for_each(|(at, byte)| world.put(at ^ 2, *byte));
            track.look();
        }
    }
}

/// What is said of a region after a change.
type Case<'a> = (&'a str, &'a dyn Fn(&World));

/// Opens a region with three heads in flight after `change`; why not.
fn refusal(change: impl Fn(&World)) -> String {
    let mut world = World::new(5);
    for _ in 0..4 {
        world.submit(0);
        world.fetch();
    }
    world.complete(2);
    world.look();
    change(&world);
    world.open().err().unwrap_or_default()
}

#[test]
fn a_region_that_contradicts_itself_or_the_ring_is_refused_by_name() {
    let state = |head: u16| PART + 16 + u64::from(head) * 16;
    assert_eq!(refusal(|_| {}), "");
    let cases: [Case<'_>; 11] = [
        ("version 7", &|w| w.put(PART + 8, 7_u16)),
        ("4 descriptors", &|w| w.put(PART + 10, 4_u16)),
        ("features 0x1", &|w| w.put(PART, 1_u64)),
        ("mark of head 3 is 2", &|w| w.put(state(3), 2_u8)),
        ("at its end", &|w| w.put(state(1) + 8, u64::MAX)),
        ("at its end", &|w| w.put(state(1) + 8, u64::MAX - 1)),
        ("but taken up to", &|w| w.put(PART + 14, 60_u16)),
        ("same counter", &|w| {
            let flying: Vec<u16> = w
                .flying
                .iter()
                .copied()
                .filter(|h| w.held.contains(h))
                .collect();
            let counter: u64 = w.get(state(flying[0]) + 8);
            w.put(state(flying[1]) + 8, counter);
        }),
        ("which is not in flight", &|w| {
            w.put(USED + 4 + u64::from(w.used_idx % SIZE) * 8, 99_u64);
            w.put(USED + 2, w.used_idx + 1);
        }),
        ("is more than 8 before", &|w| {
            w.put(AVAIL + 2, w.avail_idx + 50)
        }),
        ("not in flight", &|w| w.put(USED + 2, w.used_idx + 50)),
    ];
    for (text, change) in cases {
        let why = refusal(change);
        assert!(why.contains(text), "{text}: {why}");
    }
}

#[test]
fn a_region_of_more_descriptors_serves_a_smaller_ring_only() {
    let world = World::new(0);
    let ring = |size| Ring {
        mem: View(world.shared.clone(), 0),
        avail: AVAIL,
        used: USED,
        size,
    };
    let part = || View(world.shared.clone(), PART);
    assert!(Track::open(part(), SIZE, ring(4), 0).is_ok());
    let why = Track::open(part(), SIZE, ring(16), 0).unwrap_err();
    assert!(why.contains("16 entries"), "{why}");
}

#[test]
fn with_nothing_in_flight_a_ring_may_begin_anew() {
    let mut world = World::new(0);
    for _ in 0..5 {
        world.submit(0);
        world.fetch();
        world.complete(0);
        world.reap();
        world.look();
    }
    world.put(AVAIL + 2, 0_u16);
    world.put(USED + 2, 0_u16);
    world.used_idx = 0;
    assert_eq!(world.open().unwrap().start(), 0);
    // Not with marks: those would be lost.
    let mut world = World::new(0);
    world.submit(0);
    world.submit(0);
    world.look();
    world.put(AVAIL + 2, 0_u16);
    world.put(USED + 2, u16::MAX - 20);
    world.used_idx = u16::MAX - 20;
    assert!(world.open().is_err());
}
