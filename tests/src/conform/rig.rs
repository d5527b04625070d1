//! A device with raw rings: what a driver writes is written byte by byte, right or wrong.

use shoal::env::RxPacket;
use shoal::host::SharedHost;
use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, BLK_HDR_BYTES, BLK_T_OUT, DESC_F_NEXT, DESC_F_WRITE, F_EVENT_IDX,
    NET_HDR_BYTES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, S_NEEDS_RESET,
    USED_ELEM_BYTES, USED_IDX, USED_RING,
};
use shoal_driver::{cmd, Mgmtdev, SpaceKind, Vdev, VdevConfig};

use super::case::Target;
use super::function::{stored, Function};
use super::memory::{Memory, IOVA};

/// Entries of every queue.
pub const SIZE: u16 = 8;
/// Offsets of the parts of a queue in its eighth of the region, each on a page of its own.
pub const QUEUE_BYTES: u64 = 0x8000;
pub const AVAIL: u64 = 0x1000;
pub const USED: u64 = 0x2000;
pub const TABLE: u64 = 0x3000;
pub const BUFFER: u64 = 0x4000;
/// Bytes of the packet that makes a receive queue look at a chain: more than a good one holds, so that it looks at all of it.
const PROMPT_BYTES: usize = 9000;
/// Cycles within which a chain is served, whatever the others do.
pub const PATIENCE: u64 = 30_000;

/// A device.
pub struct Rig {
    pub(super) host: SharedHost,
    pub(super) function: Function,
    pub(super) vdev: Vdev<SharedHost>,
    pub(super) memory: Memory,
    pub(super) is_blk: bool,
    /// Next available index of each queue.
    avail: [u16; 2],
    rounds: u32,
}

type Done<T = ()> = Result<T, String>;

pub(super) fn text(e: impl std::fmt::Display) -> String {
    e.to_string()
}

impl Rig {
    pub(super) fn new(
        mgmtdev: &Mgmtdev<SharedHost>,
        function: &Function,
        is_blk: bool,
        number: u8,
    ) -> Done<Self> {
        let host = mgmtdev.platform().clone();
        let mut config = if is_blk {
            VdevConfig::blk(1 << 20, SpaceKind::Bare)
        } else {
            VdevConfig::net([2, 0, 0, 0, 0, number], SpaceKind::Bare)
        };
        // A message for every chain.
        let features = config.features(mgmtdev.caps()) & !(1 << F_EVENT_IDX);
        config.device_features = Some(features);
        let rig = Self {
            memory: Memory::new(&host).map_err(text)?,
            vdev: mgmtdev.dev_add(config).map_err(text)?,
            function: function.clone(),
            host,
            is_blk,
            avail: [0; 2],
            rounds: 0,
        };
        Ok(rig)
    }

