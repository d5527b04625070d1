//! The AXI4-Lite slave port (`s_axil_*`): one response for each access, none unasked, in bounded time.
//!
//! Spec: AMBA AXI4-Lite (IHI 0022), ABI.md. What the register master does wrong is reported as an error of the environment.

use std::collections::VecDeque;

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::regs::{RESP_OKAY, RESP_SLVERR};

use super::{Monitor, Violation, BOUND};

const NAME: &str = "axil";

/// One channel of the two that the master drives and that the device accepts.
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    /// Payload of an offer that is not accepted yet, with its first cycle.
    waiting: Option<([u32; 2], u64)>,
}

impl Offer {
    /// Follows the channel for a cycle; true when an offer was accepted.
    fn step(
        &mut self,
        cycle: u64,
        channel: &'static str,
        valid: bool,
        ready: bool,
        payload: [u32; 2],
    ) -> Result<bool, Violation> {
        if let Some((was, since)) = self.waiting {
            if !valid || was != payload {
                return Err(Violation::environment(
                    cycle,
                    NAME,
                    "master-stable",
                    format!("{channel}: {was:x?} offered since cycle {since} became {payload:x?}, valid {valid}"),
                ));
            }
            if ready {
                self.waiting = None;
                return Ok(true);
            }
            if cycle - since > BOUND {
                return Err(Violation::device(
                    cycle,
                    NAME,
                    "accept",
                    format!("{channel}: not accepted since cycle {since}"),
                ));
            }
            return Ok(false);
        }
        if valid && !ready {
            self.waiting = Some((payload, cycle));
        }
        Ok(valid && ready)
    }
}

/// Responses of one direction.
#[derive(Debug, Default)]
struct Answers {
    /// Cycle in which each unanswered access was complete, oldest first.
    owed: VecDeque<u64>,
    /// Payload of a response that the master has not taken.
    held: Option<(u32, u8)>,
}

impl Answers {
    fn step(
        &mut self,
        cycle: u64,
        channel: &'static str,
        valid: bool,
        ready: bool,
        payload: (u32, u8),
    ) -> Result<(), Violation> {
        let fail = |rule, detail| Err(Violation::device(cycle, NAME, rule, detail));
        if let Some(was) = self.held.take() {
            if !valid {
                return fail("held", format!("{channel}valid fell before {channel}ready"));
            }
            if was != payload {
                return fail("stable", format!("{channel}: {was:x?} became {payload:x?}"));
            }
        } else if valid {
            if self.owed.is_empty() {
                return fail("unasked", format!("{channel}valid without an access"));
            }
            if payload.1 != RESP_OKAY && payload.1 != RESP_SLVERR {
                return fail("resp", format!("{channel}resp {}", payload.1));
            }
        }
        if valid {
            if ready {
                self.owed.pop_front();
            } else {
                self.held = Some(payload);
            }
        } else if let Some(since) = self.owed.front() {
            if cycle - since > BOUND {
                return fail("late", format!("no {channel} response since cycle {since}"));
            }
        }
        Ok(())
    }
}

/// Monitor of the AXI4-Lite slave port.
#[derive(Debug, Default)]
pub struct AxiLite {
    started: bool,
    aw: Offer,
    w: Offer,
    ar: Offer,
    /// Addresses accepted ahead of their data, and the reverse.
    aw_ahead: u32,
    w_ahead: u32,
    b: Answers,
    r: Answers,
}

