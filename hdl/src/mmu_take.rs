//! The take arbiter of the MMU: which request, or walk answer, enters the pipe, and where its entries stand.
//!
//! Timing: contract §5.1, *Take*. `taken*` and the read addresses belong to the cycle of the take; the tables are read at
//! the edge that ends it, whether or not something is taken. Reset: client 0 first, nothing under way.

use crate::block_default;
use crate::types::MmuReq;
use rust_hdl::prelude::*;

/// The arbiter of the three clients.
#[derive(LogicBlock)]
pub struct MmuTake {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Clients: 0 control, 1 transmit, 2 receive.
    pub req0_valid: Signal<In, Bit>,
    pub req0: Signal<In, MmuReq>,
    pub req1_valid: Signal<In, Bit>,
    pub req1: Signal<In, MmuReq>,
    pub req2_valid: Signal<In, Bit>,
    pub req2: Signal<In, MmuReq>,
    /// Nothing may be taken.
    pub closed: Signal<In, Bit>,
    /// MMU_CTRL blocking: a look-up is taken only when none is under way.
    pub blocking: Signal<In, Bit>,
    /// No look-up is under way, to its answer: none in the pipe, no waiter in use.
    pub alone: Signal<In, Bit>,
    /// A walk has ended and has waiters to answer.
    pub walk_ready: Signal<In, Bit>,
    /// The look-up in L2 is answered: it needs no waiter.
    pub settled: Signal<In, Bit>,
    pub taken0: Signal<Out, Bit>,
    pub taken1: Signal<Out, Bit>,
    pub taken2: Signal<Out, Bit>,
    /// A look-up is taken: that of `client`.
    pub look: Signal<Out, Bit>,
    /// A walk answer is taken.
    pub walk: Signal<Out, Bit>,
    pub client: Signal<Out, Bits<2>>,
    pub req: Signal<Out, MmuReq>,
    pub asid: Signal<Out, Bits<17>>,
    /// Sets of the arrays, low bits: of 4 KiB, 2 MiB and 1 GiB pages.
    pub index0: Signal<Out, Bits<17>>,
    pub index1: Signal<Out, Bits<17>>,
    pub index2: Signal<Out, Bits<17>>,
    /// A request is up and none is taken.
    pub waits: Signal<Out, Bit>,
    next_client: DFF<Bits<2>>,
    load: DFF<Bits<8>>,
    any: Signal<Local, Bit>,
    pick: Signal<Local, Bits<2>>,
    chosen: Signal<Local, MmuReq>,
    va: Signal<Local, Bits<64>>,
    space: Signal<Local, Bits<17>>,
    takes: Signal<Local, Bit>,
    answer: Signal<Local, Bit>,
    limit: Constant<Bits<8>>,
    one: Constant<Bits<8>>,
    client0: Constant<Bits<2>>,
    client1: Constant<Bits<2>>,
    client2: Constant<Bits<2>>,
}

impl MmuTake {
    /// The arbiter in front of `waiters` waiters.
    #[must_use]
    pub fn new(waiters: usize) -> Self {
        block_default!(
            clock, reset, req0_valid, req0, req1_valid, req1, req2_valid, req2, closed, blocking, alone, walk_ready, settled, taken0,
            taken1, taken2, look, walk, client, req, asid, index0, index1, index2, waits, next_client, load, any, pick,
            chosen, va, space, takes, answer;
            limit = waiters as u64, one = 1, client0 = 0, client1 = 1, client2 = 2
        )
    }
}

