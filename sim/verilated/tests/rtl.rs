//! The Verilator binding: instances, seeds, reset, waveforms. Nothing here knows what the device does.

mod vcd;

use std::path::PathBuf;

use shoal_abi::ports::{Data, Inputs, Outputs, INPUTS, OUTPUTS};
use shoal_abi::profile::{Profile, MID, PROFILES, TINY};
use verilated::{Error, Rtl};

fn rtl(profile: &'static Profile, seed: u64) -> Rtl {
    Rtl::new(profile, seed, &[]).expect("a built-in profile")
}

/// A folder of this test, empty.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("test folder");
    path
}

/// Pseudo-random numbers (xorshift64*), the same on every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Inputs with every data-like port at random, none wider than in `p`. Nothing is valid on the command side.
    fn inputs(&mut self, p: &Profile) -> Inputs {
        let keep = if p.beat_bytes() == 64 {
            u64::MAX
        } else {
            (1 << p.beat_bytes()) - 1
        };
        let mut data = Data::default();
        data[..p.lanes()].fill_with(|| self.next());
        let mut other = data;
        other[..p.lanes()]
            .iter_mut()
            .for_each(|w| *w = !w.reverse_bits());
        Inputs {
            s_axil_awaddr: self.next() as u32,
            s_axil_awprot: (self.next() & 7) as u8,
            s_axil_wdata: self.next() as u32,
            s_axil_wstrb: (self.next() & 15) as u8,
            s_axil_araddr: self.next() as u32,
            s_axil_arvalid: self.next() & 1 == 1,
            s_axil_rready: self.next() & 1 == 1,
            m_axi_arready: self.next() & 1 == 1,
            m_axi_awready: self.next() & 1 == 1,
            m_axi_rdata: data,
            s_axis_tdata: other,
            s_axis_tkeep: self.next() & keep,
            s_axis_tlast: self.next() & 1 == 1,
            s_axis_tdest: (self.next() & 0xf_ffff) as u32,
            s_axis_tid: self.next() as u16,
            s_axis_tuser: self.next(),
            ..Inputs::default()
        }
    }
}

#[test]
fn the_seed_decides_the_state_before_reset() {
    for profile in &PROFILES {
        let seen: Vec<Outputs> = (0..8).map(|seed| rtl(profile, seed).outputs()).collect();
        for (seed, outputs) in seen.iter().enumerate() {
            assert_eq!(
                rtl(profile, seed as u64).outputs(),
                *outputs,
                "seed {seed} again"
            );
            assert!(
                seen[..seed].iter().all(|o| o != outputs),
                "seed {seed} like another"
            );
        }
    }
}

#[test]
fn instances_made_at_once_on_other_threads_have_the_state_of_their_seed() {
    let alone: Vec<Outputs> = (0..4).map(|seed| rtl(&TINY, seed).outputs()).collect();
    for _ in 0..50 {
        let threads: Vec<_> = (0..4)
            .map(|seed| std::thread::spawn(move || rtl(&TINY, seed).outputs()))
            .collect();
        let together: Vec<Outputs> = threads
            .into_iter()
            .map(|t| t.join().expect("no panic"))
            .collect();
        assert_eq!(together, alone);
    }
}

#[test]
fn two_instances_side_by_side_do_not_disturb_each_other() {
    for profile in &PROFILES {
        let run = |first: &mut Rtl, mut other: Option<&mut Rtl>| {
            let (mut mine, mut others) = (Noise(7), Noise(8));
            first.reset(4);
            (0..200)
                .map(|_| {
                    if let Some(other) = other.as_deref_mut() {
                        other.step(&others.inputs(profile));
                    }
                    first.step(&mine.inputs(profile))
                })
                .collect::<Vec<_>>()
        };
        let alone = run(&mut rtl(profile, 1), None);
        let beside = run(&mut rtl(profile, 1), Some(&mut rtl(profile, 2)));
        assert_eq!(alone, beside);
    }
}

#[test]
fn after_reset_nothing_is_valid_and_no_random_bit_is_left_in_the_handshakes() {
    for profile in &PROFILES {
        for seed in 0..8 {
            let mut rtl = rtl(profile, seed);
            let out = rtl.reset(8);
            assert_eq!(rtl.cycle(), 8);
            let valid = [
                ("s_axil_bvalid", out.s_axil_bvalid),
                ("s_axil_rvalid", out.s_axil_rvalid),
                ("m_axi_awvalid", out.m_axi_awvalid),
                ("m_axi_wvalid", out.m_axi_wvalid),
                ("m_axi_arvalid", out.m_axi_arvalid),
                ("m_axis_tvalid", out.m_axis_tvalid),
            ];
            for (name, value) in valid {
                assert!(
                    !value,
                    "{name} after reset, profile {} seed {seed}",
                    profile.name
                );
            }
        }
    }
}

