//! The driver side of many split rings, all in host memory. Work is done when something happens, never for each device or
//! cycle.
//!
//! Transmitted packets are checked at the stream, by `sink`, received ones here in their buffer, in both cases in the order of
//! the queue.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, DESC_BYTES, DESC_F_WRITE, NET_HDR_BYTES, NET_HDR_NUM_BUFFERS,
    USED_ELEM_BYTES, USED_IDX, USED_RING,
};

use super::layout::{Layout, QUEUES};
use super::matrix::{Case, Translations};
use super::sink::{Name, Sink, RX, TX};
use super::wall::packet_bytes;
use super::BenchError;
use crate::env::{HostMem, MemError, PAGE_BYTES};

/// A ring.
#[derive(Clone, Debug, Default)]
struct Queue {
    avail: u16,
    used: u16,
    /// Packets offered.
    offered: u32,
    /// Packets taken back.
    done: u32,
    free: VecDeque<u16>,
    /// Free descriptors that are promised to a batch.
    promised: usize,
    /// Number of the packet in each descriptor.
    numbers: Vec<u32>,
    /// Transmit: when the doorbell of each batch was accepted, from batch `marked` on; receive: when each packet arrived.
    marks: VecDeque<u64>,
    marked: u32,
}

/// Who offers a batch again as soon as one is back, and begins with a full ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refill {
    /// Every device.
    All,
    /// One device; the others offer what [`Rings::promise`] is told.
    Only(u32),
    /// None.
    Nobody,
}

impl Refill {
    fn is_for(self, device: u32) -> bool {
        self == Self::All || self == Self::Only(device)
    }
}

/// What a packet that came back took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The device.
    pub device: u32,
    /// Cycle in which it began.
    pub began: u64,
    /// Cycles until its message.
    pub cycles: u64,
}

/// The rings of a row.
pub struct Rings {
    mem: HostMem,
    layout: Layout,
    case: Case,
    row: u8,
    entries: u16,
    stride: u64,
    queues: Vec<Queue>,
    sink: Rc<RefCell<Sink>>,
    /// Devices with a batch to offer, by queue.
    due: [VecDeque<u32>; QUEUES as usize],
    /// Batches offered, by queue.
    batches: [u64; QUEUES as usize],
    /// Nothing is offered.
    pub is_held: bool,
    /// Whose rings are kept full.
    pub refill: Refill,
    /// Latencies of the packets that came back.
    pub latencies: Vec<Latency>,
    /// Packets that came back.
    pub returned: u64,
    scratch: Vec<u8>,
}

impl Rings {
    /// Empty rings for `case`; `row` differs from that of the rows before, and is not 0.
    pub fn new(
        mem: &HostMem,
        layout: &Layout,
        case: Case,
        row: u8,
        sink: &Rc<RefCell<Sink>>,
    ) -> Self {
        let visible = case.batch * case.queued;
        let entries = visible.next_power_of_two().max(2) as u16;
        let bytes = packet_bytes(case.frame);
        sink.borrow_mut().begin(row, bytes, case.active);
        let queue = Queue {
            free: (0..visible as u16).collect(),
            numbers: vec![0; usize::from(entries)],
            ..Queue::default()
        };
        Self {
            mem: mem.clone(),
            layout: layout.clone(),
            case,
            row,
            entries,
            stride: bytes.next_power_of_two(),
            queues: vec![queue; case.active as usize * QUEUES as usize],
            sink: sink.clone(),
            due: Default::default(),
            batches: [0; QUEUES as usize],
            is_held: false,
            refill: Refill::All,
            latencies: Vec::new(),
            returned: 0,
            scratch: vec![0; bytes as usize],
        }
    }

    /// Entries of each ring.
    pub fn entries(&self) -> u16 {
        self.entries
    }

    fn index(device: u32, vq: u16) -> usize {
        device as usize * QUEUES as usize + usize::from(vq)
    }

    /// Clears the rings in memory; every queue has its first batches to offer.
    pub fn start(&mut self) -> Result<(), BenchError> {
        for device in 0..self.case.active {
            for &vq in self.case.direction.queues() {
                let (_, avail, used) = self.layout.areas(device, vq.into());
                self.mem.write(avail, &[0; 4]).map_err(memory)?;
                self.mem.write(used, &[0; 4]).map_err(memory)?;
            }
        }
        for _ in 0..self.case.queued {
            for device in 0..self.case.active {
                self.refill(device, self.case.direction.queues());
            }
        }
        Ok(())
    }

    fn refill(&mut self, device: u32, queues: &[u16]) {
        if self.refill.is_for(device) {
            for &vq in queues {
                self.promise(device, vq);
            }
        }
    }

