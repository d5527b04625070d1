//! The bytes of a control write as the write channel takes them: 8-byte words, strobes, beats. Combinational.
//!
//! Contract §4.1 and §6: up to 8 bytes go in beats of 8 bytes, more in full-width beats. Bytes without strobe are 0.

use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// Bytes to words.
#[derive(LogicBlock)]
pub struct CtlLanes {
    /// First byte.
    pub addr: Signal<In, Bits<64>>,
    /// Bytes, 1..=64.
    pub len: Signal<In, Bits<7>>,
    /// The bytes, first one lowest; or used elements, 8 bytes for each 16 bits and entry of `lens`.
    pub bytes: Signal<In, Bits<128>>,
    pub spread: Signal<In, Bit>,
    /// 32 bits of the first, 17 of each of the others.
    pub lens: Signal<In, Bits<151>>,
    /// So many are left out in front.
    pub skip: Signal<In, Bits<6>>,
    /// Full-width beats.
    pub full: Signal<Out, Bit>,
    /// How many, 1..=9.
    pub beats: Signal<Out, Bits<9>>,
    /// The words, that of the first byte lowest.
    pub data: Signal<Out, Bits<576>>,
    pub strb: Signal<Out, Bits<72>>,
    all: Signal<Local, Bits<512>>,
    elements: Signal<Local, Bits<512>>,
    filled: Signal<Local, Bits<512>>,
    kept: Signal<Local, Bits<512>>,
    offset: Signal<Local, Bits<3>>,
    more: Signal<Local, Bit>,
    end8: Signal<Local, Bits<8>>,
    low: Signal<Local, Bits<6>>,
    last_byte: Signal<Local, Bits<8>>,
    spare: Signal<Local, Bits<7>>,
    spare_bits: Signal<Local, Bits<9>>,
    skip_bits: Signal<Local, Bits<9>>,
    offset_bits: Signal<Local, Bits<6>>,
    unused: Signal<Local, Bit>,
    places: [Constant<Bits<9>>; 8],
    lens_at: [Constant<Bits<9>>; 8],
    ones512: Constant<Bits<512>>,
    byte_shift: Constant<Bits<2>>,
    word: Constant<Bits<7>>,
    word8: Constant<Bits<8>>,
    most: Constant<Bits<7>>,
    one72: Constant<Bits<72>>,
    one9: Constant<Bits<9>>,
    two9: Constant<Bits<9>>,
    in_beat: Constant<Bits<6>>,
    up: Constant<Bits<8>>,
    beat_shift: Constant<Bits<3>>,
}

impl CtlLanes {
    /// For the data width of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        let beat = p.beat_bytes() as u64;
        block_default!(
            addr, len, bytes, spread, lens, skip, full, beats, data, strb, all, elements, filled, kept, offset, more, end8, low, last_byte, spare, spare_bits,
            skip_bits, offset_bits, unused;
            ones512 = crate::util::ones::<512>(), byte_shift = 3, word = 8, word8 = 8, most = 64, one72 = 1, one9 = 1,
            two9 = 2, in_beat = beat - 1, up = beat - 1, beat_shift = u64::from(beat.ilog2());
            places = std::array::from_fn(|i| Constant::new((64 * i as u64).into())),
            lens_at = std::array::from_fn(|i| Constant::new((64 * i as u64 + 32).into()))
        )
    }
}

