//! Block requests over ranges, DISCARD and WRITE_ZEROES (virtio 1.4 §5.2.6): their data is a list of segments.

use shoal_abi::ring::{BLK_RANGE_SECTORS, BLK_RANGE_SEGMENTS};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::blk::{SECTOR_BYTES, S_IOERR, S_OK, S_UNSUPP};
use super::store::Store;

pub(super) const T_DISCARD: u32 = 11;
pub(super) const T_WRITE_ZEROES: u32 = 13;

/// Flag `unmap` of a segment; the others are reserved.
const UNMAP: u32 = 1;

/// `struct virtio_blk_discard_write_zeroes`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Segment {
    sector: U64,
    num_sectors: U32,
    flags: U32,
}

/// Carries a request out whose data is `data`, and gives its status. One that is refused changes nothing.
pub(super) fn execute(store: &mut Store, kind: u32, data: &[u8]) -> u8 {
    let Ok(segments) = <[Segment]>::ref_from_bytes(data) else {
        return S_IOERR;
    };
    // §5.2.6.2: reserved flags, and `unmap` of a DISCARD, are not supported.
    let known = if kind == T_WRITE_ZEROES { UNMAP } else { 0 };
    if segments.iter().any(|s| s.flags.get() & !known != 0) {
        return S_UNSUPP;
    }
    let fits = |s: &Segment| {
        let end = s.sector.get().checked_add(s.num_sectors.get().into());
        let sectors = store.len() / SECTOR_BYTES;
        s.num_sectors.get() <= BLK_RANGE_SECTORS && end.is_some_and(|end| end <= sectors)
    };
    let few = (1..=BLK_RANGE_SEGMENTS as usize).contains(&segments.len());
    if !few || !segments.iter().all(fits) {
        return S_IOERR;
    }
    for s in segments {
        let unmap = kind == T_DISCARD || s.flags.get() & UNMAP != 0;
        let (from, len) = (s.sector.get(), u64::from(s.num_sectors.get()));
        if store
            .zero(from * SECTOR_BYTES, len * SECTOR_BYTES, unmap)
            .is_err()
        {
            return S_IOERR;
        }
    }
    S_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTORS: u64 = 64;

    fn segments(all: &[(u64, u32, u32)]) -> Vec<u8> {
        let one = |&(sector, n, flags): &(u64, u32, u32)| {
            let mut bytes = sector.to_le_bytes().to_vec();
            bytes.extend_from_slice(&n.to_le_bytes());
            bytes.extend_from_slice(&flags.to_le_bytes());
            bytes
        };
        all.iter().flat_map(one).collect()
    }

    /// The status, and which sectors of a store full of ones are zero then.
    fn run(kind: u32, data: &[u8]) -> (u8, Vec<u64>) {
        let mut store = Store::memory(SECTORS * SECTOR_BYTES);
        let all = (SECTORS * SECTOR_BYTES) as usize;
        store.write_at(0, &vec![1; all]).unwrap();
        let status = execute(&mut store, kind, data);
        let mut back = vec![9; all];
        store.read_at(0, &mut back).unwrap();
        let sectors = back.chunks(SECTOR_BYTES as usize).zip(0..);
        let zero = sectors.filter(|(s, _)| s.iter().all(|b| *b == 0));
        (status, zero.map(|(_, n)| n).collect())
    }

    #[test]
    fn the_segments_are_zero_and_nothing_else_is() {
        for kind in [T_DISCARD, T_WRITE_ZEROES] {
            let data = segments(&[(1, 2, 0), (63, 1, 0), (9, 0, 0)]);
            assert_eq!(run(kind, &data), (S_OK, vec![1, 2, 63]));
        }
        assert_eq!(
            run(T_WRITE_ZEROES, &segments(&[(5, 1, UNMAP)])),
            (S_OK, vec![5])
        );
        let most = segments(&[(7, 1, 0); BLK_RANGE_SEGMENTS as usize]);
        assert_eq!(run(T_DISCARD, &most), (S_OK, vec![7]));
    }

    #[test]
    fn a_refused_request_changes_nothing() {
        let too_many = segments(&[(7, 1, 0); BLK_RANGE_SEGMENTS as usize + 1]);
        for (kind, data, status) in [
            (T_DISCARD, segments(&[(0, 1, 0), (64, 1, 0)]), S_IOERR),
            (T_DISCARD, segments(&[(0, 1, 0), (63, 2, 0)]), S_IOERR),
            (T_DISCARD, segments(&[(u64::MAX, 1, 0)]), S_IOERR),
            (T_DISCARD, segments(&[(u64::MAX / 512, 1, 0)]), S_IOERR),
            (T_DISCARD, segments(&[(0, u32::MAX, 0)]), S_IOERR),
            (T_DISCARD, too_many, S_IOERR),
            (T_DISCARD, vec![], S_IOERR),
            (
                T_WRITE_ZEROES,
                segments(&[(0, 1, 0)])[..15].to_vec(),
                S_IOERR,
            ),
            (
                T_WRITE_ZEROES,
                [segments(&[(0, 1, 0)]), vec![0]].concat(),
                S_IOERR,
            ),
            (T_DISCARD, segments(&[(0, 1, 0), (1, 1, UNMAP)]), S_UNSUPP),
            (T_WRITE_ZEROES, segments(&[(0, 1, 2)]), S_UNSUPP),
        ] {
            assert_eq!(run(kind, &data), (status, vec![]), "{data:?}");
        }
    }

    #[test]
    fn a_segment_has_a_limit() {
        let mut store = Store::memory(1 << 30);
        for (n, status) in [(BLK_RANGE_SECTORS, S_OK), (BLK_RANGE_SECTORS + 1, S_IOERR)] {
            assert_eq!(
                execute(&mut store, T_DISCARD, &segments(&[(0, n, 0)])),
                status
            );
        }
        let mut store = store.read_only();
        assert_eq!(
            execute(&mut store, T_DISCARD, &segments(&[(0, 1, 0)])),
            S_IOERR
        );
    }
}
