//! Where the admin queue stands in a descriptor chain, and whether the chain is a legal one.
//!
//! Spec: virtio 1.4 §2.7.5 (descriptors), §2.7.5.3 (indirect tables). Contract §9, tests of §3.6.
//! Timing: what a pulse says is done at the edge that ends its cycle; outputs are functions of state.
//! Reset: none is needed, a walk begins with `begin_at`.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminDesc {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Begin a walk at descriptor `head`.
    pub begin_at: Signal<In, Bit>,
    /// Descriptor index.
    pub head: Signal<In, Bits<16>>,
    /// Descriptor table of the queue.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Entries of the queue.
    pub adm_size: Signal<In, Bits<16>>,
    /// A word of the descriptor arrives.
    pub take: Signal<In, Bit>,
    /// Its second word.
    pub word: Signal<In, Bit>,
    /// The word.
    pub data: Signal<In, Bits<64>>,
    /// Walk over the descriptor: into its table, or count it.
    pub walk: Signal<In, Bit>,
    /// Go to the next one.
    pub follow: Signal<In, Bit>,
    /// Table being walked.
    pub desc_table: Signal<Out, Bits<64>>,
    /// Descriptor in it.
    pub index: Signal<Out, Bits<16>>,
    /// Address of the buffer.
    pub addr: Signal<Out, Bits<64>>,
    /// Bytes of the buffer.
    pub len: Signal<Out, Bits<32>>,
    /// The descriptor stands for a table.
    pub is_table: Signal<Out, Bit>,
    /// The buffer is device-writable.
    pub writable: Signal<Out, Bit>,
    /// Another descriptor follows.
    pub has_next: Signal<Out, Bit>,
    /// The walk must not go over this descriptor.
    pub illegal: Signal<Out, Bit>,
    /// The next descriptor's index is beyond the table.
    pub next_illegal: Signal<Out, Bit>,
    r_table: DFF<Bits<64>>,
    entries: DFF<Bits<32>>,
    r_index: DFF<Bits<16>>,
    indirect: DFF<Bit>,
    walked: DFF<Bits<16>>,
    seen_write: DFF<Bit>,
    r_addr: DFF<Bits<64>>,
    r_len: DFF<Bits<32>>,
    flags: DFF<Bits<16>>,
    next_index: DFF<Bits<16>>,
    table_bad: Signal<Local, Bit>,
    order_bad: Signal<Local, Bit>,
    none3: Constant<Bits<3>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    one16: Constant<Bits<16>>,
    f_next: Constant<Bits<16>>,
    f_write: Constant<Bits<16>>,
    f_indirect: Constant<Bits<16>>,
    desc_mask: Constant<Bits<32>>,
    desc_shift: Constant<Bits<32>>,
}

impl Default for AdminDesc {
    fn default() -> Self {
        block_default!(
            clock, begin_at, head, adm_desc, adm_size, take, word, data, walk, follow, desc_table, index, addr, len,
            is_table, writable, has_next, illegal, next_illegal, r_table, entries, r_index, indirect, walked, seen_write,
            r_addr, r_len, flags, next_index, table_bad, order_bad;
            none3 = 0u64,
            none16 = 0u64,
            none32 = 0u64,
            one16 = 1u64,
            f_next = u64::from(ring::DESC_F_NEXT),
            f_write = u64::from(ring::DESC_F_WRITE),
            f_indirect = u64::from(ring::DESC_F_INDIRECT),
            desc_mask = ring::DESC_BYTES - 1,
            desc_shift = u64::from(ring::DESC_BYTES.trailing_zeros())
        )
    }
}

impl Logic for AdminDesc {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, r_table, entries, r_index, indirect, walked, seen_write, r_addr, r_len,
            flags, next_index
        );
        // Outputs, kept apart from what the pulses do.
        self.desc_table.next = self.r_table.q.val();
        self.index.next = self.r_index.q.val();
        self.addr.next = self.r_addr.q.val();
        self.len.next = self.r_len.q.val();
        self.is_table.next = (self.flags.q.val() & self.f_indirect.val()) != self.none16.val();
        self.writable.next = (self.flags.q.val() & self.f_write.val()) != self.none16.val();
        self.has_next.next = (self.flags.q.val() & self.f_next.val()) != self.none16.val();
        self.next_illegal.next =
            bit_cast::<32, 16>(self.next_index.q.val()) >= self.entries.q.val();
        self.table_bad.next = self.indirect.q.val()
            | ((self.flags.q.val() & self.f_next.val()) != self.none16.val())
            | (self.r_len.q.val() == self.none32.val())
            | ((self.r_len.q.val() & self.desc_mask.val()) != self.none32.val())
            | (self.r_addr.q.val().get_bits::<3>(0) != self.none3.val());
        self.order_bad.next = (self.walked.q.val() >= self.adm_size.val())
            | (self.seen_write.q.val()
                & ((self.flags.q.val() & self.f_write.val()) == self.none16.val()));
        self.illegal.next = self.order_bad.val();
        if (self.flags.q.val() & self.f_indirect.val()) != self.none16.val() {
            self.illegal.next = self.table_bad.val();
        }
        if self.take.val() {
            if self.word.val() {
                self.r_len.d.next = self.data.val().get_bits::<32>(0);
                self.flags.d.next = self.data.val().get_bits::<16>(32);
                self.next_index.d.next = self.data.val().get_bits::<16>(48);
            } else {
                self.r_addr.d.next = self.data.val();
            }
        }
        if self.walk.val() {
            if (self.flags.q.val() & self.f_indirect.val()) != self.none16.val() {
                // A table replaces its descriptor and does not count as one.
                self.r_table.d.next = self.r_addr.q.val();
                self.entries.d.next = self.r_len.q.val() >> self.desc_shift.val();
                self.r_index.d.next = self.none16.val();
                self.indirect.d.next = true;
            } else {
                self.walked.d.next = self.walked.q.val() + self.one16.val();
                self.seen_write.d.next =
                    (self.flags.q.val() & self.f_write.val()) != self.none16.val();
            }
        }
        if self.follow.val() {
            self.r_index.d.next = self.next_index.q.val();
        }
        if self.begin_at.val() {
            self.r_table.d.next = self.adm_desc.val();
            self.entries.d.next = bit_cast::<32, 16>(self.adm_size.val());
            self.r_index.d.next = self.head.val();
            self.indirect.d.next = false;
            self.walked.d.next = self.none16.val();
            self.seen_write.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_desc_lints_clean() {
        crate::util::assert_lint_clean("admin_desc", AdminDesc::default());
    }
}
