//! One card with a hostile tenant and a neighbour, and what is required of them all.

use shoal::env::EnvSettings;
use shoal::host::{Host, HostSettings, SharedHost};
use shoal::monitor::Cover;
use shoal::setup::Setup;
use shoal_abi::mmu::{CAUSE_READ_ACCESS, CAUSE_READ_PAGE, CAUSE_WRITE_ACCESS, CAUSE_WRITE_PAGE};
use shoal_abi::ring::S_NEEDS_RESET;
use shoal_driver::faults::FaultRecord;
use shoal_driver::{Mgmtdev, Options as Driver};

use super::case::{Case, Outcome};
use super::function::Function;
use super::rig::{text, Rig};
use super::Options;

/// Rounds of the neighbour's work beside an attack.
const ROUNDS: usize = 4;
/// Cycles within which a fault shows.
const FAULT_CYCLES: u64 = 200_000;
/// A neighbour's work may take so many times the cycles of a run without an attack, and so many more.
const SLOWER: u64 = 3;
const MORE: u64 = 30_000;

/// What a run left behind.
pub(super) struct Trace {
    /// The neighbour's used elements, payloads and packets, in order.
    neighbour: Vec<u8>,
    /// Cycles of the neighbour's rounds.
    pub(super) cycles: u64,
}

/// The card and who is on it.
pub struct Scene {
    pub(super) host: SharedHost,
    pub(super) mgmtdev: Mgmtdev<SharedHost>,
    pub(super) function: Function,
    /// The hostile tenant's network and block device.
    pub(super) guilty: [Rig; 2],
    neighbour: [Rig; 2],
}

/// Plays `case`, or nothing hostile at all; compared with a run without an attack.
pub(super) fn play(
    options: &Options,
    case: Option<(&Case, &Trace)>,
    cover: &mut Cover,
) -> Result<Trace, String> {
    let name = case.map_or("conform", |(c, _)| &c.name);
    on_a_card(options, name, cover, |host| on(host, case))
}

/// Runs `test` on a card of its own.
pub(super) fn with(
    options: &Options,
    name: &str,
    test: fn(&mut Scene) -> Result<(), String>,
    cover: &mut Cover,
) -> Result<(), String> {
    on_a_card(options, name, cover, |host| test(&mut Scene::new(host)?))
}

/// Does `what` on a fresh card; a failed check comes first.
pub(super) fn on_a_card<T>(
    options: &Options,
    name: &str,
    cover: &mut Cover,
    what: impl FnOnce(&SharedHost) -> Result<T, String>,
) -> Result<T, String> {
    let mut setup = Setup::new(
        options.profile,
        options.seed,
        options.mode,
        options.plusargs.clone(),
    );
    setup.scenario = name.to_owned();
    let settings = HostSettings {
        env: EnvSettings {
            high_mem: 64 << 20,
            ..EnvSettings::new(options.seed)
        },
        ..HostSettings::new(options.seed)
    };
    let host = SharedHost::new(Host::new(&setup, settings).map_err(text)?);
    let result = what(&host);
    let report = host.finish().map_err(text)?;
    cover.merge(&report.check.cover);
    match report.check.failure {
        Some(failure) => Err(failure.to_string()),
        None => result,
    }
}

fn on(host: &SharedHost, case: Option<(&Case, &Trace)>) -> Result<Trace, String> {
    let mut scene = Scene::new(host)?;
    let mut trace = Trace {
        neighbour: Vec::new(),
        cycles: 0,
    };
    scene.round(&mut trace)?;
    let Some((case, quiet)) = case else {
        for _ in 0..=ROUNDS {
            scene.round(&mut trace)?;
        }
        return Ok(trace);
    };
    (case.attack)(&mut scene)?;
    for _ in 0..ROUNDS {
        scene
            .round(&mut trace)
            .map_err(|e| format!("neighbour: {e}"))?;
    }
    scene.judge(case)?;
    scene.recover()?;
    scene.round(&mut trace)?;
    if trace.neighbour != quiet.neighbour {
        return Err("the neighbour's trace is not that of a run without the attack".into());
    }
    let most = quiet.cycles * SLOWER + MORE;
    if trace.cycles > most {
        let cycles = trace.cycles;
        return Err(format!(
            "the neighbour took {cycles} cycles, at most {most} are allowed"
        ));
    }
    Ok(trace)
}

