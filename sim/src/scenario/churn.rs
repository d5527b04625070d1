//! Devices that come and go all the time, each at any moment of its life, beside devices whose traffic must not notice.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use shoal_abi::profile::Profile;
use shoal_abi::regs::CNT_RX_DROPS;
use shoal_driver::cmd::{self, Cmd};
use shoal_driver::{Mgmtdev, Options, Pipeline};

use super::crowd::{Crowd, SharedCrowd};
use super::fleet::Kind;
use super::leftover::{self, expect_register, no_member};
use super::life::{Fate, Life, Stage};
use super::patience::Patience;
use super::unit::Unit;
use super::{Outcome, Params, Scenario, ScenarioError};
use crate::bench::{
    percentile, Bench, Case, Direction, Farm, Refill, Rings, SharedSink, Translations,
};
use crate::env::{Blk, BlkSettings, Dice};
use crate::host::SharedHost;

/// Devices that come and go, unless the user chooses.
const DEVICES: u32 = 500;
/// Most of them that are there at once.
const AT_ONCE: u32 = 32;
/// Most devices that stay.
const STAYING: u32 = 16;
/// Their traffic: bytes of a frame with FCS, packets of a doorbell and of a ring.
const FRAME: u32 = 256;
const BATCH: u32 = 4;
const RING_BATCHES: u32 = 2;
/// Cycles of traffic before the first device comes.
const ALONE_CYCLES: u64 = 50_000;
/// Cycles between two looks at the devices.
const LOOK_CYCLES: u64 = 16;
/// Cycles in which something must go on.
const PATIENCE: u64 = 2_000_000;
/// Cycles after which every message has arrived.
const SETTLE_CYCLES: u64 = 20_000;
/// Tries to find a random member id that is free.
const TRIES: usize = 16;
/// Random choices of their own.
const DICE: u64 = 102;

/// See the module.
pub(super) struct Churn;

impl Scenario for Churn {
    fn name(&self) -> &'static str {
        "churn"
    }

    fn about(&self) -> &'static str {
        "devices come and go all the time (--n of them, or for --time seconds), others carry traffic and must not notice"
    }

    fn most_devices(&self, _: &Profile) -> u32 {
        u32::MAX
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let mgmtdev = Mgmtdev::probe(host.clone(), Options::default())?;
        host.run(SETTLE_CYCLES)?;
        let pages = host.borrow().mem().pages_in_use();
        let profile = params.profile;
        let mut run = Run::new(host, mgmtdev, params, outcome)?;
        let alone = run.alone()?;
        let beside = run.churn(outcome)?;
        run.end(outcome)?;
        let Run { farm, mgmtdev, .. } = run;
        outcome.vdevs_destroyed += u64::from(staying(profile));
        drop(farm.destroy()?);
        report(&alone, &beside, outcome);
        leftover::no_fault(&mgmtdev, outcome)?;
        host.run(SETTLE_CYCLES)?;
        expect_register(&mgmtdev, CNT_RX_DROPS, 0)?;
        no_member(&mgmtdev, profile.devices)?;
        leftover::nothing(host, &mgmtdev, pages)
    }
}

/// Devices that stay.
fn staying(profile: &Profile) -> u32 {
    STAYING.min(profile.devices / 2)
}

/// Traffic of the devices that stay.
struct Traffic {
    cycles: u64,
    packets: u64,
    /// Cycles of each packet, in order of size.
    latencies: Vec<u64>,
}

struct Run {
    host: SharedHost,
    mgmtdev: Mgmtdev<SharedHost>,
    farm: Farm,
    rings: Rings,
    pipeline: Pipeline<SharedHost>,
    /// Commands that wait for room in the admin queue.
    waiting: VecDeque<Cmd>,
    /// Commands asked for: the pipeline has done all when it has done as many.
    asked: u64,
    crowd: Rc<RefCell<Crowd>>,
    dice: Dice,
    params: Params,
    at_once: usize,
    lives: Vec<Life>,
    /// Member id that became free last.
    last: Option<u32>,
    /// Devices destroyed with chains that were not used, and before DRIVER_OK.
    in_flight: u64,
    early: u64,
}

