//! The card side of both AXI4-Streams: collects packets from `m_axis`, drives packets onto `s_axis`.
//!
//! Beats are full but for the last of a packet. What breaks that is counted and dropped, never a panic.

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::DATA_WORDS;
use shoal_abi::stream::{TUSER_ABORT, TUSER_TAG, TUSER_TYPE};

use super::packet::{RxPacket, TxPacket};
use super::Dice;

/// Most bytes of a packet that are kept; a longer one arrives empty.
const MAX_PACKET: usize = (64 << 20) + 4096;

/// How the streams behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// Chance that `m_axis_tready` is low in a cycle, percent.
    pub stall_percent: u8,
    /// Chance that a beat of `s_axis` is held back in a cycle, percent.
    pub gap_percent: u8,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            stall_percent: 10,
            gap_percent: 10,
        }
    }
}

/// What the streams counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Good packets from `m_axis`.
    pub tx_packets: u64,
    /// Bytes of them.
    pub tx_bytes: u64,
    /// Packets sent on `s_axis`, answers included.
    pub rx_packets: u64,
    /// Bytes of them.
    pub rx_bytes: u64,
    /// Packets from `m_axis` that the device gave up.
    pub aborted: u64,
    /// Packets from `m_axis` with a side band or byte enables that break the contract.
    pub malformed: u64,
}

/// Both streams.
#[derive(Debug)]
pub struct Streams {
    settings: StreamSettings,
    dice: Dice,
    beat_bytes: usize,
    /// The packet that arrives now: `None` between packets.
    arriving: Option<TxPacket>,
    is_malformed: bool,
    /// The packet that leaves now, its bytes already sent, and whether its next beat is on the bus.
    leaving: Option<(RxPacket, u64)>,
    is_driven: bool,
    counts: StreamCounts,
}

impl Streams {
    /// Idle streams, `beat_bytes` wide.
    #[must_use]
    pub fn new(settings: StreamSettings, beat_bytes: usize, dice: Dice) -> Self {
        Self {
            settings,
            dice,
            beat_bytes,
            arriving: None,
            is_malformed: false,
            leaving: None,
            is_driven: false,
            counts: StreamCounts::default(),
        }
    }

    /// The settings; a change takes effect in the next cycle.
    pub fn settings_mut(&mut self) -> &mut StreamSettings {
        &mut self.settings
    }

    /// Forgets both packets under way, as a reset does.
    pub fn clear(&mut self) {
        self.arriving = None;
        self.is_malformed = false;
        self.leaving = None;
        self.is_driven = false;
    }

    /// True when a packet can be handed to [`Streams::send`].
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.leaving.is_none()
    }

    /// Starts a packet on `s_axis`. One without bytes is a beat with no byte enabled.
    pub fn send(&mut self, packet: RxPacket) {
        self.leaving = Some((packet, 0));
    }

    /// Counters.
    #[must_use]
    pub fn counts(&self) -> StreamCounts {
        self.counts
    }

    /// One cycle: decides this cycle's inputs and takes its handshakes. Returns a packet that `m_axis` completed.
    pub fn tick(&mut self, out: &Outputs, inputs: &mut Inputs) -> Option<TxPacket> {
        self.drive(out, inputs);
        inputs.m_axis_tready = !self.dice.percent(self.settings.stall_percent);
        if inputs.m_axis_tready && out.m_axis_tvalid {
            self.collect(out)
        } else {
            None
        }
    }

    fn drive(&mut self, out: &Outputs, inputs: &mut Inputs) {
        let Some((packet, sent)) = &mut self.leaving else {
            return;
        };
        self.is_driven |= !self.dice.percent(self.settings.gap_percent);
        if !self.is_driven {
            return;
        }
        let mut bytes = [0; DATA_WORDS * 8];
        let width = self.beat_bytes.min(bytes.len());
        let n = packet.read_at(*sent, &mut bytes[..width]);
        let last = *sent + n as u64 == packet.len();
        inputs.s_axis_tvalid = true;
        for (word, chunk) in inputs.s_axis_tdata.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(chunk.try_into().expect("8 bytes"));
        }
        inputs.s_axis_tkeep = ones(n);
        inputs.s_axis_tlast = last;
        inputs.s_axis_tdest = packet.member;
        inputs.s_axis_tid = packet.vq;
        inputs.s_axis_tuser = packet.tuser;
        if out.s_axis_tready {
            self.is_driven = false;
            *sent += n as u64;
            if last {
                self.counts.rx_packets += 1;
                self.counts.rx_bytes += *sent;
                self.leaving = None;
            }
        }
    }

    fn collect(&mut self, out: &Outputs) -> Option<TxPacket> {
        const PER_CHAIN: u64 = TUSER_TAG.put(u64::MAX) | TUSER_TYPE.put(u64::MAX);
        let keep = out.m_axis_tkeep;
        let n = keep.count_ones() as usize;
        let packet = self.arriving.get_or_insert_with(|| TxPacket {
            member: out.m_axis_tdest,
            vq: out.m_axis_tid,
            tuser: out.m_axis_tuser,
            bytes: Vec::new(),
        });
        self.is_malformed |= packet.member != out.m_axis_tdest
            || packet.vq != out.m_axis_tid
            || (packet.tuser ^ out.m_axis_tuser) & PER_CHAIN != 0
            || keep != ones(n)
            || n > self.beat_bytes
            || (!out.m_axis_tlast && n != self.beat_bytes);
        if packet.bytes.len() < MAX_PACKET {
            for l in 0..n.min(self.beat_bytes) {
                packet
                    .bytes
                    .push(out.m_axis_tdata[l / 8].to_le_bytes()[l % 8]);
            }
        }
        if !out.m_axis_tlast {
            return None;
        }
        let mut packet = self.arriving.take()?;
        packet.tuser = out.m_axis_tuser;
        if packet.bytes.len() >= MAX_PACKET {
            packet.bytes.clear();
        }
        if std::mem::take(&mut self.is_malformed) {
            self.counts.malformed += 1;
            None
        } else if TUSER_ABORT.get(packet.tuser) == 1 {
            self.counts.aborted += 1;
            None
        } else {
            self.counts.tx_packets += 1;
            self.counts.tx_bytes += packet.bytes.len() as u64;
            Some(packet)
        }
    }
}

