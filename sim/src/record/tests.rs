//! Records come back as they were written, and no damage goes unseen.

use std::path::Path;

use super::*;
use crate::env::Dice;
use proptest::prelude::*;
use shoal_abi::ports::Inputs;
use shoal_abi::profile::{Profile, MID, TINY};
use shoal_abi::ABI_VERSION;

fn header(profile: &Profile) -> Header {
    Header {
        profile: profile.name.into(),
        abi: ABI_VERSION.to_string(),
        rtl: "0123".into(),
        seed: "42".into(),
        plusargs: "+a +b=1".into(),
        scenario: "smoke".into(),
    }
}

/// Random inputs: some ports change, some cycles repeat, data ports keep to the profile's width.
fn cycles(profile: &Profile, seed: u64, n: usize) -> Vec<Inputs> {
    let mut dice = Dice::new(seed, 0);
    let mut now = Inputs::default();
    let mut all = Vec::new();
    while all.len() < n {
        if dice.percent(70) {
            let change = dice.up_to(30) as u8;
            let old = {
                let mut values = Vec::new();
                now.each(|_, v| values.push(v));
                values
            };
            let mut at = 0;
            now = Inputs::from_fn(|port| {
                at += 1;
                if !dice.percent(change) {
                    return old[at - 1];
                }
                let mut value = [0; shoal_abi::profile::DATA_WORDS];
                let bits = port.bits(profile);
                for (w, word) in value.iter_mut().enumerate().take(bits.div_ceil(64)) {
                    *word = dice.word() & (u64::MAX >> (64 - (bits - 64 * w).min(64)));
                }
                value
            });
        }
        all.push(now);
    }
    all
}

fn write(profile: &Profile, cycles: &[Inputs]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut r = Recorder::new(dir.path(), profile, &header(profile), u64::MAX).unwrap();
    cycles.iter().for_each(|i| r.push(i));
    let recording = r.finish(7).unwrap();
    assert_eq!(
        (recording.cycles, recording.is_complete),
        (cycles.len() as u64, true)
    );
    let path = recording.keep(&dir.path().join("run.rec")).unwrap();
    (dir, path)
}

fn read(path: &Path) -> Result<Vec<Inputs>, RecordError> {
    let mut reader = Reader::open(path)?;
    let mut all = Vec::new();
    while let Some(i) = reader.next_cycle()? {
        all.push(i);
    }
    Ok(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn prop_cycles_come_back_bit_for_bit(seed: u64, n in 0_usize..400, wide: bool) {
        let profile = if wide { &MID } else { &TINY };
        let cycles = cycles(profile, seed, n);
        let (_dir, path) = write(profile, &cycles);
        prop_assert_eq!(read(&path).unwrap(), cycles);
    }

    #[test]
    fn prop_a_changed_byte_is_an_error_and_never_a_panic(seed: u64, at: prop::sample::Index, bit in 0..8) {
        let cycles = cycles(&TINY, seed, 100);
        let (_dir, path) = write(&TINY, &cycles);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(read(&path).is_err(), "bit {} of byte {} of {}", bit, at, bytes.len());
    }

    #[test]
    fn prop_a_cut_record_says_so(seed: u64, at: prop::sample::Index) {
        let (_dir, path) = write(&TINY, &cycles(&TINY, seed, 100));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..at.index(bytes.len())]).unwrap();
        let cut = matches!(
            read(&path),
            Err(RecordError::Truncated { .. } | RecordError::NotARecord)
        );
        prop_assert!(cut);
    }
}

#[test]
fn the_header_comes_back_and_other_versions_are_refused_by_name() {
    let (dir, path) = write(&MID, &[]);
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.header(), reader.seed()), (&header(&MID), 42));
    assert_eq!(reader.profile().name, "mid");
    for (change, expected) in [
        (
            Header {
                abi: "999".into(),
                ..header(&MID)
            },
            "recorded with ABI version 999",
        ),
        (
            Header {
                profile: "vast".into(),
                ..header(&MID)
            },
            "recorded with profile `vast`",
        ),
        (
            Header {
                seed: "x".into(),
                ..header(&MID)
            },
            "seed `x` in the record",
        ),
    ] {
        let r = Recorder::new(dir.path(), &MID, &change, u64::MAX).unwrap();
        let path = r.finish(7).unwrap().keep(&path).unwrap();
        let e = Reader::open(&path).unwrap_err().to_string();
        assert!(e.starts_with(expected), "{e}");
    }
    std::fs::write(&path, b"SHOALREC\x09\0\0\0").unwrap();
    assert!(matches!(
        Reader::open(&path),
        Err(RecordError::Format { found: 9 })
    ));
    std::fs::write(&path, b"hello, this is text").unwrap();
    assert!(matches!(Reader::open(&path), Err(RecordError::NotARecord)));
}

#[test]
fn idle_cycles_cost_nothing_and_the_limit_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = Recorder::new(dir.path(), &TINY, &header(&TINY), u64::MAX).unwrap();
    (0..1_000_000).for_each(|_| r.push(&Inputs::default()));
    assert!(r.finish(7).unwrap().bytes < 300);
    let mut r = Recorder::new(dir.path(), &TINY, &header(&TINY), 500_000).unwrap();
    let noise = cycles(&TINY, 1, 1000);
    (0..100).for_each(|_| noise.iter().for_each(|i| r.push(i)));
    let recording = r.finish(7).unwrap();
    assert!(!recording.is_complete && recording.cycles < 100_000);
    assert!(recording.bytes < 1_000_000);
    let path = recording.path().to_owned();
    drop(recording);
    assert!(!path.exists(), "a record that nobody keeps goes");
}
