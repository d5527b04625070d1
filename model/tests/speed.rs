//! How fast the model is. Prints cycles a second; run it in release with `--nocapture`.

mod common;
use common::{Host, Ring};
use shoal_abi::cmd::*;
use shoal_abi::mmu::MODE_BARE;
use shoal_abi::ports::Inputs;
use shoal_abi::profile::MID;
use shoal_abi::ring::*;
use std::time::Instant;

#[test]
fn idle_and_busy_speed_is_printed() {
    let mut h = Host::new(&MID, 5);
    h.start();
    let cycles = 2_000_000_u64;
    let idle = Inputs::default();
    let start = Instant::now();
    let mut sum = 0;
    for _ in 0..cycles {
        sum += u64::from(h.dev.outputs().m_axi_arvalid);
        h.dev.tick(&idle);
    }
    println!(
        "idle: {:.2} M cycles/s",
        cycles as f64 / start.elapsed().as_secs_f64() / 1e6
    );
    assert_eq!(sum, 0);

    // Busy: record the inputs of a session with a transmit queue that never runs dry, then replay them.
    h.cmd(ASID_SET, 0, &[("asid", 1), ("flags", u64::from(MODE_BARE))]);
    let features = REQUIRED_FEATURES;
    h.cmd(
        DEV_CREATE,
        1,
        &[
            ("type", 1),
            ("vq_count", 2),
            ("features", features),
            ("asid_data", 1),
            ("asid_control", 1),
            ("asid_rings", 1),
        ],
    );
    h.cmd(FEATURES_SET, 1, &[("driver_features", features)]);
    h.cmd(STATUS_SET, 1, &[("status", 11)]);
    let mut ring = Ring {
        at: 0x40_0000,
        size: 16,
        avail: 0,
    };
    h.cmd(
        VQ_SETUP,
        1,
        &[
            ("vq_index", 1),
            ("size", 16),
            ("flags", 1),
            ("desc", ring.desc()),
            ("driver", ring.driver()),
            ("device", ring.device()),
        ],
    );
    h.cmd(STATUS_SET, 1, &[("status", 15)]);
    let mut before = h.dev.clone();
    h.bar_write(shoal_abi::regs::DOORBELLS, 1);
    before.clone_from(&h.dev);
    let mut record = Vec::new();
    for n in 0..200_000_u64 {
        if n % 200 == 0 && ring.avail.wrapping_sub(ring.used_idx(&h)) < 8 {
            ring.offer(&mut h, 0, &[(0x80_0000, 1500, false)]);
        }
        h.trace = Some(Vec::new());
        h.step();
        record.append(h.trace.as_mut().expect("set"));
    }
    assert!(h.packets.len() > 100, "{}", h.packets.len());
    let rounds = 10;
    let start = Instant::now();
    for _ in 0..rounds {
        let mut d = before.clone();
        for i in &record {
            sum += u64::from(d.outputs().m_axi_arvalid);
            d.tick(i);
        }
    }
    let cycles = (rounds * record.len()) as f64;
    println!(
        "busy: {:.2} M cycles/s",
        cycles / start.elapsed().as_secs_f64() / 1e6
    );
    assert!(sum > 0);
}
