//! What is reported when device and reference differ.

use std::fmt;

use shoal_abi::ports::{Data, Outputs};
use shoal_abi::profile::Profile;

/// One port that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The port.
    pub port: &'static str,
    /// Its width, bits.
    pub bits: usize,
    /// What the device says.
    pub device: Data,
    /// What the reference says.
    pub reference: Data,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |d: &Data| {
            let digits: String = d.iter().rev().map(|w| format!("{w:016x}")).collect();
            digits[digits.len() - self.bits.div_ceil(4).clamp(1, digits.len())..].to_owned()
        };
        write!(
            f,
            "{}: device {} reference {}",
            self.port,
            hex(&self.device),
            hex(&self.reference)
        )
    }
}

/// Device and reference differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Cycle in which the outputs stood.
    pub cycle: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Ports that differ, in port order; at least one.
    pub ports: Vec<Difference>,
    /// Last transfers on the interface of the first of them, oldest first.
    pub transfers: Vec<String>,
}

impl Divergence {
    /// The ports in which `device` and `reference` differ.
    #[must_use]
    pub fn compare(profile: &Profile, device: &Outputs, reference: &Outputs) -> Vec<Difference> {
        let mut values = Vec::new();
        reference.each(|_, value| values.push(value));
        let mut n = 0;
        let mut ports = Vec::new();
        device.each(|port, value| {
            if value != values[n] {
                ports.push(Difference {
                    port: port.name,
                    bits: port.bits(profile),
                    device: value,
                    reference: values[n],
                });
            }
            n += 1;
        });
        ports
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cycle {}: device and reference differ (seed {})",
            self.cycle, self.seed
        )?;
        for port in &self.ports {
            write!(f, "\n  {port}")?;
        }
        if !self.transfers.is_empty() {
            write!(f, "\nlast transfers on that interface:")?;
            for line in &self.transfers {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn every_port_that_differs_is_named_with_both_values_at_its_width() {
        let a = Outputs {
            m_axi_arvalid: true,
            m_axi_awaddr: 0x1234,
            ..Outputs::default()
        };
        let b = Outputs {
            m_axi_awaddr: 0x1235,
            ..Outputs::default()
        };
        let ports = Divergence::compare(&TINY, &a, &b);
        assert_eq!(ports.len(), 2);
        assert_eq!(
            ports[0].to_string(),
            "m_axi_awaddr: device 0000000000001234 reference 0000000000001235"
        );
        assert_eq!(ports[1].to_string(), "m_axi_arvalid: device 1 reference 0");
        assert!(Divergence::compare(&TINY, &a, &a).is_empty());
    }
}
