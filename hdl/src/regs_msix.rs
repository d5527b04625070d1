//! The MSI-X table and pending bits of the management device.
//!
//! Timing: writes and raised vectors act at the edge; `msix_*` are functions of state. Raised: `req`; the core clears it
//! when it sends the message. An event, and a step of the admin queue, raises the vector that was set in its
//! pick cycle (contract §3, §9). Pending as the host sees it: `req` and masked.

use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::regs;

/// The four vectors.
#[derive(LogicBlock)]
pub struct RegsMsix {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub wr: Signal<In, Bit>,
    pub wr_addr: Signal<In, Bits<32>>,
    pub wr_data: Signal<In, Bits<32>>,
    pub wr_mask: Signal<In, Bits<32>>,
    pub wr_ok: Signal<Out, Bit>,
    pub rd_addr: Signal<In, Bits<32>>,
    pub rd_ok: Signal<Out, Bit>,
    pub rd_data: Signal<Out, Bits<32>>,
    /// End of a warm reset: forget what was raised.
    pub restore: Signal<In, Bit>,
    /// The core picks an event.
    pub pick: Signal<In, Bit>,
    /// The admin queue picks a step.
    pub admin_pick: Signal<In, Bit>,
    pub raise_config: Signal<In, Bit>,
    pub raise_queue: Signal<In, Bit>,
    pub raise_fq: Signal<In, Bit>,
    /// Vector numbers; `NO_VECTOR` raises nothing.
    pub config_vector: Signal<In, Bits<16>>,
    pub queue_vector: Signal<In, Bits<16>>,
    pub fq_vector: Signal<In, Bits<16>>,
    /// The message of vector `msix_clear_v` is on its way.
    pub msix_clear: Signal<In, Bit>,
    pub msix_clear_v: Signal<In, Bits<2>>,
    /// Some vector is raised and not masked.
    pub msix_any: Signal<Out, Bit>,
    /// The lowest such vector, and its message.
    pub msix_v: Signal<Out, Bits<2>>,
    pub msix_addr: Signal<Out, Bits<64>>,
    pub msix_data: Signal<Out, Bits<32>>,
    addr_lo: [DFF<Bits<32>>; 4],
    addr_hi: [DFF<Bits<32>>; 4],
    data: [DFF<Bits<32>>; 4],
    masked: [DFF<Bit>; 4],
    req: [DFF<Bit>; 4],
    at_config: DFF<Bits<16>>,
    at_queue: DFF<Bits<16>>,
    at_fq: DFF<Bits<16>>,
    lo: Signal<Local, Bits<32>>,
    hi: Signal<Local, Bits<32>>,
    half: Constant<Bits<6>>,
    pba: Constant<Bits<32>>,
    table_first: Constant<Bits<32>>,
    table_last: Constant<Bits<32>>,
    one: Constant<Bits<32>>,
    bit_of: [Constant<Bits<32>>; 4],
    index16: [Constant<Bits<16>>; 4],
    index: [Constant<Bits<2>>; 4],
    a_lo: [Constant<Bits<32>>; 4],
    a_hi: [Constant<Bits<32>>; 4],
    a_data: [Constant<Bits<32>>; 4],
    a_mask: [Constant<Bits<32>>; 4],
}

fn four<const N: usize>(first: u64, step: u64) -> [Constant<Bits<N>>; 4] {
    [0, 1, 2, 3].map(|i: u64| Constant::new((first + i * step).into()))
}

impl Default for RegsMsix {
    fn default() -> Self {
        let table = u64::from(regs::MSIX_TABLE);
        let entry = u64::from(regs::MSIX_ENTRY_BYTES);
        block_default!(
            clock, reset, wr, wr_addr, wr_data, wr_mask, wr_ok, rd_addr, rd_ok, rd_data, restore, pick, admin_pick, raise_config,
            raise_queue, raise_fq, config_vector, queue_vector, fq_vector, msix_clear, msix_clear_v, msix_any, msix_v,
            msix_addr, msix_data, addr_lo, addr_hi, data, masked, req,
            at_config, at_queue, at_fq, lo, hi;
            half = 32, pba = u64::from(regs::MSIX_PBA.offset), table_first = table,
            table_last = table + entry * u64::from(regs::MSIX_VECTORS) - 4, one = 1;
            bit_of = [1, 2, 4, 8].map(|n: u64| Constant::new(n.into())), index16 = four(0, 1), index = four(0, 1),
            a_lo = four(table, entry), a_hi = four(table + 4, entry), a_data = four(table + 8, entry),
            a_mask = four(table + 12, entry)
        )
    }
}

