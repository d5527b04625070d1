//! The real RTL against a model made wrong: found in its cycle, reported, recorded, found again, and shown as a waveform.
#![cfg(all(feature = "model", feature = "rtl", feature = "driver"))]

use std::sync::Arc;

use shoal::dut::{model::ModelDut, Dut};
use shoal::host::{Host, HostSettings, SharedHost};
use shoal::lockstep::{Failure, Mode};
use shoal::replay::{replay, wave_around, WAVE_BEFORE};
use shoal::scenario::{by_name, Outcome, Params};
use shoal::setup::Setup;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::TINY;

/// The model, but for one bit of the address of the first read in or after a cycle.
struct Wrong {
    model: ModelDut,
    cycle: u64,
    from: u64,
}

impl Wrong {
    fn change(&self, mut o: Outputs) -> Outputs {
        if self.cycle >= self.from && o.m_axi_arvalid {
            o.m_axi_araddr ^= 0x40;
        }
        o
    }
}

impl Dut for Wrong {
    fn step(&mut self, inputs: &Inputs) -> Outputs {
        self.cycle += 1;
        let o = self.model.step(inputs);
        self.change(o)
    }

    fn outputs(&self) -> Outputs {
        self.change(self.model.outputs())
    }
}

#[test]
fn a_wrong_model_is_told_from_the_rtl_in_its_cycle_with_all_that_helps() {
    const FROM: u64 = 9_000;
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&TINY, 3, Mode::Lockstep, Vec::new());
    setup.reference = Some(Arc::new(|| {
        Ok(Box::new(Wrong {
            model: ModelDut::new(&TINY),
            cycle: 0,
            from: FROM,
        }))
    }));
    let settings = HostSettings {
        record_dir: Some(dir.path().into()),
        ..HostSettings::new(3)
    };
    let host = SharedHost::new(Host::new(&setup, settings).unwrap());
    let params = Params {
        profile: &TINY,
        seed: 3,
        devices: None,
        time: None,
    };
    let smoke = by_name("smoke").unwrap();
    let stopped = smoke.run(&host, &params, &mut Outcome::default());
    assert!(stopped.is_err(), "the run must stop");

    let report = host.finish().unwrap().check;
    let Some(Failure::Divergence(d)) = &report.failure else {
        panic!("{:?}", report.failure)
    };
    assert!(d.cycle >= FROM && d.cycle < FROM + 5000, "{}", d.cycle);
    assert_eq!(
        (d.seed, d.ports.len(), d.ports[0].port),
        (3, 1, "m_axi_araddr")
    );
    assert_eq!(d.ports[0].device[0] ^ d.ports[0].reference[0], 0x40);
    assert!(
        d.transfers
            .iter()
            .any(|l| l.contains("AR") && l.contains("addr=")),
        "{d}"
    );
    // The fleet has created devices by then.
    let create = report
        .commands
        .iter()
        .find(|l| l.contains("DEV_CREATE member"));
    assert!(
        create.is_some_and(|l| l.ends_with("-> OK")),
        "{:#?}",
        report.commands
    );

    let record = report
        .recording
        .unwrap()
        .unwrap()
        .keep(&dir.path().join("x.rec"))
        .unwrap();
    let again = replay(&record, &setup).unwrap();
    assert!(matches!(&again.check.failure, Some(Failure::Divergence(e)) if e == d));
    assert_eq!(again.check.commands, report.commands);
    let wave = dir.path().join("x.fst");
    assert_eq!(
        wave_around(&record, &setup, &wave, d.cycle).unwrap(),
        WAVE_BEFORE + 1
    );
    assert!(std::fs::metadata(&wave).unwrap().len() > 10_000);

    // With the good model the same record is a good run.
    setup.reference = Setup::new(&TINY, 3, Mode::Lockstep, Vec::new()).reference;
    let good = replay(&record, &setup).unwrap();
    assert!(
        good.check.failure.is_none() && good.check.compared_cycles == d.cycle,
        "{}",
        good.check.compared_cycles
    );
}
