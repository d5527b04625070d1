//! Virtqueues of the fake device, with a learning switch between its net devices and a store behind each block device.

use shoal_abi::cmd as abi;
use shoal_abi::mmu::{
    CAUSE_AVAIL_JUMP, CAUSE_CHAIN_LONG, CAUSE_DESC_INDEX, CAUSE_DESC_ORDER, CAUSE_INDIRECT,
    CAUSE_INDIRECT_TABLE, FAULT_BYTES, FAULT_READ,
};
use shoal_abi::ring::{BLK_HDR_BYTES, BLK_T_OUT};
use shoal_abi::{regs, ring};

use super::{Machine, Memory};

/// A fault: cause and IOVA.
type Fault = (u16, u64);

/// A chain: head, readable bytes, writable pieces.
struct Chain {
    head: u16,
    readable: Vec<u8>,
    writable: Vec<(u64, usize)>,
}

const STATS_KICKS: usize = 0;
const STATS_CHAINS: usize = 1;
const STATS_INTERRUPTS: usize = 2;
const STATS_DROPS: usize = 3;
const STATS_FAULTS: usize = 4;

const BLK_IN: u32 = 0;
const BLK_FLUSH: u32 = 4;

impl<M: Memory> Machine<M> {
    pub(super) fn notify(&mut self, id: u32, index: u16) {
        let Some(d) = self.devices.get(&id) else {
            return;
        };
        if index < d.vq_count {
            let c = &mut self.contexts[d.vq_base as usize + usize::from(index)];
            if c.ready {
                c.stats[STATS_KICKS] += 1;
                self.pending.push((id, index));
            }
        }
    }

    fn runs(&self, id: u32) -> bool {
        self.devices.get(&id).is_some_and(|d| {
            d.status & ring::S_DRIVER_OK != 0 && d.status & ring::S_NEEDS_RESET == 0 && !d.stopped
        })
    }

    pub(super) fn run_queues(&mut self) {
        for (id, index) in std::mem::take(&mut self.pending) {
            let receives = self
                .devices
                .get(&id)
                .is_some_and(|d| d.kind == ring::TYPE_NET && index % 2 == 0);
            while !receives && self.runs(id) {
                let step = self.next_chain(id, index).and_then(|c| match c {
                    Some(c) => self.serve(id, index, c).map(|()| true),
                    None => self.ask_for_notification(id, index),
                });
                match step {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(fault) => self.fail(id, index, fault),
                }
            }
        }
    }

    fn at(&self, id: u32, index: u16) -> usize {
        self.devices[&id].vq_base as usize + usize::from(index)
    }

    fn rings_u16(&mut self, id: u32, iova: u64) -> Result<u16, Fault> {
        let mut b = [0; 2];
        self.dma_read(self.devices[&id].asids[2], iova, &mut b)?;
        Ok(u16::from_le_bytes(b))
    }

    fn event_idx(&self, id: u32) -> bool {
        self.devices[&id].driver_features >> ring::F_EVENT_IDX & 1 == 1
    }

    /// avail_event, then one more look (virtio 1.4 §2.7.10).
    fn ask_for_notification(&mut self, id: u32, index: u16) -> Result<bool, Fault> {
        if !self.event_idx(id) || !self.contexts[self.at(id, index)].ready {
            return Ok(false);
        }
        let c = self.contexts[self.at(id, index)];
        let at = c.device + ring::USED_RING + ring::USED_ELEM_BYTES * u64::from(c.size);
        self.dma_write(self.devices[&id].asids[2], at, &c.last_avail.to_le_bytes())?;
        Ok(self.rings_u16(id, c.driver + ring::AVAIL_IDX)? != c.last_avail)
    }

