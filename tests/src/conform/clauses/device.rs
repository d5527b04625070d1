//! Devices, their status, configuration and split rings (virtio 1.4 §2.1 to §2.7, §5.1, §5.2).

use shoal_abi::regs::{
    DEVICE_FEATURE, DEVICE_FEATURE_SELECT, QUEUE_DESC_HI, QUEUE_DESC_LO, QUEUE_ENABLE_NOTIFY_OFF,
};
use shoal_abi::ring::{
    AVAIL_F_NO_INTERRUPT, F_IN_ORDER, F_NOTIFICATION_DATA, F_RING_RESET, F_VERSION_1,
    S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, S_NEEDS_RESET, USED_RING,
};

use super::{clause, holds, Clause, Shown};
use crate::conform::memory::IOVA;
use crate::conform::rig::{text, AVAIL, BUFFER, QUEUE_BYTES, USED};
use crate::conform::scene::Scene;
use crate::conform::Target;

use Shown::{Elsewhere, Outside, Test};

pub(super) const CLAUSES: &[Clause] = &[
    clause("B1.zero", "§2.4.1", "Status reads 0 when a reset is complete.", Test(reset_reads_zero)),
    clause("B1.quiet", "§2.4.1", "After a reset no queue is looked at and nothing is notified.", Test(quiet_after_reset)),
    clause("B2", "§2.1.2", "No buffer is consumed and nothing is notified before DRIVER_OK.", Test(quiet_before_driver_ok)),
    clause("B3.subset", "§2.2.2", "FEATURES_OK is not kept for features that are not offered.", Test(bad_features)),
    clause("B3.required", "§6.1", "FEATURES_OK is not kept without VERSION_1.", Test(no_version_1)),
    clause("B4", "§2.5.2", "The configuration can be read before FEATURES_OK.", Test(early_config)),
    clause("B5", "§2.1.2", "DEVICE_NEEDS_RESET is told by the configuration interrupt.", Test(needs_reset_is_told)),
    clause("B6", "§2.5.2", "The generation changes with the configuration.", Test(generation)),
    clause("B7", "§4.1.4.3.1", "No queue is enabled after a reset.", Test(no_queue_after_reset)),
    clause("B8.reset", "§2.6.1", "A queue that was reset does nothing, and its state is the first.", Test(queue_reset)),
    clause("B8.quiet", "§2.6.1", "A queue that was reset notifies no more, not even of what was before.", Test(queue_reset_quiet)),
    clause("B8.again", "§2.6.1", "It can be enabled again, with another size and elsewhere.", Test(queue_again)),
    clause("B8.feature", "§2.6.1", "RING_RESET is offered; a queue is reset and set up again beside others that go on.", Test(ring_reset)),
    clause("B9", "§4.1.4.3.2", "Writing 0 to queue_enable has no effect.", Test(no_disable)),
    clause("B10.length", "§2.7.8.2", "The used length is no more than what was written.", Test(used_length)),
    clause("B10.order", "§2.7.8.2", "Used element, then used index, then the message.", Elsewhere("the monitors of rings and messages, in every run; faults used_first and used_index of the RTL show that they notice")),
    clause("B10.readable", "§2.7.4.1", "No readable buffer and no descriptor is written.", Elsewhere("the monitor of memory, in every run: each write lies in a used ring or a writable buffer")),
    clause("B11.suppressed", "§2.7.7.2", "NO_INTERRUPT set: no message.", Test(suppressed)),
    clause("B11.wanted", "§2.7.7.2", "NO_INTERRUPT clear: a message for every chain.", Test(wanted)),
    clause("B11.event_idx", "§2.7.7.2", "EVENT_IDX: the message comes at used_event.", Elsewhere("the monitor of messages, in every run with EVENT_IDX; fault event_index of the RTL shows that it notices")),
    clause("B12", "§2.7.9", "IN_ORDER: buffers are used in the order in which they were made available.", Test(in_order)),
    clause("B12.notify", "§2.9", "NOTIFICATION_DATA: the notification has the next available index.", Test(notification_data)),
    clause("B13.none", "§4.1.5.1.2.1", "A queue without a message sends none.", Test(no_message)),
    clause("B13.reset", "§4.1.5.1.2.1", "After a reset no message is set.", Test(no_message_after_reset)),
    clause("B14", "§4.1.3.2", "64-bit fields are written in halves.", Test(halves)),
    clause("B15", "§4.1.4.3.1", "Feature words beyond the last read 0.", Test(feature_words)),
    clause("B16", "§2.1.1", "SUSPEND.", Outside("SUSPEND is not offered; DEV_MODE_SET stops and resumes (A13)")),
    clause("B17.pairs", "§5.1.5", "Only the first pair of queues is used before MQ is set.", Outside("MQ and the control queue are not offered")),
    clause("B17.reset", "§5.1.6.4", "Packets for a queue that is reset are dropped.", Test(dropped)),
    clause("B17.buffers", "§5.1.6.4", "num_buffers is 1 without MRG_RXBUF.", Elsewhere("the monitor of receive packets, in every run; fault num_buffers of the RTL shows that it notices")),
    clause("B18.ro", "§5.2.6.2", "A write to a read-only device is IOERR and writes nothing.", Elsewhere("the block function's own tests: the device does not look into requests (ABI.md §9)")),
    clause("B18.flags", "§5.2.6.2", "Unknown flags of DISCARD and WRITE_ZEROES are UNSUPP.", Elsewhere("the block function's own tests: the device does not look into requests (ABI.md §9)")),
];

