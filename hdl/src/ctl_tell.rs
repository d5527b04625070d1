//! What the control unit does for an op, or for a step of a TELL: its accesses a, b and c. Combinational.
//!
//! Contract §4.4: the used elements, and what the driver waits for (step 0), then the used index, and the available index
//! if the driver waits for a message (1), then what it waits for by now and the available index (2). avail_event goes with
//! the elements if it makes a pair with them, else with the used index: both steps reckon that anew from what is told.

use crate::block_default;
use crate::ctl_types::CtlInfo;
use crate::types::{Tell, CTL_RD, CTL_TELL, CTL_WR};
use rust_hdl::prelude::*;

/// The accesses of an op.
#[derive(LogicBlock)]
pub struct CtlTell {
    /// The op as it is, of a TELL the kind `CTL_TELL`.
    pub op: Signal<In, CtlInfo>,
    pub tell: Signal<In, Tell>,
    /// Step of a TELL.
    pub step: Signal<In, Bits<2>>,
    /// What step 0 read of what the driver waits for, if it did.
    pub wish: Signal<In, Bits<16>>,
    pub info: Signal<Out, CtlInfo>,
    out: Signal<Local, CtlInfo>,
    turn: Signal<Local, Bits<2>>,
    device: Signal<Local, Bits<64>>,
    driver: Signal<Local, Bits<64>>,
    size: Signal<Local, Bits<16>>,
    used: Signal<Local, Bits<16>>,
    behind: Signal<Local, Bits<16>>,
    count: Signal<Local, Bits<4>>,
    heads: Signal<Local, Bits<128>>,
    place: Signal<Local, Bits<16>>,
    element: Signal<Local, Bits<64>>,
    element_at: Signal<Local, Bits<64>>,
    event_at: Signal<Local, Bits<64>>,
    wish_at: Signal<Local, Bits<64>>,
    elements_end: Signal<Local, Bits<13>>,
    whole: Signal<Local, Bit>,
    has_event: Signal<Local, Bit>,
    event_first: Signal<Local, Bit>,
    event_later: Signal<Local, Bit>,
    asks: Signal<Local, Bit>,
    behind_wish: Signal<Local, Bits<16>>,
    wished: Signal<Local, Bit>,
    armed: Signal<Local, Bit>,
    looks: Signal<Local, Bit>,
    bytes: Signal<Local, Bits<7>>,
    lens: Signal<Local, Bits<151>>,
    kind_rd: Constant<Bits<2>>,
    kind_wr: Constant<Bits<2>>,
    kind_tell: Constant<Bits<2>>,
    step0: Constant<Bits<2>>,
    step1: Constant<Bits<2>>,
    two: Constant<Bits<64>>,
    four: Constant<Bits<64>>,
    one: Constant<Bits<16>>,
    page: Constant<Bits<13>>,
    page_of: Constant<Bits<64>>,
    index_bytes: Constant<Bits<7>>,
    by2: Constant<Bits<2>>,
    by8: Constant<Bits<2>>,
    behind_first: Constant<Bits<6>>,
}

impl Default for CtlTell {
    fn default() -> Self {
        block_default!(
            op, tell, step, wish, info, out, turn, device, driver, size, used, behind, count, heads, place, element, element_at,
            event_at, wish_at, elements_end, whole, has_event, event_first, event_later, asks, behind_wish, wished, armed,
            looks, bytes, lens;
            kind_rd = CTL_RD, kind_wr = CTL_WR, kind_tell = CTL_TELL, step0 = 0, step1 = 1,
            two = 2, four = 4, one = 1, page = 4096, page_of = !4095_u64, index_bytes = 2, by2 = 1, by8 = 3, behind_first = 32
        )
    }
}

