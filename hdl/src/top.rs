//! The top for each profile. For now the stand-in of `stub`.

use rust_hdl::prelude::Block;
use shoal_abi::profile::Profile;

/// The top of `profile`, connected.
///
/// # Panics
/// On a profile that is not one of `shoal_abi::profile::PROFILES`.
#[must_use]
pub fn build(profile: &Profile) -> Box<dyn Block> {
    crate::stub::build(profile).expect("a profile of shoal_abi")
}
