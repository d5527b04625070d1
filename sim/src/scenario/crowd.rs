//! The card behind devices that come and go: each packet must be the next one of the device that has the member id now.
//! Block requests are answered; what belongs to the devices that stay goes on to their own sink.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::fleet::Kind;
use super::unit::packet;
use crate::bench::SharedSink;
use crate::env::{Blk, Card, RxPacket, Store, TxPacket, SECTOR_BYTES};

/// A device that is there.
struct Present {
    kind: Kind,
    /// Seeds of the packets that it has to send.
    seeds: Vec<u64>,
    sent: usize,
}

/// See the module.
pub(super) struct Crowd {
    steady: SharedSink,
    /// Members 1..=`staying` stay.
    staying: u32,
    blk: Blk,
    present: HashMap<u32, Present>,
    /// Good packets.
    pub(super) good: u64,
    /// What was wrong first.
    pub(super) bad: Option<String>,
}

impl Crowd {
    /// Members 1..=`staying` belong to `steady`; nobody else is there yet.
    pub(super) fn new(steady: SharedSink, staying: u32, blk: Blk) -> Self {
        Self {
            steady,
            staying,
            blk,
            present: HashMap::new(),
            good: 0,
            bad: None,
        }
    }

    /// Device `id` comes, and will send the packets of `seeds`.
    pub(super) fn enter(&mut self, id: u32, kind: Kind, seeds: Vec<u64>) {
        if kind == Kind::Blk {
            self.blk.attach(id, Store::memory(SECTOR_BYTES));
        }
        let sent = 0;
        self.present.insert(id, Present { kind, seeds, sent });
    }

    /// Device `id` is gone: nothing may come from it any more. Gives what its store holds.
    pub(super) fn leave(&mut self, id: u32) -> Option<Vec<u8>> {
        self.present.remove(&id);
        let mut held = vec![0; SECTOR_BYTES as usize];
        self.blk.detach(id)?.read_at(0, &mut held).ok()?;
        Some(held)
    }

    /// Block writes that were carried out.
    pub(super) fn writes(&self) -> u64 {
        self.blk.counts().writes
    }

    /// Packets that device `id` has sent.
    pub(super) fn sent(&self, id: u32) -> usize {
        self.present.get(&id).map_or(0, |p| p.sent)
    }

    fn check(&mut self, p: &TxPacket) -> Result<(), String> {
        let id = p.member;
        let Some(present) = self.present.get_mut(&id) else {
            return Err(format!("a packet of member {id}, which is not there"));
        };
        let kind = present.kind;
        let Some(&seed) = present.seeds.get(present.sent) else {
            return Err(format!(
                "packet {} of member {id} is one too many",
                present.sent
            ));
        };
        let side = (p.vq, p.device_type(), p.writable());
        let wanted = (kind.queue_index(), kind.device_type(), kind.writable());
        if side != wanted {
            return Err(format!(
                "packet {} of member {id}: queue, type and writable bytes are {side:?}, not {wanted:?}",
                present.sent
            ));
        }
        if p.bytes != packet(seed, id, kind) {
            return Err(format!(
                "packet {} of member {id} is not what its driver sent, or out of turn",
                present.sent
            ));
        }
        present.sent += 1;
        self.good += 1;
        Ok(())
    }
}

/// The crowd as the environment holds it.
pub(super) struct SharedCrowd(pub(super) Rc<RefCell<Crowd>>);

impl Card for SharedCrowd {
    fn take(&mut self, cycle: u64, packet: TxPacket) {
        let mut crowd = self.0.borrow_mut();
        if (1..=crowd.staying).contains(&packet.member) {
            return crowd.steady.take(cycle, packet);
        }
        if let Err(e) = crowd.check(&packet) {
            crowd.bad.get_or_insert(e);
        }
        // The chain holds a slot of the device until it is answered, whatever became of its owner.
        if packet.writable() > 0 {
            crowd.blk.take(cycle, &packet);
        }
    }

    fn next_packet(&mut self, cycle: u64) -> Option<RxPacket> {
        let crowd = &mut *self.0.borrow_mut();
        crowd
            .blk
            .next_packet(cycle)
            .or_else(|| crowd.steady.next_packet(cycle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{BlkSettings, Dice};
    use shoal_abi::stream::TUSER_TYPE;

    #[test]
    fn a_packet_is_good_once_in_turn_and_only_while_its_device_is_there() {
        let blk = Blk::new(BlkSettings::default(), Dice::new(1, 1));
        let crowd = Rc::new(RefCell::new(Crowd::new(SharedSink(Rc::default()), 2, blk)));
        let mut card = SharedCrowd(crowd.clone());
        let mut send = |seed| {
            card.take(
                0,
                TxPacket {
                    member: 5,
                    vq: 1,
                    tuser: TUSER_TYPE.put(Kind::Net.device_type().into()),
                    bytes: packet(seed, 5, Kind::Net),
                },
            );
            crowd.borrow_mut().bad.take()
        };
        let wrong = |bad: Option<String>, word| bad.is_some_and(|b| b.contains(word));
        assert!(wrong(send(1), "not there"));
        crowd.borrow_mut().enter(5, Kind::Net, vec![1, 2]);
        assert!(wrong(send(2), "out of turn"));
        assert_eq!((send(1), send(2)), (None, None));
        assert!(wrong(send(2), "one too many"));
        crowd.borrow_mut().leave(5);
        crowd.borrow_mut().enter(5, Kind::Net, vec![3]);
        assert!(wrong(send(2), "out of turn"), "of the one before");
        assert_eq!((send(3), crowd.borrow().good), (None, 3));
    }
}
