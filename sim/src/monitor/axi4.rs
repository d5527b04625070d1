//! The AXI4 master port (`m_axi_*`): handshakes, bursts, byte enables, IDs, constant signals.
//!
//! Spec: AMBA AXI4 (IHI 0022), and the restrictions of ABI.md: INCR only, no burst across 4 KiB, `bready` and `rready` always 1.
//! Responses that nothing asked for are reported as errors of the environment.

use std::collections::VecDeque;

use shoal_abi::mmu::USER_INTERRUPT;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::regs::{RESP_DECERR, RESP_OKAY, RESP_SLVERR};

use super::{Monitor, Violation, BOUND};

const NAME: &str = "axi4";
const BURST_INCR: u8 = 1;
const CACHE: u8 = 0b0011;
const PROT: u8 = 0b010;
const USER_W: u32 = 22;
const PAGE: u64 = 4096;

/// An address handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    id: u16,
    addr: u64,
    len: u8,
    size: u8,
    burst: u8,
    lock: bool,
    cache: u8,
    prot: u8,
    qos: u8,
    region: u8,
    user: u32,
}

impl Request {
    fn write(o: &Outputs) -> Self {
        Self {
            id: o.m_axi_awid,
            addr: o.m_axi_awaddr,
            len: o.m_axi_awlen,
            size: o.m_axi_awsize,
            burst: o.m_axi_awburst,
            lock: o.m_axi_awlock,
            cache: o.m_axi_awcache,
            prot: o.m_axi_awprot,
            qos: o.m_axi_awqos,
            region: o.m_axi_awregion,
            user: o.m_axi_awuser,
        }
    }

    fn read(o: &Outputs) -> Self {
        Self {
            id: o.m_axi_arid,
            addr: o.m_axi_araddr,
            len: o.m_axi_arlen,
            size: o.m_axi_arsize,
            burst: o.m_axi_arburst,
            lock: o.m_axi_arlock,
            cache: o.m_axi_arcache,
            prot: o.m_axi_arprot,
            qos: o.m_axi_arqos,
            region: o.m_axi_arregion,
            user: o.m_axi_aruser,
        }
    }

    /// Byte lanes that beat `n` may carry, one bit a byte of a bus of `bus` bytes.
    fn lanes(&self, n: u64, bus: u64) -> u64 {
        let size = 1u64 << self.size;
        let beat = (self.addr & !(size - 1)).wrapping_add(n * size);
        let first = if n == 0 { self.addr } else { beat };
        let (lo, end) = (first % bus, beat % bus + size);
        let below = |bits: u64| {
            if bits >= 64 {
                u64::MAX
            } else {
                (1 << bits) - 1
            }
        };
        below(end) & !below(lo)
    }
}

/// A write data beat as it stands on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beat {
    data: shoal_abi::ports::Data,
    strb: u64,
    last: bool,
}

impl Beat {
    fn of(o: &Outputs) -> Self {
        Self {
            data: o.m_axi_wdata,
            strb: o.m_axi_wstrb,
            last: o.m_axi_wlast,
        }
    }
}

/// Monitor of the AXI4 master port.
pub struct Axi4 {
    bus: u64,
    id_count: usize,
    /// True when the cycle before was in reset, or was the first.
    fresh: bool,
    stalled_aw: Option<Request>,
    stalled_ar: Option<Request>,
    stalled_w: Option<Beat>,
    /// Addresses whose data is not complete, oldest first, with the cycle they were accepted.
    addresses: VecDeque<(Request, u64)>,
    /// Beats of the oldest such burst, or of bursts ahead of their address: byte enables and last.
    beats: VecDeque<(u64, bool)>,
    /// Beats taken off the front of `beats` for `addresses[0]`.
    taken: u64,
    /// By ID: writes whose address and data are complete and which have no response.
    writes: Vec<u32>,
    /// By ID: beats still to come of each read, oldest first.
    reads: Vec<VecDeque<u32>>,
}

