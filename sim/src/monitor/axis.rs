//! The two AXI4-Stream ports: `m_axis_*` (host to card) and `s_axis_*` (card to host).
//!
//! Spec: AMBA AXI4-Stream (IHI 0051), ABI.md "Streams". Errors on `s_axis` belong to the environment; how long the device
//! holds that stream back is counted, see [`Axis::longest_stall`].

use shoal_abi::cmd::MAX_DEV_VQS;
use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::ring::{TYPE_BLK, TYPE_NET};
use shoal_abi::stream::{TUSER_ABORT, TUSER_ANSWER, TUSER_TAG, TUSER_TYPE, TUSER_WRITABLE};

use super::{Monitor, Violation};

const NAME: &str = "axis";

/// One beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Beat {
    data: Data,
    keep: u64,
    last: bool,
    dest: u32,
    tid: u16,
    user: u64,
}

/// What a beat may hold.
struct Limits {
    bus: usize,
    devices: u32,
    full: u64,
}

/// The rules common to both directions.
#[derive(Debug, Default)]
struct Channel {
    /// A beat offered and not taken.
    stalled: Option<Beat>,
    /// Side band of the packet under way.
    packet: Option<(u32, u16, u64)>,
}

impl Channel {
    /// Follows a cycle in which something may happen. `user` is what must not change within a packet.
    /// Returns a broken rule and its numbers.
    fn step(
        &mut self,
        limits: &Limits,
        beat: Option<Beat>,
        ready: bool,
        user: fn(u64) -> u64,
    ) -> Result<(), (&'static str, String)> {
        let Some(b) = beat else {
            return match self.stalled {
                Some(was) => Err(("held", format!("tvalid fell before tready: {was:x?}"))),
                None => Ok(()),
            };
        };
        if let Some(was) = self.stalled.take() {
            if was != b {
                return Err(("stable", format!("{was:x?} became {b:x?}")));
            }
        } else {
            self.beat(limits, &b, user)?;
        }
        if ready {
            self.packet = (!b.last).then(|| (b.dest, b.tid, user(b.user)));
        } else {
            self.stalled = Some(b);
        }
        Ok(())
    }

    fn beat(
        &self,
        limits: &Limits,
        b: &Beat,
        user: fn(u64) -> u64,
    ) -> Result<(), (&'static str, String)> {
        let above = b.data.iter().skip(limits.bus / 8).any(|w| *w != 0);
        if above || b.keep & !limits.full != 0 || b.dest >> 20 != 0 {
            return Err(("range", format!("bits above the ports: {b:x?}")));
        }
        if !b.last && b.keep != limits.full {
            return Err(("keep", format!("tkeep {:#x} before the last beat", b.keep)));
        }
        if b.keep & b.keep.wrapping_add(1) & limits.full != 0 {
            return Err((
                "keep",
                format!("tkeep {:#x} is not contiguous from bit 0", b.keep),
            ));
        }
        if let Some(was) = self.packet {
            let is = (b.dest, b.tid, user(b.user));
            if was != is {
                return Err((
                    "side-band",
                    format!("(tdest, tid, tuser) {was:x?} became {is:x?} in a packet"),
                ));
            }
        }
        Ok(())
    }
}

/// `tuser` without the fields that are valid on the last beat only.
fn master_constant(user: u64) -> u64 {
    user & !TUSER_WRITABLE.put(u64::MAX) & !TUSER_ABORT.put(1)
}

/// `tuser` of `s_axis` as far as the device looks at it.
fn slave_constant(user: u64) -> u64 {
    user & (TUSER_TAG.put(u64::MAX) | TUSER_ANSWER.put(1))
}

/// Every defined bit of `tuser` on `m_axis`.
const MASTER_BITS: u64 = TUSER_TAG.put(u64::MAX)
    | TUSER_WRITABLE.put(u64::MAX)
    | TUSER_TYPE.put(u64::MAX)
    | TUSER_ABORT.put(1);

/// Monitor of both stream ports.
pub struct Axis {
    limits: Limits,
    master: Channel,
    slave: Channel,
    started: bool,
    stall: u64,
    longest_stall: u64,
}

