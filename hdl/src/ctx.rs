//! All context memories of the core: devices, virtqueues, their counters and MSI slots, configuration, pages, slots, ASIDs.
//!
//! The sweep writes them, or an exclusive event reads and writes them (one address a memory, `CtxCmd` of `ctx_types.rs`; the
//! admin block's side is described in `admin.rs`), or the pipeline reads each memory at one of its stages and writes all at
//! stage 7. Three small memories say early which contexts an event looks at: what a slot was last bound to, the first virtqueue
//! of a device, the owner of a virtqueue. They are written with the records that they are taken from.
//! Member ids are 1..=devices, so the last of them may share entry 0 of a memory with none: what is no device reads as 0 and is
//! not written.
//! Timing: what is read stands one cycle after its address; a write is seen by reads from the next cycle on.
//! Reset: none; the sweep clears (contract §3.1). The configuration is not swept: DEV_CREATE writes all of it.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::pipe::SlotKey;
use crate::types::AsidEntry;

/// See the file's text. Address bits of the memories: `VQ` virtqueues, `DEV` devices, `PAGE` doorbell pages, `ASID` ASIDs,
/// `SLOT` slots; none above `VQ`, because the sweep counts through 2^`VQ`.
#[derive(LogicBlock)]
pub struct Ctx<
    const VQ: usize,
    const DEV: usize,
    const PAGE: usize,
    const ASID: usize,
    const SLOT: usize,
> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Clears entry `sweep_index` of every memory.
    pub sweep: Signal<In, Bit>,
    /// Entry, modulo each memory's size.
    pub sweep_index: Signal<In, Bits<18>>,
    /// The sweep clears slots too (not in a warm reset: their generations live on).
    pub sweep_slots: Signal<In, Bit>,
    /// An exclusive event has the memories.
    pub alone: Signal<In, Bit>,
    /// Its access.
    pub adm: Signal<In, CtxCmd>,
    /// What the event in stage 7 writes.
    pub eng: Signal<In, CtxCmd>,
    /// The pipeline reads: slot whose key it wants.
    pub key_slot: Signal<In, Bits<8>>,
    /// Doorbell page.
    pub page_at: Signal<In, Bits<18>>,
    /// Device whose first virtqueue it wants.
    pub base_dev: Signal<In, Bits<18>>,
    /// Virtqueue whose owner it wants.
    pub own_vq: Signal<In, Bits<18>>,
    /// Slot.
    pub slot_at: Signal<In, Bits<8>>,
    /// Device.
    pub dev_at: Signal<In, Bits<18>>,
    /// Virtqueue.
    pub vq_at: Signal<In, Bits<18>>,
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
    /// What the slot was last bound to.
    pub slot_key: Signal<Out, SlotKey>,
    /// First virtqueue of the device.
    pub vq_base: Signal<Out, Bits<18>>,
    /// Owner of the virtqueue.
    pub vq_owner: Signal<Out, Bits<18>>,
    /// Configuration word read.
    pub cfg: Signal<Out, Bits<64>>,
    /// ASID entry read.
    pub asid: Signal<Out, AsidEntry>,
    dev_ram: RAM<DevRec, DEV>,
    cmsi_ram: RAM<MsiRec, DEV>,
    cfg_ram: [RAM<Bits<64>, DEV>; 8],
    vq_ram: RAM<VqRec, VQ>,
    cnt_ram: RAM<VqCnt, VQ>,
    msi_ram: RAM<MsiRec, VQ>,
    page_ram: RAM<Bits<18>, PAGE>,
    asid_ram: RAM<AsidEntry, ASID>,
    slot_ram: RAM<SlotRec, SLOT>,
    key_ram: RAM<SlotKey, SLOT>,
    base_ram: RAM<Bits<18>, DEV>,
    own_ram: RAM<Bits<18>, VQ>,
    word: DFF<Bits<3>>,
    none: DFF<Bit>,
    no_base: DFF<Bit>,
    cmd: Signal<Local, CtxCmd>,
    whole: Signal<Local, Bit>,
    dev_addr: Signal<Local, Bits<18>>,
    is_device: Signal<Local, Bit>,
    vq_addr: Signal<Local, Bits<18>>,
    page_addr: Signal<Local, Bits<18>>,
    slot_addr: Signal<Local, Bits<8>>,
    dev_read: Signal<Local, Bits<18>>,
    vq_read: Signal<Local, Bits<18>>,
    page_read: Signal<Local, Bits<18>>,
    slot_read: Signal<Local, Bits<8>>,
    key: Signal<Local, SlotKey>,
    new_slot: Signal<Local, SlotRec>,
    new_dev: Signal<Local, DevRec>,
    new_vq: Signal<Local, VqRec>,
    dev_we: Signal<Local, Bit>,
    cmsi_we: Signal<Local, Bit>,
    base_we: Signal<Local, Bit>,
    own_we: Signal<Local, Bit>,
    asid_at: Signal<Local, Bits<17>>,
    asid_set: Signal<Local, Bit>,
    asid_new: Signal<Local, AsidEntry>,
    last_dev: Constant<Bits<18>>,
    swept: Constant<CtxCmd>,
    no_dev: Constant<DevRec>,
    no_msi: Constant<MsiRec>,
    no_id: Constant<Bits<18>>,
    no_asid: Constant<AsidEntry>,
    no_key: Constant<SlotKey>,
    words: [Constant<Bits<3>>; 8],
    zero64: Constant<Bits<64>>,
}