impl Axi4 {
    /// A monitor for a device of `profile`.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        let id_count = 1 << profile.id_w;
        Self {
            bus: profile.beat_bytes() as u64,
            id_count,
            fresh: true,
            stalled_aw: None,
            stalled_ar: None,
            stalled_w: None,
            addresses: VecDeque::new(),
            beats: VecDeque::new(),
            taken: 0,
            writes: vec![0; id_count],
            reads: vec![VecDeque::new(); id_count],
        }
    }

    fn reset(&mut self) {
        self.fresh = true;
        self.stalled_aw = None;
        self.stalled_ar = None;
        self.stalled_w = None;
        self.addresses.clear();
        self.beats.clear();
        self.taken = 0;
        self.writes.fill(0);
        self.reads.iter_mut().for_each(VecDeque::clear);
    }

    /// The rules that hold for every address, whoever sends it.
    fn request(&self, cycle: u64, what: &str, r: &Request, user_w: u32) -> Result<(), Violation> {
        let fail = |rule, detail| Err(Violation::device(cycle, NAME, rule, detail));
        if usize::from(r.id) >= self.id_count || r.user >> user_w != 0 || r.size > 7 {
            return fail("range", format!("{what} has bits above its ports: {r:x?}"));
        }
        if 1u64 << r.size > self.bus {
            return fail(
                "size",
                format!("{what} size {} is wider than the bus", r.size),
            );
        }
        if r.burst != BURST_INCR {
            return fail("burst", format!("{what} burst type {}", r.burst));
        }
        if r.lock || r.cache != CACHE || r.prot != PROT || r.qos != 0 || r.region != 0 {
            return fail("constant", format!("{what} constant signals: {r:x?}"));
        }
        let size = 1u64 << r.size;
        let bytes = (u64::from(r.len) + 1) * size;
        if (r.addr & !(size - 1)) % PAGE + bytes > PAGE {
            return fail(
                "boundary",
                format!("{what} {:#x} crosses 4 KiB: {r:x?}", r.addr),
            );
        }
        Ok(())
    }

    /// Pairs addresses with data, in order, as far as both are there.
    fn join(&mut self, cycle: u64) -> Result<(), Violation> {
        while let Some(&(r, _)) = self.addresses.front() {
            let Some(&(strb, last)) = self.beats.front() else {
                return Ok(());
            };
            let lanes = r.lanes(self.taken, self.bus);
            if strb & !lanes != 0 {
                return Err(Violation::device(
                    cycle,
                    NAME,
                    "strobe",
                    format!(
                        "beat {} of {:#x}: wstrb {strb:#x} outside lanes {lanes:#x}",
                        self.taken, r.addr
                    ),
                ));
            }
            let end = self.taken == u64::from(r.len);
            if last != end {
                return Err(Violation::device(
                    cycle,
                    NAME,
                    "wlast",
                    format!(
                        "wlast {last} on beat {} of {} at {:#x}",
                        self.taken,
                        u64::from(r.len) + 1,
                        r.addr
                    ),
                ));
            }
            self.beats.pop_front();
            self.taken += 1;
            if end {
                self.taken = 0;
                self.addresses.pop_front();
                self.writes[usize::from(r.id)] += 1;
            }
        }
        Ok(())
    }

    fn write_channels(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        let fail = |rule, detail: String| Err(Violation::device(cycle, NAME, rule, detail));
        if o.m_axi_awvalid || self.stalled_aw.is_some() {
            let r = Request::write(o);
            if let Some(was) = self.stalled_aw.take() {
                if !o.m_axi_awvalid {
                    return fail("aw-held", format!("awvalid fell before awready: {was:x?}"));
                }
                if was != r {
                    return fail("aw-stable", format!("{was:x?} became {r:x?}"));
                }
            } else {
                self.request(cycle, "write", &r, USER_W)?;
            }
            if i.m_axi_awready {
                self.addresses.push_back((r, cycle));
            } else {
                self.stalled_aw = Some(r);
            }
        }
        if o.m_axi_wvalid || self.stalled_w.is_some() {
            let b = Beat::of(o);
            if let Some(was) = self.stalled_w.take() {
                if !o.m_axi_wvalid {
                    return fail("w-held", format!("wvalid fell before wready: {was:x?}"));
                }
                if was != b {
                    return fail("w-stable", format!("{was:x?} became {b:x?}"));
                }
            } else if (self.bus < 64 && b.strb >> self.bus != 0)
                || b.data.iter().skip(self.bus as usize / 8).any(|w| *w != 0)
            {
                return fail("range", format!("write data above the bus width: {b:x?}"));
            }
            if i.m_axi_wready {
                self.beats.push_back((b.strb, b.last));
            } else {
                self.stalled_w = Some(b);
            }
        }
        if !self.beats.is_empty() {
            self.join(cycle)?;
        }
        if let Some((r, since)) = self.addresses.front() {
            // A device that waits for one channel before it serves the other can hang a legal subordinate.
            if self.stalled_w.is_none() && cycle - since > BOUND {
                return fail(
                    "w-missing",
                    format!("no data for {:#x} after {BOUND} cycles", r.addr),
                );
            }
        }
        Ok(())
    }

    fn responses(&mut self, cycle: u64, i: &Inputs) -> Result<(), Violation> {
        let fail = |rule, detail: String| Err(Violation::environment(cycle, NAME, rule, detail));
        let known = |resp| matches!(resp, RESP_OKAY | RESP_SLVERR | RESP_DECERR);
        if i.m_axi_bvalid {
            match self.writes.get_mut(usize::from(i.m_axi_bid)) {
                Some(n) if *n > 0 => *n -= 1,
                _ => {
                    return fail(
                        "b-unknown",
                        format!("response with ID {}, no write waits", i.m_axi_bid),
                    )
                }
            }
            if !known(i.m_axi_bresp) {
                return fail("resp", format!("bresp {}", i.m_axi_bresp));
            }
        }
        if i.m_axi_rvalid {
            let id = usize::from(i.m_axi_rid);
            let Some(left) = self.reads.get_mut(id).and_then(|q| q.front_mut()) else {
                return fail("r-unknown", format!("data with ID {id}, no read waits"));
            };
            *left -= 1;
            let end = *left == 0;
            if i.m_axi_rlast != end {
                return fail(
                    "rlast",
                    format!(
                        "rlast {} with {} beats to come, ID {id}",
                        i.m_axi_rlast, left
                    ),
                );
            }
            if !known(i.m_axi_rresp) {
                return fail("resp", format!("rresp {}", i.m_axi_rresp));
            }
            if end {
                self.reads[id].pop_front();
            }
        }
        Ok(())
    }
}