impl Logic for CtlLanes {
    #[hdl_gen]
    fn update(&mut self) {
        self.offset.next = self.addr.val().get_bits::<3>(0);
        // Used elements: index and bytes.
        self.elements.next = (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(0))
            << self.places[0].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(16)) << self.places[1].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(32)) << self.places[2].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(48)) << self.places[3].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(64)) << self.places[4].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(80)) << self.places[5].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(96)) << self.places[6].val())
            | (bit_cast::<512, 16>(self.bytes.val().get_bits::<16>(112)) << self.places[7].val());
        self.filled.next = (bit_cast::<512, 32>(self.lens.val().get_bits::<32>(0))
            << self.lens_at[0].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(32)) << self.lens_at[1].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(49)) << self.lens_at[2].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(66)) << self.lens_at[3].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(83)) << self.lens_at[4].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(100)) << self.lens_at[5].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(117)) << self.lens_at[6].val())
            | (bit_cast::<512, 17>(self.lens.val().get_bits::<17>(134)) << self.lens_at[7].val());
        self.all.next = bit_cast::<512, 128>(self.bytes.val());
        if self.spread.val() {
            self.all.next = self.elements.val() | self.filled.val();
        }
        // The bytes of this write alone.
        self.skip_bits.next = bit_cast::<9, 6>(self.skip.val()) << self.byte_shift.val();
        self.spare.next = self.most.val() - self.len.val();
        self.spare_bits.next = bit_cast::<9, 7>(self.spare.val()) << self.byte_shift.val();
        self.kept.next = (self.all.val() >> self.skip_bits.val())
            & (self.ones512.val() >> self.spare_bits.val());
        self.offset_bits.next = bit_cast::<6, 3>(self.offset.val()) << self.byte_shift.val();
        self.data.next = bit_cast::<576, 512>(self.kept.val()) << self.offset_bits.val();
        self.strb.next =
            ((self.one72.val() << self.len.val()) - self.one72.val()) << self.offset.val();
        // Beats.
        self.more.next = self.len.val() > self.word.val();
        self.full.next = self.more.val();
        self.end8.next = bit_cast::<8, 3>(self.offset.val()) + bit_cast::<8, 7>(self.len.val());
        self.low.next = self.addr.val().get_bits::<6>(0) & self.in_beat.val();
        self.last_byte.next =
            bit_cast::<8, 6>(self.low.val()) + bit_cast::<8, 7>(self.len.val()) + self.up.val();
        self.beats.next = self.one9.val();
        if self.end8.val() > self.word8.val() {
            self.beats.next = self.two9.val();
        }
        if self.more.val() {
            self.beats.next = bit_cast::<9, 8>(self.last_byte.val()) >> self.beat_shift.val();
        }
        self.unused.next = self.addr.val().any();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle, wide};
    use shoal_abi::profile::{HYPER, MID, TINY};

    #[test]
    fn it_is_lint_clean() {
        for p in [TINY, MID, HYPER] {
            assert_lint_clean("ctl-lanes", CtlLanes::new(&p));
        }
    }

    #[test]
    fn eight_elements_at_every_width() {
        for (p, addr, beats) in [
            (TINY, 0x1004_u64, 9),
            (TINY, 0x1000, 8),
            (MID, 0x1008, 5),
            (MID, 0x1010, 4),
            (HYPER, 0x1004, 2),
            (HYPER, 0x1040, 1),
        ] {
            let mut l = CtlLanes::new(&p);
            l.connect_all();
            l.addr.next = addr.into();
            l.len.next = 64.into();
            l.spread.next = true;
            l.bytes.next = wide(0x0108_0107_0106_0105_0104_0103_0102_0101);
            // The first has 32 bits of bytes, the others 17 each.
            let mut lens: Bits<151> = wide(0xfedc_ba98);
            for i in 1..8_u64 {
                lens = lens | (wide::<151>(0x1_0000 + u128::from(i)) << (15 + 17 * i));
            }
            l.lens.next = lens;
            settle(&mut l);
            assert!(l.full.val());
            assert_eq!(number(l.beats.val()), beats);
            assert_eq!(number(l.strb.val()), u128::from(u64::MAX) << (addr % 8));
            let shift = (addr % 8) * 8;
            for i in 0..8_u64 {
                let at = (64 * i + shift) as usize;
                let word: u64 =
                    (0..64).fold(0, |n, b| n | u64::from(l.data.val().get_bit(at + b)) << b);
                let len = if i == 0 { 0xfedc_ba98 } else { 0x1_0000 + i };
                assert_eq!(word, len << 32 | (0x101 + i));
            }
        }
    }

    #[test]
    fn what_is_left_out_in_front_is_not_written() {
        let mut l = CtlLanes::new(&MID);
        l.connect_all();
        l.addr.next = 0x2000.into();
        l.spread.next = true;
        l.bytes.next = wide(0x0007_0006_0005);
        for (skip, len, data, full, beats) in [
            (20, 4, 0_u128, false, 1),
            (12, 12, 0x7_0000_0000, true, 1),
            (16, 8, 7, false, 1),
            (4, 20, (7 << 96) | (6 << 32), true, 2),
        ] {
            l.skip.next = (skip as u64).into();
            l.len.next = (len as u64).into();
            settle(&mut l);
            assert_eq!(number(l.data.val()), data, "{skip}");
            assert_eq!(
                (l.full.val(), number(l.beats.val())),
                (full, beats),
                "{skip}"
            );
            assert_eq!(number(l.strb.val()), (1 << len) - 1);
        }
    }
}
