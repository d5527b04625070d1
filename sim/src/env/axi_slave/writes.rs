//! The write half of the AXI4 slave: AW, W and B.

use std::collections::VecDeque;

use shoal_abi::mmu::{USER_INTERRUPT, USER_PASID_VALID};
use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::regs::{RESP_DECERR, RESP_OKAY, RESP_SLVERR};

use super::{Burst, Bus, Credit, Place, Platform};
use crate::env::irq::Irq;
use crate::env::{MemError, Transfer};

/// Write data bursts taken before their addresses.
const MAX_EARLY_DATA: usize = 16;

type Beats = Vec<(Data, u64)>;

#[derive(Debug)]
struct Write {
    burst: Burst,
    beats: Beats,
    /// Place or error response.
    route: Result<Place, u8>,
    /// What remote memory has not confirmed yet.
    transfers: Vec<Transfer>,
    /// Cycle in which it reaches memory.
    apply: u64,
    /// First cycle of its response.
    due: u64,
    /// Place in the order of completion of data.
    order: u64,
    /// The response, once it is known.
    resp: Option<u8>,
}

/// Writes in flight.
#[derive(Debug)]
pub(super) struct Writes {
    /// Addresses whose data is not complete, oldest first.
    addresses: VecDeque<(Burst, Result<Place, u8>)>,
    /// Complete data bursts without an address, oldest first.
    data: VecDeque<Beats>,
    /// The data burst that arrives now.
    current: Beats,
    /// Complete writes of each ID, oldest first.
    ids: Vec<VecDeque<Write>>,
    busy: Vec<u16>,
    complete: usize,
    started: u64,
    /// The response on the bus: ID and code.
    response: Option<(u16, u8)>,
    /// Nothing is to be applied or answered before this cycle.
    next_event: u64,
    credit: Credit,
    spare: Vec<Beats>,
}

