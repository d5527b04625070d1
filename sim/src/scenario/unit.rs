//! A managed device without a driver of its own: a page of memory with a ring and one buffer in it, an address space that
//! maps nothing else, and an interrupt message. It sends one packet, whose bytes are a function of seed and member id.

use shoal_abi::cmd as abi;
use shoal_abi::mmu::MODE_BARE;
use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, BLK_HDR_BYTES, BLK_SECTOR_BYTES, BLK_T_OUT, DESC_BYTES, DESC_F_NEXT,
    DESC_F_WRITE, F_EVENT_IDX, NET_HDR_BYTES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK,
    TYPE_BLK, TYPE_NET, USED_ELEM_BYTES, USED_IDX, USED_RING,
};
use shoal_driver::cmd::{self, Binding, Cmd, DevCreate, VqSetup};
use shoal_driver::page_table::{PageTable, Scheme};
use shoal_driver::{Bar, Dma, Mgmtdev, Msi, Perm, PlatformIommu, Result, SpaceKind, VdevConfig};

use super::fleet::Kind;
use crate::env::PAGE_BYTES;
use crate::host::SharedHost;

/// Entries of the queue.
const ENTRIES: u16 = 4;
/// Offsets in the page.
const DRIVER_AREA: u64 = 0x40;
const DEVICE_AREA: u64 = 0x80;
const BUFFER: u64 = 0x100;
/// Bytes for buffers.
const BUFFERS: u64 = 0x680;
/// Offset of the status bytes of block requests.
const BLK_STATUS: u64 = 0x800;
/// What the page holds where the device has to write.
const UNWRITTEN: u8 = 0xee;

/// One device in 16 is a block device, unless it is chosen otherwise.
pub(super) fn kind_of(id: u32) -> Kind {
    if id % 16 == 5 {
        Kind::Blk
    } else {
        Kind::Net
    }
}

impl Kind {
    /// Index of the queue that sends.
    pub(super) fn queue_index(self) -> u16 {
        u16::from(self == Self::Net)
    }

    /// Device-writable bytes of a chain.
    pub(super) fn writable(self) -> u32 {
        u32::from(self == Self::Blk)
    }

    /// Virtio device type.
    pub(super) fn device_type(self) -> u16 {
        match self {
            Self::Net => TYPE_NET,
            Self::Blk => TYPE_BLK,
        }
    }

    fn queues(self) -> u32 {
        match self {
            Self::Net => 2,
            Self::Blk => 1,
        }
    }

    /// Bytes of a packet's header.
    fn header(self) -> usize {
        match self {
            Self::Net => NET_HDR_BYTES,
            Self::Blk => BLK_HDR_BYTES,
        }
    }

    /// Chains that fill the ring's descriptors when the header is none of its own.
    pub(super) fn full(self) -> u16 {
        match self {
            Self::Net => ENTRIES,
            Self::Blk => ENTRIES / 2,
        }
    }
}

