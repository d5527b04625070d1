//! Transactions of the AXI4 master port: handshakes in, whole accesses out.
//!
//! Protocol errors are not looked for here (see `axi4`); what makes no sense is skipped.

use std::collections::VecDeque;

use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::{Profile, DATA_WORDS};
use shoal_abi::regs::RESP_OKAY;

/// Bytes of the widest data bus.
const DATA_BYTES: usize = DATA_WORDS * 8;

/// A number that names a read or a write for as long as it is under way.
pub(super) type Serial = u64;

/// What happened on the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A read address was accepted.
    Read(Read),
    /// A beat of read data arrived.
    Data(Beat),
    /// Address and all data of a write were accepted.
    Write(Write),
    /// A write has its response.
    Done {
        /// The write.
        serial: Serial,
        /// Response OKAY.
        ok: bool,
    },
}

impl Event {
    /// The access it belongs to.
    pub(super) fn serial(&self) -> Serial {
        match self {
            Self::Read(r) => r.serial,
            Self::Data(b) => b.serial,
            Self::Write(w) => w.serial,
            Self::Done { serial, .. } => *serial,
        }
    }
}

/// A read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) serial: Serial,
    /// First byte.
    pub(super) addr: u64,
    /// Bytes.
    pub(super) bytes: u64,
    pub(super) user: u32,
    /// Cycle in which the address was first offered.
    pub(super) issued: u64,
}

/// A beat of read data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) serial: Serial,
    /// Address of `bytes[0]`.
    pub(super) addr: u64,
    pub(super) bytes: [u8; DATA_BYTES],
    /// Valid bytes.
    pub(super) len: usize,
    pub(super) ok: bool,
    pub(super) last: bool,
    /// As in [`Read`].
    pub(super) issued: u64,
}

/// A write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) serial: Serial,
    /// First byte of the transfer.
    pub(super) addr: u64,
    pub(super) user: u32,
    /// Cycle in which both address and data stood on the port for the first time.
    pub(super) issued: u64,
    /// Cycle in which the address did.
    pub(super) addressed: u64,
    /// Runs of enabled bytes.
    pub(super) runs: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone, Copy)]
struct Burst {
    id: u16,
    addr: u64,
    len: u8,
    size: u8,
    user: u32,
    issued: u64,
}

impl Burst {
    fn beat_addr(&self, n: u64) -> u64 {
        let size = 1u64 << (self.size & 7);
        if n == 0 {
            self.addr
        } else {
            (self.addr & !(size - 1)).wrapping_add(n * size)
        }
    }

    fn end(&self) -> u64 {
        self.beat_addr(u64::from(self.len) + 1)
    }
}

struct Reading {
    burst: Burst,
    serial: Serial,
    beat: u64,
}

struct WriteBeat {
    data: Data,
    strb: u64,
    last: bool,
    issued: u64,
}

/// Follows the port.
pub(super) struct Bus {
    bytes: u64,
    serial: Serial,
    aw_since: Option<u64>,
    w_since: Option<u64>,
    ar_since: Option<u64>,
    reads: Vec<VecDeque<Reading>>,
    writes: Vec<VecDeque<Serial>>,
    addresses: VecDeque<Burst>,
    beats: VecDeque<WriteBeat>,
}

