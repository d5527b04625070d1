//! shoal-model: the cycle-level reference model of the whole device.
//!
//! [`Device`] predicts every output port of `shoal_top` in every cycle. It is written from `TIMING.md`, `ABI.md` and
//! `shoal-abi` alone, in ordinary Rust; it knows nothing of the RTL. One call of [`Device::tick`] is one rising edge.
//! Nothing that comes in through a port can make it panic.
//!
//! Timing: all of `TIMING.md`; every file names its section.
#![forbid(unsafe_code)]

mod adminq;
mod axi_rd;
mod axi_wr;
mod axil;
mod core;
mod ctl;
mod descriptor;
mod device;
mod epoch;
mod fifo;
mod messages;
mod mmu;
mod regs;
mod rx;
mod tx;

pub use device::Device;
#[doc(hidden)]
pub use mmu::block;

use shoal_abi::ports::Data;
use shoal_abi::profile::DATA_WORDS;
use shoal_abi::regs::RESP_OKAY;

/// Bytes of the widest data beat of any profile.
const MAX_B: usize = DATA_WORDS * 8;

/// The bytes of a port value, lane 0 first.
fn bytes_of(d: &Data) -> [u8; MAX_B] {
    let mut out = [0; MAX_B];
    for (chunk, w) in out.chunks_exact_mut(8).zip(d) {
        chunk.copy_from_slice(&w.to_le_bytes());
    }
    out
}

/// The port value whose bytes are `b`.
fn data_of(b: &[u8; MAX_B]) -> Data {
    let mut d = [0; DATA_WORDS];
    for (w, chunk) in d.iter_mut().zip(b.chunks_exact(8)) {
        let mut le = [0; 8];
        le.copy_from_slice(chunk);
        *w = u64::from_le_bytes(le);
    }
    d
}

/// `n` ones from bit 0; `n` up to 64.
const fn ones(n: usize) -> u64 {
    if n >= 64 {
        u64::MAX
    } else {
        (1 << n) - 1
    }
}

/// An AXI response that is an error. 1 (EXOKAY) never answers what the device asks; it counts as an error.
const fn is_bad(resp: u8) -> bool {
    resp != RESP_OKAY
}