impl Run {
    fn new(
        host: &SharedHost,
        mgmtdev: Mgmtdev<SharedHost>,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<Self, ScenarioError> {
        let p = params.profile;
        let staying = staying(p);
        // A network device has two queues, whatever comes and goes.
        let at_once = (p.devices - staying)
            .min((p.queues - 2 * staying) / 2)
            .min(p.asids - staying)
            .min(p.doorbell_pages - staying)
            .min(AT_ONCE);
        let case = Case {
            frame: FRAME,
            direction: Direction::Both,
            batch: BATCH,
            active: staying,
            translations: Translations::Warm,
            queued: RING_BATCHES,
        };
        let axi = host.borrow_mut().env().axi.settings_mut().clone();
        let bench = Bench {
            host: host.clone(),
            mgmtdev: mgmtdev.clone(),
        };
        let mut farm = Farm::over(bench, axi, staying, &[case])?;
        outcome.vdevs_created += u64::from(staying);
        let dice = Dice::new(params.seed, DICE);
        let blk = Blk::new(BlkSettings::default(), Dice::new(params.seed, DICE + 1));
        let crowd = Crowd::new(SharedSink(farm.sink.clone()), staying, blk);
        let crowd = Rc::new(RefCell::new(crowd));
        host.borrow_mut().env().card = Some(Box::new(SharedCrowd(crowd.clone())));
        let rings = farm.begin_with(case, Refill::All)?;
        farm.set_fast(false);
        Ok(Self {
            host: host.clone(),
            pipeline: Pipeline::new(&mgmtdev),
            mgmtdev,
            farm,
            rings,
            waiting: VecDeque::new(),
            asked: 0,
            crowd,
            dice,
            params: params.clone(),
            at_once: at_once as usize,
            lives: Vec::new(),
            last: None,
            in_flight: 0,
            early: 0,
        })
    }

    /// The traffic by itself.
    fn alone(&mut self) -> Result<Traffic, ScenarioError> {
        self.host.borrow_mut().set_stage("traffic alone");
        self.step(ALONE_CYCLES / 2)?;
        self.measure(|run| run.step(ALONE_CYCLES))
    }

    fn measure(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), ScenarioError>,
    ) -> Result<Traffic, ScenarioError> {
        self.rings.latencies.clear();
        let (cycle, packets) = (self.host.cycle(), self.rings.returned);
        work(self)?;
        let of = self.rings.latencies.drain(..);
        let mut latencies: Vec<u64> = of.map(|l| l.cycles).collect();
        latencies.sort_unstable();
        Ok(Traffic {
            cycles: self.host.cycle() - cycle,
            packets: self.rings.returned - packets,
            latencies,
        })
    }

    fn step(&mut self, cycles: u64) -> Result<(), ScenarioError> {
        for _ in 0..cycles {
            self.farm.step(&mut self.rings)?;
        }
        self.farm.check()?;
        match self.crowd.borrow_mut().bad.take() {
            Some(bad) => Err(ScenarioError::check(bad)),
            None => Ok(()),
        }
    }

    /// Lets devices come and go.
    fn churn(&mut self, outcome: &mut Outcome) -> Result<Traffic, ScenarioError> {
        let mut created = 0;
        let traffic = self.measure(|run| {
            let started = Instant::now();
            let mut commands = Patience::new("admin command was done", PATIENCE);
            let mut steady = Patience::new("packet of the devices that stay came back", PATIENCE);
            loop {
                let comes = match run.params.time {
                    Some(time) => started.elapsed() < time,
                    None => created < run.params.devices.unwrap_or(DEVICES),
                };
                if comes && run.lives.len() < run.at_once {
                    run.create()?;
                    created += 1;
                    outcome.vdevs_created += 1;
                    let text = format!("{created} devices came");
                    let (done, of) = match run.params.time {
                        Some(time) => (started.elapsed().as_millis(), time.as_millis()),
                        None => (created.into(), run.params.devices.unwrap_or(DEVICES).into()),
                    };
                    let mut host = run.host.borrow_mut();
                    host.set_step(text, done as u64, of as u64);
                } else if !comes && run.lives.is_empty() {
                    return Ok(());
                }
                run.step(LOOK_CYCLES)?;
                run.commands()?;
                run.advance(outcome)?;
                let now = run.host.cycle();
                let (done, returned) = (run.pipeline.done(), run.rings.returned);
                commands.look(now, done, done < run.asked)?;
                steady.look(now, returned, true)?;
            }
        })?;
        let gone = f64::from(created) * 1e3 / traffic.cycles as f64;
        outcome.note(
            "devices that came and went",
            format!(
                "{created}, {gone:.3} creations and destructions per 1000 cycles; {} destroyed before DRIVER_OK, {} with requests in flight",
                self.early, self.in_flight
            ),
        );
        let (good, writes) = (self.crowd.borrow().good, self.crowd.borrow().writes());
        let text = format!("{good}, {writes} of them block writes");
        outcome.note("their packets checked", text);
        outcome.figure("churn_packets", good);
        outcome.figure("churn_blk_writes", writes);
        for name in ["creations_per_kcycle", "destructions_per_kcycle"] {
            outcome.figure(name, gone);
        }
        outcome.figure("destroyed_early", self.early);
        outcome.figure("destroyed_in_flight", self.in_flight);
        Ok(traffic)
    }

    /// Executes what is asked for, as far as the admin queue has room.
    fn commands(&mut self) -> Result<(), ScenarioError> {
        while self.pipeline.poll()? {}
        while let Some(c) = self.waiting.pop_front() {
            if let Some(c) = self.pipeline.offer(c)? {
                self.waiting.push_front(c);
                break;
            }
        }
        Ok(())
    }