impl Bus {
    pub(super) fn new(profile: &Profile) -> Self {
        let ids = 1 << profile.id_w;
        Self {
            bytes: profile.beat_bytes() as u64,
            serial: 0,
            aw_since: None,
            w_since: None,
            ar_since: None,
            reads: (0..ids).map(|_| VecDeque::new()).collect(),
            writes: vec![VecDeque::new(); ids],
            addresses: VecDeque::new(),
            beats: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Serial {
        self.serial += 1;
        self.serial
    }

    /// Takes a cycle and appends what happened to `out`: responses before requests.
    pub(super) fn step(&mut self, cycle: u64, i: &Inputs, o: &Outputs, out: &mut Vec<Event>) {
        if i.m_axi_bvalid && o.m_axi_bready {
            let ok = i.m_axi_bresp == RESP_OKAY;
            let queue = self.writes.get_mut(usize::from(i.m_axi_bid));
            if let Some(serial) = queue.and_then(VecDeque::pop_front) {
                out.push(Event::Done { serial, ok });
            }
        }
        if i.m_axi_rvalid && o.m_axi_rready {
            self.read_beat(i, out);
        }
        if o.m_axi_arvalid {
            let issued = *self.ar_since.get_or_insert(cycle);
            if i.m_axi_arready {
                self.ar_since = None;
                let burst = Burst {
                    id: o.m_axi_arid,
                    addr: o.m_axi_araddr,
                    len: o.m_axi_arlen,
                    size: o.m_axi_arsize,
                    user: o.m_axi_aruser,
                    issued,
                };
                let serial = self.next();
                let bytes = burst.end().wrapping_sub(burst.addr);
                out.push(Event::Read(Read {
                    serial,
                    addr: burst.addr,
                    bytes,
                    user: burst.user,
                    issued,
                }));
                if let Some(q) = self.reads.get_mut(usize::from(burst.id)) {
                    q.push_back(Reading {
                        burst,
                        serial,
                        beat: 0,
                    });
                }
            }
        }
        if o.m_axi_awvalid {
            let issued = *self.aw_since.get_or_insert(cycle);
            if i.m_axi_awready {
                self.aw_since = None;
                self.addresses.push_back(Burst {
                    id: o.m_axi_awid,
                    addr: o.m_axi_awaddr,
                    len: o.m_axi_awlen,
                    size: o.m_axi_awsize,
                    user: o.m_axi_awuser,
                    issued,
                });
                self.join(out);
            }
        }
        if o.m_axi_wvalid {
            let issued = *self.w_since.get_or_insert(cycle);
            if i.m_axi_wready {
                self.w_since = None;
                let (data, strb) = (o.m_axi_wdata, o.m_axi_wstrb);
                self.beats.push_back(WriteBeat {
                    data,
                    strb,
                    last: o.m_axi_wlast,
                    issued,
                });
                if o.m_axi_wlast {
                    self.join(out);
                }
            }
        }
    }

    fn read_beat(&mut self, i: &Inputs, out: &mut Vec<Event>) {
        let Some(queue) = self.reads.get_mut(usize::from(i.m_axi_rid)) else {
            return;
        };
        let Some(r) = queue.front_mut() else { return };
        let addr = r.burst.beat_addr(r.beat);
        let size = 1u64 << (r.burst.size & 7);
        let len = (size - addr % size).min(self.bytes) as usize;
        let lane = (addr % self.bytes) as usize;
        let all = bytes_of(&i.m_axi_rdata);
        let mut bytes = [0; DATA_BYTES];
        let len = len.min(all.len() - lane);
        bytes[..len].copy_from_slice(&all[lane..lane + len]);
        r.beat += 1;
        let last = i.m_axi_rlast;
        out.push(Event::Data(Beat {
            serial: r.serial,
            addr,
            bytes,
            len,
            ok: i.m_axi_rresp == RESP_OKAY,
            last,
            issued: r.burst.issued,
        }));
        if last {
            queue.pop_front();
        }
    }

    /// Puts addresses and complete data together, in order.
    fn join(&mut self, out: &mut Vec<Event>) {
        while let Some(&burst) = self.addresses.front() {
            let Some(end) = self.beats.iter().position(|b| b.last) else {
                return;
            };
            self.addresses.pop_front();
            let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
            let mut issued = burst.issued;
            for (n, b) in self.beats.drain(..=end).enumerate() {
                if n == 0 {
                    issued = issued.max(b.issued);
                }
                let addr = burst.beat_addr(n as u64);
                let base = addr & !(self.bytes - 1);
                let data = bytes_of(&b.data);
                for lane in 0..self.bytes {
                    if b.strb >> lane & 1 == 0 {
                        continue;
                    }
                    let (at, byte) = (base + lane, data[lane as usize]);
                    match runs.last_mut() {
                        Some((start, run)) if *start + run.len() as u64 == at => run.push(byte),
                        _ => runs.push((at, vec![byte])),
                    }
                }
            }
            let serial = self.next();
            if let Some(q) = self.writes.get_mut(usize::from(burst.id)) {
                q.push_back(serial);
            }
            out.push(Event::Write(Write {
                serial,
                addr: burst.addr,
                user: burst.user,
                issued,
                addressed: burst.issued,
                runs,
            }));
        }
    }
}

/// The bytes of a data port, lane 0 first.
fn bytes_of(data: &Data) -> [u8; DATA_BYTES] {
    let mut all = [0; DATA_BYTES];
    for (chunk, word) in all.chunks_exact_mut(8).zip(data) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    all
}
