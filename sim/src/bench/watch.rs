//! What a bench sees at the ports: beats, walks, doorbells, packets and messages, each with its cycle. No work but counting
//! is done in a cycle, whatever the number of devices.

use std::collections::VecDeque;

use shoal_abi::mmu::USER_INTERRUPT;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::regs::{DOORBELLS, DOORBELL_PAGE_BYTES};
use shoal_abi::stream::TUSER_ANSWER;

use super::layout::{Layout, Meaning};

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Read bursts.
    pub reads: u64,
    /// Read beats.
    pub read_beats: u64,
    /// Write bursts.
    pub writes: u64,
    /// Write beats.
    pub write_beats: u64,
    /// Page walks that came to a leaf table.
    pub walks: u64,
    /// Packets that `m_axis` completed.
    pub sent: u64,
    /// Packets that `s_axis` completed, answers left out.
    pub received: u64,
}

impl Counts {
    /// Packets of both ways.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.sent + self.received
    }
}

/// Something that the generator has to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A doorbell was accepted: its page and the index written.
    Doorbell {
        /// Page.
        page: u32,
        /// Index.
        vq: u16,
    },
    /// The first beat of a packet for a receive queue was accepted.
    Arrival {
        /// Member id.
        member: u32,
        /// Queue index.
        vq: u16,
    },
    /// The address of an interrupt message was accepted.
    Message {
        /// Address.
        addr: u64,
    },
}

/// The ports of a run.
#[derive(Debug, Default)]
pub struct Watch {
    layout: Option<Layout>,
    /// Counters.
    pub counts: Counts,
    /// Events, oldest first, with their cycles.
    pub seen: VecDeque<(u64, Seen)>,
    /// Cycle of the last doorbell.
    pub doorbell: Option<u64>,
    /// Cycle of the first AR since [`Watch::forget_steps`].
    pub first_read: Option<u64>,
    /// Cycle of the last response to a write of a used index.
    pub index_written: Option<u64>,
    /// Cycle of the last message.
    pub message: Option<u64>,
    /// Register writes whose data, or whose address, has not come.
    addresses: VecDeque<u32>,
    data: VecDeque<u32>,
    /// Writes without a response: ID, and whether it is of a used index.
    writes: VecDeque<(u16, bool)>,
    is_arriving: bool,
}

impl Watch {
    /// Knows from now on what addresses mean.
    pub fn set_layout(&mut self, layout: Layout) {
        self.layout = Some(layout);
    }

    /// Forgets when the steps of a packet were.
    pub fn forget_steps(&mut self) {
        (self.doorbell, self.first_read) = (None, None);
        (self.index_written, self.message) = (None, None);
    }

    fn meaning(&self, addr: u64, len: u64) -> Meaning {
        let layout = self.layout.as_ref();
        layout.map_or(Meaning::Other, |l| l.meaning(addr, len))
    }

    /// Takes a cycle.
    pub fn cycle(&mut self, cycle: u64, i: &Inputs, o: &Outputs) {
        if o.m_axi_arvalid && i.m_axi_arready {
            self.counts.reads += 1;
            self.first_read.get_or_insert(cycle);
            let is_leaf = self.meaning(o.m_axi_araddr, 1) == Meaning::Leaf;
            self.counts.walks += u64::from(is_leaf);
        }
        self.counts.read_beats += u64::from(i.m_axi_rvalid && o.m_axi_rready);
        if o.m_axi_awvalid && i.m_axi_awready {
            self.counts.writes += 1;
            let bytes = (u64::from(o.m_axi_awlen) + 1) << o.m_axi_awsize;
            let is_message = o.m_axi_awuser & USER_INTERRUPT != 0;
            let is_index = !is_message && self.meaning(o.m_axi_awaddr, bytes) == Meaning::UsedIndex;
            self.writes.push_back((o.m_axi_awid, is_index));
            if is_message {
                let addr = o.m_axi_awaddr;
                self.message = Some(cycle);
                self.seen.push_back((cycle, Seen::Message { addr }));
            }
        }
        self.counts.write_beats += u64::from(o.m_axi_wvalid && i.m_axi_wready);
        if i.m_axi_bvalid && o.m_axi_bready {
            let at = self.writes.iter().position(|w| w.0 == i.m_axi_bid);
            if let Some((_, true)) = at.and_then(|at| self.writes.remove(at)) {
                self.index_written = Some(cycle);
            }
        }
        self.counts.sent += u64::from(o.m_axis_tvalid && i.m_axis_tready && o.m_axis_tlast);
        if i.s_axis_tvalid && o.s_axis_tready && TUSER_ANSWER.get(i.s_axis_tuser) == 0 {
            if !self.is_arriving {
                let (member, vq) = (i.s_axis_tdest, i.s_axis_tid);
                self.seen.push_back((cycle, Seen::Arrival { member, vq }));
            }
            self.is_arriving = !i.s_axis_tlast;
            self.counts.received += u64::from(i.s_axis_tlast);
        }
        if i.s_axil_awvalid || i.s_axil_wvalid {
            self.register_write(cycle, i, o);
        }
    }

