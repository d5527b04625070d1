//! The side band of both streams: fields of `tuser`.

/// A bit field of `tuser`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserField {
    /// Lowest bit.
    pub lsb: u32,
    /// Bits.
    pub width: u32,
}

impl UserField {
    /// The field's value in `tuser`.
    #[must_use]
    pub const fn get(self, tuser: u64) -> u64 {
        (tuser >> self.lsb) & (u64::MAX >> (64 - self.width))
    }
    /// `value` in place; bits that do not fit are lost.
    #[must_use]
    pub const fn put(self, value: u64) -> u64 {
        (value & (u64::MAX >> (64 - self.width))) << self.lsb
    }
}

/// Chain tag. An answer carries the tag of the chain it answers; its low `slot_w` bits
/// (profile) are the slot, the others a generation.
pub const TUSER_TAG: UserField = UserField { lsb: 0, width: 16 };
/// `m_axis` only, valid on the beat with `tlast`, 0 on all others: device-writable bytes of the chain.
/// 0 means that no answer is expected (and none is accepted).
pub const TUSER_WRITABLE: UserField = UserField { lsb: 16, width: 32 };
/// Virtio device type: 1 net, 2 block. Ignored on `s_axis`.
pub const TUSER_TYPE: UserField = UserField { lsb: 48, width: 8 };
/// `s_axis` only: 1 = answer to the chain `TUSER_TAG`, 0 = a packet for the receive queue `tdest`/`tid`.
pub const TUSER_ANSWER: UserField = UserField { lsb: 56, width: 1 };
/// `m_axis` only, valid on the beat with `tlast`: the chain failed, discard the packet.
pub const TUSER_ABORT: UserField = UserField { lsb: 57, width: 1 };
