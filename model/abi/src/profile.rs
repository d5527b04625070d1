//! The sizes that differ between builds of the device.
//!
//! Every field that a driver has to know is also readable from the device: see `regs::CAP_*` and the CAPS command.

/// 64-bit words in the widest data bus of any profile in this build of the tools.
pub const DATA_WORDS: usize = 8;

/// Entries of a set of the IOTLB.
pub const TLB_WAYS: usize = 4;

/// Chains of a virtqueue that a slot serves in one visit, at most.
pub const VISIT_CHAINS: usize = 8;

/// One build of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name on the command line and in replay files.
    pub name: &'static str,
    /// Data bus width of the AXI4 master and of both streams, bits: 64, 128 or 512.
    pub data_w: usize,
    /// AXI4 ID width, bits.
    pub id_w: usize,
    /// Managed devices; member ids are 1..=devices.
    pub devices: u32,
    /// Virtqueue contexts; ids are 0..queues.
    pub queues: u32,
    /// Doorbell pages; ids are 0..doorbell_pages.
    pub doorbell_pages: u32,
    /// Address spaces; ids are 0..asids.
    pub asids: u32,
    /// Address bits of the device context memory (2^n >= devices).
    pub dev_aw: usize,
    /// Address bits of the virtqueue context memory (2^n >= queues).
    pub vq_aw: usize,
    /// Address bits of the ASID table.
    pub asid_aw: usize,
    /// Address bits of the sets of each IOTLB array: 4 KiB, 2 MiB, 1 GiB pages; a set has `TLB_WAYS` entries.
    pub tlb_aw: [usize; 3],
    /// Address bits of the walk caches: last tables (2 MiB each), tables above them (1 GiB each).
    pub pwc_aw: [usize; 2],
    /// Bits of the generation of an address space.
    pub gen_w: usize,
    /// Table walks in flight; at most 2^(`id_w` - 3).
    pub walkers: usize,
    /// Translations that wait for a walk.
    pub waiters: usize,
    /// Largest virtqueue, entries.
    pub max_vq_size: u16,
    /// Commands of the admin queue that are fetched, executed or told of at a time; a power of two.
    pub admin_slots: usize,
    /// Chain slots: visits to transmit and request queues under way. Behind them: receive slots, the admin slot, the auxiliary one.
    pub chain_slots: usize,
    /// Receive slots: visits to receive queues under way.
    pub rx_slots: usize,
    /// Bits of a slot number; tags and AXI IDs carry it in their low bits. At most `id_w` - 2.
    pub slot_w: usize,
    /// Translations and accesses of the control unit under way.
    pub ctl_window: usize,
    /// Ops that the transmit mover holds.
    pub tx_ops: usize,
    /// Bursts that the transmit mover has under way.
    pub tx_items: usize,
    /// Beats read that the transmit mover holds.
    pub tx_beats: usize,
    /// Beats of received packets that the device holds.
    pub rx_beats: usize,
    /// Received packets, whole or in part, that it holds.
    pub rx_packets: usize,
    /// Bursts that the receive mover has cut and not issued.
    pub rx_items: usize,
    /// Bursts of the receive mover that await their responses.
    pub rx_writes: usize,
}

impl Profile {
    /// Bytes in one data beat.
    #[must_use]
    pub const fn beat_bytes(&self) -> usize {
        self.data_w / 8
    }
    /// 4 KiB pages that the IOTLB holds.
    #[must_use]
    pub const fn iotlb_pages(&self) -> usize {
        TLB_WAYS << self.tlb_aw[0]
    }
    /// Is it `full` with another number of devices?
    #[must_use]
    pub fn is_size_of(&self, full: &Profile) -> bool {
        let rest = self.name.strip_prefix(full.name);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }
    /// Is it a slot of receive queues?
    #[must_use]
    pub const fn is_rx_slot(&self, slot: usize) -> bool {
        self.chain_slots <= slot && slot < self.chain_slots + self.rx_slots
    }
    /// The slot of what commands send and translate.
    #[must_use]
    pub const fn admin_slot(&self) -> usize {
        self.chain_slots + self.rx_slots
    }
    /// The slot of fault records and of the management device's messages.
    #[must_use]
    pub const fn aux_slot(&self) -> usize {
        self.chain_slots + self.rx_slots + 1
    }
    /// 64-bit lanes in one data beat.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        self.data_w / 64
    }
}

