//! Single figures of a device. One that cannot be measured has a reason instead.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Speed, Steps};

/// Latency of host memory of the cycle counts.
pub const LATENCY: u32 = 250;

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Cycles a device of creations in a row: ASID_SET, DEV_CREATE, two VQ_SETUP.
    pub provision_cycles: Option<u64>,
    /// Cycles from a doorbell's acceptance to the first AR.
    pub doorbell_to_dma: Option<u64>,
    /// Cycles from the response to the used index to the message's AW.
    pub used_to_msi: Option<u64>,
    /// Jain's index of the packets of equal devices.
    pub jain: Option<f64>,
    /// Speed in lockstep of the speed of the bare RTL.
    pub lockstep_over_rtl: Option<f64>,
    /// Packets a cycle of the MMU as it is, of those with one translation at a time, when every payload misses.
    pub nonblocking_over_blocking: Option<f64>,
    /// Why a figure is missing, by its name.
    pub reasons: BTreeMap<&'static str, &'static str>,
}

impl Figures {
    /// The figures that the measurements made so far give.
    #[must_use]
    pub fn of(
        provision: Option<u64>,
        steps: Option<&Steps>,
        gain: Option<f64>,
        speed: Option<&Speed>,
    ) -> Self {
        let mut figures = Self {
            provision_cycles: provision,
            doorbell_to_dma: steps.map(|s| s.doorbell_to_dma),
            used_to_msi: steps.map(|s| s.used_to_msi),
            jain: steps.map(|s| s.jain),
            lockstep_over_rtl: speed.map(|s| s.ratio),
            nonblocking_over_blocking: gain,
            reasons: BTreeMap::new(),
        };
        let Figures { reasons, .. } = &mut figures;
        if provision.is_none() {
            reasons.insert("provision_cycles", "not measured with --provision 0");
        }
        if steps.is_none() {
            for name in ["doorbell_to_dma", "used_to_msi", "jain"] {
                reasons.insert(name, "not measured with --matrix none");
            }
        }
        if gain.is_none() {
            reasons.insert(
                "nonblocking_over_blocking",
                "not measured with --matrix none",
            );
        }
        if speed.is_none() {
            reasons.insert("lockstep_over_rtl", "not measured with --cycles 0");
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_a_reason_and_what_is_there_has_none() {
        let steps = Steps {
            doorbell_to_dma: 1,
            used_to_msi: 2,
            jain: 1.0,
        };
        for (provision, gain) in [(Some(40), None), (None, Some(12.0))] {
            let f = Figures::of(provision, Some(&steps), gain, None);
            assert_eq!((f.provision_cycles, f.used_to_msi), (provision, Some(2)));
            let json = serde_json::to_value(&f).unwrap();
            for (name, value) in json.as_object().unwrap() {
                let has_reason = f.reasons.contains_key(name.as_str());
                assert_eq!(value.is_null(), has_reason, "{name}");
            }
        }
    }
}
