//! The block function behind the streams: one store a member, requests as virtio 1.4 §5.2.6 says.
//!
//! A request is `struct virtio_blk_req`: 16 bytes of header and, for OUT, data, on `m_axis`; the answer is exactly the
//! writable bytes of the chain, the status last. Answers come after a delay and may overtake one another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use shoal_abi::ring::{BLK_HDR_BYTES, BLK_T_OUT};

use super::blk_ranges::{self, T_DISCARD, T_WRITE_ZEROES};
use super::packet::{RxPacket, TxPacket};
use super::store::Store;
use super::Dice;

/// Bytes of a sector (virtio 1.4 §5.2.6).
pub const SECTOR_BYTES: u64 = 512;
/// Most data bytes of a request; a longer one is an I/O error. Keeps the memory a request can claim bounded.
const MAX_DATA: u64 = 64 << 20;
/// Bytes of the GET_ID answer.
const ID_BYTES: usize = 20;

const T_IN: u32 = 0;
const T_FLUSH: u32 = 4;
const T_GET_ID: u32 = 8;

pub(super) const S_OK: u8 = 0;
pub(super) const S_IOERR: u8 = 1;
pub(super) const S_UNSUPP: u8 = 2;

/// How the block function behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlkSettings {
    /// Cycles from a request to its answer.
    pub delay: u32,
    /// Most random cycles added to that; answers overtake one another when it is not 0.
    pub jitter: u32,
}

impl Default for BlkSettings {
    fn default() -> Self {
        Self {
            delay: 200,
            jitter: 400,
        }
    }
}

