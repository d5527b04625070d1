//! All context memories of the core: devices, virtqueues, their counters and MSI slots, configuration, pages, slots, ASIDs.
//!
//! One access a cycle: of the sweep, else of the admin block while its event is at work, else of the engine. `CtxCmd`
//! (`ctx_types.rs`) says what an access is; the admin block's side is described in `admin.rs`.
//! Timing: what is read stands one cycle after its address; a write is seen by reads from the next cycle on.
//! Reset: none; the sweep clears (contract §3.1). The configuration is not swept: DEV_CREATE writes all of it.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::types::AsidEntry;

/// See the file's text. Address bits of the memories: `VQ` virtqueues, `DEV` devices, `PAGE` doorbell pages, `ASID` ASIDs;
/// none above `VQ`, because the sweep counts through 2^`VQ`.
#[derive(LogicBlock)]
pub struct Ctx<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Clears entry `sweep_index` of every memory.
    pub sweep: Signal<In, Bit>,
    /// Entry, modulo each memory's size.
    pub sweep_index: Signal<In, Bits<18>>,
    /// The sweep clears slots too (not in a warm reset: their generations live on).
    pub sweep_slots: Signal<In, Bit>,
    /// The admin block has the memories.
    pub adm_busy: Signal<In, Bit>,
    /// Its access.
    pub adm: Signal<In, CtxCmd>,
    /// The engine's access.
    pub eng: Signal<In, CtxCmd>,
    /// Writes `asid_data` at `asid_addr`.
    pub asid_we: Signal<In, Bit>,
    /// ASID that is read or written.
    pub asid_addr: Signal<In, Bits<17>>,
    /// New entry.
    pub asid_data: Signal<In, AsidEntry>,
    /// Device read.
    pub dev: Signal<Out, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<Out, VqRec>,
    /// Its counters.
    pub cnt: Signal<Out, VqCnt>,
    /// Its MSI slot.
    pub msi: Signal<Out, MsiRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<Out, MsiRec>,
    /// Owner of the page read.
    pub page: Signal<Out, Bits<18>>,
    /// Slot read.
    pub slot: Signal<Out, SlotRec>,
    /// Configuration word read.
    pub cfg: Signal<Out, Bits<64>>,
    /// ASID entry read.
    pub asid: Signal<Out, AsidEntry>,
    /// A slot is written (or swept) at this edge.
    pub slot_we: Signal<Out, Bit>,
    /// Which.
    pub slot_addr: Signal<Out, Bits<3>>,
    /// With what.
    pub slot_data: Signal<Out, SlotRec>,
    dev_ram: RAM<DevRec, DEV>,
    cmsi_ram: RAM<MsiRec, DEV>,
    cfg_ram: [RAM<Bits<64>, DEV>; 8],
    vq_ram: RAM<VqRec, VQ>,
    cnt_ram: RAM<VqCnt, VQ>,
    msi_ram: RAM<MsiRec, VQ>,
    page_ram: RAM<Bits<18>, PAGE>,
    asid_ram: RAM<AsidEntry, ASID>,
    slot_ram: RAM<SlotRec, 3>,
    word: DFF<Bits<3>>,
    cmd: Signal<Local, CtxCmd>,
    dev_addr: Signal<Local, Bits<18>>,
    vq_addr: Signal<Local, Bits<18>>,
    page_addr: Signal<Local, Bits<18>>,
    asid_at: Signal<Local, Bits<17>>,
    asid_set: Signal<Local, Bit>,
    asid_new: Signal<Local, AsidEntry>,
    swept: Constant<CtxCmd>,
    no_asid: Constant<AsidEntry>,
    words: [Constant<Bits<3>>; 8],
    zero64: Constant<Bits<64>>,
}

impl<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize> Default
    for Ctx<VQ, DEV, PAGE, ASID>
{
    fn default() -> Self {
        let swept = CtxCmd {
            dev_we: true,
            vq_we: true,
            cnt_we: true,
            msi_we: true,
            cmsi_we: true,
            page_we: true,
            ..CtxCmd::default()
        };
        block_default!(
            clock, sweep, sweep_index, sweep_slots, adm_busy, adm, eng, asid_we, asid_addr, asid_data, dev, vq, cnt,
            msi, cmsi, page, slot, cfg, asid, slot_we, slot_addr, slot_data, dev_ram, cmsi_ram, cfg_ram, vq_ram,
            cnt_ram, msi_ram, page_ram, asid_ram, slot_ram, word, cmd, dev_addr, vq_addr, page_addr, asid_at, asid_set,
            asid_new;
            swept = swept, no_asid = AsidEntry::default(), zero64 = 0u64;
            words = [0u64, 1, 2, 3, 4, 5, 6, 7].map(|n| Constant::new(n.into()))
        )
    }
}

