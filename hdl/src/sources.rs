//! The ten sources of events, and which of those that request is picked: the first at or after `rr`, cyclic.
//!
//! An exclusive event waits until stages 1..7 are empty, and everything behind it waits with it.
//! Timing: contract §3; requests are functions of state, `rr` moves at the pick edge. Reset: `rr` = 0.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{SOURCES, SRC_ADM, SRC_AUX, SRC_COMP, SRC_WARM};

/// Requests, a bit a source, in the order of `SRC_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Requests {
    /// Completion FIFO.
    pub comp: Bit,
    /// Transmit done FIFO.
    pub txd: Bit,
    /// Receive done FIFO.
    pub rxd: Bit,
    /// Header FIFO.
    pub rxp: Bit,
    /// Admin queue.
    pub adm: Bit,
    /// Doorbell FIFO.
    pub db: Bit,
    /// Ready FIFO or parked FIFO.
    pub rdy: Bit,
    /// Fault records and messages.
    pub aux: Bit,
    /// A slot waits for the transmit mover.
    pub txw: Bit,
    /// Begin of a warm reset.
    pub warm: Bit,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct Sources {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// READY, no exclusive event under way, and no hold.
    pub free: Signal<In, Bit>,
    /// Stages 1..7 hold an event.
    pub pipe_any: Signal<In, Bit>,
    /// They hold an RDY.
    pub pipe_rdy: Signal<In, Bit>,
    /// One chain in flight at most (ENGINE_CTRL single).
    pub single: Signal<In, Bit>,
    /// All chain slots are free.
    pub all_free: Signal<In, Bit>,
    /// Completion FIFO valid.
    pub comp_valid: Signal<In, Bit>,
    /// Its head is of the admin or the AUX slot.
    pub comp_alone: Signal<In, Bit>,
    /// Transmit done FIFO valid.
    pub tx_done: Signal<In, Bit>,
    /// Receive done FIFO valid.
    pub rx_done: Signal<In, Bit>,
    /// Header FIFO valid.
    pub rx_head: Signal<In, Bit>,
    /// The receive free list is not empty.
    pub rx_free_valid: Signal<In, Bit>,
    /// The admin block requests.
    pub adm_req: Signal<In, Bit>,
    /// Doorbell FIFO valid.
    pub db_valid: Signal<In, Bit>,
    /// Ready FIFO valid, or a parked queue due.
    pub ready_valid: Signal<In, Bit>,
    /// The free list is not empty.
    pub free_valid: Signal<In, Bit>,
    /// AUX is idle.
    pub aux_idle: Signal<In, Bit>,
    /// Fault FIFO valid.
    pub fault_valid: Signal<In, Bit>,
    /// A vector is requested and unmasked.
    pub msix_any: Signal<In, Bit>,
    /// The owner of the transmit mover waits, or another slot waits and nobody holds the mover.
    pub some_wait: Signal<In, Bit>,
    /// The transmit op FIFO has room.
    pub tx_room: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// Its event is past.
    pub warm_started: Signal<In, Bit>,
    /// Some source requests.
    pub some: Signal<Out, Bit>,
    /// A normal event is picked in this cycle.
    pub pick: Signal<Out, Bit>,
    /// An exclusive one.
    pub pick_alone: Signal<Out, Bit>,
    /// Which source it is from.
    pub src: Signal<Out, Bits<4>>,
    /// A doorbell picked now takes the head of the free list with it: nobody in the ready FIFO is before it.
    pub direct: Signal<Out, Bit>,
    rr: DFF<Bits<4>>,
    req: Signal<Local, Bits<10>>,
    after: Signal<Local, Bits<10>>,
    pool: Signal<Local, Bits<10>>,
    lowest: Signal<Local, Bits<10>>,
    lines: Signal<Local, Requests>,
    no_lines: Constant<Requests>,
    ones: Constant<Bits<10>>,
    none: Constant<Bits<10>>,
    one: Constant<Bits<10>>,
    alone: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    chosen: Signal<Local, Bits<4>>,
    src_comp: Constant<Bits<4>>,
    src_adm: Constant<Bits<4>>,
    src_aux: Constant<Bits<4>>,
    src_warm: Constant<Bits<4>>,
    numbers: [Constant<Bits<4>>; 10],
    masks: [Constant<Bits<10>>; 10],
    last: Constant<Bits<4>>,
    one4: Constant<Bits<4>>,
    zero4: Constant<Bits<4>>,
}

impl Default for Sources {
    fn default() -> Self {
        block_default!(
            clock, reset, free, pipe_any, pipe_rdy, single, all_free, comp_valid, comp_alone, tx_done, rx_done, rx_head, rx_free_valid,
            adm_req, db_valid, ready_valid, free_valid, aux_idle, fault_valid, msix_any, some_wait,
            tx_room, warm, warm_started, some, pick, pick_alone, src, direct, rr, req, after, pool, lowest, lines,
            alone, takes, chosen;
            no_lines = Requests::default(),
            ones = 0x3ffu64, none = 0u64, one = 1u64, last = SOURCES - 1, one4 = 1u64, zero4 = 0u64,
            src_comp = SRC_COMP, src_adm = SRC_ADM, src_aux = SRC_AUX, src_warm = SRC_WARM;
            numbers = [0u64, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| Constant::new(n.into())),
            masks = [0u64, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| Constant::new((1 << n).into()))
        )
    }
}