impl<
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const ASID: usize,
        const SLOT: usize,
    > Ctx<VQ, DEV, PAGE, ASID, SLOT>
{
    /// The memories of `devices` devices, at most 2^`DEV`.
    #[must_use]
    pub fn new(devices: u64) -> Self {
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
            clock, sweep, sweep_index, sweep_slots, alone, adm, eng, key_slot, page_at, base_dev, own_vq, slot_at, dev_at,
            vq_at, asid_we, asid_addr, asid_data, dev, vq, cnt, msi, cmsi, page, slot, slot_key, vq_base, vq_owner, cfg,
            asid, dev_ram, cmsi_ram, cfg_ram, vq_ram, cnt_ram, msi_ram, page_ram, asid_ram, slot_ram, key_ram, base_ram,
            own_ram, word, none, no_base, cmd, whole, dev_addr, vq_addr, page_addr, slot_addr, is_device, dev_read, vq_read, page_read, slot_read,
            key, new_slot, new_dev, new_vq, dev_we, cmsi_we, base_we, own_we, asid_at, asid_set, asid_new;
            last_dev = devices, swept = swept, no_dev = DevRec::default(), no_msi = MsiRec::default(), no_id = 0u64,
            no_asid = AsidEntry::default(), no_key = SlotKey::default(), zero64 = 0u64;
            words = [0u64, 1, 2, 3, 4, 5, 6, 7].map(|n| Constant::new(n.into()))
        )
    }
}

