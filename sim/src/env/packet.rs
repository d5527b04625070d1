//! A packet of the streams, and the answer that a block function sends.

use shoal_abi::ring::{TYPE_BLK, TYPE_NET};
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG, TUSER_TYPE, TUSER_WRITABLE};

/// A packet taken from `m_axis`: the device-readable bytes of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxPacket {
    /// Member id.
    pub member: u32,
    /// Virtqueue index in the device.
    pub vq: u16,
    /// `tuser` of the last beat.
    pub tuser: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl TxPacket {
    /// Device-writable bytes of the chain.
    #[must_use]
    pub fn writable(&self) -> u32 {
        TUSER_WRITABLE.get(self.tuser) as u32
    }

    /// Virtio device type.
    #[must_use]
    pub fn device_type(&self) -> u16 {
        TUSER_TYPE.get(self.tuser) as u16
    }

    /// True for a packet of a network device.
    #[must_use]
    pub fn is_net(&self) -> bool {
        self.device_type() == TYPE_NET
    }

    /// True for a packet of a block device.
    #[must_use]
    pub fn is_blk(&self) -> bool {
        self.device_type() == TYPE_BLK
    }
}

/// A packet for `s_axis`: `head`, then zeroes, then the one byte `tail` if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RxPacket {
    /// Member id.
    pub member: u32,
    /// Virtqueue index in the device.
    pub vq: u16,
    /// Side band.
    pub tuser: u64,
    /// First bytes.
    pub head: Vec<u8>,
    /// Zero bytes behind them.
    pub zeroes: u64,
    /// Last byte.
    pub tail: Option<u8>,
}

impl RxPacket {
    /// A packet for a receive queue.
    #[must_use]
    pub fn receive(member: u32, vq: u16, bytes: Vec<u8>) -> Self {
        let tuser = TUSER_TYPE.put(u64::from(TYPE_NET));
        Self {
            member,
            vq,
            tuser,
            head: bytes,
            ..Self::default()
        }
    }

    /// The answer to `request`: `data`, cut or padded with zeroes so that with `status` as the last byte it fills the
    /// writable bytes of the chain. `None` when there is not even room for the status.
    #[must_use]
    pub fn answer(request: &TxPacket, mut data: Vec<u8>, status: u8) -> Option<Self> {
        let room = u64::from(request.writable()).checked_sub(1)?;
        data.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        Some(Self {
            member: request.member,
            vq: request.vq,
            tuser: TUSER_ANSWER.put(1)
                | TUSER_TAG.put(TUSER_TAG.get(request.tuser))
                | TUSER_TYPE.put(u64::from(request.device_type())),
            zeroes: room - data.len() as u64,
            head: data,
            tail: Some(status),
        })
    }

    /// The answer without bytes to `request`: its chain is used with length 0. `None` when no answer is expected.
    #[must_use]
    pub fn refusal(request: &TxPacket) -> Option<Self> {
        let answer = Self::answer(request, Vec::new(), 0)?;
        Some(Self {
            zeroes: 0,
            tail: None,
            ..answer
        })
    }

    /// True for an answer, false for a packet for a receive queue.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        TUSER_ANSWER.get(self.tuser) == 1
    }

    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.head.len() as u64 + self.zeroes + u64::from(self.tail.is_some())
    }

    /// True for a packet without bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset`; returns how many there were.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let left = self.len().saturating_sub(offset);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let buf = &mut buf[..n];
        buf.fill(0);
        if let Some(from) = usize::try_from(offset)
            .ok()
            .and_then(|o| self.head.get(o..))
        {
            let m = from.len().min(n);
            buf[..m].copy_from_slice(&from[..m]);
        }
        if let (Some(tail), true) = (self.tail, left <= n as u64 && n > 0) {
            buf[n - 1] = tail;
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fills_the_writable_bytes_and_ends_in_the_status() {
        for (writable, data, expected) in [
            (1_u64, &b"abc"[..], &b"\x09"[..]),
            (4, b"abc", b"abc\x09"),
            (6, b"abc", b"abc\0\0\x09"),
            (3, b"abc", b"ab\x09"),
        ] {
            let request = TxPacket {
                tuser: TUSER_WRITABLE.put(writable) | 0x5a,
                ..TxPacket::default()
            };
            let a = RxPacket::answer(&request, data.to_vec(), 9).unwrap();
            let mut all = [0xee; 16];
            let n = a.read_at(0, &mut all);
            assert_eq!(&all[..n], expected);
            let mut by_two = Vec::new();
            let mut two = [0; 2];
            while by_two.len() < n {
                let got = a.read_at(by_two.len() as u64, &mut two);
                by_two.extend_from_slice(&two[..got]);
            }
            assert_eq!(by_two, expected);
            assert_eq!(TUSER_TAG.get(a.tuser), 0x5a);
        }
        assert_eq!(RxPacket::answer(&TxPacket::default(), vec![1], 0), None);
    }
}
