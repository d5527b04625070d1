//! The end of the host-to-card stream, seen beat by beat: each packet must be the one that its device has to send.

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::stream::{TUSER_ABORT, TUSER_TYPE, TUSER_WRITABLE};

use super::unit::{kind_of, packet};

/// Counts good packets and keeps the first bad one.
pub(super) struct Sink {
    seed: u64,
    bytes: Vec<u8>,
    /// Packets of each member.
    seen: Vec<u8>,
    /// Good packets.
    pub(super) good: u64,
    /// Their bytes.
    pub(super) total: u64,
    /// What was wrong first.
    pub(super) bad: Option<String>,
}

impl Sink {
    /// For the members 1..=`devices`.
    pub(super) fn new(seed: u64, devices: u32) -> Self {
        Self {
            seed,
            bytes: Vec::new(),
            seen: vec![0; devices as usize + 1],
            good: 0,
            total: 0,
            bad: None,
        }
    }

    /// One cycle.
    pub(super) fn cycle(&mut self, i: &Inputs, o: &Outputs) {
        if !(o.m_axis_tvalid && i.m_axis_tready) {
            return;
        }
        let beat = o.m_axis_tdata.iter().flat_map(|w| w.to_le_bytes());
        self.bytes
            .extend(beat.take(o.m_axis_tkeep.count_ones() as usize));
        if o.m_axis_tlast {
            if let Err(e) = self.packet(o) {
                self.bad.get_or_insert(e);
            }
            self.bytes.clear();
        }
    }

    fn packet(&mut self, o: &Outputs) -> Result<(), String> {
        let id = o.m_axis_tdest;
        let seen = match self.seen.get_mut(id as usize) {
            Some(seen) if id != 0 => seen,
            _ => return Err(format!("a packet of member {id}, which is not there")),
        };
        if *seen != 0 {
            return Err(format!("a second packet of member {id}"));
        }
        *seen = 1;
        let side = (
            o.m_axis_tid,
            TUSER_TYPE.get(o.m_axis_tuser) as u16,
            TUSER_WRITABLE.get(o.m_axis_tuser) as u32,
            TUSER_ABORT.get(o.m_axis_tuser),
        );
        let kind = kind_of(id);
        let wanted = (kind.queue_index(), kind.device_type(), kind.writable(), 0);
        if side != wanted {
            return Err(format!(
                "packet of member {id}: queue, type, writable bytes and abort are {side:?}, not {wanted:?}"
            ));
        }
        let wanted = packet(self.seed, id, kind);
        if self.bytes != wanted {
            let same = self.bytes.iter().zip(&wanted).take_while(|(a, b)| a == b);
            return Err(format!(
                "packet of member {id}: {} bytes, not {}; they differ from byte {} on",
                self.bytes.len(),
                wanted.len(),
                same.count()
            ));
        }
        self.good += 1;
        self.total += wanted.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beats of `bytes` as member `id` sends them, 16 bytes each.
    fn feed(sink: &mut Sink, id: u32, bytes: &[u8]) {
        let ready = Inputs {
            m_axis_tready: true,
            ..Inputs::default()
        };
        let kind = kind_of(id);
        for (n, chunk) in bytes.chunks(16).enumerate() {
            let mut o = Outputs {
                m_axis_tvalid: true,
                m_axis_tdest: id,
                m_axis_tid: kind.queue_index(),
                m_axis_tkeep: (1 << chunk.len()) - 1,
                m_axis_tlast: (n + 1) * 16 >= bytes.len(),
                ..Outputs::default()
            };
            o.m_axis_tuser = TUSER_TYPE.put(kind.device_type().into());
            if o.m_axis_tlast {
                o.m_axis_tuser |= TUSER_WRITABLE.put(kind.writable().into());
            }
            for (l, b) in chunk.iter().enumerate() {
                o.m_axis_tdata[l / 8] |= u64::from(*b) << (8 * (l % 8));
            }
            sink.cycle(&Inputs::default(), &o);
            sink.cycle(&ready, &o);
        }
    }

    #[test]
    fn the_right_packet_counts_once_and_any_other_is_named() {
        let mut sink = Sink::new(3, 8);
        feed(&mut sink, 2, &packet(3, 2, kind_of(2)));
        feed(&mut sink, 5, &packet(3, 5, kind_of(5)));
        assert_eq!((sink.good, &sink.bad), (2, &None));
        for (id, bytes, word) in [
            (2, packet(3, 2, kind_of(2)), "second packet of member 2"),
            (9, packet(3, 9, kind_of(9)), "member 9"),
            (3, packet(3, 4, kind_of(4)), "packet of member 3"),
        ] {
            sink.bad = None;
            feed(&mut sink, id, &bytes);
            assert!(
                sink.bad.as_ref().is_some_and(|b| b.contains(word)),
                "{:?}",
                sink.bad
            );
        }
        assert_eq!(sink.good, 2);
    }
}