    /// Promises one batch, if there are descriptors for it; false when there are not.
    pub fn promise(&mut self, device: u32, vq: u16) -> bool {
        let batch = self.case.batch as usize;
        let queue = &mut self.queues[Self::index(device, vq)];
        let has_room = queue.free.len() >= queue.promised + batch;
        if has_room {
            queue.promised += batch;
            self.due[usize::from(vq)].push_back(device);
        }
        has_room
    }

    /// Offers nothing more, not even what is promised.
    pub fn stop(&mut self) {
        self.refill = Refill::Nobody;
        self.due = Default::default();
    }

    /// Packets that came back of a queue.
    pub fn done(&self, device: u32, vq: u16) -> u32 {
        self.queues[Self::index(device, vq)].done
    }

    /// True when a batch waits to be offered.
    pub fn is_due(&self) -> bool {
        self.due.iter().any(|d| !d.is_empty())
    }

    /// Offers the next batch: the queue whose doorbell is to be rung. Where both ways are wanted neither gets ahead of the
    /// other by more than what may be open.
    pub fn next(&mut self) -> Result<Option<(u32, u16)>, BenchError> {
        if self.is_held {
            return Ok(None);
        }
        let queues = self.case.direction.queues();
        let least = queues.iter().map(|&vq| self.batches[usize::from(vq)]).min();
        let most = least.unwrap_or(0) + u64::from(self.case.active * self.case.queued);
        let ready = |vq: &&u16| {
            let vq = usize::from(**vq);
            !self.due[vq].is_empty() && self.batches[vq] < most
        };
        let chosen = queues
            .iter()
            .filter(ready)
            .min_by_key(|vq| self.batches[usize::from(**vq)]);
        let Some(&vq) = chosen else { return Ok(None) };
        let Some(device) = self.due[usize::from(vq)].pop_front() else {
            return Ok(None);
        };
        self.batches[usize::from(vq)] += 1;
        let at = Self::index(device, vq);
        let mut queue = std::mem::take(&mut self.queues[at]);
        let offered = self.offer(device, vq, &mut queue);
        queue.promised -= self.case.batch as usize;
        self.queues[at] = queue;
        offered.map_err(memory)?;
        Ok(Some((device, vq)))
    }

    /// Where packet `number` in descriptor `id` lies among the buffers of its queue.
    fn buffer(&self, id: u16, number: u32) -> u64 {
        match self.case.translations {
            Translations::Warm => u64::from(id) * self.stride,
            // A page after the other, and only then the next place in each.
            Translations::Cold => {
                let (pages, n) = (self.layout.buffer_pages(), u64::from(number));
                n % pages * PAGE_BYTES + n / pages % (PAGE_BYTES / self.stride) * self.stride
            }
        }
    }

    fn offer(&mut self, device: u32, vq: u16, queue: &mut Queue) -> Result<(), MemError> {
        let (table, avail, _) = self.layout.areas(device, vq.into());
        let buffers = self.layout.buffers(device, vq.into());
        let iova = self.layout.buffers_iova(vq.into());
        let mut packet = std::mem::take(&mut self.scratch);
        for _ in 0..self.case.batch {
            let Some(id) = queue.free.pop_front() else {
                break;
            };
            let number = queue.offered;
            queue.offered += 1;
            queue.numbers[usize::from(id)] = number;
            let offset = self.buffer(id, number);
            if vq == TX {
                let name = Name {
                    member: device + 1,
                    vq,
                    number,
                    row: self.row,
                };
                packet[..NET_HDR_BYTES].fill(0);
                name.fill(&mut packet[NET_HDR_BYTES..]);
                self.mem.write(buffers + offset, &packet)?;
            }
            let mut desc = [0; DESC_BYTES as usize];
            desc[..8].copy_from_slice(&(iova + offset).to_le_bytes());
            desc[8..12].copy_from_slice(&(packet.len() as u32).to_le_bytes());
            let flags = if vq == RX { DESC_F_WRITE } else { 0 };
            desc[12..14].copy_from_slice(&flags.to_le_bytes());
            self.mem.write(table + u64::from(id) * DESC_BYTES, &desc)?;
            let entry = u64::from(queue.avail % self.entries);
            self.mem
                .write(avail + AVAIL_RING + 2 * entry, &id.to_le_bytes())?;
            queue.avail = queue.avail.wrapping_add(1);
        }
        self.scratch = packet;
        self.ask(avail, queue)?;
        self.mem
            .write(avail + AVAIL_IDX, &queue.avail.to_le_bytes())
    }

    /// Asks for a message at the end of the next batch (virtio 1.4 §2.7.7).
    fn ask(&self, avail: u64, queue: &Queue) -> Result<(), MemError> {
        let open = queue.avail.wrapping_sub(queue.used);
        let next = u16::try_from(self.case.batch).unwrap_or(open).min(open);
        let event = queue.used.wrapping_add(next).wrapping_sub(1);
        let at = avail + AVAIL_RING + 2 * u64::from(self.entries);
        self.mem.write(at, &event.to_le_bytes())
    }