impl Axis {
    /// A monitor for a device of `profile`.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        let bus = profile.beat_bytes();
        let full = if bus >= 64 { u64::MAX } else { (1 << bus) - 1 };
        Self {
            limits: Limits {
                bus,
                devices: profile.devices,
                full,
            },
            master: Channel::default(),
            slave: Channel::default(),
            started: false,
            stall: 0,
            longest_stall: 0,
        }
    }

    /// Cycles that `s_axis` was held back at most, so far.
    #[must_use]
    pub fn longest_stall(&self) -> u64 {
        self.longest_stall
    }

    fn master_rules(&self, cycle: u64, b: &Beat) -> Result<(), Violation> {
        let fail = |rule, detail| Err(Violation::device(cycle, NAME, rule, detail));
        if b.dest == 0 || b.dest > self.limits.devices || b.tid >= MAX_DEV_VQS {
            return fail(
                "address",
                format!("no device has member id {} queue {}", b.dest, b.tid),
            );
        }
        if b.user & !MASTER_BITS != 0 {
            return fail("reserved", format!("tuser {:#x}", b.user));
        }
        let kind = TUSER_TYPE.get(b.user);
        if kind != u64::from(TYPE_NET) && kind != u64::from(TYPE_BLK) {
            return fail("type", format!("device type {kind}"));
        }
        let writable = TUSER_WRITABLE.get(b.user);
        if !b.last && (writable != 0 || TUSER_ABORT.get(b.user) != 0) {
            return fail(
                "early",
                format!(
                    "writable bytes or abort before the last beat: {:#x}",
                    b.user
                ),
            );
        }
        // A packet without bytes is one beat; a null beat behind data is left to a chain that failed half way.
        if b.keep == 0 && self.master.packet.is_some() && TUSER_ABORT.get(b.user) == 0 {
            return fail(
                "null-beat",
                "a packet with data ends in a beat without".to_string(),
            );
        }
        Ok(())
    }
}