impl Logic for CtlTell {
    #[hdl_gen]
    fn update(&mut self) {
        self.turn.next = self.step.val();
        self.device.next = self.tell.val().device;
        self.driver.next = self.tell.val().driver;
        self.size.next = self.tell.val().size;
        self.used.next = self.tell.val().used_idx;
        self.count.next = self.tell.val().count;
        self.heads.next = self.tell.val().heads;
        self.behind.next = self.used.val() + bit_cast::<16, 4>(self.count.val());
        self.place.next = self.used.val() & (self.size.val() - self.one.val());
        self.element.next = bit_cast::<64, 16>(self.place.val()) << self.by8.val();
        self.bytes.next = bit_cast::<7, 4>(self.count.val()) << self.by8.val();
        self.lens.next = (bit_cast::<151, 119>(self.tell.val().used_more)
            << self.behind_first.val())
            | bit_cast::<151, 32>(self.tell.val().used_len);
        self.element_at.next = self.device.val() + self.four.val() + self.element.val();
        self.event_at.next = self.device.val()
            + self.four.val()
            + (bit_cast::<64, 16>(self.size.val()) << self.by8.val());
        self.wish_at.next = self.driver.val();
        if self.tell.val().event_idx {
            self.wish_at.next = self.driver.val()
                + self.four.val()
                + (bit_cast::<64, 16>(self.size.val()) << self.by2.val());
        }
        // What else is in step 0: nothing, if its elements are cut at the end of a page.
        self.elements_end.next = bit_cast::<13, 12>(self.element_at.val().get_bits::<12>(0))
            + bit_cast::<13, 7>(self.bytes.val());
        self.whole.next = self.elements_end.val() <= self.page.val();
        self.has_event.next = self.tell.val().event_idx && !self.tell.val().receive;
        self.event_first.next = self.has_event.val()
            && self.whole.val()
            && ((self.element_at.val() & self.page_of.val())
                == (self.event_at.val() & self.page_of.val()));
        self.event_later.next = self.has_event.val() && !self.event_first.val();
        self.asks.next = self.whole.val() && self.tell.val().hint;
        // What it read says whether the driver waits for a message.
        self.behind_wish.next = self.behind.val() - self.wish.val() - self.one.val();
        self.wished.next = !self.wish.val().get_bit(0);
        if self.tell.val().event_idx {
            self.wished.next = self.behind_wish.val() < bit_cast::<16, 4>(self.count.val());
        }
        self.armed.next = self.asks.val() && self.wished.val();
        self.looks.next = self.armed.val() && !self.event_later.val() && !self.tell.val().receive;
        self.out.next = self.op.val();
        if self.op.val().kind == self.kind_tell.val() {
            self.out.next.msi = false;
            self.out.next.tell = true;
            self.out.next.step = self.step.val();
            if self.turn.val() == self.step0.val() {
                self.out.next.kind = self.kind_wr.val();
                self.out.next.two = self.event_first.val();
                self.out.next.va = self.element_at.val();
                self.out.next.len = self.bytes.val();
                self.out.next.spread = true;
                self.out.next.data = self.heads.val();
                self.out.next.lens = self.lens.val();
                self.out.next.va_b = self.event_at.val();
                self.out.next.data_b = self.tell.val().last_avail;
                self.out.next.third = self.asks.val();
                self.out.next.va_c = self.wish_at.val();
            } else if self.turn.val() == self.step1.val() {
                self.out.next.kind = self.kind_wr.val();
                self.out.next.two = self.event_later.val();
                self.out.next.va = self.device.val() + self.two.val();
                self.out.next.len = self.index_bytes.val();
                self.out.next.data = bit_cast::<128, 16>(self.behind.val());
                self.out.next.va_b = self.event_at.val();
                self.out.next.data_b = self.tell.val().last_avail;
                self.out.next.third = self.looks.val();
                self.out.next.va_c = self.driver.val() + self.two.val();
                self.out.next.sends =
                    self.looks.val() || (self.armed.val() && self.tell.val().receive);
            } else {
                self.out.next.kind = self.kind_rd.val();
                self.out.next.two = !self.tell.val().receive;
                self.out.next.va = self.wish_at.val();
                self.out.next.va_b = self.driver.val() + self.two.val();
            }
        }
        self.info.next = self.out.val();
    }
}

#[cfg(test)]
#[path = "ctl_tell_tests.rs"]
mod tests;
