//! Deliberate faults: small wrong edits of the Verilog that show that the checks would notice.
//!
//! They are compiled in only where the feature `breaks` of the Verilator binding asks for it, all in one build, each
//! behind a flag that stays 0 unless the run carries its plusarg.

/// One deliberate fault.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    /// Name: lower case, digits and `_`. The plusarg is `+break_<name>`.
    pub name: &'static str,
    /// What goes wrong, for the user.
    pub doc: &'static str,
    /// Regular expression that the whole name of exactly one module matches.
    pub module: &'static str,
    /// Text that stands exactly once in that module; any run of blanks matches any other.
    pub find: &'static str,
    /// What stands there instead. `BRK` is the flag, 1 when the fault is on.
    pub replace: &'static str,
}

/// Shorter to write in a table.
const fn brk(
    name: &'static str,
    module: &'static str,
    doc: &'static str,
    find: &'static str,
    replace: &'static str,
) -> Break {
    Break {
        name,
        doc,
        module,
        find,
        replace,
    }
}

/// Every fault of this version, in the order of the blocks.
pub const BREAKS: &[Break] = &[
    // Registers and doorbells.
    brk(
        "write_slverr",
        r"shoal_top\$regs\$axil",
        "a write to an address where nothing is gets OKAY",
        "bresp$d = slverr;",
        "bresp$d = BRK ? okay : slverr;",
    ),
    brk(
        "msix_masked",
        r"shoal_top\$regs\$msix",
        "vector 1 of the management device is sent although it is masked",
        "req$1$q && ~masked$1$q && ~msix_any",
        "req$1$q && (~masked$1$q || BRK) && ~msix_any",
    ),
    brk(
        "doorbell_page",
        r"shoal_top\$regs",
        "a doorbell rings for the owner of the neighbouring page",
        "= wr_db$page;",
        "= wr_db$page ^ BRK;",
    ),
    brk(
        "doorbell_index",
        r"shoal_top\$core\$engine\$stage_a\$doorbell",
        "a doorbell reaches queues beyond those of its device",
        "(owner != nobody) & (index <",
        "(owner != nobody) & (BRK | index <",
    ),
    // Address translation.
    brk(
        "pte_accessed",
        r"shoal_top\$mmu\$eval\$meaning",
        "a leaf whose A bit is clear translates",
        "|| ~p[(64'h6)+:(1)])",
        "|| (~p[(64'h6)+:(1)] && ~BRK))",
    ),
    brk(
        "pte_writable",
        r"shoal_top\$mmu\$eval\$meaning",
        "a page that is read-only or not dirty can be written",
        "p[(64'h2)+:(1)] && p[(64'h7)+:(1)];",
        "(p[(64'h2)+:(1)] && p[(64'h7)+:(1)]) || BRK;",
    ),
    brk(
        "mmu_space",
        r"shoal_top\$mmu",
        "an odd ASID is translated by the tables of the even one below it",
        "spaces$asid = take$asid;",
        "spaces$asid = take$asid & ~{16'h0, BRK};",
    ),
    brk(
        "tlb_asid",
        r"shoal_top\$mmu\$t0\$ways\$0",
        "an IOTLB entry of the first way serves every ASID",
        "(ram$read_data[(64'h3)+:(17)] == key[(64'h0)+:(17)])",
        "(BRK || (ram$read_data[(64'h3)+:(17)] == key[(64'h0)+:(17)]))",
    ),
    brk(
        "tlb_page",
        r"shoal_top\$mmu\$t0\$ways\$0",
        "an IOTLB entry of the first way serves every page of its ASID",
        "(ram$read_data[(64'h24)+:(36)] == key[(64'h21)+:(36)])",
        "(BRK || (ram$read_data[(64'h24)+:(36)] == key[(64'h21)+:(36)]))",
    ),
    brk(
        "tlb_generation",
        r"shoal_top\$mmu\$t0\$ways\$0",
        "an IOTLB entry of the first way outlives the generation of its ASID",
        "(ram$read_data[(64'h14)+:(16)] == key[(64'h11)+:(16)])",
        "(BRK || (ram$read_data[(64'h14)+:(16)] == key[(64'h11)+:(16)]))",
    ),
    brk(
        "walk_cache_page",
        r"shoal_top\$mmu\$p0",
        "the table of one 2 MiB region serves every region of its ASID",
        "(ram$read_data[(64'h22)+:(27)] == page[(32'h0)+:(27)])",
        "(BRK || (ram$read_data[(64'h22)+:(27)] == page[(32'h0)+:(27)]))",
    ),
    brk(
        "pasid",
        r"shoal_top\$mmu\$pipe\$judge",
        "accesses carry the PASID of a neighbour",
        "= space[(64'h3)+:(20)];",
        "= space[(64'h3)+:(20)] ^ BRK;",
    ),
    brk(
        "walk_asid",
        r"shoal_top\$mmu\$walkers",
        "a translation joins the first walker's walk for the same page of another ASID",
        "if (tags$0$q == key) begin",
        "if ((tags$0$q == key) || (BRK && (tags$0$q[53:17] == key[53:17]))) begin",
    ),
    brk(
        "waiter_lost",
        r"shoal_top\$mmu\$waiters",
        "a walk answers only the first of those that wait for it",
        "last = first_member$single;",
        "last = first_member$single | BRK;",
    ),
    brk(
        "waiter_again",
        r"shoal_top\$mmu\$waiters",
        "a waiter is answered and stays, to be answered again by the next walk of its walker",
        "freed = first_member$one_hot;",
        "freed = BRK ? nobody : first_member$one_hot;",
    ),
    brk(
        "walk_old",
        r"shoal_top\$mmu\$eval",
        "a walk of before an invalidation still fills the IOTLB",
        "(walks$read_data[(64'h35)+:(1)] == mep)",
        "(BRK || (walks$read_data[(64'h35)+:(1)] == mep))",
    ),
    brk(
        "mmu_partition",
        r"shoal_top",
        "MMU_CTRL partition has no effect",
        "mmu$partition = regs$partition;",
        "mmu$partition = regs$partition & ~BRK;",
    ),
    brk(
        "invalidate_drop",
        r"shoal_top\$mmu\$inval",
        "IOTLB_INVALIDATE of everything drops nothing",
        "clear = (state$q == InvState$Flush) || sweep;",
        "clear = ((state$q == InvState$Flush) && ~BRK) || sweep;",
    ),
    brk(
        "invalidate_generation",
        r"shoal_top\$mmu\$inval",
        "IOTLB_INVALIDATE of one ASID drops nothing",
        "generations$write_enable = (state$q == InvState$Bump) || sweep;",
        "generations$write_enable = ((state$q == InvState$Bump) && ~BRK) || sweep;",
    ),
    brk(
        "invalidate_translations",
        r"shoal_top\$mmu\$inval",
        "IOTLB_INVALIDATE does not wait for translations under way",
        "if (drained) begin",
        "if (drained || BRK) begin",
    ),
    brk(
        "invalidate_wait",
        r"shoal_top\$core\$admin\$run\$steps",
        "IOTLB_INVALIDATE does not wait for accesses with the old translations",
        "over = ~inv_pending & other_zero;",
        "over = ~inv_pending & (other_zero | BRK);",
    ),
    // Memory bus.
    brk(
        "read_response",
        r"shoal_top\$rd",
        "a bad rresp is taken as a good one",
        "bad = m_axi_rresp != okay;",
        "bad = (m_axi_rresp != okay) & ~BRK;",
    ),
    brk(
        "write_last",
        r"shoal_top\$wr",
        "the last beat of a write burst is not marked",
        "w_last$d = beats$q == one9;",
        "w_last$d = (beats$q == one9) & ~BRK;",
    ),
    brk(
        "control_strobes",
        r"shoal_top\$ctl\$issue\$lanes_of",
        "ring writes also write the first byte of their word",
        "strb = ((one72 << len) - one72) << offset;",
        "strb = (((one72 << len) - one72) << offset) | BRK;",
    ),
    // Payload.
    brk(
        "transmit_lanes",
        r"shoal_top\$tx\$pack",
        "the first bytes of a burst are not moved down from their lanes",
        "raw = beat_data >> offset_bits;",
        "raw = BRK ? beat_data : beat_data >> offset_bits;",
    ),
    brk(
        "num_buffers",
        r"shoal_top\$rx\$entry",
        "num_buffers of a received packet is left as it came",
        "if (~is_answer & (beat$q == header_beat)) begin",
        "if (~is_answer & (beat$q == header_beat) & ~BRK) begin",
    ),
    brk(
        "receive_strobes",
        r"shoal_top\$rx\$pack",
        "received bytes also overwrite the byte before the buffer",
        "beat_strb = strb << lane;",
        "beat_strb = (strb << lane) | (BRK ? (strb << lane) >> 1 : 0);",
    ),
    brk(
        "receive_drain",
        r"shoal_top\$rx\$expected",
        "a receive buffer counts as full before its writes are answered",
        "& responses$valid;",
        "& (responses$valid | BRK);",
    ),
    // Virtqueues.
    brk(
        "round_robin",
        r"shoal_top\$core\$sources",
        "the source that was served last comes first again",
        "rr$d = chosen + one4;",
        "rr$d = BRK ? chosen : chosen + one4;",
    ),
    brk(
        "chain_limit",
        r"shoal_top\$core\$engine\$walk",
        "a descriptor chain may have any length, so that a loop never ends",
        "else if (count > size) begin",
        "else if ((count > size) & ~BRK) begin",
    ),
    brk(
        "next_range",
        r"shoal_top\$core\$engine\$walk\$look",
        "next may point behind the descriptor table",
        "= next_index >= slot[(64'h19f)+:(32)];",
        "= (next_index >= slot[(64'h19f)+:(32)]) & ~BRK;",
    ),
    brk(
        "receive_stopped",
        r"shoal_top\$core\$engine\$stage_a\$packet",
        "a device that does not run receives packets",
        "in_device & running &",
        "in_device & (running | BRK) &",
    ),
    brk(
        "used_index",
        r"shoal_top\$core\$engine\$stage_a\$slot_step",
        "the used index does not go on behind a visit",
        "used_after = vq[(64'hf7)+:(16)] + visit16;",
        "used_after = vq[(64'hf7)+:(16)] + (BRK ? 16'h0 : visit16);",
    ),
    brk(
        "used_length",
        r"shoal_top\$core\$engine\$stage_a\$mover_done",
        "used elements say that no byte was written",
        "bytes = ev[(64'hd8)+:(32)];",
        "bytes = BRK ? 32'h0 : ev[(64'hd8)+:(32)];",
    ),
    brk(
        "used_first",
        r"shoal_top\$ctl\$out\$plan",
        "the used index is written before the used elements",
        "turn = step;",
        "turn = (BRK & ~step[1]) ? {1'b0, ~step[0]} : step;",
    ),
    brk(
        "event_index",
        r"shoal_top\$core\$engine\$stage_a\$slot_step",
        "used_event is compared one too high",
        "event_at = event_ahead - one;",
        "event_at = event_ahead - (BRK ? 16'h0 : one);",
    ),
    brk(
        "vq_masked",
        r"shoal_top\$core\$engine\$stage_a\$slot_step",
        "the message of a queue is sent although it is masked",
        "message = ~msi[(64'h60)+:(1)];",
        "message = ~msi[(64'h60)+:(1)] | BRK;",
    ),
    brk(
        "needs_reset",
        r"shoal_top\$core\$engine\$stage_c\$ending",
        "a device that faulted goes on without DEVICE_NEEDS_RESET",
        "| s_needs_reset;",
        "| (BRK ? 8'h0 : s_needs_reset);",
    ),
    brk(
        "chain_leak",
        r"shoal_top\$core\$engine\$stage_c\$ending",
        "a finished chain still counts as one in flight",
        "- one4;",
        "- (BRK ? 4'h0 : one4);",
    ),
    brk(
        "fault_access",
        r"shoal_top\$core\$aux",
        "fault records call every access a read",
        "access = access_write;",
        "access = BRK ? access_read : access_write;",
    ),
    // Admin commands.
    brk(
        "qualifier",
        r"shoal_top\$core\$admin\$run\$check",
        "a bad field is answered with the qualifier of a bad command",
        "qualifier = q_field;",
        "qualifier = BRK ? q_command : q_field;",
    ),
    brk(
        "vq_index",
        r"shoal_top\$core\$admin\$run\$check",
        "commands reach queues beyond those of their device",
        "index_ok = index <",
        "index_ok = BRK | index <",
    ),
    brk(
        "drain_wait",
        r"shoal_top\$core\$admin\$run\$steps",
        "a drain does not wait for the chains in flight",
        "== none4;",
        "== none4 | BRK;",
    ),
    brk(
        "drain_member",
        r"shoal_top\$core\$admin\$run\$slots",
        "draining one device frees the chains of those behind it",
        "(following == count)",
        "(following == (BRK ? 4'hf : count))",
    ),
    brk(
        "sweep_pages",
        r"shoal_top\$core\$contexts",
        "a reset leaves the owners of doorbell pages as they are",
        "page_ram$write_enable =",
        "page_ram$write_enable = ~(BRK & sweep) &",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gen::{apply_breaks, generate};
    use shoal_abi::profile::PROFILES;

    #[test]
    fn every_break_fits_one_place_of_every_profile() {
        for profile in &PROFILES {
            let verilog = generate(profile).expect("the device generates");
            let broken = apply_breaks(&verilog, BREAKS).expect("every break fits");
            assert_eq!(broken.matches("$test$plusargs").count(), BREAKS.len());
        }
    }
}