impl Logic for MmuTake {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, next_client, load);
        // Round robin: the first request at or after `next_client`.
        self.any.next = self.req0_valid.val() || self.req1_valid.val() || self.req2_valid.val();
        self.pick.next = self.client0.val();
        if self.next_client.q.val() == self.client1.val() {
            if self.req1_valid.val() {
                self.pick.next = self.client1.val();
            } else if self.req2_valid.val() {
                self.pick.next = self.client2.val();
            }
        } else if self.next_client.q.val() == self.client2.val() {
            if self.req2_valid.val() {
                self.pick.next = self.client2.val();
            } else if !self.req0_valid.val() {
                self.pick.next = self.client1.val();
            }
        } else if !self.req0_valid.val() {
            self.pick.next = self.client2.val();
            if self.req1_valid.val() {
                self.pick.next = self.client1.val();
            }
        }
        self.chosen.next = self.req0.val();
        if self.pick.val() == self.client1.val() {
            self.chosen.next = self.req1.val();
        }
        if self.pick.val() == self.client2.val() {
            self.chosen.next = self.req2.val();
        }
        // A walk answer goes first; a look-up needs a waiter that it can fall back on.
        self.answer.next = self.walk_ready.val() && !self.closed.val();
        self.takes.next = self.any.val()
            && !self.walk_ready.val()
            && !self.closed.val()
            && (self.alone.val() || !self.blocking.val())
            && (self.load.q.val() < self.limit.val());
        self.look.next = self.takes.val();
        self.walk.next = self.answer.val();
        self.taken0.next = self.takes.val() && (self.pick.val() == self.client0.val());
        self.taken1.next = self.takes.val() && (self.pick.val() == self.client1.val());
        self.taken2.next = self.takes.val() && (self.pick.val() == self.client2.val());
        self.waits.next = self.any.val() && !self.takes.val();
        self.client.next = self.pick.val();
        self.req.next = self.chosen.val();
        if self.takes.val() {
            self.next_client.d.next = self.client1.val();
            if self.pick.val() == self.client1.val() {
                self.next_client.d.next = self.client2.val();
            }
            if self.pick.val() == self.client2.val() {
                self.next_client.d.next = self.client0.val();
            }
        }
        // Waiters in use and look-ups that may still need one. A walk answer frees its waiter; it and a take exclude
        // one another.
        if self.takes.val() && !self.settled.val() {
            self.load.d.next = self.load.q.val() + self.one.val();
        }
        if !self.takes.val() {
            if self.settled.val() != self.answer.val() {
                self.load.d.next = self.load.q.val() - self.one.val();
            }
            if self.settled.val() && self.answer.val() {
                self.load.d.next = self.load.q.val() - self.one.val() - self.one.val();
            }
        }
        // Where the entries stand.
        self.va.next = self.chosen.val().va;
        self.space.next = self.chosen.val().asid;
        self.asid.next = self.space.val();
        self.index0.next = self.va.val().get_bits::<17>(12) ^ self.space.val();
        self.index1.next = self.va.val().get_bits::<17>(21) ^ self.space.val();
        self.index2.next = self.va.val().get_bits::<17>(30) ^ self.space.val();
        if self.reset.val() {
            self.next_client.d.next = 0.into();
            self.load.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::{assert_lint_clean, settle};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-take", MmuTake::new(64));
    }

    fn fresh(waiters: usize) -> MmuTake {
        let mut m = MmuTake::new(waiters);
        m.connect_all();
        m.reset.next = true;
        edge!(m);
        m.reset.next = false;
        m.req0_valid.next = true;
        m.req2_valid.next = true;
        settle(&mut m);
        m
    }

    #[test]
    fn clients_take_turns_and_walk_answers_go_first() {
        let mut m = fresh(8);
        assert!(m.taken0.val() && !m.taken2.val() && !m.waits.val());
        edge!(m);
        assert!(m.taken2.val());
        m.walk_ready.next = true;
        edge!(m);
        assert!(m.walk.val() && !m.look.val() && m.waits.val());
        m.closed.next = true;
        edge!(m);
        assert!(!m.walk.val() && !m.look.val() && m.waits.val());
        (m.walk_ready.next, m.closed.next) = (false, false);
        m.req1_valid.next = true;
        edge!(m);
        // Client 2 was not yet taken when the walk answers came.
        assert!(m.taken2.val());
        edge!(m);
        assert!(m.taken0.val());
        edge!(m);
        assert!(m.taken1.val());
    }

    #[test]
    fn blocking_takes_one_look_up_at_a_time_and_any_walk_answer() {
        let mut m = fresh(8);
        m.blocking.next = true;
        settle(&mut m);
        assert!(!m.look.val() && m.waits.val());
        m.alone.next = true;
        settle(&mut m);
        assert!(m.look.val() && m.taken0.val());
        (m.alone.next, m.walk_ready.next) = (false, true);
        settle(&mut m);
        assert!(m.walk.val() && !m.look.val());
    }

    #[test]
    fn no_more_look_ups_than_waiters_are_under_way() {
        let mut m = fresh(2);
        edge!(m);
        edge!(m);
        assert!(!m.look.val() && m.waits.val());
        m.settled.next = true;
        edge!(m);
        m.settled.next = false;
        settle(&mut m);
        assert!(m.look.val());
        edge!(m);
        assert!(!m.look.val());
        // A freed waiter and an answered look-up at one edge make room for two.
        (m.settled.next, m.walk_ready.next) = (true, true);
        edge!(m);
        (m.settled.next, m.walk_ready.next) = (false, false);
        settle(&mut m);
        assert!(m.look.val());
        edge!(m);
        assert!(m.look.val());
        edge!(m);
        assert!(!m.look.val());
    }
}