    /// A doorbell was accepted.
    pub fn rung(&mut self, device: u32, vq: u16, cycle: u64) {
        if device >= self.case.active {
            return;
        }
        if vq == RX {
            self.sink.borrow_mut().send(device + 1, self.case.batch);
        } else if let Some(queue) = self.queues.get_mut(Self::index(device, vq)) {
            queue.marks.push_back(cycle);
        }
    }

    /// A packet for `device` begins to arrive.
    pub fn arrived(&mut self, device: u32, cycle: u64) {
        if let Some(queue) = self.queues.get_mut(Self::index(device, RX)) {
            queue.marks.push_back(cycle);
        }
    }

    /// A message came: takes back what is used, and offers more.
    pub fn message(&mut self, device: u32, vq: u16, cycle: u64) -> Result<(), BenchError> {
        let at = Self::index(device, vq);
        if device >= self.case.active || vq >= QUEUES as u16 {
            return Err(BenchError::Failed(format!(
                "a message for queue {vq} of device {device}, which asked for none"
            )));
        }
        let (_, avail, used) = self.layout.areas(device, vq.into());
        loop {
            let mut idx = [0; 2];
            self.mem.read(used + USED_IDX, &mut idx).map_err(memory)?;
            let idx = u16::from_le_bytes(idx);
            if idx == self.queues[at].used {
                return Ok(());
            }
            while self.queues[at].used != idx {
                self.take_back(device, vq, used, cycle)?;
                self.refill(device, &[vq]);
            }
            self.ask(avail, &self.queues[at]).map_err(memory)?;
            // What was used while the event was written sent no message: look again.
        }
    }

    fn take_back(&mut self, device: u32, vq: u16, used: u64, cycle: u64) -> Result<(), BenchError> {
        let bad = |what: String| {
            BenchError::Failed(format!("queue {vq} of member {}: {what}", device + 1))
        };
        let at = Self::index(device, vq);
        let queue = &mut self.queues[at];
        let mut elem = [0; USED_ELEM_BYTES as usize];
        let place = used + USED_RING + USED_ELEM_BYTES * u64::from(queue.used % self.entries);
        self.mem.read(place, &mut elem).map_err(memory)?;
        let elem = u64::from_le_bytes(elem);
        let (id, len) = (elem as u32, elem >> 32);
        let slot = id as usize;
        if id >= self.case.load().visible || queue.free.contains(&(id as u16)) {
            return Err(bad(format!("used element {id} was not available")));
        }
        let number = queue.numbers[slot];
        let mark = if vq == TX {
            (number / self.case.batch).wrapping_sub(queue.marked)
        } else {
            0
        };
        // A busy device may find a batch before its doorbell is through: that is no latency.
        if let Some(&began) = queue.marks.get(mark as usize) {
            self.latencies.push(Latency {
                device,
                began,
                cycles: cycle.saturating_sub(began),
            });
        }
        queue.used = queue.used.wrapping_add(1);
        queue.done += 1;
        self.returned += 1;
        // Marks that no open packet needs; chains may come back in another order, but not by this much.
        let kept = 2 * self.case.queued as usize + 16;
        if vq == RX {
            queue.marks.pop_front();
        } else if queue.done.is_multiple_of(self.case.batch) && queue.marks.len() > kept {
            queue.marks.pop_front();
            queue.marked += 1;
        }
        let wanted = Name {
            member: device + 1,
            vq,
            number: queue.done - 1,
            row: self.row,
        };
        queue.free.push_back(id as u16);
        if vq == RX {
            let buffer = self.layout.buffers(device, vq.into()) + self.buffer(id as u16, number);
            self.mem.read(buffer, &mut self.scratch).map_err(memory)?;
            let (header, frame) = self.scratch.split_at(NET_HDR_BYTES);
            let good = header[..NET_HDR_NUM_BUFFERS].iter().all(|b| *b == 0)
                && header[NET_HDR_NUM_BUFFERS..] == [1, 0];
            if len != self.scratch.len() as u64 || !good || !wanted.fits(frame) {
                return Err(bad(format!(
                    "packet {} is not in the buffer that is used for it ({len} bytes)",
                    wanted.number
                )));
            }
        } else if len != 0 {
            return Err(bad(format!("{len} bytes written to a transmit chain")));
        }
        Ok(())
    }

    /// Packets that are open.
    pub fn open(&self) -> u64 {
        let open = |q: &Queue| u64::from(q.offered - q.done);
        self.queues.iter().map(open).sum()
    }
}

fn memory(e: MemError) -> BenchError {
    BenchError::Failed(e.to_string())
}

#[cfg(test)]
mod tests;
