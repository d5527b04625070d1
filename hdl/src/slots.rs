//! What the sources must know of the slots: which are free, and which chain slots wait for the transmit mover.
//!
//! Timing: contract §3, §3.1. The sweep puts slot i into its free list in its cycle i; all else changes at effect edges and
//! picks. Reset, and the flush before a sweep: no slot free, none waiting.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::fifo::Fifo;
use crate::step_types::Effects;

/// See the file's text. `SLOT` bits a slot number.
#[derive(LogicBlock)]
pub struct Slots<const SLOT: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Empties free lists and waiting FIFO: a sweep follows.
    pub flush: Signal<In, Bit>,
    /// A sweep cycle.
    pub sweep: Signal<In, Bit>,
    /// Which.
    pub sweep_index: Signal<In, Bits<18>>,
    /// `fx` counts.
    pub commit: Signal<In, Bit>,
    /// Effects of a normal event.
    pub fx: Signal<In, Effects>,
    /// An exclusive event frees `alone_slot`.
    pub alone_free: Signal<In, Bit>,
    /// Chain slot.
    pub alone_slot: Signal<In, Bits<8>>,
    /// Takes `free_slot`.
    pub free_pop: Signal<In, Bit>,
    /// Takes `rx_free_slot`.
    pub rx_free_pop: Signal<In, Bit>,
    /// Takes `wait_slot`.
    pub wait_pop: Signal<In, Bit>,
    /// A slot holds the transmit mover.
    pub tx_held: Signal<In, Bit>,
    /// Which.
    pub tx_holder: Signal<In, Bits<8>>,
    /// The free list is not empty.
    pub free_valid: Signal<Out, Bit>,
    /// Its head.
    pub free_slot: Signal<Out, Bits<8>>,
    /// All chain slots are in it.
    pub all_free: Signal<Out, Bit>,
    /// The receive free list is not empty.
    pub rx_free_valid: Signal<Out, Bit>,
    /// Its head.
    pub rx_free_slot: Signal<Out, Bits<8>>,
    /// All receive slots are in it.
    pub rx_all_free: Signal<Out, Bit>,
    /// The owner of the transmit mover waits, or a slot waits and nobody holds the mover.
    pub some_wait: Signal<Out, Bit>,
    /// That slot.
    pub wait_slot: Signal<Out, Bits<8>>,
    free: Fifo<Bits<8>, SLOT>,
    rx_free: Fifo<Bits<8>, SLOT>,
    waiting: Fifo<Bits<8>, SLOT>,
    owner_waits: DFF<Bit>,
    fills: Signal<Local, Bit>,
    rx_fills: Signal<Local, Bit>,
    chain_slots: Constant<Bits<18>>,
    chains: Constant<Bits<16>>,
    rx_end: Constant<Bits<18>>,
    rx_slots: Constant<Bits<16>>,
}

impl<const SLOT: usize> Slots<SLOT> {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, flush, sweep, sweep_index, commit, fx, alone_free, alone_slot, free_pop, rx_free_pop, wait_pop,
            tx_held, tx_holder, free_valid, free_slot, all_free, rx_free_valid, rx_free_slot, rx_all_free, some_wait,
            wait_slot, free, rx_free, waiting, owner_waits, fills, rx_fills;
            chain_slots = p.chain_slots as u64, chains = p.chain_slots as u64,
            rx_end = p.admin_slot() as u64, rx_slots = p.rx_slots as u64
        )
    }
}