impl Monitor for Axi4 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            self.reset();
            return Ok(());
        }
        let fail = |rule, detail: String| Err(Violation::device(cycle, NAME, rule, detail));
        if self.fresh {
            self.fresh = false;
            // AXI4 A3.1.2: the earliest valid is the cycle after the first edge without reset.
            if o.m_axi_awvalid || o.m_axi_wvalid || o.m_axi_arvalid {
                return fail(
                    "reset",
                    "a valid is high in the first cycle after reset".into(),
                );
            }
        } else if !(o.m_axi_bready && o.m_axi_rready) {
            return fail(
                "ready",
                format!("bready {}, rready {}", o.m_axi_bready, o.m_axi_rready),
            );
        }
        // Responses first: an answer can come at the earliest in the cycle after the request was accepted.
        if i.m_axi_bvalid || i.m_axi_rvalid {
            self.responses(cycle, i)?;
        }
        if o.m_axi_awvalid
            || o.m_axi_wvalid
            || self.stalled_aw.is_some()
            || self.stalled_w.is_some()
            || !self.addresses.is_empty()
        {
            self.write_channels(cycle, i, o)?;
        }
        if o.m_axi_arvalid || self.stalled_ar.is_some() {
            let r = Request::read(o);
            if let Some(was) = self.stalled_ar.take() {
                if !o.m_axi_arvalid {
                    return fail("ar-held", format!("arvalid fell before arready: {was:x?}"));
                }
                if was != r {
                    return fail("ar-stable", format!("{was:x?} became {r:x?}"));
                }
            } else {
                self.request(cycle, "read", &r, USER_W)?;
                if r.user & USER_INTERRUPT != 0 {
                    return fail(
                        "constant",
                        format!("a read is marked as an interrupt: {r:x?}"),
                    );
                }
            }
            if i.m_axi_arready {
                self.reads[usize::from(r.id)].push_back(u32::from(r.len) + 1);
            } else {
                self.stalled_ar = Some(r);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "axi4_tests.rs"]
mod tests;
