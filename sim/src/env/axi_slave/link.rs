//! The PCIe link between the bus and host memory: how many bytes of transaction layer packets pass in each direction.
//!
//! Up (device to host) go write packets and read requests, down (host to device) completions and register writes. Each
//! direction sends so many bytes a cycle; a packet that finds it busy waits. What a packet costs is counted here, and by
//! the walls of `bench` with the same functions.

/// Bytes of header and framing of a memory write or a read request: 64-bit address, no digest (PCIe 5.0 §2.2.4.1, §3.6.1, §4.2.2).
pub const REQUEST_BYTES: u64 = 24;
/// The same of a completion with data (PCIe 5.0 §2.2.9).
pub const COMPLETION_BYTES: u64 = 20;
/// A page, which no packet crosses (PCIe 5.0 §2.2.7).
const PAGE: u64 = 4096;
/// Fraction bits of a byte.
const FRACTION: u32 = 32;

/// Generation of a link of 16 lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSpeed {
    /// 8 GT/s a lane.
    Gen3x16,
    /// 16 GT/s a lane.
    Gen4x16,
}

impl LinkSpeed {
    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gen3x16 => "gen3x16",
            Self::Gen4x16 => "gen4x16",
        }
    }

    /// Packet bytes of each direction in a cycle of 4 ns, in units of 2^-32 byte.
    ///
    /// `TLP_bw` of pcie-bench, pcie-model, `model/pcie.py`: raw * (1 - 8 / AckLimit - 8 / FCGuide - 4 / 1538), raw being
    /// GT/s * 16 lanes * 128/130, both limits 168 for 16 lanes and 256 bytes of payload (PCIe 5.0 tables 2-48 and 3-9: an
    /// 8-byte DLLP for each so many bytes), and 4 of 1538 the skip ordered sets.
    #[must_use]
    pub const fn rate(self) -> u64 {
        let gt: u128 = match self {
            Self::Gen3x16 => 8,
            Self::Gen4x16 => 16,
        };
        // GT/s * 16 lanes * 4 ns / 8 bits = 8 bytes a GT/s; 1 - 2/21 - 2/769 is what DLLPs and skips leave.
        let (left, whole) = (21 * 769 - 2 * 769 - 2 * 21, 21 * 769);
        (((gt * 8 * 128 * left) << FRACTION) / (130 * whole)) as u64
    }

    /// The same in bytes.
    #[must_use]
    pub fn bytes_a_cycle(self) -> f64 {
        self.rate() as f64 / (1_u64 << FRACTION) as f64
    }
}

/// A link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// Speed.
    pub speed: LinkSpeed,
    /// Most payload of a write packet (Max_Payload_Size).
    pub payload: u64,
    /// Most bytes that a read request asks for (Max_Read_Request_Size).
    pub request: u64,
    /// Bytes of a completion, whose ends are multiples of it: the read completion boundary of 64, or 256.
    pub completion: u64,
}

impl LinkSettings {
    /// A link as a server has it.
    #[must_use]
    pub fn new(speed: LinkSpeed) -> Self {
        Self {
            speed,
            payload: 256,
            request: 512,
            completion: 64,
        }
    }

    /// Bytes up of the requests for `len` bytes inside a page.
    #[must_use]
    pub fn requests(&self, len: u64) -> u64 {
        len.div_ceil(self.request) * REQUEST_BYTES
    }

    /// Bytes up of the write of `len` bytes inside a page.
    #[must_use]
    pub fn writes(&self, len: u64) -> u64 {
        len.div_ceil(self.payload) * REQUEST_BYTES + len
    }

    /// Bytes down of the completions of a read of `len` bytes from `addr`.
    #[must_use]
    pub fn completions(&self, addr: u64, len: u64) -> u64 {
        match len {
            0 => 0,
            _ => (1 + self.boundaries(addr, len)) * COMPLETION_BYTES + len,
        }
    }

    /// Completion ends between the first and the last of `len` bytes.
    fn boundaries(&self, addr: u64, len: u64) -> u64 {
        let (first, last) = (addr % PAGE, addr % PAGE + len - 1);
        last / self.completion - first / self.completion
    }
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Pipe {
    /// What has been handed over and not been sent, in units of 2^-32 byte.
    backlog: u64,
    bytes: u64,
}

impl Pipe {
    fn send(&mut self, bytes: u64) {
        self.backlog = self.backlog.saturating_add(bytes << FRACTION);
        self.bytes += bytes;
    }
}

/// Both directions of a link. Without settings it is as wide as one likes, and counts nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    settings: Option<LinkSettings>,
    up: Pipe,
    down: Pipe,
    /// Payload bytes of the write packet under way.
    written: u64,
}

impl Link {
    /// A cycle begins.
    pub(super) fn tick(&mut self, settings: Option<LinkSettings>) {
        self.settings = settings;
        let rate = settings.map_or(u64::MAX, |s| s.speed.rate());
        for pipe in [&mut self.up, &mut self.down] {
            pipe.backlog = pipe.backlog.saturating_sub(rate);
        }
    }

    pub(super) fn clear(&mut self) {
        (self.up.backlog, self.down.backlog, self.written) = (0, 0, 0);
    }

    fn is_free(&self, pipe: &Pipe) -> bool {
        self.settings.is_none_or(|s| pipe.backlog < s.speed.rate())
    }

    /// True when a packet can start upwards in this cycle.
    pub(super) fn is_up_free(&self) -> bool {
        self.is_free(&self.up)
    }

    /// True when a packet can start, or go on, downwards in this cycle.
    pub(super) fn is_down_free(&self) -> bool {
        self.is_free(&self.down)
    }

