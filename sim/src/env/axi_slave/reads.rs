//! The read half of the AXI4 slave: AR and R.

use std::collections::VecDeque;

use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::DATA_WORDS;
use shoal_abi::regs::{RESP_DECERR, RESP_OKAY, RESP_SLVERR};

use super::{Burst, Bus, Credit, Place, Platform};
use crate::env::Transfer;

#[derive(Debug)]
struct Read {
    burst: Burst,
    /// Place or error response, found when the burst was accepted.
    route: Result<Place, u8>,
    /// What is still to come from remote memory.
    transfer: Option<Transfer>,
    /// First cycle in which it may be answered.
    due: u64,
    /// Place in the order of acceptance.
    order: u64,
    /// Memory as sampled when the first beat was sent.
    bytes: Vec<u8>,
    sent: u16,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    id: u16,
    data: Data,
    resp: u8,
    last: bool,
}

/// Reads in flight.
#[derive(Debug)]
pub(super) struct Reads {
    /// Reads of each ID, oldest first.
    ids: Vec<VecDeque<Read>>,
    /// IDs with a read in flight.
    busy: Vec<u16>,
    in_flight: usize,
    /// Those that wait for remote memory.
    waiting: usize,
    accepted: u64,
    /// The ID whose burst has begun; without interleaving it goes on.
    begun: Option<u16>,
    /// The beat on the bus; it stays until it is taken.
    beat: Option<Beat>,
    /// No read is due before this cycle.
    next_due: u64,
    credit: Credit,
    /// Spare buffers.
    spare: Vec<Vec<u8>>,
}

