//! What the control unit does for an op, or for a step of a TELL: its accesses a and b. Combinational.
//!
//! Contract §4.4: the used elements (step 0), then the used index and avail_event (1), then what the driver waits for and
//! the available index (2).

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
    index_bytes: Constant<Bits<7>>,
    by2: Constant<Bits<2>>,
    by8: Constant<Bits<2>>,
    behind_first: Constant<Bits<6>>,
}

impl Default for CtlTell {
    fn default() -> Self {
        block_default!(
            op, tell, step, info, out, turn, device, driver, size, used, behind, count, heads, place, element, bytes, lens;
            kind_rd = CTL_RD, kind_wr = CTL_WR, kind_tell = CTL_TELL, step0 = 0, step1 = 1,
            two = 2, four = 4, one = 1, index_bytes = 2, by2 = 1, by8 = 3, behind_first = 32
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
        self.out.next = self.op.val();
        if self.op.val().kind == self.kind_tell.val() {
            self.out.next.msi = false;
            self.out.next.tell = true;
            self.out.next.step = self.step.val();
            if self.turn.val() == self.step0.val() {
                self.out.next.kind = self.kind_wr.val();
                self.out.next.two = false;
                self.out.next.va = self.device.val() + self.four.val() + self.element.val();
                self.out.next.len = self.bytes.val();
                self.out.next.spread = true;
                self.out.next.data = self.heads.val();
                self.out.next.lens = self.lens.val();
            } else if self.turn.val() == self.step1.val() {
                self.out.next.kind = self.kind_wr.val();
                self.out.next.two = self.tell.val().event_idx && !self.tell.val().receive;
                self.out.next.va = self.device.val() + self.two.val();
                self.out.next.len = self.index_bytes.val();
                self.out.next.data = bit_cast::<128, 16>(self.behind.val());
                self.out.next.va_b = self.device.val()
                    + self.four.val()
                    + (bit_cast::<64, 16>(self.size.val()) << self.by8.val());
                self.out.next.data_b = self.tell.val().last_avail;
            } else {
                self.out.next.kind = self.kind_rd.val();
                self.out.next.two = !self.tell.val().receive;
                self.out.next.va = self.driver.val();
                if self.tell.val().event_idx {
                    self.out.next.va = self.driver.val()
                        + self.four.val()
                        + (bit_cast::<64, 16>(self.size.val()) << self.by2.val());
                }
                self.out.next.va_b = self.driver.val() + self.two.val();
            }
        }
        self.info.next = self.out.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle, wide};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("ctl-tell", CtlTell::default());
    }

    fn told(step: u64, count: u64, event_idx: bool, receive: bool) -> CtlInfo {
        let mut t = CtlTell::default();
        t.connect_all();
        t.op.next = CtlInfo {
            kind: CTL_TELL.into(),
            ..CtlInfo::default()
        };
        t.tell.next = Tell {
            device: 0x10_0000.into(),
            driver: 0x20_0000.into(),
            size: 16.into(),
            used_idx: 0xffff.into(),
            last_avail: 0x1234.into(),
            count: count.into(),
            heads: wide(0x0005_0007),
            used_len: 0xaabb_ccdd.into(),
            used_more: wide(0x1_2345),
            event_idx,
            receive,
        };
        t.step.next = step.into();
        settle(&mut t);
        t.info.val()
    }

    #[test]
    fn step_0_writes_the_elements() {
        let one = told(0, 1, true, false);
        assert_eq!(
            (number(one.va), number(one.len), one.two, one.spread),
            (0x10_0004 + 8 * 15, 8, false, true)
        );
        assert_eq!(number(one.data), 0x0005_0007);
        assert_eq!(number(one.lens), 0x1_2345_aabb_ccdd);
        let two = told(0, 2, true, false);
        assert_eq!((number(two.len), two.spread), (16, true));
        assert_eq!(number(two.data), 0x0005_0007);
    }

    #[test]
    fn step_1_writes_the_indices() {
        for (event_idx, receive, two) in [
            (true, false, true),
            (true, true, false),
            (false, false, false),
        ] {
            let i = told(1, 3, event_idx, receive);
            assert_eq!(
                (number(i.kind) as u64, number(i.va), number(i.len)),
                (CTL_WR, 0x10_0002, 2)
            );
            assert_eq!((number(i.data), i.two), (2, two), "u + m in 16 bits");
            assert_eq!(
                (number(i.va_b), number(i.data_b)),
                (0x10_0004 + 8 * 16, 0x1234)
            );
        }
    }

    #[test]
    fn step_2_reads_what_the_driver_waits_for() {
        for (event_idx, receive, va) in [
            (true, false, 0x20_0024),
            (false, false, 0x20_0000),
            (false, true, 0x20_0000),
        ] {
            let i = told(2, 3, event_idx, receive);
            assert_eq!((number(i.kind) as u64, number(i.va)), (CTL_RD, va));
            assert_eq!((i.two, number(i.va_b)), (!receive, 0x20_0002));
        }
    }
}