    /// Asks for commands; they are done when the pipeline has done so many.
    fn ask(&mut self, commands: impl IntoIterator<Item = Cmd>) -> u64 {
        for c in commands {
            self.waiting.push_back(c);
            self.asked += 1;
        }
        self.asked
    }

    /// A member id that is free: every other time the one that became so last.
    fn id(&mut self) -> Result<u32, ScenarioError> {
        let mut pools = self.mgmtdev.pools();
        if let Some(last) = self.last.filter(|_| self.dice.percent(50)) {
            if pools.members.reserve(last).is_ok() {
                return Ok(last);
            }
        }
        for _ in 0..TRIES {
            let id = 1 + self.dice.index(self.params.profile.devices as usize) as u32;
            if pools.members.reserve(id).is_ok() {
                return Ok(id);
            }
        }
        Ok(pools.members.alloc()?)
    }

    fn create(&mut self) -> Result<(), ScenarioError> {
        let id = self.id()?;
        let kind = if self.dice.percent(50) {
            Kind::Net
        } else {
            Kind::Blk
        };
        let unit = Unit::with(&self.mgmtdev, id, kind)?;
        let (fate, seeds) = Fate::choose(&mut self.dice, kind);
        let commands = unit.set_up(&self.mgmtdev);
        let asked = self.ask(commands.into_iter().take(fate.commands()));
        self.crowd.borrow_mut().enter(id, kind, seeds.clone());
        let life = Life::new(unit, fate, seeds, asked);
        life.expect_no_message(&self.host)?;
        self.lives.push(life);
        Ok(())
    }

    /// Takes every device a step on that can go one.
    fn advance(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        let (done, now) = (self.pipeline.done(), self.host.cycle());
        let mut lives = std::mem::take(&mut self.lives);
        for life in &mut lives {
            let id = life.unit.id();
            match life.stage {
                Stage::Creating { after } if done >= after => {
                    life.begin(&self.host, now, &mut self.dice);
                }
                Stage::Living { until } if now >= until => self.destroy(life),
                Stage::Sending { since } => {
                    let sent = self.crowd.borrow().sent(id);
                    if life.is_served(&self.host, sent)? {
                        self.destroy(life);
                    } else if now - since > PATIENCE {
                        return Err(ScenarioError::check(format!(
                            "the requests of member {id} did not end within {PATIENCE} cycles"
                        )));
                    }
                }
                Stage::Destroying { gone, after } if done >= gone => {
                    let held = self.crowd.borrow_mut().leave(id);
                    life.check_store(held)?;
                    life.stage = Stage::Gone { after };
                }
                _ => {}
            }
        }
        for life in lives {
            match life.stage {
                Stage::Gone { after } if done >= after => {
                    self.last = Some(life.unit.id());
                    life.release(&self.host, &self.mgmtdev)?;
                    outcome.vdevs_destroyed += 1;
                }
                _ => self.lives.push(life),
            }
        }
        Ok(())
    }

    fn destroy(&mut self, life: &mut Life) {
        self.early += u64::from(life.is_early());
        self.in_flight += u64::from(life.is_in_flight(&self.host));
        let [destroy, off] = life.unit.tear_down();
        let gone = self.ask([destroy]);
        let invalidate = cmd::iotlb_invalidate(Some(life.unit.asid()), None);
        let after = self.ask([off, invalidate]);
        life.stage = Stage::Destroying { gone, after };
    }

    /// Ends the traffic.
    fn end(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        self.host.borrow_mut().set_stage("end");
        self.farm.drain(&mut self.rings)?;
        outcome.note("packets of those that stayed", self.rings.returned);
        self.step(0)
    }
}

fn report(alone: &Traffic, beside: &Traffic, outcome: &mut Outcome) {
    let rate = |t: &Traffic| t.packets as f64 * 1e3 / t.cycles as f64;
    let of_100 = |t: &Traffic, p| percentile(&t.latencies, p).unwrap_or_default();
    let text = |t: &Traffic| {
        format!(
            "{:.3} packets per 1000 cycles, p50 {}, p99 {} cycles",
            rate(t),
            of_100(t, 50),
            of_100(t, 99)
        )
    };
    outcome.note("traffic alone", text(alone));
    outcome.note("traffic beside", text(beside));
    outcome.figure("traffic_packets", beside.packets);
    outcome.figure("traffic_packets_per_kcycle", rate(beside));
    outcome.figure("traffic_packets_per_kcycle_alone", rate(alone));
    for (name, traffic, percent) in [
        ("traffic_p50", beside, 50),
        ("traffic_p99", beside, 99),
        ("traffic_p50_alone", alone, 50),
        ("traffic_p99_alone", alone, 99),
    ] {
        outcome.figure(name, of_100(traffic, percent));
    }
}
