//! Who has the payload movers: nobody, a slot, or (receive) a DISCARD that no slot asked for.
//!
//! Timing: contract §3; changes at effect edges only. Reset: nobody.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::step_types::Effects;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Owners {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// `fx` counts.
    pub commit: Signal<In, Bit>,
    /// Effects of the event.
    pub fx: Signal<In, Effects>,
    /// The slot of the event.
    pub client: Signal<In, Bits<3>>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<Out, Bit>,
    /// Which.
    pub tx_owner: Signal<Out, Bits<3>>,
    /// The receive mover is owned, or works on a DISCARD with owner none.
    pub rx_owned: Signal<Out, Bit>,
    /// The latter.
    pub rx_nobody: Signal<Out, Bit>,
    /// The slot that owns it, otherwise.
    pub rx_owner: Signal<Out, Bits<3>>,
    /// `client` owns the transmit mover.
    pub has_tx: Signal<Out, Bit>,
    /// Another slot does.
    pub other_tx: Signal<Out, Bit>,
    /// `client` owns the receive mover.
    pub has_rx: Signal<Out, Bit>,
    tx_any: DFF<Bit>,
    tx_slot: DFF<Bits<3>>,
    rx_any: DFF<Bit>,
    rx_none: DFF<Bit>,
    rx_slot: DFF<Bits<3>>,
    same_tx: Signal<Local, Bit>,
    same_rx: Signal<Local, Bit>,
    zero3: Constant<Bits<3>>,
}

impl Default for Owners {
    fn default() -> Self {
        block_default!(
            clock, reset, commit, fx, client, tx_owned, tx_owner, rx_owned, rx_nobody, rx_owner, has_tx, other_tx,
            has_rx, tx_any, tx_slot, rx_any, rx_none, rx_slot, same_tx, same_rx;
            zero3 = 0u64
        )
    }
}

impl Logic for Owners {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tx_any, tx_slot, rx_any, rx_none, rx_slot);
        self.same_tx.next = self.tx_slot.q.val() == self.client.val();
        self.same_rx.next = self.rx_slot.q.val() == self.client.val();
        self.tx_owned.next = self.tx_any.q.val();
        self.tx_owner.next = self.tx_slot.q.val();
        self.rx_owned.next = self.rx_any.q.val();
        self.rx_nobody.next = self.rx_none.q.val();
        self.rx_owner.next = self.rx_slot.q.val();
        self.has_tx.next = self.tx_any.q.val() & self.same_tx.val();
        self.other_tx.next = self.tx_any.q.val() & !self.same_tx.val();
        self.has_rx.next = self.rx_any.q.val() & !self.rx_none.q.val() & self.same_rx.val();
        if self.commit.val() {
            if self.fx.val().tx_free {
                self.tx_any.d.next = false;
            }
            if self.fx.val().tx_take {
                self.tx_any.d.next = true;
                self.tx_slot.d.next = self.fx.val().owner;
            }
            if self.fx.val().rx_free {
                self.rx_any.d.next = false;
                self.rx_none.d.next = false;
            }
            if self.fx.val().rx_take {
                self.rx_any.d.next = true;
                self.rx_slot.d.next = self.fx.val().owner;
            }
            if self.fx.val().rx_nobody {
                self.rx_any.d.next = true;
                self.rx_none.d.next = true;
            }
        }
        if self.reset.val() {
            self.tx_any.d.next = false;
            self.tx_slot.d.next = self.zero3.val();
            self.rx_any.d.next = false;
            self.rx_none.d.next = false;
            self.rx_slot.d.next = self.zero3.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_lints_clean() {
        crate::util::assert_lint_clean("owners", Owners::default());
    }
}