    fn next_chain(&mut self, id: u32, index: u16) -> Result<Option<Chain>, Fault> {
        let at = self.at(id, index);
        let c = self.contexts[at];
        if !c.ready {
            return Ok(None);
        }
        let asids = self.devices[&id].asids;
        let (rings, buffers) = (asids[2], asids[usize::from(c.group)]);
        let ahead = self
            .rings_u16(id, c.driver + ring::AVAIL_IDX)?
            .wrapping_sub(c.last_avail);
        if ahead > c.size {
            return Err((CAUSE_AVAIL_JUMP, 0));
        }
        if ahead == 0 {
            return Ok(None);
        }
        let entry = u64::from(c.last_avail % c.size);
        let head = self.rings_u16(id, c.driver + ring::AVAIL_RING + 2 * entry)?;
        let mut chain = Chain {
            head,
            readable: Vec::new(),
            writable: Vec::new(),
        };
        let (mut table, mut asid, mut entries, mut next) =
            (c.desc, rings, u64::from(c.size), u64::from(head));
        let mut indirect = false;
        let mut count = 0;
        loop {
            if next >= entries {
                return Err((CAUSE_DESC_INDEX, 0));
            }
            let mut d = [0; ring::DESC_BYTES as usize];
            self.dma_read(asid, table + ring::DESC_BYTES * next, &mut d)?;
            let addr = u64::from_le_bytes(d[0..8].try_into().expect("8 bytes"));
            let len = u32::from_le_bytes(d[8..12].try_into().expect("4 bytes")) as usize;
            let flags = u16::from_le_bytes([d[12], d[13]]);
            if flags & ring::DESC_F_INDIRECT != 0 {
                let offered = self.devices[&id].driver_features >> ring::F_INDIRECT_DESC & 1 == 1;
                if indirect || !offered || flags & ring::DESC_F_NEXT != 0 {
                    return Err((CAUSE_INDIRECT, 0));
                }
                if len == 0 || !len.is_multiple_of(16) || !addr.is_multiple_of(8) {
                    return Err((CAUSE_INDIRECT_TABLE, 0));
                }
                (table, asid, entries, next, indirect) = (addr, buffers, len as u64 / 16, 0, true);
                continue;
            }
            count += 1;
            if count > c.size {
                return Err((CAUSE_CHAIN_LONG, 0));
            }
            if flags & ring::DESC_F_WRITE != 0 {
                chain.writable.push((addr, len));
            } else if chain.writable.is_empty() {
                let old = chain.readable.len();
                chain.readable.resize(old + len, 0);
                self.dma_read(buffers, addr, &mut chain.readable[old..])?;
            } else {
                return Err((CAUSE_DESC_ORDER, 0));
            }
            if flags & ring::DESC_F_NEXT == 0 {
                return Ok(Some(chain));
            }
            next = u64::from(u16::from_le_bytes([d[14], d[15]]));
        }
    }

    /// Writes `answer`, then the used element, the used index, and the message if one is wanted.
    fn complete(&mut self, id: u32, index: u16, chain: &Chain, answer: &[u8]) -> Result<(), Fault> {
        let at = self.at(id, index);
        let c = self.contexts[at];
        let asids = self.devices[&id].asids;
        let mut done = 0;
        for &(addr, len) in &chain.writable {
            let n = len.min(answer.len() - done);
            self.dma_write(asids[usize::from(c.group)], addr, &answer[done..done + n])?;
            done += n;
        }
        let slot =
            c.device + ring::USED_RING + ring::USED_ELEM_BYTES * u64::from(c.used_idx % c.size);
        let elem = u64::from(chain.head) | (done as u64) << 32;
        self.dma_write(asids[2], slot, &elem.to_le_bytes())?;
        let used_idx = c.used_idx.wrapping_add(1);
        self.dma_write(asids[2], c.device + ring::USED_IDX, &used_idx.to_le_bytes())?;
        let wanted = if self.event_idx(id) {
            self.rings_u16(id, c.driver + ring::AVAIL_RING + 2 * u64::from(c.size))? == c.used_idx
        } else {
            self.rings_u16(id, c.driver)? & ring::AVAIL_F_NO_INTERRUPT == 0
        };
        let mut slot = c.msi;
        if wanted {
            self.send(&mut slot);
        }
        let c = &mut self.contexts[at];
        (c.used_idx, c.last_avail, c.msi) = (used_idx, c.last_avail.wrapping_add(1), slot);
        c.stats[STATS_CHAINS] += 1;
        c.stats[STATS_INTERRUPTS] += u32::from(wanted && slot.ctrl & abi::MSI_VALID != 0);
        Ok(())
    }

    fn serve(&mut self, id: u32, index: u16, chain: Chain) -> Result<(), Fault> {
        if self.devices[&id].kind == ring::TYPE_NET {
            let frame = chain
                .readable
                .get(ring::NET_HDR_BYTES..)
                .unwrap_or(&[])
                .to_vec();
            self.complete(id, index, &chain, &[])?;
            self.switch(id, &frame);
            return Ok(());
        }
        let answer = self.block_request(id, &chain);
        self.complete(id, index, &chain, &answer)
    }

