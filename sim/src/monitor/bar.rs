//! What the register master told the device, as far as the rules about memory need it: admin queue, fault queue, MSI-X table,
//! reset of the management device.

use std::collections::VecDeque;

use shoal_abi::mmu::FAULT_BYTES;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::regs::{
    self, ADMIN_QUEUE_SIZE, CONFIG_VECTOR_NUM_QUEUES, DRIVER_FEATURE, DRIVER_FEATURE_SELECT,
    FQ_BASE_HI, FQ_BASE_LO, FQ_CTRL, MSIX_ENTRY_BYTES, MSIX_TABLE, MSIX_VECTORS, QUEUE_DESC_HI,
    QUEUE_DESC_LO, QUEUE_DEVICE_HI, QUEUE_DEVICE_LO, QUEUE_DRIVER_HI, QUEUE_DRIVER_LO,
    QUEUE_ENABLE_NOTIFY_OFF, QUEUE_SIZE_VECTOR, RESP_OKAY, STATUS_QUEUE_SELECT,
};

/// What a register access meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The admin queue was enabled.
    AdminEnabled,
    /// device_status read 0 after 0 was written: the management device is reset.
    ResetDone,
}

/// An entry of the MSI-X table of the management device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vector {
    pub(super) addr: u64,
    pub(super) data: u32,
    pub(super) mask: bool,
}

/// Values of an MSI-X entry that are remembered: more than can be written while a message waits for the bus, at the rates at which
/// sessions stall it.
const VALUES: usize = 8;

/// The registers that matter.
#[derive(Debug)]
pub(super) struct Bar {
    aw: VecDeque<u32>,
    w: VecDeque<(u32, u8)>,
    ar: VecDeque<u32>,
    queue_select: u16,
    /// Entries of the admin queue.
    pub(super) queue_size: u16,
    enabled: bool,
    /// Descriptor table, available ring and used ring of the admin queue.
    pub(super) rings: [u64; 3],
    feature_select: u32,
    /// Features accepted for the management device.
    pub(super) features: u64,
    fq_base: u64,
    fq_ctrl: u32,
    /// Every place where the fault queue was since the reset: first byte, bytes.
    pub(super) fault_queues: Vec<(u64, u64)>,
    /// Entries, the newest value first, and what they were before: a message may have been on its way.
    pub(super) vectors: [[Vector; VALUES]; MSIX_VECTORS as usize],
    resetting: bool,
}

impl Default for Bar {
    fn default() -> Self {
        let masked = Vector {
            mask: true,
            ..Vector::default()
        };
        Self {
            aw: VecDeque::new(),
            w: VecDeque::new(),
            ar: VecDeque::new(),
            queue_select: 0,
            queue_size: ADMIN_QUEUE_SIZE,
            enabled: false,
            rings: [0; 3],
            feature_select: 0,
            features: 0,
            fq_base: 0,
            fq_ctrl: 0,
            fault_queues: Vec::new(),
            vectors: [[masked; VALUES]; MSIX_VECTORS as usize],
            resetting: false,
        }
    }
}

/// `old` with the bytes that `strb` selects taken from `new`.
fn merge(old: u32, new: u32, strb: u8) -> u32 {
    let mask = (0..4)
        .filter(|b| strb >> b & 1 == 1)
        .fold(0u32, |m, b| m | 0xff << (8 * b));
    old & !mask | new & mask
}

fn half(full: u64, high: bool, data: u32, strb: u8) -> u64 {
    if high {
        full & 0xffff_ffff | u64::from(merge((full >> 32) as u32, data, strb)) << 32
    } else {
        full & !0xffff_ffff | u64::from(merge(full as u32, data, strb))
    }
}

impl Bar {
    /// Enters the fault queue as it stands, if it is on. Records may be on their way to where it was.
    fn fault_queue(&mut self) {
        let records = 1u64 << (self.fq_ctrl >> regs::FQ_LOG2_LSB & regs::FQ_LOG2_MAX);
        let queue = (self.fq_base & !0xfff, records * FAULT_BYTES);
        if self.fq_ctrl & regs::FQ_ENABLE != 0 && !self.fault_queues.contains(&queue) {
            self.fault_queues.push(queue);
        }
    }

    /// Forgets what a reset of the management device resets.
    pub(super) fn reset(&mut self) {
        *self = Self {
            aw: std::mem::take(&mut self.aw),
            w: std::mem::take(&mut self.w),
            ar: std::mem::take(&mut self.ar),
            vectors: self.vectors,
            ..Self::default()
        };
    }