/// The `n` lowest bits.
fn ones(n: usize) -> u64 {
    if n >= 64 {
        u64::MAX
    } else {
        (1 << n) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The device's end of a loop: what arrives on `s_axis` is sent back on `m_axis`, one beat later.
    fn echo(out: &mut Outputs, i: &Inputs, ready: bool) {
        if i.m_axis_tready || !out.m_axis_tvalid {
            out.m_axis_tvalid = i.s_axis_tvalid && out.s_axis_tready;
            out.m_axis_tdata = i.s_axis_tdata;
            out.m_axis_tkeep = i.s_axis_tkeep;
            out.m_axis_tlast = i.s_axis_tlast;
            out.m_axis_tdest = i.s_axis_tdest;
            out.m_axis_tid = i.s_axis_tid;
            out.m_axis_tuser = i.s_axis_tuser;
        }
        out.s_axis_tready = ready && !out.m_axis_tvalid;
    }

    #[test]
    fn packets_of_every_length_survive_a_loop_with_stalls_and_gaps() {
        for beat_bytes in [8, 16] {
            let mut s = Streams::new(StreamSettings::default(), beat_bytes, Dice::new(5, 5));
            let mut dice = Dice::new(6, 6);
            let mut out = Outputs::default();
            for len in 1..70_usize {
                let bytes: Vec<u8> = (0..len).map(|n| (n * 3 + len) as u8).collect();
                s.send(RxPacket {
                    member: 7,
                    vq: 2,
                    tuser: 9,
                    head: bytes.clone(),
                    ..RxPacket::default()
                });
                let mut got = None;
                for _ in 0..1000 {
                    let mut i = Inputs::default();
                    got = s.tick(&out, &mut i);
                    echo(&mut out, &i, dice.percent(60));
                    if got.is_some() {
                        break;
                    }
                }
                let got = got.expect("the packet comes back");
                assert_eq!((got.member, got.vq, got.tuser, got.bytes), (7, 2, 9, bytes));
                assert!(s.can_send());
            }
            assert_eq!(s.counts().malformed, 0);
        }
    }

    #[test]
    fn a_beat_waits_unchanged_for_ready() {
        let mut s = Streams::new(StreamSettings::default(), 8, Dice::new(1, 1));
        s.send(RxPacket {
            head: vec![1; 20],
            ..RxPacket::default()
        });
        let mut seen: Option<Inputs> = None;
        for _ in 0..200 {
            let mut i = Inputs::default();
            s.tick(&Outputs::default(), &mut i);
            i.m_axis_tready = false;
            if let Some(before) = seen {
                assert_eq!(i, before);
            } else if i.s_axis_tvalid {
                seen = Some(i);
            }
        }
        assert!(seen.is_some());
    }

    #[test]
    fn aborted_and_malformed_packets_are_counted_and_not_delivered() {
        let settings = StreamSettings {
            stall_percent: 0,
            gap_percent: 0,
        };
        let mut s = Streams::new(settings, 8, Dice::new(1, 1));
        let good = Outputs {
            m_axis_tvalid: true,
            m_axis_tkeep: 0xff,
            m_axis_tlast: true,
            ..Outputs::default()
        };
        let mut feed = |o: Outputs| s.tick(&o, &mut Inputs::default()).is_some();
        assert!(feed(good));
        assert!(!feed(Outputs {
            m_axis_tuser: TUSER_ABORT.put(1),
            ..good
        }));
        assert!(!feed(Outputs {
            m_axis_tkeep: 0b101,
            ..good
        }));
        assert!(!feed(Outputs {
            m_axis_tlast: false,
            ..good
        }));
        assert!(!feed(Outputs {
            m_axis_tdest: 1,
            ..good
        }));
        assert!(!feed(Outputs {
            m_axis_tlast: false,
            m_axis_tkeep: 1,
            ..good
        }));
        assert!(!feed(good));
        assert!(feed(good), "the next packet is good again");
        let c = s.counts();
        assert_eq!((c.tx_packets, c.aborted, c.malformed), (2, 1, 3));
    }
}
