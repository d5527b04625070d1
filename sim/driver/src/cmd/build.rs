//! One function for each command that has arguments.

use shoal_abi::cmd as abi;

use super::{Binding, Cmd, DevCreate, Reply, Sched, VqSetup};
use crate::msi::Msi;

fn msi_words(msi: Option<Msi>, masked: bool) -> (u32, u64, u32) {
    let mask = if masked { abi::MSI_MASK } else { 0 };
    msi.map_or((mask, 0, 0), |m| (abi::MSI_VALID | mask, m.address, m.data))
}

/// LIST_QUERY in `group`.
#[must_use]
pub fn list_query(group: u16) -> Cmd {
    Cmd::new(abi::LIST_QUERY, 0).in_group(group)
}

/// LIST_USE of `opcodes`, bits 63:0 and 127:64, in `group`.
#[must_use]
pub fn list_use(group: u16, opcodes: [u64; 2]) -> Cmd {
    let bytes: Vec<u8> = opcodes.iter().flat_map(|w| w.to_le_bytes()).collect();
    Cmd::new(abi::LIST_USE, 0)
        .in_group(group)
        .put_bytes("opcodes", &bytes)
}

/// The bitmap in the reply to LIST_QUERY.
#[must_use]
pub fn opcodes(reply: &Reply) -> [u64; 2] {
    let mut words = [0; 2];
    for (w, b) in words.iter_mut().zip(reply.bytes("opcodes").chunks_exact(8)) {
        *w = b.iter().rev().fold(0, |n, &x| (n << 8) | u64::from(x));
    }
    words
}

/// ASID_SET.
#[must_use]
pub fn asid_set(asid: u32, to: Binding) -> Cmd {
    let pasid_valid = if to.pasid.is_some() {
        abi::ASID_PASID_VALID
    } else {
        0
    };
    Cmd::new(abi::ASID_SET, 0)
        .put("asid", asid.into())
        .put("flags", (u32::from(to.mode) | pasid_valid).into())
        .put("pasid", to.pasid.unwrap_or(0).into())
        .put("root", to.root)
}

/// IOTLB_INVALIDATE of everything (`None`), of an ASID, or of {first byte, bytes} in it.
#[must_use]
pub fn iotlb_invalidate(asid: Option<u32>, range: Option<(u64, u64)>) -> Cmd {
    let c = Cmd::new(abi::IOTLB_INVALIDATE, 0);
    match (asid, range) {
        (None, _) => c,
        (Some(a), None) => c.put("kind", abi::IOTLB_ASID.into()).put("asid", a.into()),
        (Some(a), Some((iova, len))) => c
            .put("kind", abi::IOTLB_RANGE.into())
            .put("asid", a.into())
            .put("iova", iova)
            .put("len", len),
    }
}

/// TRANSLATE.
#[must_use]
pub fn translate(asid: u32, iova: u64, write: bool) -> Cmd {
    Cmd::new(abi::TRANSLATE, 0)
        .put("asid", asid.into())
        .put("flags", write.into())
        .put("iova", iova)
}

/// DEV_CREATE of member `id`.
#[must_use]
pub fn dev_create(id: u32, d: &DevCreate) -> Cmd {
    Cmd::new(abi::DEV_CREATE, id.into())
        .put("type", d.device_type.into())
        .put("vq_count", d.vq_count.into())
        .put("vq_base", d.vq_base.into())
        .put("features", d.features)
        .put("asid_data", d.asids[0].into())
        .put("asid_control", d.asids[1].into())
        .put("asid_rings", d.asids[2].into())
        .put("doorbell_page", d.doorbell_page.into())
        .put_bytes("config", &d.config)
}

/// CONFIG_SET of `bytes` from `offset`; the range lies inside `CONFIG_BYTES`.
#[must_use]
pub fn config_set(id: u32, offset: usize, bytes: &[u8]) -> Cmd {
    let mut config = [0; abi::CONFIG_BYTES];
    let mut mask = 0u64;
    for (n, &b) in bytes
        .iter()
        .enumerate()
        .take(abi::CONFIG_BYTES.saturating_sub(offset))
    {
        config[offset + n] = b;
        mask |= 1 << (offset + n);
    }
    Cmd::new(abi::CONFIG_SET, id.into())
        .put("bytes", mask)
        .put_bytes("config", &config)
}

/// VQ_SETUP.
#[must_use]
pub fn vq_setup(id: u32, q: &VqSetup) -> Cmd {
    let (ctrl, address, data) = msi_words(q.msi, false);
    Cmd::new(abi::VQ_SETUP, id.into())
        .put("vq_index", q.vq_index.into())
        .put("size", q.size.into())
        .put("group", q.group.into())
        .put("flags", q.ready.into())
        .put("last_avail", q.last_avail.into())
        .put("used_idx", q.used_idx.into())
        .put("desc", q.desc)
        .put("driver", q.driver)
        .put("device", q.device)
        .put("msi_ctrl", ctrl.into())
        .put("msi_address", address)
        .put("msi_data", data.into())
}

/// A command whose only argument is a queue index: VQ_STATE_GET, VQ_RESET, MSI_GET, STATS_GET.
#[must_use]
pub fn of_vq(opcode: u16, id: u32, vq_index: u16) -> Cmd {
    Cmd::new(opcode, id.into()).put("vq_index", vq_index.into())
}

/// GROUP_ASID_SET.
#[must_use]
pub fn group_asid_set(id: u32, group: u32, asid: u32) -> Cmd {
    Cmd::new(abi::GROUP_ASID_SET, id.into())
        .put("group", group.into())
        .put("asid", asid.into())
}

/// SCHED_SET.
#[must_use]
pub fn sched_set(id: u32, sched: Sched) -> Cmd {
    let c = Cmd::new(abi::SCHED_SET, id.into()).put("weight", sched.weight.into());
    match sched.pace {
        None => c,
        Some(pace) => c
            .put("flags", abi::SCHED_PACED.into())
            .put("interval", pace.interval.into())
            .put("burst", pace.burst.into()),
    }
}

/// MSI_SET of a queue or of `CONFIG_MSI`; `None` takes the message away.
#[must_use]
pub fn msi_set(id: u32, vq_index: u16, msi: Option<Msi>, masked: bool) -> Cmd {
    let (ctrl, address, data) = msi_words(msi, masked);
    Cmd::new(abi::MSI_SET, id.into())
        .put("vq_index", vq_index.into())
        .put("ctrl", ctrl.into())
        .put("address", address)
        .put("data", data.into())
}