#[test]
fn every_port_has_in_the_waveform_the_value_it_has_in_the_structs() {
    let dir = folder("ports");
    for profile in &PROFILES {
        let path = dir.join(format!("{}.vcd", profile.name));
        let mut rtl = rtl(profile, 3);
        rtl.trace_open(&path).expect("trace opens");
        let mut noise = Noise(11);
        let steps: Vec<(Inputs, Outputs)> = (0..100)
            .map(|n| {
                let mut inputs = noise.inputs(profile);
                inputs.reset = n < 4;
                (inputs, rtl.step(&inputs))
            })
            .collect();
        rtl.trace_close().expect("vcd is written");
        let wave = vcd::Vcd::read(&path);
        for (cycle, (inputs, outputs)) in steps.iter().enumerate() {
            let time = cycle as u64 * 4 + 2;
            let mut ports = 0;
            let mut check = |name: &str, value: Data| {
                assert_eq!(wave.at(name, time), value, "{name} at {time} ns");
                ports += 1;
            };
            inputs.each(|port, value| check(port.name, value));
            outputs.each(|port, value| check(port.name, value));
            assert_eq!(ports, INPUTS.len() + OUTPUTS.len());
        }
    }
}

#[test]
fn bits_above_the_width_of_an_input_are_ignored() {
    let run = |wide: bool| {
        let mut rtl = rtl(&TINY, 5);
        rtl.reset(4);
        let mut noise = Noise(13);
        (0..100)
            .map(|_| {
                let mut i = noise.inputs(&TINY);
                if wide {
                    i.s_axil_awprot |= 0xf8;
                    i.s_axis_tdest |= 0xfff0_0000;
                    i.s_axis_tkeep |= 0xff00;
                    i.s_axis_tdata[1] = u64::MAX;
                    i.m_axi_rid |= 0xffc0;
                }
                rtl.step(&i)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn waveforms_open_and_close_while_the_model_runs_and_change_nothing() {
    let dir = folder("windows");
    let mut traced = rtl(&MID, 9);
    let mut plain = rtl(&MID, 9);
    let mut noise = Noise(17);
    let windows = [
        (20, dir.join("a.fst")),
        (60, dir.join("b.vcd")),
        (100, dir.join("c.fst")),
    ];
    for cycle in 0..130 {
        if let Some((_, path)) = windows.iter().find(|w| w.0 == cycle) {
            traced.trace_open(path).expect("trace opens");
            let again = traced.trace_open(path);
            assert!(matches!(again, Err(Error::TraceOpen(open)) if open == *path));
        }
        let inputs = noise.inputs(&MID);
        assert_eq!(traced.step(&inputs), plain.step(&inputs), "cycle {cycle}");
        if cycle == 40 || cycle == 80 {
            traced.trace_close().expect("trace closes");
        }
    }
    // The last one is closed by the drop.
    drop(traced);
    for (_, path) in &windows {
        let size = std::fs::metadata(path).expect("file is there").len();
        assert!(size > 500, "{} has {size} bytes", path.display());
    }
    assert_eq!(vcd::Vcd::read(&windows[1].1).first_time(), 60 * 4);
    let files = std::fs::read_dir(&dir).expect("folder").count();
    assert_eq!(files, windows.len(), "nothing is left beside the waveforms");
}

#[test]
fn a_waveform_that_cannot_be_written_is_an_error() {
    let mut rtl = rtl(&TINY, 1);
    let dir = folder("unwritable");
    let missing = dir.join("missing").join("x.fst");
    assert!(matches!(rtl.trace_open(&missing), Err(Error::TraceWrite(p)) if p == missing));
    let odd = dir.join("x.txt");
    assert!(matches!(rtl.trace_open(&odd), Err(Error::TraceName(p)) if p == odd));
    rtl.trace_close().expect("nothing is open");
}

#[test]
fn what_is_no_plusarg_is_refused() {
    for bad in ["break_x", "+verilator+V", "+a\0b", ""] {
        let made = Rtl::new(&TINY, 1, &[bad.to_owned()]);
        assert!(
            matches!(made, Err(Error::Plusarg(p)) if p == bad),
            "{bad:?}"
        );
    }
    assert!(Rtl::new(&TINY, 1, &["+break_none".to_owned(), "+seed=4".to_owned()]).is_ok());
}

#[test]
fn a_profile_without_a_model_is_refused() {
    static OTHER: Profile = Profile {
        name: "other",
        ..TINY
    };
    assert!(matches!(
        Rtl::new(&OTHER, 1, &[]),
        Err(Error::NoProfile("other"))
    ));
}

#[test]
fn instances_come_and_go_and_move_between_threads() {
    let mut kept = rtl(&TINY, 1);
    for seed in 0..100 {
        let mut other = rtl(&TINY, seed);
        other.step(&Inputs::default());
        std::thread::spawn(move || other.reset(1))
            .join()
            .expect("no panic");
        kept.step(&Inputs::default());
    }
    assert_eq!(kept.cycle(), 100);
}