impl<const SLOT: usize> Logic for Slots<SLOT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, owner_waits);
        clock!(self, clock, free, rx_free, waiting);
        // The free list: filled by the sweep, by effects, by commands and WARM; never two in a cycle.
        self.fills.next = self.sweep.val() & (self.sweep_index.val() < self.chain_slots.val());
        self.free.reset.next = self.reset.val() | self.flush.val();
        self.free.push.next = self.fills.val()
            | self.alone_free.val()
            | (self.commit.val() & self.fx.val().free_push);
        self.free.push_data.next = self.fx.val().free_slot;
        if self.alone_free.val() {
            self.free.push_data.next = self.alone_slot.val();
        }
        if self.fills.val() {
            self.free.push_data.next = self.sweep_index.val().get_bits::<8>(0);
        }
        self.free.pop.next = self.free_pop.val();
        self.free_valid.next = self.free.valid.val();
        self.free_slot.next = self.free.data.val();
        self.all_free.next = self.free.count.val() == self.chains.val();
        // The receive free list: filled by the sweep and by effects.
        self.rx_fills.next = self.sweep.val()
            & (self.sweep_index.val() >= self.chain_slots.val())
            & (self.sweep_index.val() < self.rx_end.val());
        self.rx_free.reset.next = self.reset.val() | self.flush.val();
        self.rx_free.push.next =
            self.rx_fills.val() | (self.commit.val() & self.fx.val().rx_free_push);
        self.rx_free.push_data.next = self.fx.val().rx_free_slot;
        if self.rx_fills.val() {
            self.rx_free.push_data.next = self.sweep_index.val().get_bits::<8>(0);
        }
        self.rx_free.pop.next = self.rx_free_pop.val();
        self.rx_free_valid.next = self.rx_free.valid.val();
        self.rx_free_slot.next = self.rx_free.data.val();
        self.rx_all_free.next = self.rx_free.count.val() == self.rx_slots.val();
        // Those that wait: the owner goes before the others.
        self.waiting.reset.next = self.reset.val() | self.flush.val();
        self.waiting.push.next = self.commit.val() & self.fx.val().wait_push;
        self.waiting.push_data.next = self.fx.val().owner;
        self.waiting.pop.next = self.wait_pop.val() & !self.owner_waits.q.val();
        if self.wait_pop.val() {
            self.owner_waits.d.next = false;
        }
        if self.commit.val() & self.fx.val().owner_waits {
            self.owner_waits.d.next = true;
        }
        self.some_wait.next =
            self.owner_waits.q.val() | (!self.tx_held.val() & self.waiting.valid.val());
        self.wait_slot.next = self.waiting.data.val();
        if self.owner_waits.q.val() {
            self.wait_slot.next = self.tx_holder.val();
        }
        if self.reset.val() | self.flush.val() {
            self.owner_waits.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use shoal_abi::profile::{HYPER, TINY};

    #[test]
    fn slots_lints_clean() {
        crate::util::assert_lint_clean("slots_tiny", Slots::<4>::new(&TINY));
        crate::util::assert_lint_clean("slots_hyper", Slots::<8>::new(&HYPER));
    }

    fn swept() -> Slots<4> {
        let mut s = Slots::<4>::new(&TINY);
        s.connect_all();
        s.reset.next = true;
        s.sweep.next = true;
        edge!(s);
        s.reset.next = false;
        for i in 0..32_u64 {
            s.sweep_index.next = i.into();
            edge!(s);
        }
        s.sweep.next = false;
        crate::util::settle(&mut s);
        s
    }

    #[test]
    fn the_sweep_frees_the_chain_slots_in_order_and_what_is_freed_comes_last() {
        let mut s = swept();
        assert!(s.all_free.val());
        for i in 0..6_u64 {
            assert!(s.free_valid.val());
            assert_eq!(s.free_slot.val(), i);
            s.free_pop.next = true;
            edge!(s);
        }
        s.free_pop.next = false;
        assert!(!s.free_valid.val());
        s.commit.next = true;
        s.fx.next = Effects {
            free_push: true,
            free_slot: 4u64.into(),
            ..Effects::default()
        };
        edge!(s);
        s.commit.next = false;
        s.alone_free.next = true;
        s.alone_slot.next = 1u64.into();
        edge!(s);
        s.alone_free.next = false;
        assert_eq!(s.free_slot.val(), 4u64);
        s.free_pop.next = true;
        edge!(s);
        assert_eq!(s.free_slot.val(), 1u64);
    }

    #[test]
    fn the_receive_slots_have_a_free_list_of_their_own() {
        let mut s = swept();
        assert!(s.rx_all_free.val());
        for slot in 6..9_u64 {
            assert!(s.rx_free_valid.val());
            assert_eq!(s.rx_free_slot.val(), slot);
            s.rx_free_pop.next = true;
            edge!(s);
        }
        s.rx_free_pop.next = false;
        assert!(!s.rx_free_valid.val() && !s.rx_all_free.val() && s.all_free.val());
        s.commit.next = true;
        for slot in [8_u64, 6, 7] {
            s.fx.next = Effects {
                rx_free_push: true,
                rx_free_slot: slot.into(),
                ..Effects::default()
            };
            edge!(s);
        }
        assert!(s.rx_all_free.val());
        assert_eq!(s.rx_free_slot.val(), 8u64);
    }

    #[test]
    fn the_owner_of_the_mover_goes_before_those_that_wait() {
        let mut s = swept();
        s.commit.next = true;
        for slot in [5_u64, 2] {
            s.fx.next = Effects {
                wait_push: true,
                owner: slot.into(),
                ..Effects::default()
            };
            edge!(s);
        }
        s.fx.next = Effects {
            owner_waits: true,
            owner: 3u64.into(),
            ..Effects::default()
        };
        s.tx_held.next = true;
        s.tx_holder.next = 3u64.into();
        s.commit.next = false;
        crate::util::settle(&mut s);
        assert!(!s.some_wait.val());
        s.commit.next = true;
        edge!(s);
        s.commit.next = false;
        assert!(s.some_wait.val());
        assert_eq!(s.wait_slot.val(), 3u64);
        s.wait_pop.next = true;
        edge!(s);
        assert!(!s.some_wait.val());
        s.tx_held.next = false;
        s.wait_pop.next = false;
        crate::util::settle(&mut s);
        assert!(s.some_wait.val());
        assert_eq!(s.wait_slot.val(), 5u64);
        s.wait_pop.next = true;
        edge!(s);
        assert_eq!(s.wait_slot.val(), 2u64);
    }
}