impl Scene {
    pub(super) fn new(host: &SharedHost) -> Result<Self, String> {
        let mgmtdev = Mgmtdev::probe(host.clone(), Driver::default()).map_err(text)?;
        let function = Function::default();
        host.borrow_mut().env().card = Some(Box::new(function.clone()));
        let rig = |is_blk, n| Rig::new(&mgmtdev, &function, is_blk, n);
        let mut scene = Self {
            guilty: [rig(false, 1)?, rig(true, 2)?],
            neighbour: [rig(false, 3)?, rig(true, 4)?],
            host: host.clone(),
            mgmtdev,
            function,
        };
        for rig in scene.guilty.iter_mut().chain(&mut scene.neighbour) {
            rig.start()?;
        }
        Ok(scene)
    }

    /// A round of the neighbour's work.
    fn round(&mut self, trace: &mut Trace) -> Result<(), String> {
        let start = self.host.cycle();
        for rig in &mut self.neighbour {
            trace.neighbour.extend(rig.work()?);
        }
        trace.cycles += self.host.cycle() - start;
        Ok(())
    }

    /// What is seen of a round of the neighbour's work.
    pub(super) fn neighbours_round(&mut self) -> Result<Vec<u8>, String> {
        let mut trace = Trace {
            neighbour: Vec::new(),
            cycles: 0,
        };
        self.round(&mut trace)?;
        Ok(trace.neighbour)
    }

    pub(super) fn neighbour_id(&self) -> u32 {
        self.neighbour[0].id()
    }

    /// A platform address in the neighbour's buffers.
    pub(super) fn neighbour_address(&self) -> u64 {
        self.neighbour[0].memory.pa(0)
    }

    /// The device that the case is about.
    pub(super) fn culprit(&mut self, case: &Case) -> &mut Rig {
        &mut self.guilty[usize::from(case.target.is_blk())]
    }

    fn judge(&mut self, case: &Case) -> Result<(), String> {
        let guilty = self.culprit(case).id();
        let faulted = match &case.outcome {
            Outcome::Fault(causes) => {
                self.must_fault(case, causes)?;
                true
            }
            Outcome::Survives => false,
            Outcome::Either => self.culprit(case).needs_reset()?,
        };
        for record in self.mgmtdev.take_faults() {
            if !faulted || record.member != guilty {
                return Err(format!("an unexpected fault record: {record:?}"));
            }
        }
        for rig in self.guilty.iter().chain(&self.neighbour) {
            let hurt = rig.needs_reset()?;
            if hurt != (faulted && rig.id() == guilty) {
                return Err(format!("member {}: NEEDS_RESET is {hurt}", rig.id()));
            }
        }
        if self.mgmtdev.status() & S_NEEDS_RESET != 0 {
            return Err("the management device needs a reset".into());
        }
        Ok(())
    }

    /// The guilty device needs a reset, says so by its interrupt, and the fault is recorded.
    fn must_fault(&mut self, case: &Case, causes: &[u16]) -> Result<(), String> {
        let host = self.host.clone();
        let mut interrupts = 0;
        let culprit = self.culprit(case);
        host.run_until("the configuration interrupt", FAULT_CYCLES, 64, || {
            interrupts += culprit.vdev.take_config_interrupts();
            interrupts > 0
        })
        .map_err(text)?;
        let id = culprit.id();
        if !culprit.needs_reset()? {
            return Err("an interrupt without NEEDS_RESET".into());
        }
        host.run(2000).map_err(text)?;
        let records = self.mgmtdev.take_faults();
        let good = |r: &FaultRecord| {
            let write = match r.cause {
                CAUSE_READ_PAGE | CAUSE_READ_ACCESS => Some(false),
                CAUSE_WRITE_PAGE | CAUSE_WRITE_ACCESS => Some(true),
                _ => None,
            };
            let access = write.is_none_or(|w| w == r.write);
            r.member == id && causes.contains(&r.cause) && access
        };
        if records.is_empty() || !records.iter().all(good) {
            return Err(format!(
                "fault records {records:?}, causes {causes:?} are right"
            ));
        }
        Ok(())
    }

