//! Everything that crosses crates: whole-device property tests in lockstep.
//!
//! `chaos` turns a list of random actions (admin commands valid and not, rings, kicks, packets, mappings, stalls, resets) into
//! stimulus, runs RTL and model on it and compares every output port in every cycle, with the monitors watching.
#![forbid(unsafe_code)]

pub mod chaos;
