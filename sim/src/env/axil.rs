//! The host end of the device's AXI4-Lite slave: register accesses that drivers queue.
//!
//! Writes are posted and several may be in flight; a read starts when every earlier write has its response, as a read
//! over PCIe pushes posted writes ahead of it (PCIe 5.0 §2.4.1).

use std::collections::{HashMap, VecDeque};

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::regs::RESP_OKAY;

use super::Dice;

/// How the register bus behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxilSettings {
    /// Chance that a valid or ready that could be high stays low in a cycle, percent.
    pub stall_percent: u8,
    /// Most writes without a response.
    pub max_writes: usize,
    /// Most reads without data.
    pub max_reads: usize,
}

impl Default for AxilSettings {
    fn default() -> Self {
        Self {
            stall_percent: 10,
            max_writes: 4,
            max_reads: 2,
        }
    }
}

/// A register access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegOp {
    /// A write of the bytes that `strb` names.
    Write {
        /// Byte address.
        addr: u32,
        /// Data.
        data: u32,
        /// Byte enables, 4 bits.
        strb: u8,
    },
    /// A read of 32 bits.
    Read {
        /// Byte address.
        addr: u32,
    },
}

/// Names an access whose result is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// The end of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegDone {
    /// Data of a read; 0 for a write.
    pub data: u32,
    /// Response code.
    pub resp: u8,
}

#[derive(Debug)]
struct Pending {
    op: RegOp,
    ticket: Option<Ticket>,
}

/// The master.
#[derive(Debug)]
pub struct AxilMaster {
    settings: AxilSettings,
    dice: Dice,
    queue: VecDeque<Pending>,
    /// Transfers that wait for their channel; the front of each may be on the bus already.
    aw: VecDeque<u32>,
    w: VecDeque<(u32, u8)>,
    ar: VecDeque<u32>,
    aw_valid: bool,
    w_valid: bool,
    ar_valid: bool,
    /// Writes and reads without a response, oldest first.
    writes: VecDeque<Option<Ticket>>,
    reads: VecDeque<Option<Ticket>>,
    done: HashMap<Ticket, RegDone>,
    next_ticket: u64,
    errors: u64,
    completed: u64,
}

impl AxilMaster {
    /// A master without work.
    #[must_use]
    pub fn new(settings: AxilSettings, dice: Dice) -> Self {
        Self {
            settings,
            dice,
            queue: VecDeque::new(),
            aw: VecDeque::new(),
            w: VecDeque::new(),
            ar: VecDeque::new(),
            aw_valid: false,
            w_valid: false,
            ar_valid: false,
            writes: VecDeque::new(),
            reads: VecDeque::new(),
            done: HashMap::new(),
            next_ticket: 0,
            errors: 0,
            completed: 0,
        }
    }

    /// Queues an access whose result nobody waits for.
    pub fn post(&mut self, op: RegOp) {
        self.queue.push_back(Pending { op, ticket: None });
    }