fn reset_reads_zero(scene: &mut Scene) -> Result<(), String> {
    let vdev = &scene.guilty[0].vdev;
    vdev.reset().map_err(text)?;
    holds(vdev.get_status().map_err(text)? == 0, "status is 0")
}

/// A chain is offered and the doorbell rung; is it used?
fn is_used(scene: &mut Scene) -> Result<bool, String> {
    let rig = &mut scene.guilty[0];
    rig.forget_interrupts();
    let before = rig.used(1);
    rig.put_good(Target::Transmit);
    rig.offer(1, &[0]);
    rig.kick(1);
    scene.host.run(8000).map_err(text)?;
    let messages = rig.vdev.take_vq_interrupts(1);
    let used = rig.used(1) != before;
    if !used && messages > 0 {
        return Err("a message for nothing".into());
    }
    Ok(used)
}

fn quiet_after_reset(scene: &mut Scene) -> Result<(), String> {
    holds(is_used(scene)?, "the device works")?;
    scene.guilty[0].vdev.reset().map_err(text)?;
    holds(!is_used(scene)?, "after its reset it does nothing")
}

fn quiet_before_driver_ok(scene: &mut Scene) -> Result<(), String> {
    let rig = &mut scene.guilty[0];
    rig.vdev.reset().map_err(text)?;
    rig.start_until(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK)?;
    holds(!is_used(scene)?, "before DRIVER_OK it does nothing")?;
    let all = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK;
    scene.guilty[0].vdev.set_status(all).map_err(text)?;
    scene.host.run(8000).map_err(text)?;
    holds(
        scene.guilty[0].used(1) == 1,
        "with DRIVER_OK the chain is used",
    )
}

