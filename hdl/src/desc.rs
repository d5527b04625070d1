//! One descriptor of a walk: its fields, the tests that it has to pass, and what it adds up to (virtio 1.4 §2.7.5).
//!
//! Combinational. Stage B, in `walk.rs`; contract §3.6.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::block_default;
use crate::ctx_types::SlotRec;

/// Bytes that a received packet of a visit of several may have at most, and one more: `used_more` has room for 17 bits.
const PLAIN_RECEIVE: u64 = 1 << 17;

/// What is known of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct DescTests {
    /// NEXT.
    pub more: Bit,
    /// WRITE.
    pub writes: Bit,
    /// INDIRECT.
    pub indirect: Bit,
    /// It has no bytes.
    pub empty: Bit,
    /// It is *plain*: several such chains may share a visit.
    pub plain: Bit,
    /// INDIRECT where it must not be.
    pub bad_nest: Bit,
    /// The indirect table is misshapen.
    pub bad_table: Bit,
    /// Readable where it must be writable.
    pub bad_order: Bit,
    /// Too many bytes in the chain.
    pub bad_bytes: Bit,
    /// `next` is not of the table.
    pub bad_next: Bit,
    /// Descriptors walked, this one included.
    pub count: Bits<16>,
    /// Readable bytes, with this one's.
    pub rsum: Bits<32>,
    /// Writable bytes, with this one's.
    pub wsum: Bits<32>,
    /// As a table: entries.
    pub entries: Bits<32>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct DescLook {
    /// The slot, with the descriptor at hand.
    pub slot: Signal<In, SlotRec>,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Signal<In, Bit>,
    /// What there is to know.
    pub tests: Signal<Out, DescTests>,
    addr: Signal<Local, Bits<64>>,
    addr_low: Signal<Local, Bits<3>>,
    len: Signal<Local, Bits<32>>,
    len_low: Signal<Local, Bits<4>>,
    flags: Signal<Local, Bits<16>>,
    f_next: Signal<Local, Bit>,
    f_write: Signal<Local, Bit>,
    f_indirect: Signal<Local, Bit>,
    empty: Signal<Local, Bit>,
    fits: Signal<Local, Bit>,
    next_index: Signal<Local, Bits<32>>,
    rsum: Signal<Local, Bits<32>>,
    wsum: Signal<Local, Bits<32>>,
    no_tests: Constant<DescTests>,
    d_next: Constant<Bits<16>>,
    d_write: Constant<Bits<16>>,
    d_indirect: Constant<Bits<16>>,
    one: Constant<Bits<16>>,
    zero3: Constant<Bits<3>>,
    zero4: Constant<Bits<4>>,
    zero32: Constant<Bits<32>>,
    entry_shift: Constant<Bits<32>>,
    max_bytes: Constant<Bits<32>>,
    max_receive: Constant<Bits<32>>,
}

impl Default for DescLook {
    fn default() -> Self {
        block_default!(
            slot, indirect, tests, addr, addr_low, len, len_low, flags, f_next, f_write, f_indirect, empty, fits, next_index,
            rsum, wsum;
            no_tests = DescTests::default(), d_next = u64::from(ring::DESC_F_NEXT), d_write = u64::from(ring::DESC_F_WRITE),
            d_indirect = u64::from(ring::DESC_F_INDIRECT), one = 1u64, zero3 = 0u64, zero4 = 0u64, zero32 = 0u64,
            entry_shift = u64::from(ring::DESC_BYTES.trailing_zeros()), max_bytes = u64::from(ring::MAX_CHAIN_BYTES),
            max_receive = PLAIN_RECEIVE
        )
    }
}

impl Logic for DescLook {
    #[hdl_gen]
    fn update(&mut self) {
        self.addr.next = self.slot.val().addr;
        self.addr_low.next = self.addr.val().get_bits::<3>(0);
        self.len.next = self.slot.val().len;
        self.len_low.next = self.len.val().get_bits::<4>(0);
        self.flags.next = self.slot.val().flags;
        self.f_next.next = (self.flags.val() & self.d_next.val()).any();
        self.f_write.next = (self.flags.val() & self.d_write.val()).any();
        self.f_indirect.next = (self.flags.val() & self.d_indirect.val()).any();
        self.empty.next = self.len.val() == self.zero32.val();
        self.next_index.next = bit_cast::<32, 16>(self.slot.val().next_index);
        self.rsum.next = self.slot.val().rsum;
        self.wsum.next = self.slot.val().wsum;
        if self.f_write.val() {
            self.wsum.next = self.slot.val().wsum + self.len.val();
        } else {
            self.rsum.next = self.slot.val().rsum + self.len.val();
        }
        // Received bytes want a writable descriptor, others a readable one.
        self.fits.next = !self.f_write.val() & (self.len.val() <= self.max_bytes.val());
        if self.slot.val().delivering {
            self.fits.next = self.f_write.val() & (self.len.val() < self.max_receive.val());
        }
        self.tests.next = self.no_tests.val();
        self.tests.next.more = self.f_next.val();
        self.tests.next.writes = self.f_write.val();
        self.tests.next.indirect = self.f_indirect.val();
        self.tests.next.empty = self.empty.val();
        self.tests.next.plain =
            !self.f_indirect.val() & !self.f_next.val() & !self.empty.val() & self.fits.val();
        self.tests.next.bad_nest =
            !self.indirect.val() | self.slot.val().indirect | self.f_next.val();
        self.tests.next.bad_table = self.empty.val()
            | (self.len_low.val() != self.zero4.val())
            | (self.addr_low.val() != self.zero3.val());
        self.tests.next.bad_order =
            !self.f_write.val() & (self.slot.val().seen_write | self.slot.val().delivering);
        self.tests.next.bad_bytes = (self.wsum.val() < self.slot.val().wsum)
            | (self.rsum.val() < self.slot.val().rsum)
            | (self.wsum.val() > self.max_bytes.val())
            | (self.rsum.val() > self.max_bytes.val());
        self.tests.next.bad_next = self.next_index.val() >= self.slot.val().entries;
        self.tests.next.count = self.slot.val().count + self.one.val();
        self.tests.next.rsum = self.rsum.val();
        self.tests.next.wsum = self.wsum.val();
        self.tests.next.entries = self.len.val() >> self.entry_shift.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desc_lints_clean() {
        crate::util::assert_lint_clean("desc", DescLook::default());
    }
}
