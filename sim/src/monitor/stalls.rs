//! Who waits for whom: no rule, coverage alone.

use shoal_abi::ports::{Inputs, Outputs};

use super::cover::Cover;
use super::{Monitor, Violation};

/// Counts cycles in which a handshake waits for its ready.
#[derive(Debug, Default)]
pub struct Stalls {
    cover: Cover,
}

impl Monitor for Stalls {
    fn name(&self) -> &'static str {
        "stalls"
    }

    fn check(&mut self, _cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            return Ok(());
        }
        for (valid, ready, point) in [
            (o.m_axi_arvalid, i.m_axi_arready, "stall.m_axi_ar"),
            (o.m_axi_awvalid, i.m_axi_awready, "stall.m_axi_aw"),
            (o.m_axi_wvalid, i.m_axi_wready, "stall.m_axi_w"),
            (o.m_axis_tvalid, i.m_axis_tready, "stall.m_axis"),
            (o.s_axil_bvalid, i.s_axil_bready, "stall.s_axil_b"),
            (o.s_axil_rvalid, i.s_axil_rready, "stall.s_axil_r"),
            (i.s_axis_tvalid, o.s_axis_tready, "hold.s_axis"),
            (i.s_axil_awvalid, o.s_axil_awready, "hold.s_axil_aw"),
            (i.s_axil_wvalid, o.s_axil_wready, "hold.s_axil_w"),
            (i.s_axil_arvalid, o.s_axil_arready, "hold.s_axil_ar"),
        ] {
            if valid && !ready {
                self.cover.hit(point);
            }
        }
        Ok(())
    }

    fn cover(&self) -> Option<&Cover> {
        Some(&self.cover)
    }
}