impl<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize> Logic
    for Ctx<VQ, DEV, PAGE, ASID>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word);
        // Whose access it is.
        self.cmd.next = self.eng.val();
        self.asid_at.next = self.asid_addr.val();
        self.asid_set.next = self.asid_we.val();
        self.asid_new.next = self.asid_data.val();
        if self.adm_busy.val() {
            self.cmd.next = self.adm.val();
        }
        if self.sweep.val() {
            self.cmd.next = self.swept.val();
            self.cmd.next.dev_addr = self.sweep_index.val().get_bits::<18>(0);
            self.cmd.next.vq_addr = self.sweep_index.val();
            self.cmd.next.page_addr = self.sweep_index.val();
            self.cmd.next.slot_addr = self.sweep_index.val().get_bits::<3>(0);
            self.cmd.next.slot_we = self.sweep_slots.val();
            self.asid_at.next = self.sweep_index.val().get_bits::<17>(0);
            self.asid_set.next = true;
            self.asid_new.next = self.no_asid.val();
        }
        self.dev_addr.next = self.cmd.val().dev_addr;
        self.vq_addr.next = self.cmd.val().vq_addr;
        self.page_addr.next = self.cmd.val().page_addr;
        self.slot_we.next = self.cmd.val().slot_we;
        self.slot_addr.next = self.cmd.val().slot_addr;
        self.slot_data.next = self.cmd.val().slot;
        // Devices.
        self.dev_ram.read_clock.next = self.clock.val();
        self.dev_ram.write_clock.next = self.clock.val();
        self.dev_ram.read_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.dev_ram.write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.dev_ram.write_enable.next = self.cmd.val().dev_we;
        self.dev_ram.write_data.next = self.cmd.val().dev;
        self.dev.next = self.dev_ram.read_data.val();
        // MSI slots of the devices' configuration.
        self.cmsi_ram.read_clock.next = self.clock.val();
        self.cmsi_ram.write_clock.next = self.clock.val();
        self.cmsi_ram.read_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.cmsi_ram.write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.cmsi_ram.write_enable.next = self.cmd.val().cmsi_we;
        self.cmsi_ram.write_data.next = self.cmd.val().cmsi;
        self.cmsi.next = self.cmsi_ram.read_data.val();
        // Configuration, a memory a word.
        self.word.d.next = self.cmd.val().cfg_word;
        self.cfg.next = self.zero64.val();
        for i in 0..8 {
            self.cfg_ram[i].read_clock.next = self.clock.val();
            self.cfg_ram[i].write_clock.next = self.clock.val();
            self.cfg_ram[i].read_address.next = self.dev_addr.val().get_bits::<DEV>(0);
            self.cfg_ram[i].write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
            self.cfg_ram[i].write_enable.next =
                self.cmd.val().cfg_we & (self.cmd.val().cfg_word == self.words[i].val());
            self.cfg_ram[i].write_data.next = self.cmd.val().cfg;
            if self.word.q.val() == self.words[i].val() {
                self.cfg.next = self.cfg_ram[i].read_data.val();
            }
        }
        // Virtqueues.
        self.vq_ram.read_clock.next = self.clock.val();
        self.vq_ram.write_clock.next = self.clock.val();
        self.vq_ram.read_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.vq_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.vq_ram.write_enable.next = self.cmd.val().vq_we;
        self.vq_ram.write_data.next = self.cmd.val().vq;
        self.vq.next = self.vq_ram.read_data.val();
        // Their counters.
        self.cnt_ram.read_clock.next = self.clock.val();
        self.cnt_ram.write_clock.next = self.clock.val();
        self.cnt_ram.read_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.cnt_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.cnt_ram.write_enable.next = self.cmd.val().cnt_we;
        self.cnt_ram.write_data.next = self.cmd.val().cnt;
        self.cnt.next = self.cnt_ram.read_data.val();
        // Their MSI slots.
        self.msi_ram.read_clock.next = self.clock.val();
        self.msi_ram.write_clock.next = self.clock.val();
        self.msi_ram.read_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.msi_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.msi_ram.write_enable.next = self.cmd.val().msi_we;
        self.msi_ram.write_data.next = self.cmd.val().msi;
        self.msi.next = self.msi_ram.read_data.val();
        // Owners of doorbell pages.
        self.page_ram.read_clock.next = self.clock.val();
        self.page_ram.write_clock.next = self.clock.val();
        self.page_ram.read_address.next = self.page_addr.val().get_bits::<PAGE>(0);
        self.page_ram.write_address.next = self.page_addr.val().get_bits::<PAGE>(0);
        self.page_ram.write_enable.next = self.cmd.val().page_we;
        self.page_ram.write_data.next = self.cmd.val().page;
        self.page.next = self.page_ram.read_data.val();
        // Slots.
        self.slot_ram.read_clock.next = self.clock.val();
        self.slot_ram.write_clock.next = self.clock.val();
        self.slot_ram.read_address.next = self.cmd.val().slot_addr;
        self.slot_ram.write_address.next = self.cmd.val().slot_addr;
        self.slot_ram.write_enable.next = self.cmd.val().slot_we;
        self.slot_ram.write_data.next = self.cmd.val().slot;
        self.slot.next = self.slot_ram.read_data.val();
        // ASID table.
        self.asid_ram.read_clock.next = self.clock.val();
        self.asid_ram.write_clock.next = self.clock.val();
        self.asid_ram.read_address.next = self.asid_at.val().get_bits::<ASID>(0);
        self.asid_ram.write_address.next = self.asid_at.val().get_bits::<ASID>(0);
        self.asid_ram.write_enable.next = self.asid_set.val();
        self.asid_ram.write_data.next = self.asid_new.val();
        self.asid.next = self.asid_ram.read_data.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctx_lints_clean() {
        crate::util::assert_lint_clean("ctx_tiny", Ctx::<5, 4, 4, 4>::default());
        crate::util::assert_lint_clean("ctx_mid", Ctx::<14, 13, 13, 13>::default());
        crate::util::assert_lint_clean("ctx_hyper", Ctx::<18, 18, 17, 17>::default());
    }
}
