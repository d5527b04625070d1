//! The traffic of a farm: rows of it, one after the other, on the same devices.

use shoal_abi::cmd as abi;
use shoal_abi::regs::{DOORBELLS, DOORBELL_PAGE_BYTES};
use shoal_driver::cmd::{self, Cmd, VqSetup};
use shoal_driver::Msi;

use super::farm::{Farm, PATIENCE};
use super::layout::QUEUES;
use super::matrix::Case;
use super::rings::{Refill, Rings};
use super::watch::Seen;
use super::BenchError;
use crate::env::RegOp;

/// Address of the first queue's message; each queue has its own, 8 bytes on.
const MESSAGES: u64 = 0xfd00_0000;

/// Cycles between two looks at what is still open.
const DRAIN_CYCLES: u64 = 64;

impl Farm {
    fn queue(&self, device: u32, vq: u16, size: u16) -> Cmd {
        let (desc, driver, used) = self.layout.areas_iova(vq.into());
        let key = u64::from(device) * QUEUES + u64::from(vq);
        let setup = VqSetup {
            vq_index: vq,
            size,
            ready: true,
            desc,
            driver,
            device: used,
            msi: Some(Msi {
                address: MESSAGES + 8 * key,
                data: key as u32,
            }),
            ..VqSetup::default()
        };
        cmd::vq_setup(device + 1, &setup)
    }

    /// Ends the traffic of the row before, and begins that of `case` with fast memory.
    ///
    /// # Errors
    /// When the device does not do what it is asked.
    pub(super) fn begin(&mut self, case: Case) -> Result<Rings, BenchError> {
        self.begin_with(case, Refill::All)
    }

    /// The same; `refill` says whose rings are full.
    ///
    /// # Errors
    /// As [`Farm::begin`].
    pub(crate) fn begin_with(&mut self, case: Case, refill: Refill) -> Result<Rings, BenchError> {
        self.set_fast(true);
        let old = std::mem::take(&mut self.set_up);
        let reset = |&(device, vq): &(u32, u16)| cmd::of_vq(abi::VQ_RESET, device + 1, vq);
        // Nothing more for queues that go away.
        self.sink.borrow_mut().stop();
        self.all("reset queues", old.len(), old.iter().map(reset))?;
        self.settle()?;
        self.rows = self.rows % u8::MAX + 1;
        let mem = self.bench.host.borrow().mem().clone();
        let mut rings = Rings::new(&mem, &self.layout, case, self.rows, &self.sink);
        rings.refill = refill;
        rings.start()?;
        let queues = case.direction.queues();
        self.set_up = (0..case.active)
            .flat_map(|device| queues.iter().map(move |&vq| (device, vq)))
            .collect();
        let size = rings.entries();
        let setups = self.set_up.iter().map(|&(d, vq)| self.queue(d, vq, size));
        let invalidate = cmd::iotlb_invalidate(None, None);
        let commands = [invalidate].into_iter().chain(setups);
        self.all("set up queues", self.set_up.len(), commands)?;
        Ok(rings)
    }

    /// Waits until no packet of the row before is on a stream.
    fn settle(&self) -> Result<(), BenchError> {
        let mut host = self.bench.host.borrow_mut();
        host.run_until("the end of a packet", PATIENCE, |h| {
            h.env().streams.can_send() && !h.outputs().m_axis_tvalid
        })?;
        host.run(64)?;
        self.watch.borrow_mut().seen.clear();
        Ok(())
    }

    /// Runs until `packets` packets more have passed the streams.
    ///
    /// # Errors
    /// A packet that is wrong, or none for a long time.
    pub(super) fn run(&self, rings: &mut Rings, packets: u64) -> Result<(), BenchError> {
        let start = self.watch.borrow().counts.packets();
        let (mut passed, mut since) = (start, self.bench.host.cycle());
        while passed < start + packets {
            self.step(rings)?;
            let now = self.watch.borrow().counts.packets();
            if now != passed {
                (passed, since) = (now, self.bench.host.cycle());
                self.check()?;
            } else if self.bench.host.cycle() - since > PATIENCE {
                return Err(BenchError::Failed(format!(
                    "no packet passed within {PATIENCE} cycles, {} are open",
                    rings.open()
                )));
            }
        }
        Ok(())
    }

    /// Fails when a packet on the stream was wrong.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        match self.sink.borrow_mut().error.take() {
            Some(e) => Err(BenchError::Failed(e)),
            None => Ok(()),
        }
    }

    /// Offers nothing more, and goes on until all that was offered is back.
    pub(crate) fn drain(&self, rings: &mut Rings) -> Result<(), BenchError> {
        rings.stop();
        let (mut seen, mut since) = (rings.returned, self.bench.host.cycle());
        while rings.open() > 0 {
            for _ in 0..DRAIN_CYCLES {
                self.step(rings)?;
            }
            let now = self.bench.host.cycle();
            if rings.returned != seen {
                (seen, since) = (rings.returned, now);
            } else if now - since > PATIENCE {
                return Err(BenchError::Failed(format!(
                    "{} packets did not come back within {PATIENCE} cycles",
                    rings.open()
                )));
            }
        }
        self.check()
    }

    /// One cycle, and what follows from it.
    pub(crate) fn step(&self, rings: &mut Rings) -> Result<(), BenchError> {
        let mut host = self.bench.host.borrow_mut();
        host.step()?;
        loop {
            let seen = self.watch.borrow_mut().seen.pop_front();
            let Some((cycle, seen)) = seen else { break };
            match seen {
                Seen::Doorbell { page, vq } => rings.rung(page, vq, cycle),
                Seen::Arrival { member, .. } => rings.arrived(member.wrapping_sub(1), cycle),
                Seen::Message { addr } => {
                    // The management device's own messages are no queue's.
                    let key = addr.wrapping_sub(MESSAGES) / 8;
                    if key < u64::from(host.profile().devices) * QUEUES {
                        let device = (key / QUEUES) as u32;
                        rings.message(device, (key % QUEUES) as u16, cycle)?;
                    }
                }
            }
        }
        // Few doorbells at a time, so that admin commands find room between them.
        if host.env().axil.queued() == 0 {
            if let Some((device, vq)) = rings.next()? {
                host.env().axil.post(RegOp::Write {
                    addr: DOORBELLS + device * DOORBELL_PAGE_BYTES,
                    data: vq.into(),
                    strb: 0xf,
                });
            }
        }
        Ok(())
    }
}
