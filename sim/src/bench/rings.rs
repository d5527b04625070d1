//! The driver side of many split rings, all in host memory, and the card side behind the streams. Work is done when something
//! happens, never for each device or cycle.
//!
//! Every packet carries words of its device, queue and number: transmitted ones are checked at the stream, received ones in
//! their buffer, in both cases in the order of the queue.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, DESC_BYTES, DESC_F_WRITE, NET_HDR_BYTES, NET_HDR_NUM_BUFFERS,
    USED_ELEM_BYTES, USED_IDX, USED_RING,
};

use super::layout::{Layout, QUEUES};
use super::matrix::{Case, Translations};
use super::wall::packet_bytes;
use super::BenchError;
use crate::env::{Card, HostMem, MemError, RxPacket, TxPacket, PAGE_BYTES};

/// Index of the receive queue, and of the transmit queue.
pub const RX: u16 = 0;
/// The same of the transmit queue.
pub const TX: u16 = 1;

/// Names a packet: member id, queue, number, and the row it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    member: u32,
    vq: u16,
    number: u32,
    row: u8,
}

impl Name {
    fn word(self) -> u64 {
        u64::from(self.member) << 44
            | u64::from(self.row) << 36
            | u64::from(self.vq & 0xf) << 32
            | u64::from(self.number)
    }

    fn of(word: u64) -> Self {
        Self {
            member: (word >> 44) as u32,
            row: (word >> 36) as u8,
            vq: (word >> 32 & 0xf) as u16,
            number: word as u32,
        }
    }