/// The packet of device `id`: no other device has the same.
pub(super) fn packet(seed: u64, id: u32, kind: Kind) -> Vec<u8> {
    // The finaliser of splitmix64.
    let word = |n: u64| {
        let mut z =
            (seed ^ u64::from(id) << 32).wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut bytes = Vec::new();
    let body = if kind == Kind::Blk {
        bytes.extend_from_slice(&BLK_T_OUT.to_le_bytes());
        bytes.resize(BLK_HDR_BYTES, 0);
        BLK_SECTOR_BYTES
    } else {
        bytes.resize(NET_HDR_BYTES, 0);
        // To itself: a switch has nowhere to send that.
        bytes.extend_from_slice(&mac(id));
        bytes.extend_from_slice(&mac(id));
        bytes.extend_from_slice(&[0x88, 0xb5]);
        bytes.extend_from_slice(&id.to_be_bytes());
        1 + word(0) % 300
    };
    let random = (1..).flat_map(|n| word(n).to_le_bytes());
    bytes.extend(random.take(body as usize));
    bytes
}

fn mac(id: u32) -> [u8; 6] {
    let [_, a, b, c] = id.to_be_bytes();
    [2, 0x53, 0x48, a, b, c]
}

enum Space {
    Table(PageTable<SharedHost>),
    Pasid(u32),
}

/// A device.
pub(super) struct Unit {
    id: u32,
    kind: Kind,
    asid: u32,
    vq_base: u32,
    doorbell_page: u32,
    pub(super) msi: Msi,
    memory: shoal_driver::DmaBuf,
    iova: u64,
    space: Space,
}

impl Unit {
    /// The host's side of a device: ids, memory, page tables. The device itself follows with [`Unit::set_up`].
    pub(super) fn new(mgmtdev: &Mgmtdev<SharedHost>) -> Result<Self> {
        let id = mgmtdev.pools().members.alloc()?;
        Self::with(mgmtdev, id, kind_of(id))
    }

    /// The same for member id `id`, which the caller took.
    pub(super) fn with(mgmtdev: &Mgmtdev<SharedHost>, id: u32, kind: Kind) -> Result<Self> {
        let host = mgmtdev.platform();
        let (asid, vq_base, doorbell_page, msi) = {
            let mut p = mgmtdev.pools();
            (
                p.asids.alloc()?,
                p.vqs.alloc_run(kind.queues())?,
                p.doorbell_pages.alloc()?,
                p.msis.alloc()?,
            )
        };
        let memory = host.alloc(PAGE_BYTES as usize)?;
        // Not at the same place in every space.
        let iova =
            u64::from(id % 200 + 1) << 30 | u64::from(id % 7) << 21 | u64::from(id % 512) << 12;
        let (bytes, pa) = (PAGE_BYTES, memory.addr);
        let scheme = match (id + id / 16) % 4 {
            0 => Some(Scheme::Sv39),
            2 => Some(Scheme::Sv48),
            _ => None,
        };
        let space = match scheme {
            Some(scheme) => {
                let mut table = PageTable::new(host.clone(), scheme)?;
                table.map(iova, pa, bytes, Perm::Rw)?;
                Space::Table(table)
            }
            None => {
                let pasid = mgmtdev.pools().pasids.alloc()?;
                host.bind(pasid);
                host.map(pasid, iova, pa, bytes, Perm::Rw);
                Space::Pasid(pasid)
            }
        };
        Ok(Self {
            id,
            kind,
            asid,
            vq_base,
            doorbell_page,
            msi,
            memory,
            iova,
            space,
        })
    }

    /// Member id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Type.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its address space.
    pub(super) fn asid(&self) -> u32 {
        self.asid
    }

    /// The commands that make the device, its queue running.
    pub(super) fn set_up(&self, mgmtdev: &Mgmtdev<SharedHost>) -> [Cmd; 5] {
        let binding = match &self.space {
            Space::Table(t) => Binding {
                mode: t.scheme().mode(),
                pasid: None,
                root: t.root(),
            },
            Space::Pasid(p) => Binding {
                mode: MODE_BARE,
                pasid: Some(*p),
                root: 0,
            },
        };
        let config = match self.kind {
            Kind::Blk => VdevConfig::blk(1, SpaceKind::Bare),
            Kind::Net => VdevConfig::net(mac(self.id), SpaceKind::Bare),
        };
        let without = if self.id % 3 == 1 {
            1 << F_EVENT_IDX
        } else {
            0
        };
        let features = config.features(mgmtdev.caps()) & !without;
        let create = DevCreate {
            device_type: config.device_type(),
            vq_count: config.vq_count(),
            vq_base: self.vq_base,
            features,
            asids: [self.asid; abi::GROUPS as usize],
            doorbell_page: self.doorbell_page,
            config: config.config_space(),
        };
        let queue = VqSetup {
            vq_index: self.kind.queue_index(),
            size: ENTRIES,
            ready: true,
            desc: self.iova,
            driver: self.iova + DRIVER_AREA,
            device: self.iova + DEVICE_AREA,
            msi: Some(self.msi),
            ..VqSetup::default()
        };
        let status = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK;
        let of = |opcode| Cmd::new(opcode, self.id.into());
        [
            cmd::asid_set(self.asid, binding),
            cmd::dev_create(self.id, &create),
            of(abi::FEATURES_SET).put("driver_features", features),
            cmd::vq_setup(self.id, &queue),
            of(abi::STATUS_SET).put("status", status.into()),
        ]
    }

    /// Makes the packet available and rings the doorbell.
    pub(super) fn send(&self, host: &SharedHost, seed: u64) {
        let packet = packet(seed, self.id, self.kind);
        // The header is a descriptor of its own, as most drivers make it.
        let header = self.kind.header();
        let at = self.buffer(0);
        host.write(self.memory.addr + at, &packet);
        let parts = [
            (at, header, 0),
            (at + header as u64, packet.len() - header, 0),
        ];
        self.chain(host, 0, &parts);
        self.offer(host, &[0]);
    }

    /// Makes the packets of `seeds`, at most [`Kind::full`] of them, available at once and rings the doorbell.
    pub(super) fn send_all(&self, host: &SharedHost, seeds: &[u64]) {
        let descs = ENTRIES / self.kind.full();
        let mut heads = Vec::new();
        for (n, &seed) in (0..self.kind.full()).zip(seeds) {
            let packet = packet(seed, self.id, self.kind);
            let at = self.buffer(n);
            host.write(self.memory.addr + at, &packet);
            self.chain(host, n * descs, &[(at, packet.len(), 0)]);
            heads.push(n * descs);
        }
        self.offer(host, &heads);
    }

    /// Offset of the buffer of chain `n`.
    fn buffer(&self, n: u16) -> u64 {
        BUFFER + u64::from(self.id % 61) + u64::from(n) * (BUFFERS / u64::from(self.kind.full()))
    }

    /// Writes a chain of {offset, bytes, flags} from descriptor `head` on, and the status that a block device adds to it.
    fn chain(&self, host: &SharedHost, head: u16, parts: &[(u64, usize, u16)]) {
        let mut parts = parts.to_vec();
        let status = BLK_STATUS + u64::from(head);
        host.write(self.memory.addr + status, &[UNWRITTEN]);
        if self.kind == Kind::Blk {
            parts.push((status, 1, DESC_F_WRITE));
        }
        let last = parts.len() - 1;
        for (n, &(offset, bytes, flags)) in parts.iter().enumerate() {
            let index = head + n as u16;
            let more = if n < last { DESC_F_NEXT } else { 0 };
            let mut desc = [0; DESC_BYTES as usize];
            desc[..8].copy_from_slice(&(self.iova + offset).to_le_bytes());
            desc[8..12].copy_from_slice(&(bytes as u32).to_le_bytes());
            desc[12..14].copy_from_slice(&(flags | more).to_le_bytes());
            desc[14..].copy_from_slice(&(index + 1).to_le_bytes());
            host.write(self.memory.addr + u64::from(index) * DESC_BYTES, &desc);
        }
    }

    /// Makes chains available in an empty ring and rings the doorbell.
    fn offer(&self, host: &SharedHost, heads: &[u16]) {
        let ring = self.memory.addr + DRIVER_AREA;
        for (n, head) in (0..).zip(heads) {
            host.write(ring + AVAIL_RING + 2 * n, &head.to_le_bytes());
        }
        host.write(ring + AVAIL_IDX, &(heads.len() as u16).to_le_bytes());
        let doorbell =
            shoal_abi::regs::DOORBELLS + self.doorbell_page * shoal_abi::regs::DOORBELL_PAGE_BYTES;
        host.post_write32(doorbell, self.kind.queue_index().into());
    }

    /// The used index.
    pub(super) fn used(&self, host: &SharedHost) -> u16 {
        host.read_u16(self.memory.addr + DEVICE_AREA + USED_IDX)
    }

    /// What is wrong with the used ring and the status of each request after `chains` chains, if anything is.
    pub(super) fn check(&self, host: &SharedHost, chains: u16) -> std::result::Result<(), String> {
        let page = self.memory.addr;
        let step = ENTRIES / self.kind.full();
        let used = (0..chains).map(|n| {
            let at = USED_RING + u64::from(n) * USED_ELEM_BYTES;
            let mut status = [0];
            host.read(page + BLK_STATUS + u64::from(n * step), &mut status);
            (host.read_u64(page + DEVICE_AREA + at), status[0])
        });
        let found = (self.used(host), used.collect::<Vec<_>>());
        // The length is what the device wrote; chains of a queue come back in order.
        let of = |n| {
            let status = match self.kind {
                Kind::Blk => 0,
                Kind::Net => UNWRITTEN,
            };
            let length = u64::from(self.kind.writable()) << 32;
            (length | u64::from(n * step), status)
        };
        let wanted = (chains, (0..chains).map(of).collect::<Vec<_>>());
        if found == wanted {
            return Ok(());
        }
        Err(format!(
            "member {}: used index, used elements and status bytes are {found:x?}, not {wanted:x?}",
            self.id
        ))
    }

    /// The commands that end the device. Translations are dropped behind them, for many devices at once.
    pub(super) fn tear_down(&self) -> [Cmd; 2] {
        [
            Cmd::new(abi::DEV_DESTROY, self.id.into()),
            cmd::asid_set(self.asid, Binding::OFF),
        ]
    }

    /// Gives back everything on the host's side. Nothing of the device may be in use any more.
    pub(super) fn release(self, mgmtdev: &Mgmtdev<SharedHost>) {
        let host = mgmtdev.platform();
        match self.space {
            Space::Table(t) => t.release(),
            Space::Pasid(p) => {
                host.unbind(p);
                mgmtdev.pools().pasids.free(p);
            }
        }
        host.free(self.memory);
        let mut p = mgmtdev.pools();
        p.members.free(self.id);
        p.vqs.free_run(self.vq_base, self.kind.queues());
        p.asids.free(self.asid);
        p.doorbell_pages.free(self.doorbell_page);
        p.msis.free(self.msi);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_device_has_a_packet_of_its_own_that_fits_its_page() {
        let all: HashSet<Vec<u8>> = (1..2000).map(|id| packet(7, id, kind_of(id))).collect();
        assert_eq!(all.len(), 1999);
        assert!(all
            .iter()
            .all(|p| BUFFER + 60 + p.len() as u64 <= BLK_STATUS));
        for kind in [Kind::Net, Kind::Blk] {
            let most = (1..2000).map(|id| packet(7, id, kind).len()).max().unwrap() as u64;
            assert!(most <= BUFFERS / u64::from(kind.full()), "{kind:?}");
        }
        assert_ne!(packet(7, 1, Kind::Net), packet(8, 1, Kind::Net));
        assert_eq!((1..=160).filter(|&id| kind_of(id) == Kind::Blk).count(), 10);
    }
}
