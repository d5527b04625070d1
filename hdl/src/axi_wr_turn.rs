//! Whose turn it is on the write side of the AXI master. Combinational, of states and requests alone.
//!
//! Contract §6, *W*: no data pass here, so that no path closes through a unit that shows a word when its beat is taken.

use crate::block_default;
use rust_hdl::prelude::*;

/// The arbiter of the write side.
#[derive(LogicBlock)]
pub struct AxiWrTurn {
    /// A write is at hand; it is the receive mover's; its beats to load.
    pub owned: Signal<In, Bit>,
    pub owner_rx: Signal<In, Bit>,
    pub beats: Signal<In, Bits<9>>,
    pub aw_valid: Signal<In, Bit>,
    pub aw_ready: Signal<In, Bit>,
    pub w_valid: Signal<In, Bit>,
    pub w_ready: Signal<In, Bit>,
    pub adm_req: Signal<In, Bit>,
    pub msg_req: Signal<In, Bit>,
    pub ctl_req: Signal<In, Bit>,
    pub rx_req: Signal<In, Bit>,
    pub adm_grant: Signal<Out, Bit>,
    pub msg_grant: Signal<Out, Bit>,
    pub ctl_grant: Signal<Out, Bit>,
    pub rx_grant: Signal<Out, Bit>,
    /// A beat is loaded; it is the receive mover's.
    pub loads: Signal<Out, Bit>,
    pub rx_take: Signal<Out, Bit>,
    /// What is left after this cycle.
    pub beats_left: Signal<Out, Bits<9>>,
    pub address_left: Signal<Out, Bit>,
    /// There is no owner any more.
    pub idle: Signal<Out, Bit>,
    load: Signal<Local, Bit>,
    left: Signal<Local, Bits<9>>,
    waits: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    zero: Constant<Bits<9>>,
    one: Constant<Bits<9>>,
}

impl Default for AxiWrTurn {
    fn default() -> Self {
        block_default!(
            owned, owner_rx, beats, aw_valid, aw_ready, w_valid, w_ready, adm_req, msg_req, ctl_req, rx_req, adm_grant,
            msg_grant, ctl_grant, rx_grant, loads, rx_take, beats_left, address_left, idle, load, left, waits, free;
            zero = 0, one = 1
        )
    }
}

impl Logic for AxiWrTurn {
    #[hdl_gen]
    fn update(&mut self) {
        self.load.next = self.owned.val()
            && (self.beats.val() != self.zero.val())
            && (!self.w_valid.val() || self.w_ready.val());
        self.left.next = self.beats.val();
        if self.load.val() {
            self.left.next = self.beats.val() - self.one.val();
        }
        self.waits.next = self.aw_valid.val() && !self.aw_ready.val();
        self.free.next =
            !self.owned.val() || ((self.left.val() == self.zero.val()) && !self.waits.val());
        self.loads.next = self.load.val();
        self.rx_take.next = self.load.val() && self.owner_rx.val();
        self.beats_left.next = self.left.val();
        self.address_left.next = self.waits.val();
        self.idle.next = self.free.val();
        self.adm_grant.next = self.adm_req.val() && self.free.val();
        self.msg_grant.next = self.msg_req.val() && !self.adm_req.val() && self.free.val();
        self.ctl_grant.next =
            self.ctl_req.val() && !self.msg_req.val() && !self.adm_req.val() && self.free.val();
        self.rx_grant.next = self.rx_req.val()
            && !self.ctl_req.val()
            && !self.msg_req.val()
            && !self.adm_req.val()
            && self.free.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, settle};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("axi-wr-turn", AxiWrTurn::default());
    }

    #[test]
    fn the_last_beat_and_the_address_free_the_turn_in_their_cycle() {
        let mut t = AxiWrTurn::default();
        t.connect_all();
        (t.owned.next, t.rx_req.next) = (true, true);
        for (beats, aw, aw_ready, w, w_ready, idle) in [
            (1, true, true, false, false, true),
            (1, true, false, false, false, false),
            (1, false, false, true, false, false),
            (1, false, false, true, true, true),
            (2, false, false, true, true, false),
            (0, true, true, true, false, true),
        ] {
            t.beats.next = (beats as u64).into();
            (t.aw_valid.next, t.aw_ready.next) = (aw, aw_ready);
            (t.w_valid.next, t.w_ready.next) = (w, w_ready);
            settle(&mut t);
            assert_eq!((t.idle.val(), t.rx_grant.val()), (idle, idle));
        }
    }
}
