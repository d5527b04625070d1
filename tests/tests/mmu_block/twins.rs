//! RTL and model side by side: the same inputs into both, all outputs compared.

use shoal_abi::ports::Data;
use shoal_abi::profile::{DATA_WORDS, TINY};
use shoal_hdl::block::{In, Mmu as Rtl, Out};
use shoal_hdl::types::INV_ALL;
use shoal_model::block as model;
use std::collections::VecDeque;

/// Inputs that a mismatch prints.
const HISTORY: usize = 6;

/// ID of the first walker: class 1, kind 1 (TIMING.md §1).
const WALKERS: u16 = 1 << (TINY.id_w - 1) | 1 << (TINY.id_w - 3);

/// Both.
pub struct Twins {
    rtl: Rtl,
    model: model::Mmu,
    /// The model sees the other value of MMU_CTRL partition.
    other_partition: bool,
    history: VecDeque<In>,
}

impl Twins {
    pub fn new(other_partition: bool) -> Self {
        Self {
            rtl: Rtl::default(),
            model: model::Mmu::new(&TINY),
            other_partition,
            history: VecDeque::new(),
        }
    }

    /// What stands at the ports whatever comes in.
    pub fn outputs(&self) -> model::Out {
        self.model.outputs()
    }

    /// Cycle `now` with `i` in both, and its edge.
    pub fn cycle(&mut self, i: &In, now: u64) -> Result<Out, String> {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(*i);
        let rtl = self.rtl.settle(i);
        let before = self.model.outputs();
        let taken = self.model.tick(&self.for_model(i, now));
        let after = self.model.outputs();
        let model = as_rtl(&before, &after, taken, &rtl, i.reset);
        if rtl != model {
            return Err(format!(
                "cycle {now}: rtl and model differ\nrtl   {rtl:x?}\nmodel {model:x?}\nlast inputs {:x?}",
                self.history
            ));
        }
        self.rtl.edge();
        Ok(rtl)
    }

    fn for_model(&self, i: &In, now: u64) -> model::In {
        let mut data: Data = [0; DATA_WORDS];
        model::In {
            reset: i.reset,
            requests: i.requests.map(|r| {
                r.map(|r| model::Request {
                    asid: r.asid,
                    va: r.va,
                    write: r.write,
                    tag: r.tag,
                })
            }),
            granted: i.ar_grant,
            r: i.r.map(|(walker, pte, bad)| {
                data[0] = pte;
                // Every response but OKAY is bad.
                let resp = if bad { 1 + (now % 3) as u8 } else { 0 };
                model::Beat {
                    id: WALKERS | u16::from(walker),
                    data,
                    resp,
                }
            }),
            partition: i.partition != self.other_partition,
            blocking: i.blocking,
            set_asid: i.set_asid.map(|(asid, e)| {
                let entry = model::AsidEntry {
                    mode: e.mode,
                    pasid_valid: e.pasid_valid,
                    pasid: e.pasid,
                    root: e.root,
                };
                (asid, entry)
            }),
            invalidate: i.invalidate.map(|(kind, asid)| match kind {
                INV_ALL => model::Invalidate::All,
                _ => model::Invalidate::Asid(asid),
            }),
            swept: i.sweep == Some((1 << TINY.asid_aw) - 1),
        }
    }
}

/// The model's outputs as the RTL has them: strobes from what was counted. A reset cycle has no takes and no strobes that
/// mean anything, so those of the RTL stand.
fn as_rtl(
    before: &model::Out,
    after: &model::Out,
    taken: Option<usize>,
    rtl: &Out,
    reset: bool,
) -> Out {
    let answer = before.answers.iter().flatten().next();
    let counted = |k: usize| after.counters[k].wrapping_sub(before.counters[k]) == 1;
    Out {
        taken: if reset {
            rtl.taken
        } else {
            std::array::from_fn(|c| taken == Some(c))
        },
        answered: before.answers.map(|a| a.is_some()),
        answer: answer.map_or((0, 0, 0, 0), |a| (a.cause, a.address, a.user, a.tag)),
        read: before.read.map(|(id, at)| ((id ^ WALKERS) as u8, at)),
        pending: before.pending,
        done: before.flips,
        idle: before.idle,
        strobes: if reset {
            rtl.strobes
        } else {
            std::array::from_fn(counted)
        },
    }
}