impl Logic for Sources {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, rr);
        self.lines.next = self.no_lines.val();
        self.lines.next.comp = self.comp_valid.val();
        self.lines.next.txd = self.tx_done.val();
        self.lines.next.rxd = self.rx_done.val();
        self.lines.next.rxp = self.rx_head.val() & self.rx_free_valid.val();
        self.lines.next.adm = self.adm_req.val();
        self.lines.next.db = self.db_valid.val();
        self.direct.next =
            !self.ready_valid.val() & self.free_valid.val() & !self.warm.val() & !self.single.val();
        self.lines.next.rdy = self.ready_valid.val()
            & !self.warm.val()
            & self.free_valid.val()
            & (!self.single.val() | (self.all_free.val() & !self.pipe_rdy.val()));
        self.lines.next.aux =
            self.aux_idle.val() & !self.warm.val() & (self.fault_valid.val() | self.msix_any.val());
        self.lines.next.txw = self.some_wait.val() & self.tx_room.val();
        self.lines.next.warm = self.warm.val() & !self.warm_started.val();
        self.req.next = self.lines.val().into();
        self.after.next = self.req.val() & (self.ones.val() << self.rr.q.val());
        self.pool.next = self.after.val();
        if self.after.val() == self.none.val() {
            self.pool.next = self.req.val();
        }
        self.lowest.next = self.pool.val() & (!self.pool.val() + self.one.val());
        self.chosen.next = self.zero4.val();
        for i in 0..10 {
            if self.lowest.val() == self.masks[i].val() {
                self.chosen.next = self.numbers[i].val();
            }
        }
        self.src.next = self.chosen.val();
        self.some.next = self.req.val() != self.none.val();
        self.alone.next = (self.chosen.val() == self.src_adm.val())
            | (self.chosen.val() == self.src_aux.val())
            | (self.chosen.val() == self.src_warm.val())
            | ((self.chosen.val() == self.src_comp.val()) & self.comp_alone.val());
        self.takes.next = (self.req.val() != self.none.val())
            & self.free.val()
            & !(self.alone.val() & self.pipe_any.val());
        self.pick.next = self.takes.val() & !self.alone.val();
        self.pick_alone.next = self.takes.val() & self.alone.val();
        if self.takes.val() {
            self.rr.d.next = self.chosen.val() + self.one4.val();
            if self.chosen.val() == self.last.val() {
                self.rr.d.next = self.zero4.val();
            }
        }
        if self.reset.val() {
            self.rr.d.next = self.zero4.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_lints_clean() {
        crate::util::assert_lint_clean("sources", Sources::default());
    }

    fn ready() -> Sources {
        let mut s = Sources::default();
        s.connect_all();
        s.reset.next = true;
        crate::edge!(s);
        s.reset.next = false;
        s.free.next = true;
        s
    }

    #[test]
    fn the_first_at_or_after_rr_is_picked() {
        let mut s = ready();
        s.comp_valid.next = true;
        s.db_valid.next = true;
        s.tx_done.next = true;
        for src in [0_u64, 1, 5, 0, 1] {
            crate::util::settle(&mut s);
            assert!(s.pick.val() && !s.pick_alone.val());
            assert_eq!(s.src.val(), src);
            crate::edge!(s);
        }
        s.free.next = false;
        crate::util::settle(&mut s);
        assert!(!s.pick.val() && s.some.val());
    }

    #[test]
    fn an_exclusive_event_waits_for_an_empty_pipeline_and_lets_nobody_pass() {
        let mut s = ready();
        s.comp_valid.next = true;
        s.comp_alone.next = true;
        s.db_valid.next = true;
        s.pipe_any.next = true;
        for _ in 0..3 {
            crate::util::settle(&mut s);
            assert!(!s.pick.val() && !s.pick_alone.val());
            crate::edge!(s);
        }
        s.pipe_any.next = false;
        crate::util::settle(&mut s);
        assert!(!s.pick.val() && s.pick_alone.val());
        assert_eq!(s.src.val(), 0u64);
        crate::edge!(s);
        s.pipe_any.next = true;
        crate::util::settle(&mut s);
        assert!(s.pick.val());
        assert_eq!(s.src.val(), 5u64);
    }

    #[test]
    fn a_packet_needs_a_free_receive_slot() {
        let mut s = ready();
        s.rx_head.next = true;
        crate::util::settle(&mut s);
        assert!(!s.some.val());
        s.rx_done.next = true;
        crate::util::settle(&mut s);
        assert!(s.pick.val());
        assert_eq!(s.src.val(), 2u64);
        s.rx_free_valid.next = true;
        for src in [2_u64, 3, 2] {
            crate::util::settle(&mut s);
            assert!(s.pick.val());
            assert_eq!(s.src.val(), src);
            crate::edge!(s);
        }
    }

    #[test]
    fn one_chain_at_a_time_when_told_so() {
        let mut s = ready();
        s.ready_valid.next = true;
        s.free_valid.next = true;
        for (single, all_free, pipe_rdy) in [
            (false, false, true),
            (true, true, false),
            (true, false, false),
            (true, true, true),
        ] {
            s.single.next = single;
            s.all_free.next = all_free;
            s.pipe_rdy.next = pipe_rdy;
            crate::util::settle(&mut s);
            assert_eq!(s.some.val(), !single || (all_free && !pipe_rdy));
        }
    }
}