impl<
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const ASID: usize,
        const SLOT: usize,
    > Logic for Ctx<VQ, DEV, PAGE, ASID, SLOT>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word, none, no_base);
        // Whose access it is.
        self.cmd.next = self.eng.val();
        self.asid_at.next = self.asid_addr.val();
        self.asid_set.next = self.asid_we.val();
        self.asid_new.next = self.asid_data.val();
        if self.alone.val() {
            self.cmd.next = self.adm.val();
        }
        if self.sweep.val() {
            self.cmd.next = self.swept.val();
            self.cmd.next.dev_addr = self.sweep_index.val().get_bits::<18>(0);
            self.cmd.next.vq_addr = self.sweep_index.val();
            self.cmd.next.page_addr = self.sweep_index.val();
            self.cmd.next.slot_addr = self.sweep_index.val().get_bits::<8>(0);
            self.cmd.next.slot_we = self.sweep_slots.val();
            self.asid_at.next = self.sweep_index.val().get_bits::<17>(0);
            self.asid_set.next = true;
            self.asid_new.next = self.no_asid.val();
        }
        self.dev_addr.next = self.cmd.val().dev_addr;
        self.vq_addr.next = self.cmd.val().vq_addr;
        self.page_addr.next = self.cmd.val().page_addr;
        self.slot_addr.next = self.cmd.val().slot_addr;
        self.new_slot.next = self.cmd.val().slot;
        self.new_dev.next = self.cmd.val().dev;
        self.new_vq.next = self.cmd.val().vq;
        // What is read: by the pipeline, or where the exclusive event writes as well.
        self.dev_read.next = self.dev_at.val();
        self.vq_read.next = self.vq_at.val();
        self.page_read.next = self.page_at.val();
        self.slot_read.next = self.slot_at.val();
        if self.alone.val() {
            self.dev_read.next = self.dev_addr.val();
            self.vq_read.next = self.vq_addr.val();
            self.page_read.next = self.page_addr.val();
            self.slot_read.next = self.slot_addr.val();
        }
        // Normal events never change these.
        self.whole.next = self.alone.val() | self.sweep.val();
        self.is_device.next = (self.dev_addr.val() != self.no_id.val())
            & (self.dev_addr.val() <= self.last_dev.val());
        self.dev_we.next = self.cmd.val().dev_we & (self.is_device.val() | self.sweep.val());
        self.cmsi_we.next = self.cmd.val().cmsi_we & (self.is_device.val() | self.sweep.val());
        self.base_we.next = self.dev_we.val() & self.whole.val();
        self.own_we.next = self.cmd.val().vq_we & self.whole.val();
        self.key.next = self.no_key.val();
        self.key.next.dev = self.new_slot.val().dev;
        self.key.next.vq = self.new_slot.val().vq;
        // Devices.
        self.none.d.next =
            (self.dev_read.val() == self.no_id.val()) | (self.dev_read.val() > self.last_dev.val());
        self.no_base.d.next =
            (self.base_dev.val() == self.no_id.val()) | (self.base_dev.val() > self.last_dev.val());
        self.dev_ram.read_clock.next = self.clock.val();
        self.dev_ram.write_clock.next = self.clock.val();
        self.dev_ram.read_address.next = self.dev_read.val().get_bits::<DEV>(0);
        self.dev_ram.write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.dev_ram.write_enable.next = self.dev_we.val();
        self.dev_ram.write_data.next = self.cmd.val().dev;
        self.dev.next = self.dev_ram.read_data.val();
        if self.none.q.val() {
            self.dev.next = self.no_dev.val();
        }
        // MSI slots of the devices' configuration.
        self.cmsi_ram.read_clock.next = self.clock.val();
        self.cmsi_ram.write_clock.next = self.clock.val();
        self.cmsi_ram.read_address.next = self.dev_read.val().get_bits::<DEV>(0);
        self.cmsi_ram.write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.cmsi_ram.write_enable.next = self.cmsi_we.val();
        self.cmsi_ram.write_data.next = self.cmd.val().cmsi;
        self.cmsi.next = self.cmsi_ram.read_data.val();
        if self.none.q.val() {
            self.cmsi.next = self.no_msi.val();
        }
        // Configuration, a memory a word.
        self.word.d.next = self.cmd.val().cfg_word;
        self.cfg.next = self.zero64.val();
        for i in 0..8 {
            self.cfg_ram[i].read_clock.next = self.clock.val();
            self.cfg_ram[i].write_clock.next = self.clock.val();
            self.cfg_ram[i].read_address.next = self.dev_read.val().get_bits::<DEV>(0);
            self.cfg_ram[i].write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
            self.cfg_ram[i].write_enable.next = self.cmd.val().cfg_we
                & self.is_device.val()
                & (self.cmd.val().cfg_word == self.words[i].val());
            self.cfg_ram[i].write_data.next = self.cmd.val().cfg;
            if (self.word.q.val() == self.words[i].val()) & !self.none.q.val() {
                self.cfg.next = self.cfg_ram[i].read_data.val();
            }
        }
        // Virtqueues.
        self.vq_ram.read_clock.next = self.clock.val();
        self.vq_ram.write_clock.next = self.clock.val();
        self.vq_ram.read_address.next = self.vq_read.val().get_bits::<VQ>(0);
        self.vq_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.vq_ram.write_enable.next = self.cmd.val().vq_we;
        self.vq_ram.write_data.next = self.cmd.val().vq;
        self.vq.next = self.vq_ram.read_data.val();
        // Their counters.
        self.cnt_ram.read_clock.next = self.clock.val();
        self.cnt_ram.write_clock.next = self.clock.val();
        self.cnt_ram.read_address.next = self.vq_read.val().get_bits::<VQ>(0);
        self.cnt_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.cnt_ram.write_enable.next = self.cmd.val().cnt_we;
        self.cnt_ram.write_data.next = self.cmd.val().cnt;
        self.cnt.next = self.cnt_ram.read_data.val();
        // Their MSI slots.
        self.msi_ram.read_clock.next = self.clock.val();
        self.msi_ram.write_clock.next = self.clock.val();
        self.msi_ram.read_address.next = self.vq_read.val().get_bits::<VQ>(0);
        self.msi_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.msi_ram.write_enable.next = self.cmd.val().msi_we;
        self.msi_ram.write_data.next = self.cmd.val().msi;
        self.msi.next = self.msi_ram.read_data.val();
        // Owners of doorbell pages.
        self.page_ram.read_clock.next = self.clock.val();
        self.page_ram.write_clock.next = self.clock.val();
        self.page_ram.read_address.next = self.page_read.val().get_bits::<PAGE>(0);
        self.page_ram.write_address.next = self.page_addr.val().get_bits::<PAGE>(0);
        self.page_ram.write_enable.next = self.cmd.val().page_we;
        self.page_ram.write_data.next = self.cmd.val().page;
        self.page.next = self.page_ram.read_data.val();
        // Slots.
        self.slot_ram.read_clock.next = self.clock.val();
        self.slot_ram.write_clock.next = self.clock.val();
        self.slot_ram.read_address.next = self.slot_read.val().get_bits::<SLOT>(0);
        self.slot_ram.write_address.next = self.slot_addr.val().get_bits::<SLOT>(0);
        self.slot_ram.write_enable.next = self.cmd.val().slot_we;
        self.slot_ram.write_data.next = self.new_slot.val();
        self.slot.next = self.slot_ram.read_data.val();
        // What leads to the contexts.
        self.key_ram.read_clock.next = self.clock.val();
        self.key_ram.write_clock.next = self.clock.val();
        self.key_ram.read_address.next = self.key_slot.val().get_bits::<SLOT>(0);
        self.key_ram.write_address.next = self.slot_addr.val().get_bits::<SLOT>(0);
        self.key_ram.write_enable.next = self.cmd.val().slot_we;
        self.key_ram.write_data.next = self.key.val();
        self.slot_key.next = self.key_ram.read_data.val();
        self.base_ram.read_clock.next = self.clock.val();
        self.base_ram.write_clock.next = self.clock.val();
        self.base_ram.read_address.next = self.base_dev.val().get_bits::<DEV>(0);
        self.base_ram.write_address.next = self.dev_addr.val().get_bits::<DEV>(0);
        self.base_ram.write_enable.next = self.base_we.val();
        self.base_ram.write_data.next = self.new_dev.val().vq_base;
        self.vq_base.next = self.base_ram.read_data.val();
        if self.no_base.q.val() {
            self.vq_base.next = self.no_id.val();
        }
        self.own_ram.read_clock.next = self.clock.val();
        self.own_ram.write_clock.next = self.clock.val();
        self.own_ram.read_address.next = self.own_vq.val().get_bits::<VQ>(0);
        self.own_ram.write_address.next = self.vq_addr.val().get_bits::<VQ>(0);
        self.own_ram.write_enable.next = self.own_we.val();
        self.own_ram.write_data.next = self.new_vq.val().owner;
        self.vq_owner.next = self.own_ram.read_data.val();
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
    use crate::util::number;

    #[test]
    fn ctx_lints_clean() {
        crate::util::assert_lint_clean("ctx_tiny", Ctx::<5, 3, 4, 4, 4>::new(8));
        crate::util::assert_lint_clean("ctx_mid", Ctx::<14, 12, 13, 13, 6>::new(4096));
        crate::util::assert_lint_clean("ctx_hyper", Ctx::<18, 17, 17, 17, 8>::new(131_072));
    }

    /// What stands at `dev` after a cycle, for an exclusive event: record's first virtqueue, the early one, a word, an address.
    fn read(c: &mut Ctx<5, 3, 4, 4, 4>, dev: u64) -> [u64; 4] {
        c.adm.next = CtxCmd {
            dev_addr: dev.into(),
            ..CtxCmd::default()
        };
        c.base_dev.next = dev.into();
        crate::edge!(*c);
        let all = [
            number(c.dev.val().vq_base),
            number(c.vq_base.val()),
            number(c.cfg.val()),
            number(c.cmsi.val().address),
        ];
        all.map(|n| n as u64)
    }

    #[test]
    fn the_last_device_and_no_device_are_told_apart() {
        let mut c = Ctx::<5, 3, 4, 4, 4>::new(8);
        c.connect_all();
        c.alone.next = true;
        for dev in [1, 7, 8, 0, 9, 15, 16] {
            let mut cmd = CtxCmd {
                dev_we: true,
                cfg_we: true,
                cmsi_we: true,
                dev_addr: dev.into(),
                cfg: (0x100 + dev).into(),
                ..CtxCmd::default()
            };
            cmd.dev.vq_base = (0x20 + dev).into();
            cmd.cmsi.address = (0x1000 + dev).into();
            c.adm.next = cmd;
            crate::edge!(c);
        }
        for dev in [1, 7, 8] {
            let want = [0x20 + dev, 0x20 + dev, 0x100 + dev, 0x1000 + dev];
            assert_eq!(read(&mut c, dev), want, "device {dev}");
        }
        for dev in [0, 9, 15, 16] {
            assert_eq!(read(&mut c, dev), [0; 4], "no device {dev}");
        }
        // The sweep clears every entry.
        c.sweep.next = true;
        for n in 0..32 {
            c.sweep_index.next = u64::into(n);
            crate::edge!(c);
        }
        c.sweep.next = false;
        for dev in [1, 7, 8] {
            let [base, early, _, addr] = read(&mut c, dev);
            assert_eq!([base, early, addr], [0; 3], "device {dev}");
        }
    }
}