impl Logic for RegsMsix {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at_config, at_queue, at_fq);
        if self.admin_pick.val() {
            self.at_config.d.next = self.config_vector.val();
            self.at_queue.d.next = self.queue_vector.val();
        }
        if self.pick.val() {
            self.at_fq.d.next = self.fq_vector.val();
        }
        self.wr_ok.next = (self.wr_addr.val() == self.pba.val())
            || ((self.wr_addr.val() >= self.table_first.val())
                && (self.wr_addr.val() <= self.table_last.val()));
        self.rd_ok.next = (self.rd_addr.val() == self.pba.val())
            || ((self.rd_addr.val() >= self.table_first.val())
                && (self.rd_addr.val() <= self.table_last.val()));
        self.rd_data.next = 0.into();
        self.msix_any.next = false;
        self.msix_v.next = 0.into();
        self.lo.next = 0.into();
        self.hi.next = 0.into();
        self.msix_data.next = 0.into();
        for i in 0..4 {
            self.addr_lo[i].clock.next = self.clock.val();
            self.addr_hi[i].clock.next = self.clock.val();
            self.data[i].clock.next = self.clock.val();
            self.masked[i].clock.next = self.clock.val();
            self.req[i].clock.next = self.clock.val();
            self.addr_lo[i].d.next = self.addr_lo[i].q.val();
            self.addr_hi[i].d.next = self.addr_hi[i].q.val();
            self.data[i].d.next = self.data[i].q.val();
            self.masked[i].d.next = self.masked[i].q.val();
            self.req[i].d.next = self.req[i].q.val();
            // Writes.
            if self.wr.val() && (self.wr_addr.val() == self.a_lo[i].val()) {
                self.addr_lo[i].d.next = (self.addr_lo[i].q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if self.wr.val() && (self.wr_addr.val() == self.a_hi[i].val()) {
                self.addr_hi[i].d.next = (self.addr_hi[i].q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if self.wr.val() && (self.wr_addr.val() == self.a_data[i].val()) {
                self.data[i].d.next = (self.data[i].q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if self.wr.val()
                && (self.wr_addr.val() == self.a_mask[i].val())
                && self.wr_mask.val().get_bit(0)
            {
                self.masked[i].d.next = self.wr_data.val().get_bit(0);
            }
            // Reads.
            if self.rd_addr.val() == self.a_lo[i].val() {
                self.rd_data.next = self.addr_lo[i].q.val();
            }
            if self.rd_addr.val() == self.a_hi[i].val() {
                self.rd_data.next = self.addr_hi[i].q.val();
            }
            if self.rd_addr.val() == self.a_data[i].val() {
                self.rd_data.next = self.data[i].q.val();
            }
            if (self.rd_addr.val() == self.a_mask[i].val()) && self.masked[i].q.val() {
                self.rd_data.next = self.one.val();
            }
            if (self.rd_addr.val() == self.pba.val())
                && self.req[i].q.val()
                && self.masked[i].q.val()
            {
                self.rd_data.next = self.rd_data.val() | self.bit_of[i].val();
            }
            // The lowest vector that can go out.
            if self.req[i].q.val() && !self.masked[i].q.val() && !self.msix_any.val() {
                self.msix_any.next = true;
                self.msix_v.next = self.index[i].val();
                self.lo.next = self.addr_lo[i].q.val();
                self.hi.next = self.addr_hi[i].q.val();
                self.msix_data.next = self.data[i].q.val();
            }
            // The core.
            if self.msix_clear.val() && (self.msix_clear_v.val() == self.index[i].val()) {
                self.req[i].d.next = false;
            }
            if (self.raise_config.val() && (self.at_config.q.val() == self.index16[i].val()))
                || (self.raise_queue.val() && (self.at_queue.q.val() == self.index16[i].val()))
                || (self.raise_fq.val() && (self.at_fq.q.val() == self.index16[i].val()))
            {
                self.req[i].d.next = true;
            }
            if self.restore.val() {
                self.req[i].d.next = false;
            }
            if self.reset.val() {
                self.req[i].d.next = false;
                self.addr_lo[i].d.next = 0.into();
                self.addr_hi[i].d.next = 0.into();
                self.data[i].d.next = 0.into();
                self.masked[i].d.next = true;
            }
        }
        self.msix_addr.next = bit_cast::<64, 32>(self.lo.val())
            | (bit_cast::<64, 32>(self.hi.val()) << self.half.val());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("regs-msix", RegsMsix::default());
    }
}
