//! The first 64 bytes of BAR0: the virtio common configuration of the management device, and NOTIFY.
//!
//! Timing: a write acts at the edge of a cycle with `wr`; reads are functions of state. What the core writes at the same
//! edge wins. Layout: `shoal_abi::regs`, virtio 1.4 §4.1.4.3.

use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::{regs, ring};

/// Registers 0x000..0x040 and NOTIFY.
#[derive(LogicBlock)]
pub struct RegsCommon {
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
    /// The contexts are clear: READY.
    pub ready: Signal<In, Bit>,
    /// End of a warm reset: every register of the block as after reset.
    pub restore: Signal<In, Bit>,
    /// End of a warm reset.
    pub warm_clear: Signal<In, Bit>,
    pub kick_clear: Signal<In, Bit>,
    /// Sets DEVICE_NEEDS_RESET.
    pub needs_reset_set: Signal<In, Bit>,
    /// The admin queue may run.
    pub live: Signal<Out, Bit>,
    /// NOTIFY was written.
    pub kick: Signal<Out, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<Out, Bit>,
    pub adm_desc: Signal<Out, Bits<64>>,
    pub adm_driver: Signal<Out, Bits<64>>,
    pub adm_device: Signal<Out, Bits<64>>,
    pub adm_size: Signal<Out, Bits<16>>,
    pub config_vector: Signal<Out, Bits<16>>,
    pub queue_vector: Signal<Out, Bits<16>>,
    dev_sel: DFF<Bits<32>>,
    drv_sel: DFF<Bits<32>>,
    drv_lo: DFF<Bits<32>>,
    drv_hi: DFF<Bits<32>>,
    cfg_vec: DFF<Bits<16>>,
    status: DFF<Bits<8>>,
    q_sel: DFF<Bits<16>>,
    q_size: DFF<Bits<16>>,
    q_vec: DFF<Bits<16>>,
    q_enable: DFF<Bit>,
    desc_lo: DFF<Bits<32>>,
    desc_hi: DFF<Bits<32>>,
    driver_lo: DFF<Bits<32>>,
    driver_hi: DFF<Bits<32>>,
    device_lo: DFF<Bits<32>>,
    device_hi: DFF<Bits<32>>,
    kicked: DFF<Bit>,
    warming: DFF<Bit>,
    mask_lo: Signal<Local, Bits<16>>,
    mask_hi: Signal<Local, Bits<16>>,
    data_lo: Signal<Local, Bits<16>>,
    data_hi: Signal<Local, Bits<16>>,
    merged_lo: Signal<Local, Bits<16>>,
    merged_hi: Signal<Local, Bits<16>>,
    status_in: Signal<Local, Bits<8>>,
    size_ok: Signal<Local, Bit>,
    features_ok: Signal<Local, Bit>,
    admin: Signal<Local, Bit>,
    setup: Signal<Local, Bit>,
    zero8: Constant<Bits<8>>,
    zero16: Constant<Bits<16>>,
    zero: Constant<Bits<32>>,
    one: Constant<Bits<32>>,
    half: Constant<Bits<5>>,
    word: Constant<Bits<6>>,
    vectors: Constant<Bits<16>>,
    no_vector: Constant<Bits<16>>,
    size_reset: Constant<Bits<16>>,
    mgmt_lo: Constant<Bits<32>>,
    mgmt_hi: Constant<Bits<32>>,
    version_1: Constant<Bits<32>>,
    s_writable: Constant<Bits<8>>,
    s_writable_not_ok: Constant<Bits<8>>,
    s_features_ok: Constant<Bits<8>>,
    s_driver_ok: Constant<Bits<8>>,
    s_needs_reset: Constant<Bits<8>>,
    align_desc: Constant<Bits<32>>,
    align_driver: Constant<Bits<32>>,
    align_device: Constant<Bits<32>>,
    admin_queue: Constant<Bits<32>>,
    a_dev_sel: Constant<Bits<32>>,
    a_dev_feature: Constant<Bits<32>>,
    a_drv_sel: Constant<Bits<32>>,
    a_drv_feature: Constant<Bits<32>>,
    a_vector: Constant<Bits<32>>,
    a_status: Constant<Bits<32>>,
    a_size: Constant<Bits<32>>,
    a_enable: Constant<Bits<32>>,
    a_desc_lo: Constant<Bits<32>>,
    a_desc_hi: Constant<Bits<32>>,
    a_driver_lo: Constant<Bits<32>>,
    a_driver_hi: Constant<Bits<32>>,
    a_device_lo: Constant<Bits<32>>,
    a_device_hi: Constant<Bits<32>>,
    a_admin: Constant<Bits<32>>,
    a_notify: Constant<Bits<32>>,
    sizes: [Constant<Bits<16>>; 6],
}