impl Monitor for Axis {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            self.master = Channel::default();
            self.slave = Channel::default();
            self.started = false;
            self.stall = 0;
            return Ok(());
        }
        if !self.started {
            self.started = true;
            if o.m_axis_tvalid {
                return Err(Violation::device(
                    cycle,
                    NAME,
                    "reset",
                    "tvalid is high in the first cycle after reset",
                ));
            }
        }
        if o.m_axis_tvalid || self.master.stalled.is_some() {
            let beat = o.m_axis_tvalid.then_some(Beat {
                data: o.m_axis_tdata,
                keep: o.m_axis_tkeep,
                last: o.m_axis_tlast,
                dest: o.m_axis_tdest,
                tid: o.m_axis_tid,
                user: o.m_axis_tuser,
            });
            if let (Some(b), None) = (&beat, &self.master.stalled) {
                self.master_rules(cycle, b)?;
            }
            self.master
                .step(&self.limits, beat, i.m_axis_tready, master_constant)
                .map_err(|(rule, detail)| Violation::device(cycle, NAME, rule, detail))?;
        }
        if i.s_axis_tvalid || self.slave.stalled.is_some() {
            let beat = i.s_axis_tvalid.then_some(Beat {
                data: i.s_axis_tdata,
                keep: i.s_axis_tkeep,
                last: i.s_axis_tlast,
                dest: i.s_axis_tdest,
                tid: i.s_axis_tid,
                user: i.s_axis_tuser,
            });
            self.slave
                .step(&self.limits, beat, o.s_axis_tready, slave_constant)
                .map_err(|(rule, detail)| Violation::environment(cycle, NAME, rule, detail))?;
            self.stall = if o.s_axis_tready { 0 } else { self.stall + 1 };
            self.longest_stall = self.longest_stall.max(self.stall);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shoal_abi::profile::TINY;

    use super::super::testing::Trace;
    use super::*;

    const FULL: u64 = 0xff;

    /// A beat of a network transmit packet of member 3, queue 1, tag 0x21.
    fn beat(o: &mut Outputs, keep: u64, last: bool) {
        o.m_axis_tvalid = true;
        o.m_axis_tdata[0] = 0x55;
        o.m_axis_tkeep = keep;
        o.m_axis_tlast = last;
        o.m_axis_tdest = 3;
        o.m_axis_tid = 1;
        o.m_axis_tuser = TUSER_TAG.put(0x21) | TUSER_TYPE.put(1);
    }

    fn taken(i: &mut Inputs, o: &mut Outputs, keep: u64, last: bool) {
        i.m_axis_tready = true;
        beat(o, keep, last);
    }

    fn slave(i: &mut Inputs, keep: u64, last: bool) {
        i.s_axis_tvalid = true;
        i.s_axis_tkeep = keep;
        i.s_axis_tlast = last;
        i.s_axis_tdest = 3;
    }

    fn start() -> Trace {
        let mut t = Trace::new();
        t.wait(1);
        t
    }

    fn broken(t: &Trace) -> &'static str {
        t.broken(&mut Axis::new(&TINY))
    }

    #[test]
    fn a_legal_trace_passes_and_stalls_are_counted() {
        let mut t = Trace::new();
        t.cycle(|i, _| i.reset = true).wait(1);
        t.cycle(|i, o| taken(i, o, FULL, false));
        t.cycle(|_, o| beat(o, FULL, false))
            .cycle(|i, o| taken(i, o, FULL, false));
        t.cycle(|i, o| {
            taken(i, o, 0x07, true);
            o.m_axis_tuser |= TUSER_WRITABLE.put(1);
        });
        // The next packet has another side band; a chain without readable bytes; a chain that failed half way.
        t.cycle(|i, o| {
            taken(i, o, 0, true);
            o.m_axis_tdest = 8;
            o.m_axis_tuser = TUSER_TYPE.put(2) | TUSER_WRITABLE.put(0xffff_ffff);
        });
        t.cycle(|i, o| taken(i, o, FULL, false));
        t.cycle(|i, o| {
            taken(i, o, 0, true);
            o.m_axis_tuser |= TUSER_ABORT.put(1);
        });
        t.cycle(|i, _| slave(i, FULL, false))
            .cycle(|i, _| slave(i, FULL, false));
        t.cycle(|i, o| {
            slave(i, FULL, false);
            o.s_axis_tready = true;
        });
        t.cycle(|i, o| {
            slave(i, 1, true);
            o.s_axis_tready = true;
        });
        let mut m = Axis::new(&TINY);
        assert_eq!(t.run(&mut m), Ok(()));
        assert_eq!(m.longest_stall(), 2);
    }

    #[test]
    fn a_beat_that_falls_or_changes_before_ready_is_found() {
        let mut t = start();
        t.cycle(|_, o| beat(o, FULL, true)).wait(1);
        assert_eq!(broken(&t), "held");
        let mut t = start();
        t.cycle(|_, o| beat(o, FULL, true))
            .cycle(|_, o| beat(o, 1, true));
        assert_eq!(broken(&t), "stable");
    }

    #[test]
    fn byte_enables_are_full_before_the_last_beat_and_contiguous_on_it() {
        for (keep, last) in [(0x7f, false), (0, false), (0x06, true), (0xfd, true)] {
            let mut t = start();
            t.cycle(|_, o| beat(o, keep, last));
            assert_eq!(broken(&t), "keep", "{keep:#x} {last}");
        }
        let mut t = start();
        t.cycle(|i, o| taken(i, o, FULL, false))
            .cycle(|i, o| taken(i, o, 0, true));
        assert_eq!(broken(&t), "null-beat");
    }

    #[test]
    fn the_side_band_is_constant_within_a_packet() {
        let changes: [fn(&mut Outputs); 4] = [
            |o| o.m_axis_tdest = 4,
            |o| o.m_axis_tid = 2,
            |o| o.m_axis_tuser ^= TUSER_TAG.put(8),
            |o| o.m_axis_tuser ^= TUSER_TYPE.put(3),
        ];
        for change in changes {
            let mut t = start();
            t.cycle(|i, o| taken(i, o, FULL, false));
            t.cycle(|i, o| {
                taken(i, o, FULL, true);
                change(o);
            });
            assert_eq!(broken(&t), "side-band");
        }
    }

    /// One change of a beat before the last one, and the rule it breaks.
    type Change = (fn(&mut Outputs), &'static str);

    #[test]
    fn every_field_of_the_side_band_is_held_to_its_rule() {
        let changes: [Change; 10] = [
            (|o| o.m_axis_tdest = 0, "address"),
            (|o| o.m_axis_tdest = 9, "address"),
            (|o| o.m_axis_tid = 8, "address"),
            (|o| o.m_axis_tuser |= TUSER_ANSWER.put(1), "reserved"),
            (|o| o.m_axis_tuser |= 1 << 58, "reserved"),
            (|o| o.m_axis_tuser = TUSER_TYPE.put(3), "type"),
            (|o| o.m_axis_tuser |= TUSER_WRITABLE.put(1), "early"),
            (|o| o.m_axis_tuser |= TUSER_ABORT.put(1), "early"),
            (|o| o.m_axis_tkeep = 0x1ff, "range"),
            (|o| o.m_axis_tdata[1] = 1, "range"),
        ];
        for (n, (change, rule)) in changes.into_iter().enumerate() {
            let mut t = start();
            t.cycle(|_, o| {
                beat(o, FULL, false);
                change(o);
            });
            assert_eq!(broken(&t), rule, "change {n}");
        }
    }

    #[test]
    fn a_beat_out_of_reset_is_found() {
        let mut t = start();
        t.cycle(|i, _| i.reset = true)
            .cycle(|_, o| beat(o, FULL, true));
        assert_eq!(broken(&t), "reset");
    }

    #[test]
    fn a_broken_card_to_host_stream_is_an_error_of_the_environment() {
        let mut traces = [start(), start(), start()];
        traces[0].cycle(|i, _| slave(i, FULL, false)).wait(1);
        traces[1].cycle(|i, _| slave(i, 1, false));
        traces[2].cycle(|i, o| {
            slave(i, FULL, false);
            o.s_axis_tready = true;
        });
        traces[2].cycle(|i, _| {
            slave(i, FULL, true);
            i.s_axis_tuser = TUSER_ANSWER.put(1);
        });
        for (t, rule) in traces.iter().zip(["held", "keep", "side-band"]) {
            let v = t
                .run(&mut Axis::new(&TINY))
                .expect_err("the trace breaks a rule");
            assert_eq!((v.rule, v.environment), (rule, true));
        }
    }
}
