//! The AXI4-Lite slave and the doorbell FIFO.
//!
//! Timing: TIMING.md §2: one write and one read held; served in a cycle in which all of it is held and its response
//! register is free.

use crate::fifo::Fifo;
use crate::regs::Regs;
use shoal_abi::ports::Inputs;
use shoal_abi::profile::Profile;
use shoal_abi::regs::{RESP_OKAY, RESP_SLVERR};

/// A doorbell: page and queue index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doorbell {
    pub(crate) page: u32,
    pub(crate) index: u16,
}

/// What a bus address names.
enum Place {
    Register(u32),
    Doorbell(u32),
    Nothing,
}

fn place(p: &Profile, addr: u32) -> Place {
    match addr >> 30 {
        0 => Place::Register(addr & !3),
        1 => {
            let page = addr >> 12 & 0x3_ffff;
            if page < p.doorbell_pages && addr & 0xffc == 0 {
                Place::Doorbell(page)
            } else {
                Place::Nothing
            }
        }
        _ => Place::Nothing,
    }
}

/// The slave.
#[derive(Clone, Debug)]
pub(crate) struct Axil {
    aw: Option<u32>,
    w: Option<(u32, u8)>,
    b: Option<u8>,
    ar: Option<u32>,
    r: Option<(u32, u8)>,
    /// Doorbells that the core has not picked.
    pub(crate) doorbells: Fifo<Doorbell>,
}

impl Axil {
    pub(crate) fn new() -> Self {
        Self {
            aw: None,
            w: None,
            b: None,
            ar: None,
            r: None,
            doorbells: Fifo::new(16),
        }
    }

    pub(crate) fn reset(&mut self) {
        (self.aw, self.w, self.b, self.ar, self.r) = (None, None, None, None, None);
        self.doorbells.clear();
    }

    pub(crate) fn awready(&self) -> bool {
        self.aw.is_none()
    }

    pub(crate) fn wready(&self) -> bool {
        self.w.is_none()
    }

    pub(crate) fn arready(&self) -> bool {
        self.ar.is_none()
    }

    /// The write response.
    pub(crate) fn b(&self) -> Option<u8> {
        self.b
    }

    /// The read response: data, code.
    pub(crate) fn r(&self) -> Option<(u32, u8)> {
        self.r
    }

    /// The edge. Must see the doorbell FIFO before the core's pop of this edge.
    pub(crate) fn tick(&mut self, p: &Profile, i: &Inputs, up: bool, regs: &mut Regs) {
        match (self.ar, self.r) {
            (Some(addr), None) => {
                self.ar = None;
                self.r = Some(match place(p, addr) {
                    Place::Doorbell(_) => (0, RESP_OKAY),
                    Place::Register(offset) => regs
                        .read(p, offset)
                        .map_or((0, RESP_SLVERR), |v| (v, RESP_OKAY)),
                    Place::Nothing => (0, RESP_SLVERR),
                });
            }
            (held, _) => {
                if i.s_axil_rready {
                    self.r = None;
                }
                if held.is_none() && up && i.s_axil_arvalid {
                    self.ar = Some(i.s_axil_araddr);
                }
            }
        }
        if let (Some(addr), Some((data, strb)), None) = (self.aw, self.w, self.b) {
            self.write(p, addr, data, strb, regs);
            return;
        }
        if i.s_axil_bready {
            self.b = None;
        }
        if self.aw.is_none() && up && i.s_axil_awvalid {
            self.aw = Some(i.s_axil_awaddr);
        }
        if self.w.is_none() && up && i.s_axil_wvalid {
            self.w = Some((i.s_axil_wdata, i.s_axil_wstrb & 15));
        }
    }

    fn write(&mut self, p: &Profile, addr: u32, data: u32, strb: u8, regs: &mut Regs) {
        let good = match place(p, addr) {
            Place::Doorbell(page) => {
                if self.doorbells.is_full() {
                    return;
                }
                if strb & 3 == 3 {
                    self.doorbells.push(Doorbell {
                        page,
                        index: data as u16,
                    });
                }
                true
            }
            Place::Register(offset) => regs.write(p, offset, data, strb),
            Place::Nothing => false,
        };
        (self.aw, self.w) = (None, None);
        self.b = Some(if good { RESP_OKAY } else { RESP_SLVERR });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;
    use shoal_abi::regs::{DOORBELLS, MAGIC, MAGIC_VALUE};

    #[test]
    fn read_data_stand_two_edges_after_the_address_is_taken() {
        let (mut a, mut regs) = (Axil::new(), Regs::new());
        let i = Inputs {
            s_axil_arvalid: true,
            s_axil_araddr: MAGIC.offset + 2,
            ..Inputs::default()
        };
        a.tick(&TINY, &i, true, &mut regs);
        assert!(!a.arready() && a.r().is_none());
        a.tick(&TINY, &i, true, &mut regs);
        assert_eq!(a.r(), Some((MAGIC_VALUE, RESP_OKAY)));
        assert!(a.arready());
    }

    #[test]
    fn doorbell_waits_while_its_fifo_is_full() {
        let (mut a, mut regs) = (Axil::new(), Regs::new());
        for _ in 0..16 {
            a.doorbells.push(Doorbell::default());
        }
        let i = Inputs {
            s_axil_awvalid: true,
            s_axil_awaddr: DOORBELLS + 0x1000,
            s_axil_wvalid: true,
            s_axil_wstrb: 3,
            ..Inputs::default()
        };
        a.tick(&TINY, &i, true, &mut regs);
        a.tick(&TINY, &Inputs::default(), true, &mut regs);
        assert!(a.b().is_none() && !a.awready() && !a.wready());
        a.doorbells.pop();
        a.tick(&TINY, &Inputs::default(), true, &mut regs);
        assert_eq!((a.b(), a.doorbells.len()), (Some(RESP_OKAY), 16));
    }
}
