//! The MMU alone, of profile tiny, in the simulator of rust-hdl: to run it beside another implementation of the contract, §5.
//!
//! [`Mmu::settle`] puts in what comes in during a cycle and gives what stands at the ports then; [`Mmu::edge`] ends the cycle.
//! Not part of the interface of the crate. It is not generic, so that the simulation is compiled here and not by who uses it.

use crate::types::{AsidEntry, InvCmd, MmuReq};
use crate::util::number;
use rust_hdl::prelude::{simulate, Block};

type Tiny = crate::mmu::Mmu<4, 2, 1, 1, 2, 1, 3, 4, 2, 8, 3>;

/// A translation request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Address space.
    pub asid: u32,
    /// Address, bytes.
    pub va: u64,
    /// The access is a write.
    pub write: bool,
    /// What the client knows it by, 10 bits.
    pub tag: u16,
}

/// What goes into the ASID table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// `MODE_*`.
    pub mode: u8,
    /// Accesses carry the PASID.
    pub pasid_valid: bool,
    /// 20 bits.
    pub pasid: u32,
    /// Root table, bytes.
    pub root: u64,
}

/// What comes in in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct In {
    /// Synchronous reset.
    pub reset: bool,
    /// Requests: control, transmit, receive.
    pub requests: [Option<Request>; 3],
    /// The read address is granted.
    pub ar_grant: bool,
    /// Read data: walker, PTE, the response was bad.
    pub r: Option<(u8, u64, bool)>,
    /// Starts an invalidation: kind `INV_*`, ASID.
    pub invalidate: Option<(u64, u32)>,
    /// Writes the ASID table.
    pub set_asid: Option<(u32, Space)>,
    /// MMU_CTRL blocking.
    pub blocking: bool,
    /// MMU_CTRL partition.
    pub partition: bool,
    /// Clears this index of every table.
    pub sweep: Option<u32>,
}

/// An answer as it stands at the port: cause, address, user, tag.
pub type Answer = (u16, u64, u32, u16);

/// What stands at the ports in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Out {
    /// Whose request is taken.
    pub taken: [bool; 3],
    /// Whose answer is up.
    pub answered: [bool; 3],
    /// The answer; 0 if none is up.
    pub answer: Answer,
    /// The read address that is asked for: walker, address.
    pub read: Option<(u8, u64)>,
    /// An invalidation is asked for or going on.
    pub pending: bool,
    /// Its last cycle.
    pub done: bool,
    /// Nothing is under way.
    pub idle: bool,
    /// Counts at the edge: hit, miss, walk, merge, wait, fault.
    pub strobes: [bool; 6],
}

/// The MMU of profile tiny.
pub struct Mmu {
    m: Box<Tiny>,
}

impl Default for Mmu {
    fn default() -> Self {
        let mut m = Box::<Tiny>::default();
        m.connect_all();
        Self { m }
    }
}

impl Mmu {
    /// The cycle with `i`.
    ///
    /// # Panics
    /// If the logic does not settle.
    pub fn settle(&mut self, i: &In) -> Out {
        let m = &mut *self.m;
        m.clock.next.clk = false;
        m.reset.next = i.reset;
        let request = |r: &Option<Request>| {
            let r = r.unwrap_or_default();
            MmuReq {
                asid: u64::from(r.asid).into(),
                va: r.va.into(),
                write: r.write,
                tag: u64::from(r.tag).into(),
            }
        };
        m.req0_valid.next = i.requests[0].is_some();
        m.req0.next = request(&i.requests[0]);
        m.req1_valid.next = i.requests[1].is_some();
        m.req1.next = request(&i.requests[1]);
        m.req2_valid.next = i.requests[2].is_some();
        m.req2.next = request(&i.requests[2]);
        m.ar_grant.next = i.ar_grant;
        m.r_valid.next = i.r.is_some();
        let (walker, data, bad) = i.r.unwrap_or_default();
        m.r_walker.next = u64::from(walker).into();
        m.r_data.next = data.into();
        m.r_bad.next = bad;
        m.inv_set.next = i.invalidate.is_some();
        let (kind, asid) = i.invalidate.unwrap_or_default();
        m.inv.next = InvCmd {
            kind: kind.into(),
            asid: u64::from(asid).into(),
        };
        m.asid_we.next = i.set_asid.is_some();
        let (asid, space) = i.set_asid.unwrap_or_default();
        m.asid_addr.next = u64::from(asid).into();
        m.asid_data.next = AsidEntry {
            mode: u64::from(space.mode).into(),
            pasid_valid: space.pasid_valid,
            pasid: u64::from(space.pasid).into(),
            ppn: (space.root >> 12).into(),
        };
        m.blocking.next = i.blocking;
        m.partition.next = i.partition;
        m.sweep.next = i.sweep.is_some();
        m.sweep_index.next = u64::from(i.sweep.unwrap_or_default()).into();
        assert!(simulate(m, 100), "the MMU settles");
        self.outputs()
    }

    fn outputs(&self) -> Out {
        let m = &*self.m;
        let rsp = m.rsp.val();
        Out {
            taken: [m.req0_taken.val(), m.req1_taken.val(), m.req2_taken.val()],
            answered: [m.rsp0_valid.val(), m.rsp1_valid.val(), m.rsp2_valid.val()],
            answer: (
                number(rsp.cause) as u16,
                number(rsp.addr) as u64,
                number(rsp.user) as u32,
                number(rsp.tag) as u16,
            ),
            read: m.ar_req.val().then(|| {
                (
                    number(m.ar_walker.val()) as u8,
                    number(m.ar_addr.val()) as u64,
                )
            }),
            pending: m.inv_pending.val(),
            done: m.inv_done.val(),
            idle: m.idle.val(),
            strobes: [
                m.hit_strobe.val(),
                m.miss_strobe.val(),
                m.walk_strobe.val(),
                m.merge_strobe.val(),
                m.wait_strobe.val(),
                m.fault_strobe.val(),
            ],
        }
    }

    /// The edge that ends the cycle.
    ///
    /// # Panics
    /// If the logic does not settle.
    pub fn edge(&mut self) {
        self.m.clock.next.clk = true;
        assert!(simulate(&mut *self.m, 100), "the MMU settles");
    }
}