    /// Queues an access; ask for its result with [`AxilMaster::take`].
    pub fn submit(&mut self, op: RegOp) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.queue.push_back(Pending {
            op,
            ticket: Some(ticket),
        });
        ticket
    }

    /// The result of `ticket`, once.
    pub fn take(&mut self, ticket: Ticket) -> Option<RegDone> {
        self.done.remove(&ticket)
    }

    /// Accesses that have not begun.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// True when nothing is queued or in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.writes.is_empty() && self.reads.is_empty()
    }

    /// Accesses answered with an error so far.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Accesses completed so far.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// Gives up everything in flight, as a reset does; what waits in the queue stays. Whoever waits for an access
    /// that was in flight gets SLVERR.
    pub fn clear(&mut self) {
        for ticket in self.writes.drain(..).chain(self.reads.drain(..)).flatten() {
            self.done.insert(
                ticket,
                RegDone {
                    data: 0,
                    resp: shoal_abi::regs::RESP_SLVERR,
                },
            );
        }
        self.aw.clear();
        self.w.clear();
        self.ar.clear();
        (self.aw_valid, self.w_valid, self.ar_valid) = (false, false, false);
    }

    /// One cycle: decides this cycle's inputs and takes its handshakes.
    pub fn tick(&mut self, out: &Outputs, inputs: &mut Inputs) {
        self.start();
        let stall = self.settings.stall_percent;
        self.aw_valid |= !self.aw.is_empty() && !self.dice.percent(stall);
        self.w_valid |= !self.w.is_empty() && !self.dice.percent(stall);
        self.ar_valid |= !self.ar.is_empty() && !self.dice.percent(stall);
        if let (true, Some(&addr)) = (self.aw_valid, self.aw.front()) {
            inputs.s_axil_awvalid = true;
            inputs.s_axil_awaddr = addr;
            if out.s_axil_awready {
                self.aw.pop_front();
                self.aw_valid = false;
            }
        }
        if let (true, Some(&(data, strb))) = (self.w_valid, self.w.front()) {
            inputs.s_axil_wvalid = true;
            inputs.s_axil_wdata = data;
            inputs.s_axil_wstrb = strb;
            if out.s_axil_wready {
                self.w.pop_front();
                self.w_valid = false;
            }
        }
        if let (true, Some(&addr)) = (self.ar_valid, self.ar.front()) {
            inputs.s_axil_arvalid = true;
            inputs.s_axil_araddr = addr;
            if out.s_axil_arready {
                self.ar.pop_front();
                self.ar_valid = false;
            }
        }
        inputs.s_axil_bready = !self.dice.percent(stall);
        inputs.s_axil_rready = !self.dice.percent(stall);
        if inputs.s_axil_bready && out.s_axil_bvalid {
            if let Some(ticket) = self.writes.pop_front() {
                self.finish(
                    ticket,
                    RegDone {
                        data: 0,
                        resp: out.s_axil_bresp,
                    },
                );
            }
        }
        if inputs.s_axil_rready && out.s_axil_rvalid {
            if let Some(ticket) = self.reads.pop_front() {
                self.finish(
                    ticket,
                    RegDone {
                        data: out.s_axil_rdata,
                        resp: out.s_axil_rresp,
                    },
                );
            }
        }
    }

    fn start(&mut self) {
        while let Some(next) = self.queue.front() {
            match next.op {
                RegOp::Write { addr, data, strb }
                    if self.writes.len() < self.settings.max_writes =>
                {
                    self.aw.push_back(addr);
                    self.w.push_back((data, strb));
                    self.writes.push_back(next.ticket);
                }
                RegOp::Read { addr }
                    if self.writes.is_empty() && self.reads.len() < self.settings.max_reads =>
                {
                    self.ar.push_back(addr);
                    self.reads.push_back(next.ticket);
                }
                _ => return,
            }
            self.queue.pop_front();
        }
    }

    fn finish(&mut self, ticket: Option<Ticket>, done: RegDone) {
        self.completed += 1;
        self.errors += u64::from(done.resp != RESP_OKAY);
        if let Some(ticket) = ticket {
            self.done.insert(ticket, done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register file that answers each access after a random wait.
    #[derive(Default)]
    struct Slave {
        out: Outputs,
        aw: VecDeque<u32>,
        w: VecDeque<u32>,
        regs: HashMap<u32, u32>,
        log: Vec<RegOp>,
    }

    impl Slave {
        fn edge(&mut self, i: &Inputs, dice: &mut Dice) {
            let o = &mut self.out;
            if i.s_axil_awvalid && o.s_axil_awready {
                self.aw.push_back(i.s_axil_awaddr);
            }
            if i.s_axil_wvalid && o.s_axil_wready {
                self.w.push_back(i.s_axil_wdata);
            }
            o.s_axil_bvalid &= !i.s_axil_bready;
            o.s_axil_rvalid &= !i.s_axil_rready;
            if !o.s_axil_bvalid && !self.aw.is_empty() && !self.w.is_empty() && dice.percent(30) {
                let (addr, data) = (self.aw.pop_front().unwrap(), self.w.pop_front().unwrap());
                self.regs.insert(addr, data);
                self.log.push(RegOp::Write {
                    addr,
                    data,
                    strb: 15,
                });
                o.s_axil_bvalid = true;
                o.s_axil_bresp = if addr == 0xbad { 2 } else { 0 };
            }
            if i.s_axil_arvalid && o.s_axil_arready {
                self.log.push(RegOp::Read {
                    addr: i.s_axil_araddr,
                });
                o.s_axil_rvalid = true;
                o.s_axil_rdata = self.regs.get(&i.s_axil_araddr).copied().unwrap_or(0);
            }
            o.s_axil_awready = dice.percent(50);
            o.s_axil_wready = dice.percent(50);
            o.s_axil_arready = !o.s_axil_rvalid && dice.percent(50);
        }
    }

    #[test]
    fn a_read_sees_every_write_queued_before_it() {
        let mut m = AxilMaster::new(AxilSettings::default(), Dice::new(3, 0));
        let mut dice = Dice::new(4, 0);
        let mut slave = Slave::default();
        let mut expected = Vec::new();
        for round in 0..50_u32 {
            for n in 0..5 {
                m.post(RegOp::Write {
                    addr: n * 4,
                    data: round * 10 + n,
                    strb: 15,
                });
            }
            expected.push((
                m.submit(RegOp::Read {
                    addr: (round % 5) * 4,
                }),
                round * 10 + round % 5,
            ));
        }
        let bad = m.submit(RegOp::Write {
            addr: 0xbad,
            data: 0,
            strb: 15,
        });
        let mut last = Inputs::default();
        for _ in 0..20_000 {
            let mut i = Inputs::default();
            m.tick(&slave.out, &mut i);
            // A valid that met no ready stays with the same payload.
            if last.s_axil_awvalid {
                assert!(i.s_axil_awvalid && i.s_axil_awaddr == last.s_axil_awaddr);
            }
            last = i;
            last.s_axil_awvalid &= !slave.out.s_axil_awready;
            slave.edge(&i, &mut dice);
        }
        assert!(m.is_idle());
        for (ticket, data) in expected {
            let done = m.take(ticket).unwrap();
            // Later writes may overtake a read, earlier ones may not be missing.
            assert!(done.resp == 0 && done.data >= data && done.data % 5 == data % 5);
        }
        assert_eq!(m.take(bad), Some(RegDone { data: 0, resp: 2 }));
        assert_eq!((m.errors(), m.completed(), slave.log.len()), (1, 301, 301));
    }
}