impl Reads {
    pub(super) fn new(ids: usize) -> Self {
        Self {
            ids: (0..ids).map(|_| VecDeque::new()).collect(),
            busy: Vec::new(),
            in_flight: 0,
            waiting: 0,
            accepted: 0,
            begun: None,
            beat: None,
            next_due: u64::MAX,
            credit: Credit::default(),
            spare: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.ids.iter_mut().for_each(VecDeque::clear);
        self.busy.clear();
        self.in_flight = 0;
        self.waiting = 0;
        self.begun = None;
        self.beat = None;
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn tick(
        &mut self,
        bus: &mut Bus<'_>,
        out: &Outputs,
        inputs: &mut Inputs,
        on: &mut Platform<'_>,
    ) {
        self.credit.refill(bus.settings.beats_per_256);
        if self.waiting > 0 {
            self.collect(bus.cycle, on);
        }
        if self.beat.is_none() {
            self.next_beat(bus, on);
        }
        if let Some(b) = &self.beat {
            inputs.m_axi_rvalid = true;
            inputs.m_axi_rid = b.id;
            inputs.m_axi_rdata = b.data;
            inputs.m_axi_rresp = b.resp;
            inputs.m_axi_rlast = b.last;
            if out.m_axi_rready {
                self.beat = None;
            }
        }
        inputs.m_axi_arready = bus.link.is_up_free() && bus.ready(self.in_flight);
        if inputs.m_axi_arready && out.m_axi_arvalid {
            let burst = Burst {
                id: out.m_axi_arid,
                addr: out.m_axi_araddr,
                beats: u16::from(out.m_axi_arlen) + 1,
                size: out.m_axi_arsize,
                kind: out.m_axi_arburst,
                user: out.m_axi_aruser,
            };
            self.accept(burst, bus, on);
        }
    }

    fn accept(&mut self, burst: Burst, bus: &mut Bus<'_>, on: &mut Platform<'_>) {
        let route = bus.route(&burst, false, on);
        bus.link.read(burst.span() as u64);
        let mut due = bus.due() + bus.link.up_delay();
        let Some(queue) = self.ids.get_mut(usize::from(burst.id)) else {
            return;
        };
        bus.counts.reads += 1;
        bus.counts.errors += u64::from(route.is_err());
        if queue.is_empty() {
            self.busy.push(burst.id);
        }
        let bytes = self.spare.pop().unwrap_or_default();
        let mut transfer = None;
        if let (Ok(Place::Remote(addr)), Some(remote)) = (route, on.remote.as_deref_mut()) {
            transfer = Some(remote.read(addr, burst.span()));
            due = u64::MAX;
            self.waiting += 1;
        }
        queue.push_back(Read {
            burst,
            route,
            transfer,
            due,
            order: self.accepted,
            bytes,
            sent: 0,
        });
        self.accepted += 1;
        self.in_flight += 1;
        self.next_due = self.next_due.min(due);
    }

    /// Takes what has come from remote memory.
    fn collect(&mut self, cycle: u64, on: &mut Platform<'_>) {
        let Some(remote) = on.remote.as_deref_mut() else {
            return;
        };
        for id in &self.busy {
            for read in &mut self.ids[usize::from(*id)] {
                let Some(answer) = read.transfer.and_then(|t| remote.take(t)) else {
                    continue;
                };
                match answer {
                    Ok(bytes) if bytes.len() == read.burst.span() => read.bytes = bytes,
                    _ => read.route = Err(RESP_SLVERR),
                }
                (read.transfer, read.due) = (None, cycle);
                self.waiting -= 1;
                self.next_due = 0;
            }
        }
    }

    /// Chooses the read that sends the next beat: an index in `busy`.
    fn choose(&mut self, bus: &mut Bus<'_>) -> Option<usize> {
        if let (Some(id), false) = (self.begun, bus.settings.interleave) {
            return self.busy.iter().position(|&b| b == id);
        }
        if bus.cycle < self.next_due {
            return None;
        }
        let head = |id: &u16| {
            self.ids[usize::from(*id)]
                .front()
                .expect("a busy ID has a read")
        };
        if !bus.settings.reorder {
            let (at, oldest) = self
                .busy
                .iter()
                .enumerate()
                .min_by_key(|(_, id)| head(id).order)?;
            return (head(oldest).due <= bus.cycle).then_some(at);
        }
        let due = self
            .busy
            .iter()
            .filter(|id| head(id).due <= bus.cycle)
            .count();
        if due == 0 {
            self.next_due = self
                .busy
                .iter()
                .map(|id| head(id).due)
                .min()
                .unwrap_or(u64::MAX);
            return None;
        }
        let nth = bus.dice.index(due);
        self.busy
            .iter()
            .enumerate()
            .filter(|(_, id)| head(id).due <= bus.cycle)
            .nth(nth)
            .map(|(at, _)| at)
    }

    fn next_beat(&mut self, bus: &mut Bus<'_>, on: &mut Platform<'_>) {
        if self.in_flight == 0
            || !self.credit.has_beat()
            || !bus.link.is_down_free()
            || bus.dice.percent(bus.settings.gap_percent)
        {
            return;
        }
        let Some(at) = self.choose(bus) else { return };
        let id = self.busy[at];
        let queue = &mut self.ids[usize::from(id)];
        let read = queue.front_mut().expect("a busy ID has a read");
        let mut resp = read.route.err().unwrap_or(RESP_OKAY);
        if let (0, Ok(Place::Memory(addr))) = (read.sent, read.route) {
            read.bytes.resize(read.burst.span(), 0);
            if on.mem.read(addr, &mut read.bytes).is_err() {
                // The region went away since the burst was accepted.
                read.route = Err(RESP_DECERR);
                resp = RESP_DECERR;
            }
        }
        let lanes = read.burst.lanes(read.sent, bus.beat_bytes);
        bus.link
            .read_beat(lanes.addr, lanes.len as u64, read.sent == 0);
        // Lanes that carry nothing, and all lanes of a refused read, hold noise: the device must not use them.
        let mut noise = Noise::new(bus.dice.word());
        let mut bytes = [0; DATA_WORDS * 8];
        let width = bus.beat_bytes.min(bytes.len());
        if resp != RESP_OKAY || lanes.len < width {
            noise.fill(&mut bytes[..width]);
        }
        if resp == RESP_OKAY {
            let from = usize::try_from(lanes.addr.wrapping_sub(read.burst.addr)).unwrap_or(0);
            bytes[lanes.lane..lanes.lane + lanes.len]
                .copy_from_slice(&read.bytes[from..from + lanes.len]);
        }
        read.sent += 1;
        let last = read.sent == read.burst.beats;
        self.beat = Some(Beat {
            id,
            data: words(&bytes),
            resp,
            last,
        });
        self.credit.take();
        self.begun = (!last).then_some(id);
        if last {
            let done = queue.pop_front().expect("it was just there");
            self.spare.push(done.bytes);
            if queue.is_empty() {
                self.busy.swap_remove(at);
            }
            self.in_flight -= 1;
        }
    }
}

/// Bytes of a beat as port words.
pub(super) fn words(bytes: &[u8; DATA_WORDS * 8]) -> Data {
    let mut data = [0; DATA_WORDS];
    for (word, chunk) in data.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("8 bytes"));
    }
    data
}

/// Cheap noise for unused lanes (xorshift64).
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
    }
}
