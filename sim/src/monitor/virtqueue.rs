//! What virtio demands of a device that writes to a split ring and its buffers.
//!
//! Spec: virtio 1.4 §2.7.8 (device MUSTs of the used ring), §2.7.5 (no write to readable buffers or descriptors), ABI.md §8.1.

use shoal_abi::ring::{USED_ELEM_BYTES, USED_IDX, USED_RING};

use super::chain::Chain;
use super::ring::{le16, Buffer, Did, Kind, Part, Refusal, Ring};

impl Ring {
    /// The device wrote `bytes` of a writable buffer, `off` bytes behind its start; the address stood on the port in cycle `addressed`.
    pub(super) fn write_buffer(
        &mut self,
        buffer: &Buffer,
        off: u64,
        bytes: &[u8],
        addressed: u64,
    ) -> Result<Did, Refusal> {
        let Some(c) = self.chain(buffer.entry) else {
            return Err(("outside", "no chain is under way".into()));
        };
        if buffer.kind != Kind::Write {
            return Err((
                "read-only",
                format!("IOVA {:#x} is device-readable", buffer.iova + off),
            ));
        }
        if c.element.iter().any(Option::is_some) {
            return Err((
                "late-payload",
                format!("IOVA {:#x} after the used element", buffer.iova + off),
            ));
        }
        let first = buffer.offset + off;
        c.cover(first, first + bytes.len() as u64);
        c.payload_pending += 1;
        if let Some(cap) = &mut c.capture {
            cap.done = addressed;
            cap.answered = cap.answered.max(first as usize + bytes.len());
            for (n, b) in bytes.iter().enumerate() {
                if let Some(at) = cap.answer.get_mut(first as usize + n) {
                    *at = *b;
                }
            }
        }
        Ok(Did::Payload(buffer.entry))
    }

    /// The device wrote `bytes` of a ring area at offset `off`; the write was issued in cycle `issued`.
    pub(super) fn write(
        &mut self,
        part: Part,
        off: u64,
        bytes: &[u8],
        issued: u64,
    ) -> Result<Did, Refusal> {
        let len = bytes.len() as u64;
        if part != Part::Used {
            return Err(("read-only", format!("offset {off} of the {part:?} area")));
        }
        if let Some(first) = self.element_at(off) {
            return self.write_elements(first, off, bytes, issued);
        }
        if off == USED_IDX && len == 2 {
            return self.write_index(le16(bytes), issued);
        }
        if off == USED_RING + USED_ELEM_BYTES * u64::from(self.size) && len == 2 {
            return if self.event_idx {
                Ok(Did::AvailEvent)
            } else {
                Err(("avail-event", "avail_event without EVENT_IDX".into()))
            };
        }
        Err((
            "used-ring",
            format!("{len} bytes at offset {off}; used index {}", self.used_idx),
        ))
    }

    /// The chain of those under way whose used element byte `off` of the used ring belongs to.
    fn element_at(&self, off: u64) -> Option<usize> {
        (0..self.chains.len().max(1)).find(|n| {
            let at = self.used_idx.wrapping_add(*n as u16) % self.size;
            let slot = USED_RING + USED_ELEM_BYTES * u64::from(at);
            (slot..slot + USED_ELEM_BYTES).contains(&off)
        })
    }

    /// Used elements from that of chain `first` on; the write may begin and end within one.
    fn write_elements(
        &mut self,
        first: usize,
        off: u64,
        bytes: &[u8],
        issued: u64,
    ) -> Result<Did, Refusal> {
        let (mut off, mut rest) = (off, bytes);
        let mut n = 0;
        while !rest.is_empty() {
            let within = (off - USED_RING) % USED_ELEM_BYTES;
            let most = (USED_ELEM_BYTES - within) as usize;
            let (now, later) = rest.split_at(rest.len().min(most));
            match self.element_at(off) {
                Some(at) if at == first + n => {
                    self.write_element(at, within as usize, now, issued)?;
                }
                _ => {
                    let used = self.used_idx;
                    let detail = format!("{} bytes at offset {off}; used index {used}", rest.len());
                    return Err(("used-ring", detail));
                }
            }
            n += 1;
            off += now.len() as u64;
            rest = later;
        }
        let entry = self.chains.get(first).map_or(0, |c| c.entry);
        Ok(Did::Elements(entry, n as u16))
    }

    /// The used element of chain `n` of those under way.
    fn write_element(
        &mut self,
        n: usize,
        at: usize,
        bytes: &[u8],
        issued: u64,
    ) -> Result<(), Refusal> {
        let used_idx = self.used_idx;
        let Some(c) = self.chains.get_mut(n) else {
            return Err((
                "not-available",
                format!("used element {used_idx} for a chain never seen available"),
            ));
        };
        // A device that has filled what it needed may leave the rest of the writable part unread.
        if c.next.is_some() && c.writable == 0 {
            return Err((
                "not-read",
                format!("head {} used, its chain was not read to the end", c.head),
            ));
        }
        if c.payload_pending > 0 || c.payload_done >= issued {
            return Err((
                "payload-order",
                format!("head {} used before its data was answered", c.head),
            ));
        }
        if c.error {
            return Err((
                "after-error",
                format!("head {} used after an error response", c.head),
            ));
        }
        let mut element = c.element;
        for (to, from) in element[at..].iter_mut().zip(bytes) {
            *to = Some(*from);
        }
        if let Some(all) = element.into_iter().collect::<Option<Vec<u8>>>() {
            let word = u64::from_le_bytes(all.try_into().unwrap_or_default());
            let (id, len) = (word & 0xffff_ffff, word >> 32);
            if id != u64::from(c.head) {
                return Err((
                    "used-id",
                    format!("used id {id}, the chain's head is {}", c.head),
                ));
            }
            if len > c.prefix() {
                return Err((
                    "used-len",
                    format!("used len {len}, {} bytes were written", c.prefix()),
                ));
            }
        }
        c.element = element;
        c.element_pending += 1;
        Ok(())
    }

    fn write_index(&mut self, idx: u16, issued: u64) -> Result<Did, Refusal> {
        let used = |c: &&Chain| c.element.iter().all(Option::is_some);
        let complete = self.chains.iter().take_while(used).count();
        if complete == 0 {
            return Err((
                "index-alone",
                format!("used.idx {idx} without a used element"),
            ));
        }
        let n = usize::from(idx.wrapping_sub(self.used_idx));
        let mut told = self.chains.iter().take(n.clamp(1, complete));
        if told.any(|c| c.element_pending > 0 || c.element_done >= issued) {
            return Err((
                "index-order",
                format!("used.idx {idx} before the element was answered"),
            ));
        }
        if !(1..=complete).contains(&n) {
            return Err((
                "used-idx",
                format!("used.idx {idx} after {}", self.used_idx),
            ));
        }
        self.used_idx = idx;
        self.last_avail = self.last_avail.wrapping_add(n as u16);
        self.over.extend(self.chains.drain(..n));
        Ok(Did::Index(idx))
    }
}

#[cfg(test)]
#[path = "virtqueue_tests.rs"]
mod tests;