    /// Cycles until what was handed over upwards has left, this one not counted.
    pub(super) fn up_delay(&self) -> u64 {
        self.settings.map_or(0, |s| {
            self.up.backlog.div_ceil(s.speed.rate()).saturating_sub(1)
        })
    }

    /// A read of `len` bytes was accepted.
    pub(super) fn read(&mut self, len: u64) {
        if let Some(s) = self.settings {
            self.up.send(s.requests(len));
        }
    }

    /// A beat of `len` bytes from `addr` goes to the device; with the first begins a completion.
    pub(super) fn read_beat(&mut self, addr: u64, len: u64, is_first: bool) {
        if let Some(s) = self.settings {
            // A beat that starts where a completion starts has its header.
            let starts = is_first || addr.is_multiple_of(s.completion);
            let headers = u64::from(starts) + s.boundaries(addr, len.max(1));
            self.down
                .send(headers * COMPLETION_BYTES + dwords(addr, len));
        }
    }

    /// A beat of write data was accepted, strobed as `strb` says.
    pub(super) fn write_beat(&mut self, strb: u64, is_last: bool) {
        let Some(s) = self.settings else { return };
        let len = 4 * (0..16).filter(|n| strb >> (4 * n) & 0xf != 0).count() as u64;
        let before = self.written.div_ceil(s.payload);
        self.written += len;
        // Data without strobes is a packet of its own all the same.
        let after = self.written.div_ceil(s.payload);
        let packets = after - before + u64::from(is_last && after == 0);
        self.up.send(packets * REQUEST_BYTES + len);
        if is_last {
            self.written = 0;
        }
    }

    /// A register was written: a packet of one dword down.
    pub(super) fn register_write(&mut self) {
        if self.settings.is_some() {
            self.down.send(REQUEST_BYTES + 4);
        }
    }

    /// Bytes sent up and down since the start.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.up.bytes, self.down.bytes)
    }
}

/// Bytes of the dwords that `len` bytes from `addr` touch: payload is counted in dwords (PCIe 5.0 §2.2.2).
fn dwords(addr: u64, len: u64) -> u64 {
    ((addr % 4 + len).div_ceil(4)) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEN3: LinkSpeed = LinkSpeed::Gen3x16;

    fn link() -> Link {
        let mut link = Link::default();
        link.tick(Some(LinkSettings::new(GEN3)));
        link
    }

    #[test]
    fn sixteen_lanes_carry_113_7_and_227_4_gigabits_of_packets() {
        let gbps = |s: LinkSpeed| s.bytes_a_cycle() * 8.0 / 4.0;
        assert!((gbps(GEN3) - 113.7).abs() < 0.05, "{}", gbps(GEN3));
        assert!((gbps(LinkSpeed::Gen4x16) - 227.4).abs() < 0.05);
    }

    #[test]
    fn packets_are_split_at_their_limits() {
        let s = LinkSettings::new(GEN3);
        assert_eq!(s.requests(512), 24);
        assert_eq!(s.requests(513), 48);
        assert_eq!(s.writes(1526), 6 * 24 + 1526);
        assert_eq!(s.completions(0x1000, 72), 2 * 20 + 72);
        assert_eq!(s.completions(0x103c, 8), 2 * 20 + 8);
        let wide = LinkSettings {
            completion: 256,
            ..s
        };
        assert_eq!(wide.completions(0x1000, 1526), 6 * 20 + 1526);
    }

    #[test]
    fn the_beats_of_a_burst_cost_what_the_burst_costs() {
        let s = LinkSettings::new(GEN3);
        for beat in [8, 16, 64] {
            for (addr, len) in [(0x1000, 64), (0x1fc0, 64), (0x1040, 256), (0x1008, 504)] {
                let mut link = link();
                let mut at = addr;
                while at < addr + len {
                    let n = (beat - at % beat).min(addr + len - at);
                    link.read_beat(at, n, at == addr);
                    link.write_beat(u64::MAX >> (64 - n), at + n == addr + len);
                    at += n;
                }
                let (up, down) = link.bytes();
                assert_eq!(down, s.completions(addr, len), "{addr:#x} {len} {beat}");
                assert_eq!(up, s.writes(len), "{addr:#x} {len} {beat}");
            }
        }
    }

    #[test]
    fn a_message_and_an_index_cost_a_header_and_a_dword() {
        let mut link = link();
        link.write_beat(0xf0, true);
        assert_eq!(link.bytes().0, 28);
        link.write_beat(0xc, true);
        assert_eq!(link.bytes().0, 56);
        link.register_write();
        assert_eq!(link.bytes().1, 28);
    }

    #[test]
    fn a_busy_direction_takes_exactly_its_rate_over_time() {
        let mut link = link();
        let cycles = 100_000;
        for _ in 0..cycles {
            link.tick(Some(LinkSettings::new(GEN3)));
            while link.is_up_free() {
                link.write_beat(u64::MAX, true);
            }
        }
        let wanted = GEN3.bytes_a_cycle() * f64::from(cycles);
        let got = link.bytes().0 as f64;
        assert!((got - wanted).abs() < 256.0, "{got} {wanted}");
        assert!(link.is_down_free() && link.up_delay() >= 1);
    }

    #[test]
    fn without_settings_nothing_waits_and_nothing_is_counted() {
        let mut link = Link::default();
        link.tick(None);
        (0..1000).for_each(|_| link.write_beat(u64::MAX, true));
        link.read(4096);
        assert!(link.is_up_free() && link.up_delay() == 0 && link.bytes() == (0, 0));
    }
}