    /// The hostile tenant's devices are reset and then do ordinary work.
    pub(super) fn recover(&mut self) -> Result<(), String> {
        for rig in &mut self.guilty {
            self.function.set_silent(rig.id(), false);
            rig.vdev.reset().map_err(text)?;
            rig.start()?;
            rig.forget_interrupts();
            rig.work().map_err(|e| format!("after its reset: {e}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::case::{Attack, Target};
    use crate::conform::{run, Case};
    use shoal::lockstep::Mode;
    use shoal_abi::mmu::CAUSE_DESC_INDEX;
    use shoal_abi::profile::TINY;

    /// Why a case with this attack and this outcome does not hold.
    fn why(outcome: Outcome, attack: Attack) -> Option<String> {
        let options = Options {
            profile: &TINY,
            mode: Mode::Model,
            seed: 1,
            plusargs: Vec::new(),
        };
        let case = Case {
            name: "self".into(),
            text: String::new(),
            clause: "",
            target: Target::Transmit,
            outcome,
            attack,
        };
        run(&options, &[case], |_| ()).results.remove(0).why
    }

    fn fault(rig: &mut Rig) -> Result<(), String> {
        let q = u16::from(!rig.is_blk);
        rig.offer(q, &[99]);
        rig.kick(q);
        Ok(())
    }

    #[test]
    fn what_is_not_as_a_case_says_is_noticed() {
        let faulted = || Outcome::Fault(vec![CAUSE_DESC_INDEX]);
        assert_eq!(why(Outcome::Survives, Box::new(|_| Ok(()))), None);
        assert_eq!(why(faulted(), Box::new(|s| fault(&mut s.guilty[0]))), None);
        let lies: [(&str, Outcome, Attack); 8] = [
            ("did not happen", faulted(), Box::new(|_| Ok(()))),
            (
                "fault record",
                Outcome::Survives,
                Box::new(|s| fault(&mut s.guilty[0])),
            ),
            (
                "causes [1]",
                Outcome::Fault(vec![1]),
                Box::new(|s| fault(&mut s.guilty[0])),
            ),
            (
                "did not happen",
                faulted(),
                Box::new(|s| fault(&mut s.guilty[1])),
            ),
            (
                "neighbour: ",
                Outcome::Survives,
                Box::new(|s| fault(&mut s.neighbour[0])),
            ),
            (
                "neighbour: ",
                Outcome::Survives,
                Box::new(|s| {
                    s.function.set_silent(s.neighbour[1].id(), true);
                    Ok(())
                }),
            ),
            (
                "trace",
                Outcome::Survives,
                Box::new(|s| s.neighbour[0].work().map(drop)),
            ),
            (
                "no such",
                Outcome::Survives,
                Box::new(|_| Err("no such".into())),
            ),
        ];
        for (n, (part, outcome, attack)) in lies.into_iter().enumerate() {
            let why = why(outcome, attack).unwrap_or_default();
            assert!(why.contains(part), "{n}: {why:?} instead of {part:?}");
        }
    }

    #[test]
    fn a_neighbour_who_is_held_up_is_noticed() {
        let attack: Attack = Box::new(|s| {
            // As a device might do it that serves another queue first.
            s.host.borrow_mut().env().axi.settings_mut().latency = 3000;
            Ok(())
        });
        let why = why(Outcome::Survives, attack).unwrap_or_default();
        assert!(why.contains("cycles"), "{why}");
    }
}