impl Default for RegsCommon {
    fn default() -> Self {
        let at = |r: regs::Reg| u64::from(r.offset);
        block_default!(
            clock, reset, wr, wr_addr, wr_data, wr_mask, wr_ok, rd_addr, rd_ok, rd_data, ready, restore, warm_clear,
            kick_clear, needs_reset_set, live, kick, warm, adm_desc, adm_driver, adm_device, adm_size, config_vector,
            queue_vector, dev_sel, drv_sel, drv_lo, drv_hi, cfg_vec, status, q_sel, q_size, q_vec, q_enable, desc_lo,
            desc_hi, driver_lo, driver_hi, device_lo, device_hi, kicked, warming, mask_lo, mask_hi, data_lo, data_hi,
            merged_lo, merged_hi, status_in, size_ok, features_ok, admin, setup;
            zero8 = 0, zero16 = 0, zero = 0, one = 1, half = 16, word = 32,
            vectors = u64::from(regs::MSIX_VECTORS), no_vector = u64::from(regs::NO_VECTOR),
            size_reset = u64::from(regs::ADMIN_QUEUE_SIZE),
            mgmt_lo = regs::MGMT_FEATURES & 0xffff_ffff, mgmt_hi = regs::MGMT_FEATURES >> 32,
            version_1 = 1_u64 << (ring::F_VERSION_1 - 32),
            s_writable = u64::from(ring::S_WRITABLE),
            s_writable_not_ok = u64::from(ring::S_WRITABLE & !ring::S_FEATURES_OK),
            s_features_ok = u64::from(ring::S_FEATURES_OK), s_driver_ok = u64::from(ring::S_DRIVER_OK),
            s_needs_reset = u64::from(ring::S_NEEDS_RESET),
            align_desc = 0xffff_fff0, align_driver = 0xffff_fffe, align_device = 0xffff_fffc,
            admin_queue = 1_u64 << 16,
            a_dev_sel = at(regs::DEVICE_FEATURE_SELECT), a_dev_feature = at(regs::DEVICE_FEATURE),
            a_drv_sel = at(regs::DRIVER_FEATURE_SELECT), a_drv_feature = at(regs::DRIVER_FEATURE),
            a_vector = at(regs::CONFIG_VECTOR_NUM_QUEUES), a_status = at(regs::STATUS_QUEUE_SELECT),
            a_size = at(regs::QUEUE_SIZE_VECTOR), a_enable = at(regs::QUEUE_ENABLE_NOTIFY_OFF),
            a_desc_lo = at(regs::QUEUE_DESC_LO), a_desc_hi = at(regs::QUEUE_DESC_HI),
            a_driver_lo = at(regs::QUEUE_DRIVER_LO), a_driver_hi = at(regs::QUEUE_DRIVER_HI),
            a_device_lo = at(regs::QUEUE_DEVICE_LO), a_device_hi = at(regs::QUEUE_DEVICE_HI),
            a_admin = at(regs::ADMIN_QUEUE), a_notify = at(regs::NOTIFY);
            sizes = [2, 4, 8, 16, 32, 64].map(|n: u64| Constant::new(n.into()))
        )
    }
}

