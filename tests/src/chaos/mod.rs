//! Random whole-device sessions.

mod action;
mod admin;
pub mod layout;
mod pair;
mod provision;
mod reach;
mod rings;
mod run;
mod strategies;
mod world;

pub use action::{Action, Chain, Command, Desc, Halt, Provision};
pub use pair::{Fault, Pair};
pub use reach::Reach;
pub use run::sessions;
pub use strategies::{action, session};
pub use world::World;