fn features_kept(scene: &mut Scene, features: u64) -> Result<bool, String> {
    let vdev = &scene.guilty[0].vdev;
    vdev.reset().map_err(text)?;
    vdev.set_driver_features(features).map_err(text)?;
    let status = vdev.set_status(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    Ok(status.map_err(text)? & S_FEATURES_OK != 0)
}

fn bad_features(scene: &mut Scene) -> Result<(), String> {
    let offered = scene.guilty[0].vdev.get_device_features();
    for bit in (0..64).filter(|bit| offered >> bit & 1 == 0) {
        holds(
            !features_kept(scene, offered | 1 << bit)?,
            "FEATURES_OK is not kept",
        )?;
    }
    holds(
        features_kept(scene, offered)?,
        "for what is offered it is kept",
    )
}

fn no_version_1(scene: &mut Scene) -> Result<(), String> {
    let offered = scene.guilty[0].vdev.get_device_features();
    holds(
        !features_kept(scene, offered & !(1 << F_VERSION_1))?,
        "FEATURES_OK is not kept",
    )
}

fn early_config(scene: &mut Scene) -> Result<(), String> {
    let vdev = &scene.guilty[0].vdev;
    vdev.reset().map_err(text)?;
    let mut mac = [0; 6];
    vdev.get_config(0, &mut mac).map_err(text)?;
    holds(mac == [2, 0, 0, 0, 0, 1], "the address is there")
}

fn needs_reset_is_told(scene: &mut Scene) -> Result<(), String> {
    let rig = &mut scene.guilty[0];
    rig.forget_interrupts();
    rig.offer(1, &[99]);
    rig.kick(1);
    scene.host.run(8000).map_err(text)?;
    let status = rig.vdev.get_status().map_err(text)?;
    holds(status & S_NEEDS_RESET != 0, "the device needs a reset")?;
    holds(rig.vdev.take_config_interrupts() == 1, "it says so once")
}

fn generation(scene: &mut Scene) -> Result<(), String> {
    let vdev = &scene.guilty[0].vdev;
    let mut seen = Vec::new();
    for n in 0..4 {
        vdev.set_config(10, &[n, 8]).map_err(text)?;
        seen.push(vdev.get_generation().map_err(text)?);
    }
    seen.dedup();
    holds(seen.len() == 4, "each change has a generation of its own")
}

fn no_queue_after_reset(scene: &mut Scene) -> Result<(), String> {
    let vdev = &scene.guilty[0].vdev;
    vdev.reset().map_err(text)?;
    for q in 0..vdev.vq_count() {
        let state = vdev.device_vq_state(q).map_err(text)?;
        holds(
            !state.ready && state.last_avail == 0,
            "the queue is not ready",
        )?;
    }
    Ok(())
}

fn queue_reset(scene: &mut Scene) -> Result<(), String> {
    holds(is_used(scene)?, "the queue works")?;
    scene.guilty[0].vdev.set_vq_ready(1, false).map_err(text)?;
    let state = scene.guilty[0].vdev.device_vq_state(1).map_err(text)?;
    holds(
        !state.ready && state.last_avail == 0 && state.used_idx == 0,
        "its state is the first",
    )?;
    holds(!is_used(scene)?, "it does nothing")
}

fn queue_reset_quiet(scene: &mut Scene) -> Result<(), String> {
    let vdev = scene.guilty[0].vdev.clone();
    vdev.mask_vq_cb(1, true).map_err(text)?;
    holds(is_used(scene)?, "the queue works")?;
    vdev.set_vq_ready(1, false).map_err(text)?;
    vdev.mask_vq_cb(1, false).map_err(text)?;
    scene.host.run(2000).map_err(text)?;
    holds(vdev.take_vq_interrupts(1) == 0, "no message comes")
}

fn queue_again(scene: &mut Scene) -> Result<(), String> {
    let vdev = scene.guilty[0].vdev.clone();
    vdev.set_vq_ready(1, false).map_err(text)?;
    // A queue of 4 where the pages of the other one are: its parts exchange their places.
    let base = IOVA + QUEUE_BYTES;
    vdev.set_vq_num(1, 4).map_err(text)?;
    vdev.set_vq_state(1, 0).map_err(text)?;
    vdev.set_vq_address(1, base, base + USED, base + AVAIL)
        .map_err(text)?;
    vdev.set_vq_ready(1, true).map_err(text)?;
    let rig = &mut scene.guilty[0];
    rig.put_good(Target::Transmit);
    rig.memory.put(QUEUE_BYTES + USED, &[0, 0, 1, 0, 0, 0]);
    rig.kick(1);
    scene.host.run(8000).map_err(text)?;
    let used = rig.memory.get(QUEUE_BYTES + AVAIL, 4);
    holds(used == [0, 0, 1, 0], "a chain is used in the new ring")
}

fn offers(scene: &Scene, feature: u32) -> Result<(), String> {
    let features = scene.guilty[0].vdev.get_device_features();
    holds(features >> feature & 1 == 1, "the feature is offered")
}

fn ring_reset(scene: &mut Scene) -> Result<(), String> {
    offers(scene, F_RING_RESET)?;
    let vdev = scene.guilty[0].vdev.clone();
    vdev.set_vq_ready(0, false).map_err(text)?;
    holds(is_used(scene)?, "the other queue goes on")?;
    let status = vdev.get_status().map_err(text)?;
    holds(status & S_DRIVER_OK != 0, "the device runs")?;
    vdev.set_vq_state(0, 0).map_err(text)?;
    vdev.set_vq_ready(0, true).map_err(text)?;
    let rig = &mut scene.guilty[0];
    rig.forget(0);
    rig.memory.put(USED, &[0; 4]);
    rig.put_good(Target::Receive);
    rig.offer(0, &[0]);
    rig.prompt(Target::Receive);
    scene.host.run(8000).map_err(text)?;
    holds(scene.guilty[0].used(0) == 1, "the queue works again")
}

fn in_order(scene: &mut Scene) -> Result<(), String> {
    offers(scene, F_IN_ORDER)?;
    // Long and short ones, and none whose descriptors stand in this order.
    let rig = &mut scene.guilty[0];
    let heads = [5, 0, 7, 2, 6, 1, 4, 3];
    for (n, head) in (0_u32..).zip(heads) {
        let at = IOVA + QUEUE_BYTES + BUFFER;
        let len = if n % 2 == 0 { 3000 } else { 60 };
        rig.desc(QUEUE_BYTES, head, at, len, 0, 0);
    }
    rig.offer(1, &heads);
    rig.kick(1);
    scene.host.run(16_000).map_err(text)?;
    let rig = &scene.guilty[0];
    holds(usize::from(rig.used(1)) == heads.len(), "all are used")?;
    let ring = rig
        .memory
        .get(QUEUE_BYTES + USED + USED_RING, 8 * heads.len());
    let used = ring.chunks(8).map(|e| u16::from(e[0]));
    holds(used.eq(heads), "in the order of the available ring")
}

fn notification_data(scene: &mut Scene) -> Result<(), String> {
    offers(scene, F_NOTIFICATION_DATA)?;
    for next in [1_u32, 2] {
        let rig = &mut scene.guilty[0];
        rig.put_good(Target::Transmit);
        rig.offer(1, &[0]);
        rig.vdev.kick_vq_with_data(next << 16 | 1);
        scene.host.run(8000).map_err(text)?;
        let used = u32::from(scene.guilty[0].used(1));
        holds(used == next, "the chain is used")?;
    }
    Ok(())
}

fn no_disable(scene: &mut Scene) -> Result<(), String> {
    let at = QUEUE_ENABLE_NOTIFY_OFF.offset;
    scene.host.borrow_mut().write32(at, 0).map_err(text)?;
    let enabled = scene.host.borrow_mut().read32(at).map_err(text)? & 1;
    holds(enabled == 1, "the admin queue is still enabled")?;
    scene.guilty[0].work().map(drop)
}

fn used_length(scene: &mut Scene) -> Result<(), String> {
    let rig = &mut scene.guilty[0];
    // Receive: 12 bytes of header and 700 of frame; transmit: nothing is written.
    let trace = rig.work()?;
    let sent = &trace[..8];
    let received = &trace[8 + 912..][..8];
    holds(sent[4..] == [0; 4], "a transmit chain has length 0")?;
    holds(
        received[4..] == 712_u32.to_le_bytes(),
        "a receive chain has what was written",
    )
}

/// Messages of one transmit chain with these `flags` in the available ring.
fn messages(scene: &mut Scene, flags: u16) -> Result<u64, String> {
    let rig = &mut scene.guilty[0];
    rig.forget_interrupts();
    rig.put_good(Target::Transmit);
    rig.memory.put(QUEUE_BYTES + AVAIL, &flags.to_le_bytes());
    rig.offer(1, &[0]);
    rig.kick(1);
    scene.host.run(8000).map_err(text)?;
    Ok(rig.vdev.take_vq_interrupts(1))
}

fn suppressed(scene: &mut Scene) -> Result<(), String> {
    let n = messages(scene, AVAIL_F_NO_INTERRUPT)?;
    holds(
        n == 0 && scene.guilty[0].used(1) == 1,
        "the chain is used without a message",
    )
}

fn wanted(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..3 {
        holds(messages(scene, 0)? == 1, "the chain has a message")?;
    }
    Ok(())
}

fn no_message(scene: &mut Scene) -> Result<(), String> {
    scene.guilty[0].vdev.set_vq_cb(1, false).map_err(text)?;
    // The message of that command.
    scene.host.run(2000).map_err(text)?;
    let before = scene.host.borrow().counters().interrupts;
    messages(scene, 0)?;
    let after = scene.host.borrow().counters().interrupts;
    holds(scene.guilty[0].used(1) == 1, "the chain is used")?;
    holds(after == before, "it has no message")
}

fn no_message_after_reset(scene: &mut Scene) -> Result<(), String> {
    let vdev = scene.guilty[0].vdev.clone();
    vdev.reset().map_err(text)?;
    for vq in [0, 1, shoal_abi::cmd::CONFIG_MSI] {
        let c = shoal_driver::cmd::of_vq(shoal_abi::cmd::MSI_GET, vdev.id(), vq);
        let reply = scene.mgmtdev.exec(&c).map_err(text)?;
        holds(reply.get("ctrl") == 0, "no message is set")?;
    }
    Ok(())
}

fn halves(scene: &mut Scene) -> Result<(), String> {
    // Of a queue that is enabled neither half changes; that both can be written shows in that it works.
    let mut host = scene.host.borrow_mut();
    let (lo, hi) = (QUEUE_DESC_LO.offset, QUEUE_DESC_HI.offset);
    let before = (
        host.read32(lo).map_err(text)?,
        host.read32(hi).map_err(text)?,
    );
    host.write32(hi, 0x55).map_err(text)?;
    let after = (
        host.read32(lo).map_err(text)?,
        host.read32(hi).map_err(text)?,
    );
    holds(
        before == after && before != (0, 0),
        "the address stands in two halves",
    )
}

fn feature_words(scene: &mut Scene) -> Result<(), String> {
    let mut host = scene.host.borrow_mut();
    for word in [2, 3, 4, 0xffff_ffff] {
        host.write32(DEVICE_FEATURE_SELECT.offset, word)
            .map_err(text)?;
        let bits = host.read32(DEVICE_FEATURE.offset).map_err(text)?;
        holds(bits == 0, "the word reads 0")?;
    }
    Ok(())
}

fn dropped(scene: &mut Scene) -> Result<(), String> {
    let vdev = scene.guilty[0].vdev.clone();
    let rig = &mut scene.guilty[0];
    rig.put_good(Target::Receive);
    rig.offer(0, &[0]);
    vdev.set_vq_ready(0, false).map_err(text)?;
    let before = rig.used(0);
    rig.prompt(Target::Receive);
    scene.host.run(8000).map_err(text)?;
    holds(scene.guilty[0].used(0) == before, "the packet is dropped")
}
