//! The same traffic beside an MMU, or an engine, that does one thing at a time: what many at a time are worth.

use shoal_abi::profile::Profile;
use shoal_abi::regs;

use super::farm::{Farm, World};
use super::matrix::{Case, Direction, Translations};
use super::BenchError;
use crate::lockstep::Mode;

/// Packets measured with one thing at a time.
const PACKETS: u64 = 64;
/// Devices, and packets of the device as it is, of the figure: as many devices as chains can be in flight, and more.
const DEVICES: u32 = 256;
const FIGURE_PACKETS: u64 = 512;

/// One thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slow {
    /// One translation.
    Mmu,
    /// One chain slot.
    Engine,
}

impl Slow {
    /// Its switch.
    fn register(self) -> (u32, u32) {
        match self {
            Self::Mmu => (regs::MMU_CTRL.offset, regs::MMU_BLOCKING),
            Self::Engine => (regs::ENGINE_CTRL.offset, regs::ENGINE_SINGLE),
        }
    }
}

impl Farm {
    /// Cycles a packet of `case` with one thing at a time.
    ///
    /// # Errors
    /// As [`super::rows`].
    pub(super) fn slowly(
        &mut self,
        profile: &Profile,
        world: &World,
        case: Case,
        slow: Slow,
    ) -> Result<f64, BenchError> {
        let (register, bit) = slow.register();
        let set = |farm: &Self, value| farm.bench.host.borrow_mut().write32(register, value);
        set(self, bit)?;
        let row = self.row(profile, world, case, PACKETS)?;
        set(self, 0)?;
        Ok(row.cycles_per_packet)
    }
}

/// Packets a cycle of the MMU as it is, of those with one translation at a time, when every payload misses.
///
/// # Errors
/// As [`super::rows`].
pub fn nonblocking_over_blocking(
    profile: &'static Profile,
    mode: Mode,
    world: World,
) -> Result<f64, BenchError> {
    let devices = DEVICES.min(profile.devices);
    let case = Case::new(64, Direction::Tx, 1, devices, Translations::Cold, devices);
    let mut farm = Farm::new(profile, mode, world, devices, &[case])?;
    let row = farm.row(profile, &world, case, FIGURE_PACKETS)?;
    let blocking = farm.slowly(profile, &world, case, Slow::Mmu)?;
    farm.finish()?;
    Ok(blocking / row.cycles_per_packet)
}