/// What the block function counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlkCounts {
    /// IN requests done.
    pub reads: u64,
    /// OUT requests done.
    pub writes: u64,
    /// FLUSH requests done.
    pub flushes: u64,
    /// DISCARD and WRITE_ZEROES requests done.
    pub ranges: u64,
    /// Requests answered with IOERR.
    pub io_errors: u64,
    /// Requests answered with UNSUPP.
    pub unsupported: u64,
    /// Requests without room for a status: not carried out, not answered.
    pub malformed: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Pending {
    due: u64,
    order: u64,
    packet: RxPacket,
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Finds the store of a member.
pub type Source = Box<dyn FnMut(u32) -> Option<Store>>;

/// The block function.
pub struct Blk {
    settings: BlkSettings,
    dice: Dice,
    stores: HashMap<u32, Store>,
    source: Option<Source>,
    pending: BinaryHeap<Reverse<Pending>>,
    order: u64,
    counts: BlkCounts,
}

impl Blk {
    /// A block function without stores; requests to a member without one are answered with IOERR.
    #[must_use]
    pub fn new(settings: BlkSettings, dice: Dice) -> Self {
        Self {
            settings,
            dice,
            stores: HashMap::new(),
            source: None,
            pending: BinaryHeap::new(),
            order: 0,
            counts: BlkCounts::default(),
        }
    }

    /// Asks `source` for the store of a member that has none when its first request comes.
    pub fn set_source(&mut self, source: Source) {
        self.source = Some(source);
    }

    /// Puts `store` behind `member`.
    pub fn attach(&mut self, member: u32, store: Store) {
        self.stores.insert(member, store);
    }

    /// Takes the store of `member` away. Answers under way are still sent: chains wait for them without limit.
    pub fn detach(&mut self, member: u32) -> Option<Store> {
        self.stores.remove(&member)
    }

    /// The store of `member`.
    pub fn store_mut(&mut self, member: u32) -> Option<&mut Store> {
        self.stores.get_mut(&member)
    }

    /// Takes a request.
    pub fn take(&mut self, cycle: u64, request: &TxPacket) {
        if request.writable() == 0 {
            self.counts.malformed += 1;
            return;
        }
        let (data, status) = self.execute(request);
        self.counts.io_errors += u64::from(status == S_IOERR);
        self.counts.unsupported += u64::from(status == S_UNSUPP);
        let Some(packet) = RxPacket::answer(request, data, status) else {
            return;
        };
        let jitter = self.dice.up_to(self.settings.jitter);
        let due = cycle + u64::from(self.settings.delay) + u64::from(jitter);
        self.pending.push(Reverse(Pending {
            due,
            order: self.order,
            packet,
        }));
        self.order += 1;
    }

    /// Carries a request out: data and status.
    fn execute(&mut self, request: &TxPacket) -> (Vec<u8>, u8) {
        let none = Vec::new;
        let Some((header, data)) = request.bytes.split_at_checked(BLK_HDR_BYTES) else {
            return (none(), S_IOERR);
        };
        if let (false, Some(source)) = (self.stores.contains_key(&request.member), &mut self.source)
        {
            if let Some(store) = source(request.member) {
                self.stores.insert(request.member, store);
            }
        }
        let Some(store) = self.stores.get_mut(&request.member) else {
            return (none(), S_IOERR);
        };
        let kind = u32::from_le_bytes(header[..4].try_into().expect("4 bytes"));
        let sector = u64::from_le_bytes(header[8..].try_into().expect("8 bytes"));
        let Some(offset) = sector.checked_mul(SECTOR_BYTES) else {
            return (none(), S_IOERR);
        };
        let in_range = |len: u64| {
            len.is_multiple_of(SECTOR_BYTES)
                && len <= MAX_DATA
                && offset
                    .checked_add(len)
                    .is_some_and(|end| end <= store.len())
        };
        let room = u64::from(request.writable()) - 1;
        match kind {
            T_IN => {
                if !in_range(room) {
                    return (none(), S_IOERR);
                }
                let mut bytes = vec![0; usize::try_from(room).expect("below the store's length")];
                if store.read_at(offset, &mut bytes).is_err() {
                    return (none(), S_IOERR);
                }
                self.counts.reads += 1;
                (bytes, S_OK)
            }
            BLK_T_OUT => {
                if !in_range(data.len() as u64) || store.write_at(offset, data).is_err() {
                    return (none(), S_IOERR);
                }
                self.counts.writes += 1;
                (none(), S_OK)
            }
            T_FLUSH => {
                if store.flush().is_err() {
                    return (none(), S_IOERR);
                }
                self.counts.flushes += 1;
                (none(), S_OK)
            }
            T_DISCARD | T_WRITE_ZEROES => {
                let status = blk_ranges::execute(store, kind, data);
                self.counts.ranges += u64::from(status == S_OK);
                (none(), status)
            }
            T_GET_ID => {
                let mut id = format!("shoal-{}", request.member).into_bytes();
                id.resize(ID_BYTES, 0);
                (id, S_OK)
            }
            _ => (none(), S_UNSUPP),
        }
    }

    /// The next answer that is due.
    pub fn next_packet(&mut self, cycle: u64) -> Option<RxPacket> {
        if self.pending.peek()?.0.due > cycle {
            return None;
        }
        self.pending.pop().map(|p| p.0.packet)
    }

    /// Answers under way.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Counters.
    #[must_use]
    pub fn counts(&self) -> BlkCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::stream::{TUSER_TAG, TUSER_WRITABLE};

    fn request(kind: u32, sector: u64, data: &[u8], writable: u32, tag: u64) -> TxPacket {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&sector.to_le_bytes());
        bytes.extend_from_slice(data);
        let tuser = TUSER_WRITABLE.put(u64::from(writable)) | TUSER_TAG.put(tag);
        TxPacket {
            member: 4,
            vq: 0,
            tuser,
            bytes,
        }
    }

    fn ask(blk: &mut Blk, r: &TxPacket) -> Option<Vec<u8>> {
        blk.take(0, r);
        let a = blk.next_packet(u64::MAX)?;
        let mut bytes = vec![0; a.len() as usize];
        a.read_at(0, &mut bytes);
        Some(bytes)
    }

    fn function(store: Store) -> Blk {
        let mut blk = Blk::new(BlkSettings::default(), Dice::new(1, 1));
        blk.attach(4, store);
        blk
    }

    #[test]
    fn sectors_written_are_read_back_with_the_status_last() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        for store in [Store::memory(1 << 20), Store::file(file).unwrap()] {
            let mut blk = function(store);
            let data: Vec<u8> = (0..1024).map(|n| (n * 7) as u8).collect();
            assert_eq!(
                ask(&mut blk, &request(BLK_T_OUT, 3, &data, 1, 0)),
                Some(vec![S_OK])
            );
            assert_eq!(
                ask(&mut blk, &request(T_FLUSH, 0, &[], 1, 0)),
                Some(vec![S_OK])
            );
            let back = ask(&mut blk, &request(T_IN, 3, &[], 1025, 0)).unwrap();
            assert_eq!((&back[..1024], back[1024]), (&data[..], S_OK));
            let c = blk.counts();
            assert_eq!((c.reads, c.writes, c.flushes), (1, 1, 1));
        }
    }

    #[test]
    fn whatever_is_out_of_range_or_malformed_is_an_io_error() {
        let mut blk = function(Store::memory(4096));
        for r in [
            request(T_IN, 8, &[], 513, 0),
            request(T_IN, 7, &[], 1025, 0),
            request(T_IN, 0, &[], 100, 0),
            request(T_IN, u64::MAX, &[], 513, 0),
            request(T_IN, 0, &[], u32::MAX, 0),
            request(BLK_T_OUT, 8, &[0; 512], 1, 0),
            request(BLK_T_OUT, 0, &[0; 511], 1, 0),
            TxPacket {
                bytes: vec![0; 15],
                ..request(T_IN, 0, &[], 513, 0)
            },
            TxPacket {
                member: 5,
                ..request(T_IN, 0, &[], 513, 0)
            },
        ] {
            blk.take(0, &r);
            let a = blk.next_packet(u64::MAX).unwrap();
            assert_eq!((a.len(), a.tail), (u64::from(r.writable()), Some(S_IOERR)));
        }
        assert_eq!(
            ask(&mut blk, &request(99, 0, &[], 1, 0)),
            Some(vec![S_UNSUPP])
        );
        assert_eq!(ask(&mut blk, &request(BLK_T_OUT, 0, &[0; 512], 0, 0)), None);
        assert_eq!((blk.counts().io_errors, blk.counts().malformed), (9, 1));
    }

    #[test]
    fn the_id_is_padded_and_cut_to_the_room_there_is() {
        let mut blk = function(Store::memory(512));
        assert_eq!(
            ask(&mut blk, &request(T_GET_ID, 0, &[], 21, 0)).unwrap(),
            *b"shoal-4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        );
        assert_eq!(
            ask(&mut blk, &request(T_GET_ID, 0, &[], 6, 0)).unwrap(),
            *b"shoal\0"
        );
    }

    #[test]
    fn answers_wait_for_their_delay_and_overtake_with_jitter() {
        let mut blk = function(Store::memory(4096));
        for tag in 0..32 {
            blk.take(1000, &request(T_FLUSH, 0, &[], 1, tag));
        }
        assert_eq!(blk.next_packet(1199), None);
        let tags: Vec<u64> = std::iter::from_fn(|| blk.next_packet(1600))
            .map(|p| TUSER_TAG.get(p.tuser))
            .collect();
        assert_eq!(tags.len(), 32);
        assert!(tags.windows(2).any(|w| w[0] > w[1]), "{tags:?}");
    }
}