    fn register_write(&mut self, cycle: u64, i: &Inputs, o: &Outputs) {
        if i.s_axil_awvalid && o.s_axil_awready {
            self.addresses.push_back(i.s_axil_awaddr);
        }
        if i.s_axil_wvalid && o.s_axil_wready {
            self.data.push_back(i.s_axil_wdata);
        }
        while !self.addresses.is_empty() && !self.data.is_empty() {
            let (addr, data) = (self.addresses.pop_front(), self.data.pop_front());
            if let Some(offset) = addr.and_then(|a| a.checked_sub(DOORBELLS)) {
                let page = offset / DOORBELL_PAGE_BYTES;
                let vq = data.unwrap_or_default() as u16;
                self.doorbell = Some(cycle);
                self.seen.push_back((cycle, Seen::Doorbell { page, vq }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::HostMem;

    #[test]
    fn a_doorbell_counts_when_address_and_data_are_both_in() {
        let mut w = Watch::default();
        let mut i = Inputs {
            s_axil_awvalid: true,
            s_axil_awaddr: DOORBELLS + 3 * DOORBELL_PAGE_BYTES,
            s_axil_wvalid: true,
            s_axil_wdata: 1,
            ..Inputs::default()
        };
        let mut o = Outputs {
            s_axil_awready: true,
            ..Outputs::default()
        };
        w.cycle(5, &i, &o);
        assert!(w.seen.is_empty());
        i.s_axil_awvalid = false;
        o.s_axil_wready = true;
        w.cycle(6, &i, &o);
        assert_eq!(w.seen, [(6, Seen::Doorbell { page: 3, vq: 1 })]);
    }

    #[test]
    fn walks_and_the_response_of_a_used_index_are_found_by_address() {
        let mem = HostMem::new(0, 1 << 28).unwrap();
        let layout = Layout::new(&mem, 2, 1).unwrap();
        let mut w = Watch::default();
        let used = layout.areas(1, 1).2;
        w.set_layout(layout);
        let mut o = Outputs {
            m_axi_awvalid: true,
            m_axi_awid: 9,
            m_axi_awaddr: used,
            m_axi_awsize: 3,
            m_axi_bready: true,
            ..Outputs::default()
        };
        let mut i = Inputs {
            m_axi_awready: true,
            ..Inputs::default()
        };
        w.cycle(1, &i, &o);
        o.m_axi_awuser = USER_INTERRUPT;
        o.m_axi_awid = 8;
        w.cycle(2, &i, &o);
        assert_eq!(w.seen.pop_front(), Some((2, Seen::Message { addr: used })));
        o.m_axi_awvalid = false;
        (i.m_axi_bvalid, i.m_axi_bid) = (true, 8);
        w.cycle(3, &i, &o);
        assert_eq!(w.index_written, None);
        i.m_axi_bid = 9;
        w.cycle(4, &i, &o);
        assert_eq!((w.index_written, w.counts.writes), (Some(4), 2));
    }
}
