//! The last transfers on each interface, kept for the report of a failure.

use std::collections::VecDeque;

use shoal_abi::ports::{Inputs, Outputs};

/// Transfers kept on each interface.
const KEEP: usize = 24;

/// An interface of the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Register bus.
    AxiLite,
    /// Memory bus.
    Axi,
    /// Host to card.
    StreamOut,
    /// Card to host.
    StreamIn,
}

impl Interface {
    /// The interface of a port.
    #[must_use]
    pub fn of(port: &str) -> Self {
        if port.starts_with("s_axil_") {
            Self::AxiLite
        } else if port.starts_with("m_axis_") {
            Self::StreamOut
        } else if port.starts_with("s_axis_") {
            Self::StreamIn
        } else {
            Self::Axi
        }
    }
}

/// One handshake.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    cycle: u64,
    channel: &'static str,
    /// Named values; unused places have an empty name.
    fields: [(&'static str, u64); 5],
}

/// The last transfers on each interface.
#[derive(Clone, Debug, Default)]
pub struct History {
    rings: [VecDeque<Transfer>; 4],
}

macro_rules! fields {
    ($($name:ident = $value:expr),*) => {{
        let mut fields = [("", 0_u64); 5];
        let mut n = 0;
        $(fields[n] = (stringify!($name), u64::from($value)); n += 1;)*
        let _ = n;
        fields
    }};
}

impl History {
    /// Takes the handshakes of a cycle.
    pub fn observe(&mut self, cycle: u64, i: &Inputs, o: &Outputs) {
        use Interface::{Axi, AxiLite, StreamIn, StreamOut};
        if i.s_axil_awvalid && o.s_axil_awready {
            self.push(AxiLite, cycle, "AW", fields!(addr = i.s_axil_awaddr));
        }
        if i.s_axil_wvalid && o.s_axil_wready {
            self.push(
                AxiLite,
                cycle,
                "W",
                fields!(data = i.s_axil_wdata, strb = i.s_axil_wstrb),
            );
        }
        if i.s_axil_bready && o.s_axil_bvalid {
            self.push(AxiLite, cycle, "B", fields!(resp = o.s_axil_bresp));
        }
        if i.s_axil_arvalid && o.s_axil_arready {
            self.push(AxiLite, cycle, "AR", fields!(addr = i.s_axil_araddr));
        }
        if i.s_axil_rready && o.s_axil_rvalid {
            self.push(
                AxiLite,
                cycle,
                "R",
                fields!(data = o.s_axil_rdata, resp = o.s_axil_rresp),
            );
        }
        if i.m_axi_arready && o.m_axi_arvalid {
            let f = fields!(
                id = o.m_axi_arid,
                addr = o.m_axi_araddr,
                len = o.m_axi_arlen,
                size = o.m_axi_arsize,
                user = o.m_axi_aruser
            );
            self.push(Axi, cycle, "AR", f);
        }
        if i.m_axi_rvalid && o.m_axi_rready {
            let f = fields!(
                id = i.m_axi_rid,
                data = i.m_axi_rdata[0],
                data_hi = i.m_axi_rdata[1],
                resp = i.m_axi_rresp,
                last = i.m_axi_rlast
            );
            self.push(Axi, cycle, "R", f);
        }
        if i.m_axi_awready && o.m_axi_awvalid {
            let f = fields!(
                id = o.m_axi_awid,
                addr = o.m_axi_awaddr,
                len = o.m_axi_awlen,
                size = o.m_axi_awsize,
                user = o.m_axi_awuser
            );
            self.push(Axi, cycle, "AW", f);
        }
        if i.m_axi_wready && o.m_axi_wvalid {
            let f = fields!(
                data = o.m_axi_wdata[0],
                data_hi = o.m_axi_wdata[1],
                strb = o.m_axi_wstrb,
                last = o.m_axi_wlast
            );
            self.push(Axi, cycle, "W", f);
        }
        if i.m_axi_bvalid && o.m_axi_bready {
            self.push(
                Axi,
                cycle,
                "B",
                fields!(id = i.m_axi_bid, resp = i.m_axi_bresp),
            );
        }
        if i.m_axis_tready && o.m_axis_tvalid {
            let f = fields!(
                dest = o.m_axis_tdest,
                tid = o.m_axis_tid,
                user = o.m_axis_tuser,
                keep = o.m_axis_tkeep,
                last = o.m_axis_tlast
            );
            self.push(StreamOut, cycle, "T", f);
        }
        if i.s_axis_tvalid && o.s_axis_tready {
            let f = fields!(
                dest = i.s_axis_tdest,
                tid = i.s_axis_tid,
                user = i.s_axis_tuser,
                keep = i.s_axis_tkeep,
                last = i.s_axis_tlast
            );
            self.push(StreamIn, cycle, "T", f);
        }
    }

    fn push(
        &mut self,
        on: Interface,
        cycle: u64,
        channel: &'static str,
        fields: [(&'static str, u64); 5],
    ) {
        let ring = &mut self.rings[on as usize];
        if ring.len() == KEEP {
            ring.pop_front();
        }
        ring.push_back(Transfer {
            cycle,
            channel,
            fields,
        });
    }

    /// The last transfers on an interface as text, oldest first.
    #[must_use]
    pub fn lines(&self, on: Interface) -> Vec<String> {
        self.rings[on as usize].iter().map(line).collect()
    }
}

fn line(t: &Transfer) -> String {
    let mut text = format!("{:>10} {:<2}", t.cycle, t.channel);
    for (name, value) in t.fields.iter().filter(|f| !f.0.is_empty()) {
        text.push_str(&format!(" {name}={value:#x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_handshakes_are_kept_and_only_the_last_of_them() {
        let mut h = History::default();
        let o = Outputs {
            s_axil_awready: true,
            m_axi_arvalid: true,
            ..Outputs::default()
        };
        for cycle in 0..100 {
            let i = Inputs {
                s_axil_awvalid: true,
                s_axil_awaddr: 0x40,
                ..Inputs::default()
            };
            h.observe(cycle, &i, &o);
        }
        let lines = h.lines(Interface::of("s_axil_bvalid"));
        assert_eq!(lines.len(), KEEP);
        assert_eq!(lines[KEEP - 1], "        99 AW addr=0x40");
        assert_eq!(h.lines(Interface::Axi), Vec::<String>::new(), "no arready");
    }
}
