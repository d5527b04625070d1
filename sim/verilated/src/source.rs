//! The Verilog that the models were made from.

use shoal_abi::profile::Profile;

/// The text of one profile.
struct Source {
    profile: &'static str,
    hash: &'static str,
    verilog: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// The deliberate faults that this build can put in, as (name, what goes wrong); none without the feature `breaks`.
///
/// Each is off unless an instance is made with the plusarg `+break_<name>`.
pub const BREAKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/breaks.rs"));

fn source(profile: &Profile) -> Option<&'static Source> {
    SOURCES.iter().find(|s| s.profile == profile.name)
}

/// Hash of the simulated Verilog of `profile`, 16 hexadecimal digits: equal hashes mean equal behaviour, cycle by cycle.
/// `None` when this build has no such model.
#[must_use]
pub fn hash(profile: &Profile) -> Option<&'static str> {
    source(profile).map(|s| s.hash)
}

/// The Verilog of `profile` for other tools, without the faults that the feature `breaks` adds to the simulated one.
/// `None` when this build has no such model.
#[must_use]
pub fn verilog(profile: &Profile) -> Option<&'static str> {
    source(profile).map(|s| s.verilog)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::PROFILES;

    #[test]
    fn faults_are_built_in_exactly_when_they_are_asked_for() {
        assert_eq!(!BREAKS.is_empty(), cfg!(feature = "breaks"));
    }

    #[test]
    fn every_profile_has_a_text_with_its_top_and_a_hash_of_its_own() {
        let mut hashes: Vec<_> = PROFILES.iter().filter_map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), PROFILES.len());
        for p in &PROFILES {
            assert!(
                verilog(p).is_some_and(|v| v.contains("module shoal_top")),
                "{}",
                p.name
            );
        }
    }
}
