//! A learning Ethernet switch behind the streams: one port a network device, and one host port.
//!
//! Frames of members are `struct virtio_net_hdr` (virtio 1.4 §5.1.6) and an Ethernet frame, those of the host port Ethernet
//! frames alone. Frames to a known unicast address go to its port, all others to every port, never back to the sender.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use shoal_abi::ring::NET_HDR_BYTES;

use super::packet::{RxPacket, TxPacket};

/// Bytes of an Ethernet header.
const ETH_HDR_BYTES: usize = 14;
/// Longest frame of the host port, in bytes: the longest IP packet and an Ethernet header.
pub const MAX_HOST_FRAME: usize = 65_535 + ETH_HDR_BYTES;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Limits of the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchSettings {
    /// Most packets that wait for `s_axis`, over all members.
    pub queue: usize,
    /// Most packets that wait for one member, or for the host port.
    pub member_queue: usize,
    /// Most addresses learned.
    pub addresses: usize,
}

impl Default for SwitchSettings {
    fn default() -> Self {
        Self {
            // A flood reaches every port, in the largest profile too.
            queue: 1 << 18,
            member_queue: 256,
            addresses: 1 << 18,
        }
    }
}

/// What the switch counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchCounts {
    /// Frames in, from members.
    pub frames_in: u64,
    /// Frames queued for members.
    pub frames_out: u64,
    /// Frames sent to every port.
    pub floods: u64,
    /// Frames dropped because a queue was full, those at the host port included.
    pub drops: u64,
    /// Frames dropped at the host port: its queue was full, or they were too long.
    pub host_drops: u64,
    /// Packets too short for a frame, or from a queue that does not transmit.
    pub malformed: u64,
}

/// Where an address was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    /// At a member, behind the receive queue of the pair that sent.
    Member { member: u32, vq: u16 },
    /// At the host port.
    Host,
}

/// A packet that waits for `s_axis`.
#[derive(Debug)]
struct Waiting {
    member: u32,
    vq: u16,
    /// Of a flood all copies share it.
    frame: Rc<[u8]>,
    is_from_host: bool,
}

/// The switch.
#[derive(Debug, Default)]
pub struct Switch {
    settings: SwitchSettings,
    members: BTreeSet<u32>,
    learned: HashMap<Mac, Port>,
    queue: VecDeque<Waiting>,
    waiting: HashMap<u32, usize>,
    /// Of the queue, those from the host port.
    from_host: usize,
    /// Frames for the host port, if it is up.
    host: Option<VecDeque<Vec<u8>>>,
    counts: SwitchCounts,
}