impl Writes {
    pub(super) fn new(ids: usize) -> Self {
        Self {
            addresses: VecDeque::new(),
            data: VecDeque::new(),
            current: Vec::new(),
            ids: (0..ids).map(|_| VecDeque::new()).collect(),
            busy: Vec::new(),
            complete: 0,
            started: 0,
            response: None,
            next_event: u64::MAX,
            credit: Credit::default(),
            spare: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.addresses.clear();
        self.data.clear();
        self.current.clear();
        self.ids.iter_mut().for_each(VecDeque::clear);
        self.busy.clear();
        self.complete = 0;
        self.response = None;
    }

    pub(super) fn in_flight(&self) -> usize {
        self.addresses.len() + self.complete
    }

    pub(super) fn tick(
        &mut self,
        bus: &mut Bus<'_>,
        out: &Outputs,
        inputs: &mut Inputs,
        on: &mut Platform<'_>,
    ) {
        self.credit.refill(bus.settings.beats_per_256);
        if bus.cycle >= self.next_event {
            self.apply_due(bus, on);
            if self.response.is_none() && !bus.dice.percent(bus.settings.gap_percent) {
                self.choose_response(bus);
            }
            self.schedule(bus.cycle);
        }
        if let Some((id, resp)) = self.response {
            inputs.m_axi_bvalid = true;
            inputs.m_axi_bid = id;
            inputs.m_axi_bresp = resp;
            if out.m_axi_bready {
                self.response = None;
            }
        }
        inputs.m_axi_awready = bus.ready(self.in_flight());
        if inputs.m_axi_awready && out.m_axi_awvalid {
            let burst = Burst {
                id: out.m_axi_awid,
                addr: out.m_axi_awaddr,
                beats: u16::from(out.m_axi_awlen) + 1,
                size: out.m_axi_awsize,
                kind: out.m_axi_awburst,
                user: out.m_axi_awuser,
            };
            let route = if burst.user & USER_INTERRUPT == 0 {
                bus.route(&burst, true, on)
            } else {
                Ok(Place::Memory(burst.addr))
            };
            bus.counts.writes += 1;
            self.addresses.push_back((burst, route));
        }
        inputs.m_axi_wready = self.credit.has_beat()
            && self.data.len() < MAX_EARLY_DATA
            && bus.link.is_up_free()
            && bus.ready(self.complete);
        if inputs.m_axi_wready && out.m_axi_wvalid {
            self.credit.take();
            bus.link.write_beat(out.m_axi_wstrb, out.m_axi_wlast);
            self.current.push((out.m_axi_wdata, out.m_axi_wstrb));
            if out.m_axi_wlast {
                let next = self.spare.pop().unwrap_or_default();
                self.data
                    .push_back(std::mem::replace(&mut self.current, next));
            }
        }
        while !self.addresses.is_empty() && !self.data.is_empty() {
            self.join(bus);
        }
    }

    /// Puts the oldest address and the oldest data burst together (AXI4 §A5.4: write data comes in address order).
    fn join(&mut self, bus: &mut Bus<'_>) {
        let (Some((burst, route)), Some(beats)) =
            (self.addresses.pop_front(), self.data.pop_front())
        else {
            return;
        };
        let due = bus.due() + bus.link.up_delay();
        let wait = u32::try_from(due - bus.cycle).unwrap_or(u32::MAX);
        let mut apply = bus.cycle + u64::from(bus.dice.up_to(wait));
        let Some(queue) = self.ids.get_mut(usize::from(burst.id)) else {
            return;
        };
        // Writes of one ID reach memory in order.
        apply = apply.max(queue.back().map_or(0, |w| w.apply));
        if queue.is_empty() {
            self.busy.push(burst.id);
        }
        let order = self.started;
        queue.push_back(Write {
            burst,
            beats,
            route,
            transfers: Vec::new(),
            apply,
            due: due.max(apply),
            order,
            resp: None,
        });
        self.started += 1;
        self.complete += 1;
        self.next_event = self.next_event.min(apply.max(bus.cycle + 1));
    }

    fn apply_due(&mut self, bus: &mut Bus<'_>, on: &mut Platform<'_>) {
        for id in &self.busy {
            for write in &mut self.ids[usize::from(*id)] {
                if write.apply > bus.cycle {
                    break;
                }
                if write.resp.is_none() {
                    write.resp = apply(write, bus, on);
                    let Some(resp) = write.resp else {
                        // Remote memory: look again in the next cycle.
                        write.apply = bus.cycle + 1;
                        write.due = write.due.max(write.apply);
                        break;
                    };
                    bus.counts.errors += u64::from(resp != RESP_OKAY);
                }
            }
        }
    }

    fn choose_response(&mut self, bus: &mut Bus<'_>) {
        let head = |id: &u16| {
            self.ids[usize::from(*id)]
                .front()
                .expect("a busy ID has a write")
        };
        let is_due = |w: &Write| w.resp.is_some() && w.due <= bus.cycle;
        let chosen = if bus.settings.reorder {
            let due = self.busy.iter().filter(|id| is_due(head(id))).count();
            let nth = bus.dice.index(due);
            self.busy
                .iter()
                .enumerate()
                .filter(|(_, id)| is_due(head(id)))
                .nth(nth)
        } else {
            let oldest = self
                .busy
                .iter()
                .enumerate()
                .min_by_key(|(_, id)| head(id).order);
            oldest.filter(|(_, id)| is_due(head(id)))
        };
        let Some((at, &id)) = chosen else { return };
        let queue = &mut self.ids[usize::from(id)];
        let mut done = queue.pop_front().expect("a busy ID has a write");
        self.response = done.resp.map(|resp| (id, resp));
        done.beats.clear();
        self.spare.push(done.beats);
        if queue.is_empty() {
            self.busy.swap_remove(at);
        }
        self.complete -= 1;
    }

    fn schedule(&mut self, cycle: u64) {
        let next = |w: &Write| if w.resp.is_some() { w.due } else { w.apply };
        let events = self.busy.iter().flat_map(|id| {
            let queue = &self.ids[usize::from(*id)];
            let unapplied = queue.iter().find(|w| w.resp.is_none());
            queue.front().into_iter().chain(unapplied).map(next)
        });
        self.next_event = events.min().map_or(u64::MAX, |e| e.max(cycle + 1));
    }
}

/// Carries out a write; returns its response, if it is known.
fn apply(write: &mut Write, bus: &mut Bus<'_>, on: &mut Platform<'_>) -> Option<u8> {
    let burst = write.burst;
    if !write.transfers.is_empty() {
        return confirm(write, on);
    }
    if write.beats.len() != usize::from(burst.beats) {
        bus.counts.illegal += 1;
        return Some(RESP_SLVERR);
    }
    let place = match write.route {
        Ok(place) => place,
        Err(resp) => return Some(resp),
    };
    if burst.user & USER_INTERRUPT != 0 {
        return Some(interrupt(write, bus, on));
    }
    let Write {
        beats, transfers, ..
    } = write;
    for (n, (data, strb)) in (0..burst.beats).zip(&*beats) {
        let lanes = burst.lanes(n, bus.beat_bytes);
        let skew = lanes.addr.wrapping_sub(burst.addr);
        let stored = store(lanes.lane, lanes.len, data, *strb, |at, bytes| {
            match (place, on.remote.as_deref_mut()) {
                (Place::Remote(addr), Some(remote)) => {
                    transfers.push(remote.write(addr.wrapping_add(skew + at), bytes));
                    Ok(())
                }
                (Place::Remote(addr) | Place::Memory(addr), _) => {
                    on.mem.write(addr.wrapping_add(skew + at), bytes)
                }
            }
        });
        if stored.is_err() {
            return Some(RESP_DECERR);
        }
    }
    transfers.is_empty().then_some(RESP_OKAY)
}

/// Looks whether remote memory has done its part.
fn confirm(write: &mut Write, on: &mut Platform<'_>) -> Option<u8> {
    let remote = on.remote.as_deref_mut()?;
    let mut refused = false;
    write.transfers.retain(|t| match remote.take(*t) {
        Some(answer) => {
            refused |= answer.is_err();
            false
        }
        None => true,
    });
    if refused {
        write.route = Err(RESP_SLVERR);
    }
    let resp = write.route.err().unwrap_or(RESP_OKAY);
    write.transfers.is_empty().then_some(resp)
}

/// Bytes of a beat, aligned: memory that others look at meanwhile is written in the largest pieces that both sides allow, so that
/// nobody sees half of an index.
#[repr(align(8))]
struct Run([u8; 64]);

/// Gives the strobed bytes of one beat to `put`, each run of set strobes at once, with their distance from its first byte.
fn store(
    lane: usize,
    len: usize,
    data: &Data,
    strb: u64,
    mut put: impl FnMut(u64, &[u8]) -> Result<(), MemError>,
) -> Result<(), MemError> {
    let byte = |l: usize| data[l / 8].to_le_bytes()[l % 8];
    let mut run = Run([0; 64]);
    let mut n = 0;
    for l in lane..=lane + len {
        if l < lane + len && strb >> l & 1 == 1 {
            run.0[n] = byte(l);
            n += 1;
        } else if n > 0 {
            put((l - n - lane) as u64, &run.0[..n])?;
            n = 0;
        }
    }
    Ok(())
}

/// An interrupt message: one beat, exactly four strobed bytes at a 4-byte aligned address, never with a PASID.
fn interrupt(write: &Write, bus: &mut Bus<'_>, on: &mut Platform<'_>) -> u8 {
    let burst = &write.burst;
    let lanes = burst.lanes(0, bus.beat_bytes);
    let (data, strb) = write.beats[0];
    let lane = lanes.lane;
    if !bus.is_master {
        return RESP_DECERR;
    }
    if burst.beats != 1
        || !burst.addr.is_multiple_of(4)
        || burst.user & USER_PASID_VALID != 0
        || lane + 4 > bus.beat_bytes
        || strb != 0xf << lane
    {
        bus.counts.illegal += 1;
        return RESP_SLVERR;
    }
    let word = (data[lane / 8] >> (lane % 8 * 8)) as u32;
    on.irqs.deliver(Irq {
        addr: burst.addr,
        data: word,
        cycle: bus.cycle,
    });
    RESP_OKAY
}