    fn block_request(&mut self, id: u32, chain: &Chain) -> Vec<u8> {
        let room: usize = chain.writable.iter().map(|w| w.1).sum();
        let Some((header, data)) = chain.readable.split_at_checked(BLK_HDR_BYTES) else {
            return vec![1; room.min(1)];
        };
        let kind = u32::from_le_bytes(header[0..4].try_into().expect("4 bytes"));
        let sector = u64::from_le_bytes(header[8..16].try_into().expect("8 bytes"));
        let store = self.stores.entry(id).or_default();
        let bytes = ring::BLK_SECTOR_BYTES as usize;
        let mut answer = Vec::new();
        match kind {
            BLK_IN => {
                for n in 0..(room.saturating_sub(1) / bytes) as u64 {
                    let held = store.get(&(sector + n));
                    answer.extend(held.cloned().unwrap_or_else(|| vec![0; bytes]));
                }
                answer.push(0);
            }
            BLK_T_OUT => {
                for (n, piece) in data.chunks_exact(bytes).enumerate() {
                    store.insert(sector + n as u64, piece.to_vec());
                }
                answer.push(0);
            }
            BLK_FLUSH => answer.push(0),
            _ => answer.push(2),
        }
        answer
    }

    fn switch(&mut self, from: u32, frame: &[u8]) {
        let Some((to, rest)) = frame.split_first_chunk::<6>() else {
            return;
        };
        if let Some(source) = rest.first_chunk::<6>() {
            self.macs.insert(*source, from);
        }
        let known = if to[0] & 1 == 0 {
            self.macs.get(to).copied()
        } else {
            None
        };
        let targets: Vec<u32> = match known {
            Some(port) => vec![port],
            None => self
                .devices
                .iter()
                .filter(|(_, d)| d.kind == ring::TYPE_NET)
                .map(|(&id, _)| id)
                .collect(),
        };
        for id in targets {
            if id == from || !self.runs(id) {
                continue;
            }
            let mut packet = vec![0; ring::NET_HDR_BYTES];
            packet[ring::NET_HDR_NUM_BUFFERS] = 1;
            packet.extend_from_slice(frame);
            let given = self.next_chain(id, 0).and_then(|c| match c {
                Some(c) => self.complete(id, 0, &c, &packet),
                None => {
                    let at = self.at(id, 0);
                    self.contexts[at].stats[STATS_DROPS] += 1;
                    Ok(())
                }
            });
            if let Err(fault) = given {
                self.fail(id, 0, fault);
            }
        }
    }

    fn fail(&mut self, id: u32, index: u16, (cause, iova): Fault) {
        let at = self.at(id, index);
        self.contexts[at].stats[STATS_FAULTS] += 1;
        let Some(d) = self.devices.get_mut(&id) else {
            return;
        };
        d.status |= ring::S_NEEDS_RESET;
        let (mut slot, asid) = (d.msi, d.asids[0]);
        self.send(&mut slot);
        let ctrl = self.raw(regs::FQ_CTRL.offset);
        let records = 1 << (ctrl >> 4 & 0xf);
        let (head, tail) = (
            self.raw(regs::FQ_HEAD.offset),
            self.raw(regs::FQ_TAIL.offset),
        );
        if ctrl & 1 == 0 || (tail + 1) % records == head {
            let lost = self.raw(regs::FQ_LOST.offset);
            self.registers.insert(regs::FQ_LOST.offset, lost + 1);
            return;
        }
        let word = u64::from(cause)
            | u64::from(asid) << 12
            | u64::from(FAULT_READ) << 34
            | u64::from(id) << 40;
        let words = [word, u64::from(index), iova, 0];
        let at = self.raw64(regs::FQ_BASE_LO.offset) + u64::from(tail) * FAULT_BYTES;
        for (n, w) in words.into_iter().enumerate() {
            assert!(
                self.memory.write(at + 8 * n as u64, &w.to_le_bytes()),
                "fault queue memory"
            );
        }
        self.registers
            .insert(regs::FQ_TAIL.offset, (tail + 1) % records);
        self.raise((ctrl >> 16) as u16);
    }
}
