//! The Shoal RTL as compiled by Verilator 5: one [`Rtl`] an instance, one call a clock edge.
//!
//! Every profile of `shoal_abi` is built in. Registers and memories come up with random contents, as real ones do:
//! the seed decides them. Only `ffi` talks to C++.
#![deny(unsafe_code)]

mod error;
mod ffi;
mod rtl;
mod source;

pub use error::Error;
pub use rtl::Rtl;
pub use source::{hash, verilog, BREAKS};