    /// Member id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.vdev.id()
    }

    pub(super) fn asid(&self) -> u32 {
        self.vdev.spaces()[0].asid()
    }

    /// Tables as they should be, rings empty, everything started.
    pub(super) fn start(&mut self) -> Done {
        self.start_until(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK)
    }

    /// The same, up to this status.
    pub(super) fn start_until(&mut self, status: u8) -> Done {
        self.memory.restore();
        let mgmtdev = self.vdev.mgmtdev();
        let bind = cmd::asid_set(self.asid(), self.memory.binding());
        mgmtdev.exec(&bind).map_err(text)?;
        let drop = cmd::iotlb_invalidate(Some(self.asid()), None);
        mgmtdev.exec(&drop).map_err(text)?;
        let v = self.vdev.clone();
        let features = v.get_device_features();
        v.set_driver_features(features).map_err(text)?;
        v.set_config_cb(true).map_err(text)?;
        v.set_status(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK)
            .map_err(text)?;
        for q in 0..v.vq_count() {
            let base = u64::from(q) * QUEUE_BYTES;
            self.memory.put(base, &[0; 0x4000]);
            v.set_vq_num(q, SIZE).map_err(text)?;
            v.set_vq_address(q, IOVA + base, IOVA + base + AVAIL, IOVA + base + USED)
                .map_err(text)?;
            v.set_vq_cb(q, true).map_err(text)?;
            v.set_vq_ready(q, true).map_err(text)?;
        }
        self.avail = [0; 2];
        v.set_status(status).map_err(text)?;
        Ok(())
    }

    pub(super) fn needs_reset(&self) -> Done<bool> {
        let status = self.vdev.get_status().map_err(text)?;
        Ok(status & S_NEEDS_RESET != 0)
    }

    /// Queue index and its offset in the region.
    pub(super) fn queue(&self, target: Target) -> (u16, u64) {
        let q = u16::from(target == Target::Transmit);
        (q, u64::from(q) * QUEUE_BYTES)
    }

    /// Writes descriptor `n` of the table at `offset`.
    pub(super) fn desc(&self, table: u64, n: u16, at: u64, len: u32, flags: u16, next: u16) {
        let mut d = at.to_le_bytes().to_vec();
        d.extend_from_slice(&len.to_le_bytes());
        d.extend_from_slice(&flags.to_le_bytes());
        d.extend_from_slice(&next.to_le_bytes());
        self.memory.put(table + 16 * u64::from(n), &d);
    }

    /// Makes the chains at `heads` available in queue `q`, without a doorbell.
    pub(super) fn offer(&mut self, q: u16, heads: &[u16]) {
        let base = u64::from(q) * QUEUE_BYTES + AVAIL;
        let avail = &mut self.avail[usize::from(q)];
        for head in heads {
            let at = base + AVAIL_RING + 2 * u64::from(*avail % SIZE);
            self.memory.put(at, &head.to_le_bytes());
            *avail = avail.wrapping_add(1);
        }
        self.memory.put(base + AVAIL_IDX, &avail.to_le_bytes());
    }

    /// Sets the available index to `ahead` more than it was.
    pub(super) fn jump(&self, q: u16, ahead: u16) {
        let at = u64::from(q) * QUEUE_BYTES + AVAIL + AVAIL_IDX;
        let avail = self.avail[usize::from(q)].wrapping_add(ahead);
        self.memory.put(at, &avail.to_le_bytes());
    }

    /// Queue `q` begins with index 0 again.
    pub(super) fn forget(&mut self, q: u16) {
        self.avail[usize::from(q)] = 0;
    }

    pub(super) fn kick(&self, q: u16) {
        // NOTIFICATION_DATA is negotiated like all that is offered.
        let next = self.avail.get(usize::from(q)).copied().unwrap_or(0);
        let data = u32::from(q) | u32::from(next) << 16;
        self.vdev.kick_vq_with_data(data);
    }

    /// The queue's doorbell; and on a receive queue a packet.
    pub(super) fn prompt(&self, target: Target) {
        self.kick(self.queue(target).0);
        if target == Target::Receive {
            let packet = RxPacket::receive(self.id(), 0, vec![0x5a; PROMPT_BYTES]);
            self.function.send(packet);
        }
    }

    /// A good chain of two buffers for `target` from descriptor `n` on, in table `table` of the region: where its buffers are, and
    /// their flags.
    pub(super) fn good(&self, target: Target) -> [(u64, u32, u16); 2] {
        let (_, base) = self.queue(target);
        let at = IOVA + base + BUFFER;
        match target {
            Target::Transmit => [(at, NET_HDR_BYTES as u32, 0), (at + 0x1000, 200, 0)],
            Target::Receive => [(at, 100, DESC_F_WRITE), (at + 0x1000, 1500, DESC_F_WRITE)],
            Target::Block => [
                (at, BLK_HDR_BYTES as u32, 0),
                (at + 0x1000, 1, DESC_F_WRITE),
            ],
        }
    }

    /// Writes [`Rig::good`] as descriptors 0 and 1.
    pub(super) fn put_good(&self, target: Target) {
        let (_, base) = self.queue(target);
        let parts = self.good(target);
        let (at, len, flags) = parts[0];
        self.desc(base, 0, at, len, flags | DESC_F_NEXT, 1);
        let (at, len, flags) = parts[1];
        self.desc(base, 1, at, len, flags, 0);
    }

    pub(super) fn used(&self, q: u16) -> u16 {
        let at = u64::from(q) * QUEUE_BYTES + USED + USED_IDX;
        let b = self.memory.get(at, 2);
        u16::from_le_bytes([b[0], b[1]])
    }

    /// Waits until all that is available in queue `q` is used and one message has come; gives the used element.
    fn wait(&self, q: u16) -> Done<Vec<u8>> {
        let want = self.avail[usize::from(q)];
        let mut messages = 0;
        let what = "a chain is used and told of";
        self.host
            .run_until(what, PATIENCE, 8, || {
                messages += self.vdev.take_vq_interrupts(q);
                self.used(q) == want && messages > 0
            })
            .map_err(|e| {
                let used = self.used(q);
                format!("member {} queue {q}: {e}: used {used} of {want}", self.id())
            })?;
        // One that should not come would come now.
        self.host.run(200).map_err(text)?;
        messages += self.vdev.take_vq_interrupts(q);
        if messages != 1 {
            return Err(format!("{messages} messages for one chain"));
        }
        let at = USED_RING + USED_ELEM_BYTES * u64::from(want.wrapping_sub(1) % SIZE);
        Ok(self.memory.get(
            u64::from(q) * QUEUE_BYTES + USED + at,
            USED_ELEM_BYTES as usize,
        ))
    }

    /// Interrupts until now do not count.
    pub(super) fn forget_interrupts(&self) {
        let _ = self.vdev.take_config_interrupts();
        for q in 0..self.vdev.vq_count() {
            let _ = self.vdev.take_vq_interrupts(q);
        }
    }

    /// One round of ordinary work, judged; what was seen of it.
    pub(super) fn work(&mut self) -> Done<Vec<u8>> {
        self.rounds += 1;
        let seed = self.rounds as u8 ^ self.id() as u8;
        self.function.take_sent(self.id());
        let mut trace = Vec::new();
        if self.is_blk {
            for write in [true, false] {
                trace.extend(self.block(seed, write)?);
            }
        } else {
            trace.extend(self.transmit(seed)?);
            trace.extend(self.receive(seed)?);
        }
        Ok(trace)
    }

    fn transmit(&mut self, seed: u8) -> Done<Vec<u8>> {
        let base = QUEUE_BYTES;
        let frame: Vec<u8> = (0..900u32).map(|n| (n * 5) as u8 ^ seed).collect();
        // Across the end of a page.
        let at = base + BUFFER + 0xf00;
        self.memory.put(base + BUFFER, &[0; NET_HDR_BYTES]);
        self.memory.put(at, &frame);
        self.desc(
            base,
            2,
            IOVA + base + BUFFER,
            NET_HDR_BYTES as u32,
            DESC_F_NEXT,
            3,
        );
        self.desc(base, 3, IOVA + at, frame.len() as u32, 0, 0);
        self.offer(1, &[2]);
        self.kick(1);
        let used = self.wait(1)?;
        let sent = self.function.take_sent(self.id());
        let [packet] = &sent[..] else {
            return Err(format!("{} packets instead of one", sent.len()));
        };
        if packet.bytes.get(NET_HDR_BYTES..) != Some(&frame[..]) {
            return Err("the packet sent differs".into());
        }
        Ok([used, packet.bytes.clone()].concat())
    }

    fn receive(&mut self, seed: u8) -> Done<Vec<u8>> {
        let frame: Vec<u8> = (0..700u32).map(|n| (n * 3) as u8 ^ seed).collect();
        let at = BUFFER + 0xe00;
        self.memory.put(at, &[0xee; 800]);
        self.desc(0, 2, IOVA + at, 100, DESC_F_WRITE | DESC_F_NEXT, 3);
        self.desc(0, 3, IOVA + at + 100, 700, DESC_F_WRITE, 0);
        self.offer(0, &[2]);
        self.kick(0);
        let packet = [vec![0; NET_HDR_BYTES], frame].concat();
        self.function
            .send(RxPacket::receive(self.id(), 0, packet.clone()));
        let used = self.wait(0)?;
        let got = self.memory.get(at, packet.len());
        if got[NET_HDR_BYTES..] != packet[NET_HDR_BYTES..] {
            return Err("the packet received differs".into());
        }
        Ok([used, got].concat())
    }

    fn block(&mut self, seed: u8, write: bool) -> Done<Vec<u8>> {
        let sector = u64::from(seed) + 3;
        let mut header = vec![0; BLK_HDR_BYTES];
        if write {
            header[..4].copy_from_slice(&BLK_T_OUT.to_le_bytes());
        }
        header[8..].copy_from_slice(&sector.to_le_bytes());
        let data: Vec<u8> = (0..512u32).map(|n| (n * 11) as u8 ^ seed).collect();
        let at = BUFFER + 0xf80;
        self.memory.put(BUFFER, &header);
        self.memory.put(at, &data);
        self.memory.put(BUFFER + 0x20, &[0xee]);
        let flag = if write { 0 } else { DESC_F_WRITE };
        self.desc(0, 2, IOVA + BUFFER, BLK_HDR_BYTES as u32, DESC_F_NEXT, 3);
        self.desc(0, 3, IOVA + at, 512, flag | DESC_F_NEXT, 4);
        self.desc(0, 4, IOVA + BUFFER + 0x20, 1, DESC_F_WRITE, 0);
        self.offer(0, &[2]);
        self.kick(0);
        let used = self.wait(0)?;
        let got = self.memory.get(at, 512);
        let want: Vec<u8> = if write {
            data
        } else {
            (0..512).map(|n| stored(sector, n)).collect()
        };
        if got != want || self.memory.get(BUFFER + 0x20, 1) != [0] {
            return Err("a block request went wrong".into());
        }
        let sent = self.function.take_sent(self.id());
        let sent: Vec<u8> = sent.into_iter().flat_map(|p| p.bytes).collect();
        Ok([used, got, sent].concat())
    }
}