    /// Takes a cycle. A write is taken as done when it is accepted: it can only come later.
    pub(super) fn step(&mut self, i: &Inputs, o: &Outputs) -> Option<Meaning> {
        let mut meaning = None;
        if o.s_axil_rvalid && i.s_axil_rready {
            let addr = self.ar.pop_front();
            let status = addr.is_some_and(|a| a & !3 == STATUS_QUEUE_SELECT.offset);
            let zero = o.s_axil_rdata & 0xff == 0 && o.s_axil_rresp == RESP_OKAY;
            if self.resetting && status && zero {
                meaning = Some(Meaning::ResetDone);
            }
        }
        if i.s_axil_arvalid && o.s_axil_arready {
            self.ar.push_back(i.s_axil_araddr);
        }
        if i.s_axil_awvalid && o.s_axil_awready {
            self.aw.push_back(i.s_axil_awaddr);
        }
        if i.s_axil_wvalid && o.s_axil_wready {
            self.w.push_back((i.s_axil_wdata, i.s_axil_wstrb));
        }
        while !self.aw.is_empty() && !self.w.is_empty() {
            let (Some(addr), Some((data, strb))) = (self.aw.pop_front(), self.w.pop_front()) else {
                break;
            };
            meaning = self.write(addr & !3, data, strb).or(meaning);
        }
        meaning
    }

    fn write(&mut self, addr: u32, data: u32, strb: u8) -> Option<Meaning> {
        let admin = self.queue_select == 0 && !self.enabled;
        let ring = [
            (QUEUE_DESC_LO, QUEUE_DESC_HI, 0xf),
            (QUEUE_DRIVER_LO, QUEUE_DRIVER_HI, 1),
            (QUEUE_DEVICE_LO, QUEUE_DEVICE_HI, 3),
        ];
        for (n, (lo, hi, low)) in ring.into_iter().enumerate() {
            if admin && (addr == lo.offset || addr == hi.offset) {
                self.rings[n] = half(self.rings[n], addr == hi.offset, data, strb) & !low;
            }
        }
        if addr == STATUS_QUEUE_SELECT.offset {
            if strb & 1 == 1 && data & 0xff == 0 {
                self.resetting = true;
            }
            let select = merge(u32::from(self.queue_select) << 16, data, strb & 0b1100);
            self.queue_select = (select >> 16) as u16;
        } else if addr == QUEUE_SIZE_VECTOR.offset && admin {
            let size = merge(u32::from(self.queue_size), data, strb & 0b0011) as u16;
            if size.is_power_of_two() && (2..=ADMIN_QUEUE_SIZE).contains(&size) {
                self.queue_size = size;
            }
        } else if addr == QUEUE_ENABLE_NOTIFY_OFF.offset && admin && strb & 1 == 1 && data & 1 == 1
        {
            self.enabled = true;
            return Some(Meaning::AdminEnabled);
        } else if addr == DRIVER_FEATURE_SELECT.offset {
            self.feature_select = merge(self.feature_select, data, strb);
        } else if addr == DRIVER_FEATURE.offset && self.feature_select < 2 {
            self.features = half(self.features, self.feature_select == 1, data, strb);
        } else if addr == FQ_BASE_LO.offset || addr == FQ_BASE_HI.offset {
            self.fq_base = half(self.fq_base, addr == FQ_BASE_HI.offset, data, strb);
            self.fault_queue();
        } else if addr == FQ_CTRL.offset {
            self.fq_ctrl = merge(self.fq_ctrl, data, strb);
            self.fault_queue();
        } else if addr != CONFIG_VECTOR_NUM_QUEUES.offset {
            self.vector(addr, data, strb);
        }
        None
    }

    fn vector(&mut self, addr: u32, data: u32, strb: u8) {
        let Some(off) = addr.checked_sub(MSIX_TABLE) else {
            return;
        };
        let Some(entry) = self.vectors.get_mut((off / MSIX_ENTRY_BYTES) as usize) else {
            return;
        };
        let mut v = entry[0];
        match off % MSIX_ENTRY_BYTES {
            0 => v.addr = half(v.addr, false, data, strb),
            4 => v.addr = half(v.addr, true, data, strb),
            8 => v.data = merge(v.data, data, strb),
            _ => v.mask = merge(u32::from(v.mask), data, strb) & 1 == 1,
        }
        if v != entry[0] {
            entry.rotate_right(1);
            entry[0] = v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_remembers_what_it_was_and_forgets_in_time() {
        let mut bar = Bar::default();
        bar.vector(MSIX_TABLE, 0xfee0_1000, 0xf);
        bar.vector(MSIX_TABLE + 12, 0, 1);
        let sent = bar.vectors[0][0];
        bar.vector(MSIX_TABLE, 0x1234_5678, 0xe);
        for _ in 0..20 {
            bar.vector(MSIX_TABLE + 12, 2, 1);
        }
        assert_eq!(bar.vectors[0][1], sent);
        for n in 0..VALUES as u32 {
            bar.vector(MSIX_TABLE + 8, n + 1, 0xf);
        }
        assert!(!bar.vectors[0].contains(&sent));
    }
}