impl Switch {
    /// A switch without ports.
    #[must_use]
    pub fn new(settings: SwitchSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Makes `member` a port, so that floods reach it before it has sent anything.
    pub fn register(&mut self, member: u32) {
        self.members.insert(member);
    }

    /// Takes the port of `member` away, with what was learned there and what waits for it.
    pub fn unregister(&mut self, member: u32) {
        self.members.remove(&member);
        self.learned
            .retain(|_, p| !matches!(p, Port::Member { member: m, .. } if *m == member));
        self.queue.retain(|w| w.member != member);
        self.from_host = self.queue.iter().filter(|w| w.is_from_host).count();
        self.waiting.remove(&member);
    }

    /// Opens the host port: frames for every port, for unknown addresses and for those seen there arrive at it.
    pub fn open_host_port(&mut self) {
        self.host.get_or_insert_with(VecDeque::new);
    }

    /// Closes the host port, and forgets what was learned there and what waits there.
    pub fn close_host_port(&mut self) {
        self.host = None;
        self.learned.retain(|_, p| *p != Port::Host);
    }

    /// The next frame at the host port.
    pub fn host_receive(&mut self) -> Option<Vec<u8>> {
        self.host.as_mut()?.pop_front()
    }

    /// Sends a frame from the host port.
    pub fn host_send(&mut self, frame: &[u8]) {
        if frame.len() < ETH_HDR_BYTES {
            self.counts.malformed += 1;
            return;
        }
        if self.host.is_some() {
            self.learn(frame, Port::Host);
        }
        self.forward(Port::Host, frame);
    }

    /// Takes a packet from a network device.
    pub fn take(&mut self, packet: &TxPacket) {
        let frame = packet.bytes.get(NET_HDR_BYTES..).unwrap_or(&[]);
        // Transmit queues have odd indices (virtio 1.4 §5.1.2).
        if frame.len() < ETH_HDR_BYTES || packet.vq.is_multiple_of(2) {
            self.counts.malformed += 1;
            return;
        }
        self.counts.frames_in += 1;
        self.members.insert(packet.member);
        let (member, vq) = (packet.member, packet.vq - 1);
        self.learn(frame, Port::Member { member, vq });
        self.forward(Port::Member { member, vq }, frame);
    }

    /// Remembers where the sender of a frame is.
    fn learn(&mut self, frame: &[u8], port: Port) {
        let source: Mac = frame[6..12].try_into().expect("6 bytes");
        let known = self.learned.contains_key(&source);
        if source[0] & 1 == 0 && (known || self.learned.len() < self.settings.addresses) {
            self.learned.insert(source, port);
        }
    }

    fn forward(&mut self, from: Port, frame: &[u8]) {
        let sender = match from {
            Port::Member { member, .. } => Some(member),
            Port::Host => None,
        };
        let to: Mac = frame[..6].try_into().expect("6 bytes");
        if let (0, Some(&port)) = (to[0] & 1, self.learned.get(&to)) {
            match port {
                Port::Member { member, vq } if Some(member) != sender => {
                    self.send(from, member, vq, &frame.into());
                }
                Port::Host if sender.is_some() => self.send_to_host(frame),
                _ => {}
            }
            return;
        }
        self.counts.floods += 1;
        let members = self.members.iter().copied();
        let others: Vec<u32> = members.filter(|&m| Some(m) != sender).collect();
        let shared = frame.into();
        for member in others {
            self.send(from, member, 0, &shared);
        }
        if sender.is_some() {
            self.send_to_host(frame);
        }
    }

    fn send_to_host(&mut self, frame: &[u8]) {
        let Some(host) = &mut self.host else { return };
        if host.len() < self.settings.member_queue && frame.len() <= MAX_HOST_FRAME {
            host.push_back(frame.to_vec());
        } else {
            self.counts.drops += 1;
            self.counts.host_drops += 1;
        }
    }

    fn send(&mut self, from: Port, member: u32, vq: u16, frame: &Rc<[u8]>) {
        let waiting = self.waiting.entry(member).or_default();
        if self.queue.len() >= self.settings.queue || *waiting >= self.settings.member_queue {
            self.counts.drops += 1;
            return;
        }
        *waiting += 1;
        let is_from_host = from == Port::Host;
        self.from_host += usize::from(is_from_host);
        self.queue.push_back(Waiting {
            member,
            vq,
            frame: Rc::clone(frame),
            is_from_host,
        });
        self.counts.frames_out += 1;
    }

    /// The next packet for `s_axis`.
    pub fn next_packet(&mut self) -> Option<RxPacket> {
        let next = self.queue.pop_front()?;
        self.from_host -= usize::from(next.is_from_host);
        if let Some(n) = self.waiting.get_mut(&next.member) {
            *n = n.saturating_sub(1);
        }
        let bytes = [&[0; NET_HDR_BYTES], &*next.frame].concat();
        Some(RxPacket::receive(next.member, next.vq, bytes))
    }

    /// Packets that wait for `s_axis`.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Of them, those that came from the host port.
    #[must_use]
    pub fn queued_from_host(&self) -> usize {
        self.from_host
    }

    /// Counters.
    #[must_use]
    pub fn counts(&self) -> SwitchCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(n: u8) -> Mac {
        [2, 0, 0, 0, 0, n]
    }

    fn packet(member: u32, vq: u16, to: Mac, from: Mac) -> TxPacket {
        let mut bytes = vec![0xaa; NET_HDR_BYTES];
        bytes.extend_from_slice(&to);
        bytes.extend_from_slice(&from);
        bytes.extend_from_slice(&[0x88, 0xb5, 1, 2, 3]);
        TxPacket {
            member,
            vq,
            bytes,
            ..TxPacket::default()
        }
    }

    fn drain(s: &mut Switch) -> Vec<(u32, u16)> {
        std::iter::from_fn(|| s.next_packet())
            .map(|p| (p.member, p.vq))
            .collect()
    }

    #[test]
    fn unknown_addresses_flood_and_learned_ones_do_not() {
        let mut s = Switch::new(SwitchSettings::default());
        s.register(1);
        s.register(2);
        s.register(3);
        s.take(&packet(1, 3, mac(9), mac(1)));
        assert_eq!(drain(&mut s), [(2, 0), (3, 0)]);
        s.take(&packet(2, 1, mac(1), mac(2)));
        let reply = s.next_packet().unwrap();
        assert_eq!(
            (reply.member, reply.vq),
            (1, 2),
            "the pair that was seen sending"
        );
        assert_eq!(
            reply.head[..NET_HDR_BYTES],
            [0; NET_HDR_BYTES],
            "a fresh header"
        );
        assert_eq!(reply.head[NET_HDR_BYTES..][..6], mac(1));
        s.unregister(1);
        s.take(&packet(2, 1, mac(1), mac(2)));
        assert_eq!(drain(&mut s), [(3, 0)]);
    }

    #[test]
    fn a_full_member_queue_drops_for_that_member_only() {
        let mut s = Switch::new(SwitchSettings {
            member_queue: 2,
            ..SwitchSettings::default()
        });
        s.register(1);
        s.register(2);
        for _ in 0..3 {
            s.take(&packet(3, 1, [0xff; 6], mac(3)));
        }
        assert_eq!(s.counts().drops, 2);
        assert_eq!(drain(&mut s).len(), 4);
        s.take(&packet(3, 1, [0xff; 6], mac(3)));
        assert_eq!(drain(&mut s), [(1, 0), (2, 0)]);
    }

    #[test]
    fn a_flood_reaches_every_port_of_the_largest_profile() {
        let mut s = Switch::new(SwitchSettings::default());
        let ports = shoal_abi::profile::HYPER.devices;
        (0..ports).for_each(|m| s.register(m));
        s.take(&packet(0, 1, [0xff; 6], mac(1)));
        assert_eq!((s.queued() as u32, s.counts().drops), (ports - 1, 0));
    }

    #[test]
    fn short_frames_and_frames_from_receive_queues_are_counted_and_dropped() {
        let mut s = Switch::new(SwitchSettings::default());
        s.register(2);
        s.take(&TxPacket {
            member: 1,
            vq: 1,
            bytes: vec![0; 25],
            ..TxPacket::default()
        });
        s.take(&packet(1, 0, mac(2), mac(1)));
        assert_eq!((s.counts().malformed, s.queued()), (2, 0));
    }

    #[test]
    fn the_host_port_talks_to_members() {
        let mut s = Switch::new(SwitchSettings::default());
        s.open_host_port();
        s.take(&packet(5, 1, [0xff; 6], mac(5)));
        let frame = s.host_receive().unwrap();
        assert_eq!(frame[6..12], mac(5));
        let reply: Vec<u8> = [mac(5), mac(200)]
            .concat()
            .into_iter()
            .chain([8, 0])
            .collect();
        s.host_send(&reply);
        assert_eq!(drain(&mut s), [(5, 0)]);
        s.host_send(&[1, 2]);
        assert_eq!(s.counts().malformed, 1);
    }

    #[test]
    fn what_waits_from_the_host_port_is_known() {
        let mut s = Switch::new(SwitchSettings::default());
        s.register(1);
        s.register(2);
        s.host_send(&[0xff; 14]);
        s.take(&packet(3, 1, [0xff; 6], mac(3)));
        s.host_send(&[0xff; 14]);
        assert_eq!((s.queued(), s.queued_from_host()), (7, 5));
        s.unregister(1);
        assert_eq!((s.queued(), s.queued_from_host()), (4, 3));
        drain(&mut s);
        assert_eq!(s.queued_from_host(), 0);
    }

    #[test]
    fn addresses_at_the_host_port_are_learned_and_forgotten_with_it() {
        let mut s = Switch::new(SwitchSettings::default());
        s.register(1);
        s.register(2);
        s.open_host_port();
        let from_host = [[0xff; 6], mac(200)].concat();
        s.host_send(&[&from_host[..], &[8, 6]].concat());
        assert_eq!(drain(&mut s), [(1, 0), (2, 0)]);
        s.take(&packet(1, 1, mac(200), mac(1)));
        assert!(s.host_receive().is_some());
        assert_eq!(drain(&mut s), [], "no flood");
        // An address that has moved to a member is no longer at the host port.
        s.take(&packet(2, 1, mac(1), mac(200)));
        s.take(&packet(1, 1, mac(200), mac(1)));
        assert_eq!(drain(&mut s), [(1, 0), (2, 0)]);
        assert!(s.host_receive().is_none());
        s.host_send(&[&from_host[..], &[8, 6]].concat());
        drain(&mut s);
        s.take(&packet(1, 1, mac(200), mac(1)));
        s.close_host_port();
        s.take(&packet(1, 1, mac(200), mac(1)));
        assert_eq!(drain(&mut s), [(2, 0)]);
        s.open_host_port();
        assert!(s.host_receive().is_none());
        assert_eq!(s.counts().drops, 0);
    }

    #[test]
    fn the_host_port_holds_so_many_frames_and_none_that_is_too_long() {
        let mut s = Switch::new(SwitchSettings {
            member_queue: 2,
            ..SwitchSettings::default()
        });
        s.open_host_port();
        let mut long = packet(1, 1, mac(9), mac(1));
        long.bytes.resize(NET_HDR_BYTES + MAX_HOST_FRAME + 1, 0);
        s.take(&long);
        assert!(s.host_receive().is_none());
        long.bytes.pop();
        for _ in 0..3 {
            s.take(&long);
        }
        assert_eq!((s.counts().drops, s.counts().host_drops), (2, 2));
        assert_eq!(s.host_receive().unwrap().len(), MAX_HOST_FRAME);
        s.take(&long);
        assert_eq!(s.counts().host_drops, 2);
    }
}