    /// Fills a frame: each word differs from the one before.
    fn fill(self, frame: &mut [u8]) {
        let mut word = self.word();
        for chunk in frame.chunks_mut(8) {
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// True for a frame that [`Name::fill`] made.
    fn fits(self, frame: &[u8]) -> bool {
        let mut word = self.word();
        frame.chunks(8).all(|chunk| {
            let good = chunk == &word.to_le_bytes()[..chunk.len()];
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
            good
        })
    }
}

/// Behind the streams.
#[derive(Debug, Default)]
pub struct Sink {
    row: u8,
    /// Bytes of a packet with its header.
    bytes: usize,
    /// Next transmit packet of each member, by member id.
    next_tx: Vec<u32>,
    /// Next packet for each member.
    next_rx: Vec<u32>,
    /// Members that packets are for, each once a packet.
    to_send: VecDeque<u32>,
    /// Packets of each member in the window, both ways.
    pub served: Vec<u32>,
    /// What was wrong with a packet, the first time.
    pub error: Option<String>,
}

impl Sink {
    fn begin(&mut self, row: u8, bytes: u64, devices: u32) {
        *self = Self {
            row,
            bytes: bytes as usize,
            next_tx: vec![0; devices as usize + 1],
            next_rx: vec![0; devices as usize + 1],
            served: vec![0; devices as usize + 1],
            ..Self::default()
        };
    }

    /// Sends nothing more, and takes what still comes for something of the past.
    pub fn stop(&mut self) {
        self.row = 0;
        self.to_send.clear();
    }

    /// Packets for `member` are due.
    fn send(&mut self, member: u32, packets: u32) {
        self.to_send.extend((0..packets).map(|_| member));
    }

    fn check(&mut self, packet: &TxPacket) -> Result<(), String> {
        let bad = |what: &str| Err(format!("a packet of member {}: {what}", packet.member));
        let (header, frame) = packet
            .bytes
            .split_at_checked(NET_HDR_BYTES)
            .unwrap_or_default();
        let Some(first) = frame.first_chunk::<8>() else {
            return bad("no frame");
        };
        let name = Name::of(u64::from_le_bytes(*first));
        if name.row != self.row {
            // One that was on its way when its queue was reset.
            return Ok(());
        }
        let Some(next) = self.next_tx.get_mut(packet.member as usize) else {
            return bad("no such member");
        };
        if packet.bytes.len() != self.bytes || header != [0; NET_HDR_BYTES] {
            return bad("its length or its header is not what was sent");
        }
        let wanted = Name {
            member: packet.member,
            vq: packet.vq,
            number: *next,
            row: self.row,
        };
        if name != wanted || !name.fits(frame) {
            return bad(&format!(
                "{name:?} instead of {wanted:?}, or a changed byte"
            ));
        }
        *next += 1;
        self.served[packet.member as usize] += 1;
        Ok(())
    }
}

/// The sink as the environment holds it.
pub struct SharedSink(pub Rc<RefCell<Sink>>);

impl Card for SharedSink {
    fn take(&mut self, _cycle: u64, packet: TxPacket) {
        let mut sink = self.0.borrow_mut();
        if let Err(e) = sink.check(&packet) {
            sink.error.get_or_insert(e);
        }
    }

    fn next_packet(&mut self, _cycle: u64) -> Option<RxPacket> {
        let sink = &mut *self.0.borrow_mut();
        let member = sink.to_send.pop_front()?;
        let number = &mut sink.next_rx[member as usize];
        let name = Name {
            member,
            vq: RX,
            number: *number,
            row: sink.row,
        };
        *number += 1;
        sink.served[member as usize] += 1;
        let mut bytes = vec![0; sink.bytes];
        name.fill(&mut bytes[NET_HDR_BYTES..]);
        Some(RxPacket::receive(member, RX, bytes))
    }
}

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
    /// Latencies of the packets that came back, cycles, with the cycles in which they began.
    pub latencies: Vec<(u64, u64)>,
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
            latencies: Vec::new(),
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
                (self.case.direction.queues().iter()).for_each(|&vq| self.promise(device, vq));
            }
        }
        Ok(())
    }

    /// Promises one batch, if there are descriptors for it.
    fn promise(&mut self, device: u32, vq: u16) {
        let batch = self.case.batch as usize;
        let queue = &mut self.queues[Self::index(device, vq)];
        if queue.free.len() >= queue.promised + batch {
            queue.promised += batch;
            self.due[usize::from(vq)].push_back(device);
        }
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
                self.promise(device, vq);
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
        if slot >= queue.numbers.len() || queue.free.contains(&(id as u16)) {
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
            self.latencies.push((began, cycle.saturating_sub(began)));
        }
        queue.used = queue.used.wrapping_add(1);
        queue.done += 1;
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
mod tests {
    use super::*;
    use crate::bench::{Direction, IN_FLIGHT};

    fn case(direction: Direction, batch: u32, translations: Translations) -> Case {
        Case::new(64, direction, batch, 2, translations, IN_FLIGHT)
    }

    fn rings(case: Case) -> (HostMem, Rings) {
        let mem = HostMem::new(0, 1 << 28).unwrap();
        let layout = Layout::new(&mem, 2, 4).unwrap();
        let sink = Rc::default();
        let mut rings = Rings::new(&mem, &layout, case, 7, &sink);
        rings.start().unwrap();
        (mem, rings)
    }

    fn u16_at(mem: &HostMem, at: u64) -> u16 {
        let mut b = [0; 2];
        mem.read(at, &mut b).unwrap();
        u16::from_le_bytes(b)
    }

    /// Plays the device: uses the next `n` chains of a queue with `len` bytes written to each.
    fn used(mem: &HostMem, rings: &Rings, device: u32, vq: u16, n: u16, len: u32) {
        let (_, avail, used) = rings.layout.areas(device, vq.into());
        let from = u16_at(mem, used + USED_IDX);
        for k in 0..n {
            let at = u64::from(from.wrapping_add(k) % rings.entries);
            let id = u16_at(mem, avail + AVAIL_RING + 2 * at);
            let elem = u64::from(id) | u64::from(len) << 32;
            let place = used + USED_RING + USED_ELEM_BYTES * at;
            mem.write(place, &elem.to_le_bytes()).unwrap();
        }
        mem.write(used + USED_IDX, &from.wrapping_add(n).to_le_bytes())
            .unwrap();
    }

    /// The bytes of the chain that stands at `n` of the available ring.
    fn packet(mem: &HostMem, rings: &Rings, device: u32, vq: u16, n: u16) -> (u64, Vec<u8>) {
        let (table, avail, _) = rings.layout.areas(device, vq.into());
        let entry = u64::from(n % rings.entries);
        let id = u16_at(mem, avail + AVAIL_RING + 2 * entry);
        let mut addr = [0; 8];
        mem.read(table + u64::from(id) * DESC_BYTES, &mut addr)
            .unwrap();
        let offset = u64::from_le_bytes(addr) - rings.layout.buffers_iova(vq.into());
        let at = rings.layout.buffers(device, vq.into()) + offset;
        let mut bytes = vec![0; rings.scratch.len()];
        mem.read(at, &mut bytes).unwrap();
        (at, bytes)
    }

    #[test]
    fn batches_go_round_the_devices_and_come_back_with_their_latency() {
        let (mem, mut rings) = rings(case(Direction::Tx, 8, Translations::Warm));
        assert_eq!(rings.next().unwrap(), Some((0, TX)));
        assert_eq!(rings.next().unwrap(), Some((1, TX)));
        while rings.next().unwrap().is_some() {}
        assert_eq!(rings.open(), 2 * 128);
        rings.rung(1, TX, 100);
        let (_, avail, _) = rings.layout.areas(1, 1);
        let event = avail + AVAIL_RING + 2 * u64::from(rings.entries);
        assert_eq!(u16_at(&mem, event), 7);
        used(&mem, &rings, 1, TX, 8, 0);
        rings.message(1, TX, 350).unwrap();
        assert_eq!(rings.latencies, [(100, 250); 8]);
        assert_eq!(u16_at(&mem, event), 15);
        assert_eq!(
            (rings.next().unwrap(), rings.next().unwrap()),
            (Some((1, TX)), None)
        );
    }

    #[test]
    fn a_changed_byte_a_lost_packet_and_a_wrong_length_are_seen_at_the_stream() {
        let (mem, mut rings) = rings(case(Direction::Tx, 1, Translations::Cold));
        while rings.next().unwrap().is_some() {}
        let sink = rings.sink.clone();
        let tx = |n| TxPacket {
            member: 2,
            vq: TX,
            tuser: 0,
            bytes: packet(&mem, &rings, 1, TX, n).1,
        };
        let check = |p: &TxPacket| sink.borrow_mut().check(p);
        assert_eq!((check(&tx(0)), check(&tx(1))), (Ok(()), Ok(())));
        assert!(check(&tx(3)).is_err() && check(&tx(1)).is_err());
        let mut changed = tx(2);
        changed.bytes[40] ^= 1;
        assert!(check(&changed).unwrap_err().contains("member 2"));
        let mut short = tx(2);
        short.bytes.pop();
        assert!(check(&short).is_err());
        let other = TxPacket { member: 1, ..tx(2) };
        assert!(check(&other).is_err());
        assert_eq!(check(&tx(2)), Ok(()));
        assert_eq!(sink.borrow().served, [0, 0, 3]);
    }

    #[test]
    fn a_received_packet_must_be_in_the_buffer_that_is_used() {
        let (mem, mut rings) = rings(case(Direction::Rx, 1, Translations::Warm));
        while rings.next().unwrap().is_some() {}
        let mut card = SharedSink(rings.sink.clone());
        for k in 0..2 {
            rings.rung(0, RX, 1);
            let got = card.next_packet(1).unwrap();
            rings.arrived(0, 5 + k);
            let at = packet(&mem, &rings, 0, RX, k as u16).0;
            let mut bytes = got.head;
            bytes[NET_HDR_NUM_BUFFERS] = 1;
            bytes[50] ^= k as u8;
            mem.write(at, &bytes).unwrap();
            used(&mem, &rings, 0, RX, 1, bytes.len() as u32);
            let result = rings.message(0, RX, 20);
            assert_eq!(result.is_ok(), k == 0, "{result:?}");
        }
        assert_eq!(rings.latencies[0], (5, 15));
        assert!(rings.message(5, RX, 20).is_err());
    }

    #[test]
    fn cold_packets_go_from_page_to_page_and_neither_way_gets_ahead() {
        let (mem, mut rings) = rings(case(Direction::Both, 1, Translations::Cold));
        while rings.next().unwrap().is_some() {}
        assert_eq!(rings.batches[0], rings.batches[1]);
        let page = |n| packet(&mem, &rings, 0, TX, n).0 / PAGE_BYTES;
        assert!((1..4).all(|n| page(n) == page(0) + u64::from(n)) && page(4) == page(0));
        assert_ne!(
            packet(&mem, &rings, 0, TX, 4).0,
            packet(&mem, &rings, 0, TX, 0).0
        );
        // One way alone comes to its limit.
        let limit = u64::from(rings.case.active * rings.case.queued);
        for _ in 0..3 {
            used(&mem, &rings, 0, TX, 64, 0);
            rings.message(0, TX, 9).unwrap();
            while rings.next().unwrap().is_some() {}
        }
        assert_eq!(rings.batches[1], rings.batches[0] + limit);
    }
}