impl AxiLite {
    /// A monitor.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Monitor for AxiLite {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            *self = Self::default();
            return Ok(());
        }
        if !self.started {
            self.started = true;
            if o.s_axil_bvalid || o.s_axil_rvalid {
                return Err(Violation::device(
                    cycle,
                    NAME,
                    "reset",
                    "a response is valid in the first cycle after reset",
                ));
            }
        }
        // Responses first: a response may use only what was accepted in earlier cycles.
        if o.s_axil_bvalid || self.b.held.is_some() || !self.b.owed.is_empty() {
            let payload = (0, o.s_axil_bresp);
            self.b
                .step(cycle, "b", o.s_axil_bvalid, i.s_axil_bready, payload)?;
        }
        if o.s_axil_rvalid || self.r.held.is_some() || !self.r.owed.is_empty() {
            let payload = (o.s_axil_rdata, o.s_axil_rresp);
            self.r
                .step(cycle, "r", o.s_axil_rvalid, i.s_axil_rready, payload)?;
        }
        if i.s_axil_awvalid || self.aw.waiting.is_some() {
            let payload = [i.s_axil_awaddr, u32::from(i.s_axil_awprot)];
            if self
                .aw
                .step(cycle, "aw", i.s_axil_awvalid, o.s_axil_awready, payload)?
            {
                self.aw_ahead += 1;
            }
        }
        if i.s_axil_wvalid || self.w.waiting.is_some() {
            let payload = [i.s_axil_wdata, u32::from(i.s_axil_wstrb)];
            if self
                .w
                .step(cycle, "w", i.s_axil_wvalid, o.s_axil_wready, payload)?
            {
                self.w_ahead += 1;
            }
        }
        while self.aw_ahead > 0 && self.w_ahead > 0 {
            self.aw_ahead -= 1;
            self.w_ahead -= 1;
            self.b.owed.push_back(cycle);
        }
        if i.s_axil_arvalid || self.ar.waiting.is_some() {
            let payload = [i.s_axil_araddr, u32::from(i.s_axil_arprot)];
            if self
                .ar
                .step(cycle, "ar", i.s_axil_arvalid, o.s_axil_arready, payload)?
            {
                self.r.owed.push_back(cycle);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Trace;
    use super::*;

    fn write(i: &mut Inputs, o: &mut Outputs) {
        (i.s_axil_awvalid, o.s_axil_awready) = (true, true);
        (i.s_axil_wvalid, o.s_axil_wready) = (true, true);
    }

    fn read(i: &mut Inputs, o: &mut Outputs) {
        (i.s_axil_arvalid, o.s_axil_arready) = (true, true);
    }

    fn b(i: &mut Inputs, o: &mut Outputs) {
        (i.s_axil_bready, o.s_axil_bvalid) = (true, true);
    }

    fn broken(t: &Trace) -> &'static str {
        t.broken(&mut AxiLite::new())
    }

    #[test]
    fn a_legal_trace_passes() {
        let mut t = Trace::new();
        t.cycle(|i, _| i.reset = true).wait(1);
        // Data first, then the address after a stall; the response is held for a cycle.
        t.cycle(|i, o| (i.s_axil_wvalid, o.s_axil_wready, i.s_axil_wdata) = (true, true, 9));
        t.cycle(|i, _| i.s_axil_awvalid = true);
        t.cycle(|i, o| (i.s_axil_awvalid, o.s_axil_awready) = (true, true));
        t.cycle(|_, o| (o.s_axil_bvalid, o.s_axil_bresp) = (true, 2));
        t.cycle(|i, o| (o.s_axil_bvalid, o.s_axil_bresp, i.s_axil_bready) = (true, 2, true));
        // Two reads in flight.
        t.cycle(read).cycle(read);
        for data in [1, 2] {
            t.cycle(|i, o| (i.s_axil_rready, o.s_axil_rvalid, o.s_axil_rdata) = (true, true, data));
        }
        t.wait(BOUND as usize + 2);
        assert_eq!(t.run(&mut AxiLite::new()), Ok(()));
    }

    #[test]
    fn a_response_without_both_address_and_data_is_found() {
        for part in 0..2 {
            let mut t = Trace::new();
            t.wait(1);
            t.cycle(|i, o| {
                write(i, o);
                if part == 0 {
                    i.s_axil_wvalid = false;
                } else {
                    i.s_axil_awvalid = false;
                }
            });
            t.cycle(b);
            assert_eq!(broken(&t), "unasked");
        }
        let mut t = Trace::new();
        t.wait(1).cycle(|_, o| o.s_axil_rvalid = true);
        assert_eq!(broken(&t), "unasked");
    }

    #[test]
    fn a_response_in_the_cycle_of_the_access_or_a_second_one_is_found() {
        let mut t = Trace::new();
        t.wait(1).cycle(|i, o| {
            write(i, o);
            b(i, o);
        });
        assert_eq!(broken(&t), "unasked");
        let mut t = Trace::new();
        t.wait(1).cycle(write).cycle(b).cycle(b);
        assert_eq!(broken(&t), "unasked");
    }

    #[test]
    fn a_response_that_falls_or_changes_is_found() {
        let mut t = Trace::new();
        t.wait(1)
            .cycle(write)
            .cycle(|_, o| o.s_axil_bvalid = true)
            .wait(1);
        assert_eq!(broken(&t), "held");
        let mut t = Trace::new();
        t.wait(1).cycle(read).cycle(|_, o| o.s_axil_rvalid = true);
        t.cycle(|_, o| (o.s_axil_rvalid, o.s_axil_rdata) = (true, 1));
        assert_eq!(broken(&t), "stable");
        let mut t = Trace::new();
        t.wait(1).cycle(write).cycle(|_, o| o.s_axil_bvalid = true);
        t.cycle(|_, o| (o.s_axil_bvalid, o.s_axil_bresp) = (true, 2));
        assert_eq!(broken(&t), "stable");
    }

    #[test]
    fn a_response_code_other_than_okay_and_slverr_is_found() {
        for resp in [1, 3, 4] {
            let mut t = Trace::new();
            t.wait(1).cycle(read);
            t.cycle(|_, o| (o.s_axil_rvalid, o.s_axil_rresp) = (true, resp));
            assert_eq!(broken(&t), "resp");
        }
    }

    #[test]
    fn a_response_and_an_acceptance_that_never_come_are_found() {
        for access in [write, read] {
            let mut t = Trace::new();
            t.wait(1).cycle(access).wait(BOUND as usize + 2);
            assert_eq!(broken(&t), "late");
        }
        let mut t = Trace::new();
        t.wait(1);
        for _ in 0..BOUND + 2 {
            t.cycle(|i, _| i.s_axil_arvalid = true);
        }
        assert_eq!(broken(&t), "accept");
    }

    #[test]
    fn a_response_out_of_reset_is_found() {
        let mut t = Trace::new();
        t.cycle(|i, _| i.reset = true)
            .cycle(|_, o| o.s_axil_bvalid = true);
        assert_eq!(broken(&t), "reset");
    }

    #[test]
    fn a_master_that_takes_back_an_offer_is_an_error_of_the_environment() {
        let mut t = Trace::new();
        t.wait(1).cycle(|i, _| i.s_axil_awvalid = true).wait(1);
        let v = t
            .run(&mut AxiLite::new())
            .expect_err("the trace breaks a rule");
        assert_eq!((v.rule, v.environment), ("master-stable", true));
    }
}