/// Unit and property tests.
pub const TINY: Profile = Profile {
    name: "tiny",
    data_w: 64,
    id_w: 6,
    devices: 8,
    queues: 24,
    doorbell_pages: 16,
    asids: 16,
    dev_aw: 3,
    vq_aw: 5,
    asid_aw: 4,
    tlb_aw: [2, 1, 1],
    pwc_aw: [2, 1],
    gen_w: 3,
    walkers: 4,
    waiters: 8,
    max_vq_size: 256,
    admin_slots: 4,
    chain_slots: 6,
    rx_slots: 3,
    slot_w: 4,
    ctl_window: 4,
    tx_ops: 32,
    tx_items: 16,
    tx_beats: 64,
    rx_beats: 64,
    rx_packets: 8,
    rx_items: 8,
    rx_writes: 8,
};

/// Day-to-day runs and guests.
pub const MID: Profile = Profile {
    name: "mid",
    data_w: 128,
    id_w: 8,
    devices: 4096,
    queues: 12_288,
    doorbell_pages: 8192,
    asids: 8192,
    dev_aw: 12,
    vq_aw: 14,
    asid_aw: 13,
    tlb_aw: [7, 5, 3],
    pwc_aw: [7, 4],
    gen_w: 8,
    walkers: 16,
    waiters: 32,
    max_vq_size: 1024,
    admin_slots: 8,
    chain_slots: 48,
    rx_slots: 12,
    slot_w: 6,
    ctl_window: 16,
    tx_ops: 128,
    tx_items: 64,
    tx_beats: 128,
    rx_beats: 256,
    rx_packets: 32,
    rx_items: 32,
    rx_writes: 32,
};

/// Scale: parts with large on-chip memories.
pub const HYPER: Profile = Profile {
    name: "hyper",
    data_w: 512,
    id_w: 10,
    devices: 131_072,
    queues: 262_144,
    doorbell_pages: 131_072,
    asids: 131_072,
    dev_aw: 17,
    vq_aw: 18,
    asid_aw: 17,
    tlb_aw: [12, 8, 6],
    pwc_aw: [17, 12],
    gen_w: 16,
    walkers: 64,
    waiters: 64,
    max_vq_size: 4096,
    admin_slots: 16,
    chain_slots: 226,
    rx_slots: 28,
    slot_w: 8,
    ctl_window: 40,
    tx_ops: 512,
    tx_items: 256,
    tx_beats: 512,
    rx_beats: 4096,
    rx_packets: 256,
    rx_items: 128,
    rx_writes: 128,
};

/// `HYPER` with 1,024 devices. Like `HYPER_16K` it is synthesised and not simulated: it shows what of the logic grows.
pub const HYPER_1K: Profile = Profile {
    name: "hyper-1024",
    devices: 1024,
    queues: 2048,
    doorbell_pages: 1024,
    asids: 1024,
    dev_aw: 10,
    vq_aw: 11,
    asid_aw: 10,
    ..HYPER
};

/// `HYPER` with 16,384 devices.
pub const HYPER_16K: Profile = Profile {
    name: "hyper-16384",
    devices: 16_384,
    queues: 32_768,
    doorbell_pages: 16_384,
    asids: 16_384,
    dev_aw: 14,
    vq_aw: 15,
    asid_aw: 14,
    ..HYPER
};

/// Sizes between profiles, which only synthesis knows.
pub const SIZES: [Profile; 2] = [HYPER_1K, HYPER_16K];

/// All profiles of this build of the tools.
pub const PROFILES: [Profile; 3] = [TINY, MID, HYPER];

/// The profile called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

/// Profile `name` with `devices` devices: the profile itself or one of [`SIZES`].
#[must_use]
pub fn with_devices(name: &str, devices: u32) -> Option<&'static Profile> {
    let full = by_name(name)?;
    if full.devices == devices {
        return Some(full);
    }
    SIZES
        .iter()
        .find(|p| p.devices == devices && p.is_size_of(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_with_each_of_its_sizes_and_with_no_other() {
        assert_eq!(with_devices("hyper", 131_072), Some(&HYPER));
        assert_eq!(with_devices("hyper", 1024), Some(&HYPER_1K));
        assert_eq!(with_devices("hyper", 1025), None);
        assert_eq!(with_devices("mid", 1024), None);
        assert_eq!(by_name("hyper-1024"), None);
    }

    #[test]
    fn the_memories_of_every_size_hold_what_it_manages() {
        for p in PROFILES.iter().chain(&SIZES) {
            assert!(p.devices <= 1 << p.dev_aw, "{}: devices", p.name);
            assert!(p.queues <= 1 << p.vq_aw, "{}: queues", p.name);
            assert!(p.asids <= 1 << p.asid_aw, "{}: asids", p.name);
            assert!(p.aux_slot() < 1 << p.slot_w, "{}: slots", p.name);
            assert!(p.slot_w + 2 <= p.id_w, "{}: slots in an AXI ID", p.name);
        }
    }
}
