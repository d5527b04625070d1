//! What *Issue* of the transmit mover does with its item: combinational.
//!
//! A block of its own, so that the request to the arbiter does not hang together with what its grant does.
//! Timing: contract §7 *Issue*; everything is a function of the inputs.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::asks::Answer;
use crate::block_default;
use crate::tx_items::TxBurst;

/// Sizes of a beat above one byte: up to 64 bytes.
const SIZES: usize = 6;

/// See the file's text.
#[derive(LogicBlock)]
pub struct TxJudge {
    /// There is an item.
    pub valid: Signal<In, Bit>,
    /// It.
    pub burst: Signal<In, TxBurst>,
    /// It has its answer.
    pub answered: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, Answer>,
    /// All but its tail has been granted.
    pub tails: Signal<In, Bit>,
    /// A burst of the packet before it has failed.
    pub skip: Signal<In, Bit>,
    /// Beats asked for and not yet packed.
    pub held: Signal<In, Bits<16>>,
    /// It asks the AR arbiter.
    pub asks: Signal<Out, Bit>,
    /// It goes on without asking.
    pub passes: Signal<Out, Bit>,
    /// Its translation has failed.
    pub faulted: Signal<Out, Bit>,
    /// It is skipped.
    pub skipped: Signal<Out, Bit>,
    /// `held` with the beats of both its reads.
    pub want: Signal<Out, Bits<16>>,
    /// Where the read begins, bytes behind the burst's first one.
    pub behind: Signal<Out, Bits<9>>,
    /// Its tail follows.
    pub more: Signal<Out, Bit>,
    /// Beats of the read - 1.
    pub len: Signal<Out, Bits<8>>,
    /// log2(bytes a beat): of one beat, no more than its bytes need.
    pub size: Signal<Out, Bits<3>>,
    /// These bytes a beat, less one.
    pub spare: Signal<Out, Bits<16>>,
    head: Signal<Local, Bits<9>>,
    bytes: Signal<Local, Bits<9>>,
    whole: Signal<Local, Bits<16>>,
    first: Signal<Local, Bits<16>>,
    span: Signal<Local, Bits<16>>,
    tip: Signal<Local, Bits<16>>,
    differ: Signal<Local, Bits<16>>,
    beats: Signal<Local, Bits<16>>,
    total: Signal<Local, Bits<16>>,
    fits: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    beat_mask: Constant<Bits<16>>,
    beat_shift: Constant<Bits<16>>,
    beat_count: Constant<Bits<16>>,
    none9: Constant<Bits<9>>,
    one8: Constant<Bits<8>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    byte_size: Constant<Bits<3>>,
    beat_size: Constant<Bits<3>>,
    sizes: [Constant<Bits<3>>; SIZES],
    spares: [Constant<Bits<16>>; SIZES],
    no_cause: Constant<Bits<12>>,
}

impl TxJudge {
    /// The block for beats of `beat_bytes` bytes, a power of two, of which `beat_count` are held.
    #[must_use]
    pub fn new(beat_bytes: u64, beat_count: u64) -> Self {
        assert!(beat_bytes <= 1 << SIZES, "bytes of a beat");
        block_default!(
            valid, burst, answered, answer, tails, skip, held, asks, passes, faulted, skipped, want, behind, more, len, size, spare,
            head, bytes, whole, first, span,
            tip, differ, beats, total, fits, good, ready;
            beat_mask = beat_bytes - 1,
            beat_shift = u64::from(beat_bytes.trailing_zeros()),
            beat_count = beat_count,
            none9 = 0u64,
            one8 = 1u64,
            one16 = 1u64,
            none16 = 0u64,
            byte_size = 0u64,
            beat_size = u64::from(beat_bytes.trailing_zeros()),
            no_cause = u64::from(mmu::CAUSE_NONE);
            sizes = std::array::from_fn(|i| Constant::new((i as u64 + 1).into())),
            spares = std::array::from_fn(|i| Constant::new(((2u64 << i) - 1).into()))
        )
    }
}

impl Logic for TxJudge {
    #[hdl_gen]
    fn update(&mut self) {
        // The burst in beats.
        self.whole.next = (bit_cast::<16, 8>(self.burst.val().low) & self.beat_mask.val())
            + bit_cast::<16, 9>(self.burst.val().bytes)
            + self.beat_mask.val();
        self.total.next = self.held.val() + (self.whole.val() >> self.beat_shift.val());
        // The read in hand: what is before the tail, or the tail.
        self.head.next = self.burst.val().bytes - self.burst.val().tail;
        self.more.next = (self.burst.val().tail != self.none9.val()) & !self.tails.val();
        self.behind.next = self.none9.val();
        self.bytes.next = self.head.val();
        if self.tails.val() {
            self.behind.next = self.head.val();
            self.bytes.next = self.burst.val().tail;
        }
        self.first.next = (bit_cast::<16, 8>(self.burst.val().low)
            + bit_cast::<16, 9>(self.behind.val()))
            & self.beat_mask.val();
        self.span.next =
            self.first.val() + bit_cast::<16, 9>(self.bytes.val()) + self.beat_mask.val();
        self.beats.next = self.span.val() >> self.beat_shift.val();
        self.fits.next = self.total.val() <= self.beat_count.val();
        self.want.next = self.total.val();
        self.len.next = self.beats.val().get_bits::<8>(0) - self.one8.val();
        // The highest bit in which the first and the last byte's address differ gives the size.
        self.tip.next = self.first.val() + bit_cast::<16, 9>(self.bytes.val()) - self.one16.val();
        self.differ.next = self.first.val() ^ self.tip.val();
        self.size.next = self.byte_size.val();
        self.spare.next = self.none16.val();
        for i in 0..SIZES {
            if self.differ.val().get_bit(i) {
                self.size.next = self.sizes[i].val();
                self.spare.next = self.spares[i].val();
            }
        }
        if self.tip.val() > self.beat_mask.val() {
            self.size.next = self.beat_size.val();
            self.spare.next = self.beat_mask.val();
        }
        // What becomes of the item.
        self.good.next = self.answer.val().cause == self.no_cause.val();
        self.ready.next = self.valid.val() & self.burst.val().burst & self.answered.val();
        self.faulted.next = self.ready.val() & !self.good.val();
        self.skipped.next = self.ready.val() & self.good.val() & self.skip.val();
        self.passes.next = (self.valid.val() & !self.burst.val().burst)
            | (self.ready.val() & (!self.good.val() | self.skip.val()));
        self.asks.next = self.ready.val()
            & self.good.val()
            & !self.skip.val()
            & (self.fits.val() | self.tails.val());
    }
}