impl Logic for RegsCommon {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, dev_sel, drv_sel, drv_lo, drv_hi, cfg_vec, status, q_sel, q_size, q_vec,
            q_enable, desc_lo, desc_hi, driver_lo, driver_hi, device_lo, device_hi, kicked,
            warming
        );
        self.mask_lo.next = self.wr_mask.val().get_bits::<16>(0);
        self.mask_hi.next = self.wr_mask.val().get_bits::<16>(16);
        self.data_lo.next = self.wr_data.val().get_bits::<16>(0) & self.mask_lo.val();
        self.data_hi.next = self.wr_data.val().get_bits::<16>(16) & self.mask_hi.val();
        self.admin.next = self.q_sel.q.val() == self.zero16.val();
        self.setup.next = self.admin.val() && !self.q_enable.q.val();
        // A driver_feature that may be accepted: no bit that is not offered, and VERSION_1.
        self.features_ok.next = ((self.drv_lo.q.val() | self.mgmt_lo.val()) == self.mgmt_lo.val())
            && ((self.drv_hi.q.val() | self.mgmt_hi.val()) == self.mgmt_hi.val())
            && ((self.drv_hi.q.val() & self.version_1.val()) != self.zero.val());
        self.status_in.next = self.wr_data.val().get_bits::<8>(0);
        // Writes.
        self.merged_lo.next = self.data_lo.val();
        self.merged_hi.next = self.data_hi.val();
        self.size_ok.next = false;
        self.wr_ok.next = (self.wr_addr.val() <= self.a_admin.val())
            || (self.wr_addr.val() == self.a_notify.val());
        if self.wr.val() {
            if self.wr_addr.val() == self.a_dev_sel.val() {
                self.dev_sel.d.next = (self.dev_sel.q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if self.wr_addr.val() == self.a_drv_sel.val() {
                self.drv_sel.d.next = (self.drv_sel.q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if (self.wr_addr.val() == self.a_drv_feature.val())
                && ((self.status.q.val() & self.s_features_ok.val()) == self.zero8.val())
            {
                if self.drv_sel.q.val() == self.zero.val() {
                    self.drv_lo.d.next = (self.drv_lo.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val());
                }
                if self.drv_sel.q.val() == self.one.val() {
                    self.drv_hi.d.next = (self.drv_hi.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val());
                }
            }
            if self.wr_addr.val() == self.a_vector.val() {
                self.merged_lo.next =
                    (self.cfg_vec.q.val() & !self.mask_lo.val()) | self.data_lo.val();
                self.cfg_vec.d.next = self.no_vector.val();
                if self.merged_lo.val() < self.vectors.val() {
                    self.cfg_vec.d.next = self.merged_lo.val();
                }
            }
            if self.wr_addr.val() == self.a_status.val() {
                self.q_sel.d.next = (self.q_sel.q.val() & !self.mask_hi.val()) | self.data_hi.val();
                if self.wr_mask.val().get_bit(0) && self.ready.val() && !self.warming.q.val() {
                    if self.status_in.val() == self.zero8.val() {
                        self.warming.d.next = true;
                    } else {
                        self.status.d.next = self.status.q.val()
                            | (self.status_in.val() & self.s_writable_not_ok.val());
                        if self.features_ok.val() {
                            self.status.d.next = self.status.q.val()
                                | (self.status_in.val() & self.s_writable.val());
                        }
                    }
                }
            }
            if self.wr_addr.val() == self.a_size.val() {
                if self.setup.val() {
                    self.merged_lo.next =
                        (self.q_size.q.val() & !self.mask_lo.val()) | self.data_lo.val();
                    for i in 0..6 {
                        if self.merged_lo.val() == self.sizes[i].val() {
                            self.size_ok.next = true;
                        }
                    }
                    if self.size_ok.val() {
                        self.q_size.d.next = self.merged_lo.val();
                    }
                }
                if self.admin.val() {
                    self.merged_hi.next =
                        (self.q_vec.q.val() & !self.mask_hi.val()) | self.data_hi.val();
                    self.q_vec.d.next = self.no_vector.val();
                    if self.merged_hi.val() < self.vectors.val() {
                        self.q_vec.d.next = self.merged_hi.val();
                    }
                }
            }
            if (self.wr_addr.val() == self.a_enable.val()) && self.admin.val() {
                if self.data_lo.val().get_bit(0) {
                    self.q_enable.d.next = true;
                }
            }
            if self.setup.val() {
                if self.wr_addr.val() == self.a_desc_lo.val() {
                    self.desc_lo.d.next = (self.desc_lo.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val() & self.align_desc.val());
                }
                if self.wr_addr.val() == self.a_desc_hi.val() {
                    self.desc_hi.d.next = (self.desc_hi.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val());
                }
                if self.wr_addr.val() == self.a_driver_lo.val() {
                    self.driver_lo.d.next = (self.driver_lo.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val() & self.align_driver.val());
                }
                if self.wr_addr.val() == self.a_driver_hi.val() {
                    self.driver_hi.d.next = (self.driver_hi.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val());
                }
                if self.wr_addr.val() == self.a_device_lo.val() {
                    self.device_lo.d.next = (self.device_lo.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val() & self.align_device.val());
                }
                if self.wr_addr.val() == self.a_device_hi.val() {
                    self.device_hi.d.next = (self.device_hi.q.val() & !self.wr_mask.val())
                        | (self.wr_data.val() & self.wr_mask.val());
                }
            }
            if self.wr_addr.val() == self.a_notify.val() {
                self.kicked.d.next = true;
            }
        }
        // Reads.
        self.rd_ok.next = (self.rd_addr.val() <= self.a_admin.val())
            || (self.rd_addr.val() == self.a_notify.val());
        self.rd_data.next = 0.into();
        if self.rd_addr.val() == self.a_dev_sel.val() {
            self.rd_data.next = self.dev_sel.q.val();
        }
        if self.rd_addr.val() == self.a_dev_feature.val() {
            if self.dev_sel.q.val() == self.zero.val() {
                self.rd_data.next = self.mgmt_lo.val();
            }
            if self.dev_sel.q.val() == self.one.val() {
                self.rd_data.next = self.mgmt_hi.val();
            }
        }
        if self.rd_addr.val() == self.a_drv_sel.val() {
            self.rd_data.next = self.drv_sel.q.val();
        }
        if self.rd_addr.val() == self.a_drv_feature.val() {
            if self.drv_sel.q.val() == self.zero.val() {
                self.rd_data.next = self.drv_lo.q.val();
            }
            if self.drv_sel.q.val() == self.one.val() {
                self.rd_data.next = self.drv_hi.q.val();
            }
        }
        if self.rd_addr.val() == self.a_vector.val() {
            self.rd_data.next = bit_cast::<32, 16>(self.cfg_vec.q.val());
        }
        if self.rd_addr.val() == self.a_status.val() {
            self.rd_data.next = bit_cast::<32, 8>(self.status.q.val())
                | (bit_cast::<32, 16>(self.q_sel.q.val()) << self.half.val());
        }
        if self.admin.val() {
            if self.rd_addr.val() == self.a_size.val() {
                self.rd_data.next = bit_cast::<32, 16>(self.q_size.q.val())
                    | (bit_cast::<32, 16>(self.q_vec.q.val()) << self.half.val());
            }
            if (self.rd_addr.val() == self.a_enable.val()) && self.q_enable.q.val() {
                self.rd_data.next = self.one.val();
            }
            if self.rd_addr.val() == self.a_desc_lo.val() {
                self.rd_data.next = self.desc_lo.q.val();
            }
            if self.rd_addr.val() == self.a_desc_hi.val() {
                self.rd_data.next = self.desc_hi.q.val();
            }
            if self.rd_addr.val() == self.a_driver_lo.val() {
                self.rd_data.next = self.driver_lo.q.val();
            }
            if self.rd_addr.val() == self.a_driver_hi.val() {
                self.rd_data.next = self.driver_hi.q.val();
            }
            if self.rd_addr.val() == self.a_device_lo.val() {
                self.rd_data.next = self.device_lo.q.val();
            }
            if self.rd_addr.val() == self.a_device_hi.val() {
                self.rd_data.next = self.device_hi.q.val();
            }
        }
        if self.rd_addr.val() == self.a_admin.val() {
            self.rd_data.next = self.admin_queue.val();
        }
        // To the core.
        self.live.next = self.q_enable.q.val()
            && !self.warming.q.val()
            && ((self.status.q.val() & self.s_driver_ok.val()) != self.zero8.val())
            && ((self.status.q.val() & self.s_needs_reset.val()) == self.zero8.val());
        self.kick.next = self.kicked.q.val();
        self.warm.next = self.warming.q.val();
        self.adm_desc.next = bit_cast::<64, 32>(self.desc_lo.q.val())
            | (bit_cast::<64, 32>(self.desc_hi.q.val()) << self.word.val());
        self.adm_driver.next = bit_cast::<64, 32>(self.driver_lo.q.val())
            | (bit_cast::<64, 32>(self.driver_hi.q.val()) << self.word.val());
        self.adm_device.next = bit_cast::<64, 32>(self.device_lo.q.val())
            | (bit_cast::<64, 32>(self.device_hi.q.val()) << self.word.val());
        self.adm_size.next = self.q_size.q.val();
        self.config_vector.next = self.cfg_vec.q.val();
        self.queue_vector.next = self.q_vec.q.val();
        // What the core writes wins.
        if self.kick_clear.val() {
            self.kicked.d.next = false;
        }
        if self.needs_reset_set.val() {
            self.status.d.next = self.status.q.val() | self.s_needs_reset.val();
        }
        if self.warm_clear.val() {
            self.warming.d.next = false;
        }
        if self.reset.val() || self.restore.val() {
            self.dev_sel.d.next = 0.into();
            self.drv_sel.d.next = 0.into();
            self.drv_lo.d.next = 0.into();
            self.drv_hi.d.next = 0.into();
            self.cfg_vec.d.next = self.no_vector.val();
            self.status.d.next = 0.into();
            self.q_sel.d.next = 0.into();
            self.q_size.d.next = self.size_reset.val();
            self.q_vec.d.next = self.no_vector.val();
            self.q_enable.d.next = false;
            self.desc_lo.d.next = 0.into();
            self.desc_hi.d.next = 0.into();
            self.driver_lo.d.next = 0.into();
            self.driver_hi.d.next = 0.into();
            self.device_lo.d.next = 0.into();
            self.device_hi.d.next = 0.into();
        }
        if self.reset.val() {
            self.kicked.d.next = false;
            self.warming.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("regs-common", RegsCommon::default());
    }
}
