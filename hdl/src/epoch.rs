//! Counts the accesses in flight of two epochs, so that an invalidation knows when the last old translation is used up.
//!
//! Timing: every input acts at the edge; starts count first, then the ends, never below 0. `flip` makes the other epoch
//! the current one; starts in the same cycle still count in the old one.

use crate::block_default;
use rust_hdl::prelude::*;

/// The two epochs.
#[derive(LogicBlock)]
pub struct Epochs {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// The control unit starts an access.
    pub start_ctl: Signal<In, Bit>,
    /// And one more.
    pub start_ctl2: Signal<In, Bit>,
    /// The transmit mover starts an access.
    pub start_tx: Signal<In, Bit>,
    /// The receive mover starts an access.
    pub start_rx: Signal<In, Bit>,
    /// A read of the control unit has ended, and the epoch in which it started.
    pub end_ctl_r: Signal<In, Bit>,
    pub end_ctl_r_epoch: Signal<In, Bit>,
    /// A write of the control unit has ended.
    pub end_ctl_b: Signal<In, Bit>,
    pub end_ctl_b_epoch: Signal<In, Bit>,
    /// A read of the transmit mover has ended.
    pub end_tx_r: Signal<In, Bit>,
    pub end_tx_r_epoch: Signal<In, Bit>,
    /// A burst of the transmit mover is skipped.
    pub end_tx_skip: Signal<In, Bit>,
    pub end_tx_skip_epoch: Signal<In, Bit>,
    /// A write of the receive mover has ended.
    pub end_rx_b: Signal<In, Bit>,
    pub end_rx_b_epoch: Signal<In, Bit>,
    /// A burst of the receive mover is skipped.
    pub end_rx_skip: Signal<In, Bit>,
    pub end_rx_skip_epoch: Signal<In, Bit>,
    pub flip: Signal<In, Bit>,
    /// The current epoch.
    pub cur: Signal<Out, Bit>,
    /// Nothing of the other epoch is in flight.
    pub other_zero: Signal<Out, Bit>,
    /// Nothing is in flight.
    pub all_zero: Signal<Out, Bit>,
    current: DFF<Bit>,
    count0: DFF<Bits<32>>,
    count1: DFF<Bits<32>>,
    starts: Signal<Local, Bits<32>>,
    sum0: Signal<Local, Bits<32>>,
    sum1: Signal<Local, Bits<32>>,
    zero0: Signal<Local, Bit>,
    zero1: Signal<Local, Bit>,
    zero: Constant<Bits<32>>,
    one: Constant<Bits<32>>,
}

impl Default for Epochs {
    fn default() -> Self {
        block_default!(
            clock, reset, start_ctl, start_ctl2, start_tx, start_rx, end_ctl_r, end_ctl_r_epoch, end_ctl_b, end_ctl_b_epoch,
            end_tx_r, end_tx_r_epoch, end_tx_skip, end_tx_skip_epoch, end_rx_b, end_rx_b_epoch, end_rx_skip,
            end_rx_skip_epoch, flip, cur, other_zero, all_zero, current, count0, count1, starts, sum0, sum1, zero0, zero1; zero = 0, one = 1
        )
    }
}

impl Logic for Epochs {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, current, count0, count1);
        self.starts.next = self.zero.val();
        if self.start_ctl.val() {
            self.starts.next = self.starts.val() + self.one.val();
        }
        if self.start_ctl2.val() {
            self.starts.next = self.starts.val() + self.one.val();
        }
        if self.start_tx.val() {
            self.starts.next = self.starts.val() + self.one.val();
        }
        if self.start_rx.val() {
            self.starts.next = self.starts.val() + self.one.val();
        }
        self.sum0.next = self.count0.q.val();
        self.sum1.next = self.count1.q.val();
        if self.current.q.val() {
            self.sum1.next = self.count1.q.val() + self.starts.val();
        } else {
            self.sum0.next = self.count0.q.val() + self.starts.val();
        }
        if self.end_ctl_r.val()
            && !self.end_ctl_r_epoch.val()
            && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_ctl_r.val()
            && self.end_ctl_r_epoch.val()
            && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        if self.end_ctl_b.val()
            && !self.end_ctl_b_epoch.val()
            && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_ctl_b.val()
            && self.end_ctl_b_epoch.val()
            && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        if self.end_tx_r.val() && !self.end_tx_r_epoch.val() && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_tx_r.val() && self.end_tx_r_epoch.val() && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        if self.end_tx_skip.val()
            && !self.end_tx_skip_epoch.val()
            && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_tx_skip.val()
            && self.end_tx_skip_epoch.val()
            && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        if self.end_rx_b.val() && !self.end_rx_b_epoch.val() && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_rx_b.val() && self.end_rx_b_epoch.val() && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        if self.end_rx_skip.val()
            && !self.end_rx_skip_epoch.val()
            && (self.sum0.val() != self.zero.val())
        {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.end_rx_skip.val()
            && self.end_rx_skip_epoch.val()
            && (self.sum1.val() != self.zero.val())
        {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        self.count0.d.next = self.sum0.val();
        self.count1.d.next = self.sum1.val();
        if self.flip.val() {
            self.current.d.next = !self.current.q.val();
        }
        self.zero0.next = self.count0.q.val() == self.zero.val();
        self.zero1.next = self.count1.q.val() == self.zero.val();
        self.cur.next = self.current.q.val();
        self.all_zero.next = self.zero0.val() && self.zero1.val();
        self.other_zero.next = self.zero1.val();
        if self.current.q.val() {
            self.other_zero.next = self.zero0.val();
        }
        if self.reset.val() {
            self.current.d.next = false;
            self.count0.d.next = 0.into();
            self.count1.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("epoch", Epochs::default());
    }

    #[test]
    fn the_old_epoch_runs_dry_after_a_flip() {
        let mut e = Epochs::default();
        e.connect_all();
        e.reset.next = true;
        edge!(e);
        e.reset.next = false;
        e.start_ctl.next = true;
        e.start_tx.next = true;
        e.flip.next = true;
        edge!(e);
        assert!(e.cur.val() && !e.other_zero.val());
        (e.start_ctl.next, e.start_tx.next, e.flip.next) = (false, false, false);
        e.end_ctl_r.next = true;
        e.end_rx_b.next = true;
        e.end_rx_b_epoch.next = true; // Never below 0.
        edge!(e);
        assert!(!e.other_zero.val());
        edge!(e);
        assert!(e.other_zero.val() && e.all_zero.val());
    }

    #[test]
    fn all_that_starts_and_ends_at_an_edge_is_summed() {
        let mut e = Epochs::default();
        e.connect_all();
        e.reset.next = true;
        edge!(e);
        e.reset.next = false;
        (e.start_ctl.next, e.start_ctl2.next) = (true, true);
        (e.start_tx.next, e.start_rx.next) = (true, true);
        edge!(e);
        edge!(e);
        (e.end_ctl_r.next, e.end_ctl_b.next, e.end_tx_r.next) = (true, true, true);
        (e.end_tx_skip.next, e.end_rx_b.next, e.end_rx_skip.next) = (true, true, true);
        edge!(e);
        assert!(!e.all_zero.val());
        (e.start_ctl.next, e.start_ctl2.next) = (false, false);
        (e.start_tx.next, e.start_rx.next) = (false, false);
        edge!(e);
        assert!(e.all_zero.val());
    }
}
