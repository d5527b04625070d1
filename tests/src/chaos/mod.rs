//! Random whole-device sessions.

mod action;
mod layout;
mod pair;
mod strategies;
mod world;

pub use action::{Action, Chain, Command, Desc};
pub use pair::{Fault, Pair};
pub use strategies::{action, session};
pub use world::World;
