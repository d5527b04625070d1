//! The `shoal` command given what it cannot use: one line that names it, exit code 2, and nothing left half-written.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `shoal` with the words of `line`, in `dir`.
fn shoal(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command.args(line.split_whitespace()).current_dir(dir);
    command.output().expect("the program starts")
}

/// Names of the files in `dir`, hidden ones too.
fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Expects bad input: exit code 2, one line on standard error with `word` in it, nothing on standard output.
fn refused(dir: &Path, line: &str, word: &str) {
    let before = files(dir);
    let out = shoal(dir, line);
    let err = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{line}: {err}");
    assert_eq!(err.lines().count(), 1, "{line}: {err}");
    assert!(
        err.starts_with("error: ") && err.contains(word),
        "{line}: {err}"
    );
    assert!(
        out.stdout.is_empty(),
        "{line}: {}",
        String::from_utf8_lossy(&out.stdout)
    );
    assert_eq!(files(dir), before, "{line}");
}

/// The numbers of a good run.
fn numbers(dir: &Path, line: &str) -> serde_json::Value {
    let out = shoal(dir, &format!("{line} --no-record --json x.json"));
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{line}: {err}");
    let text = std::fs::read(dir.join("x.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// A record of a short run of the model.
fn record(dir: &Path) -> Vec<u8> {
    let out = shoal(dir, "run probe --dut model --seed 7 --record good.rec");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert_eq!(files(dir), ["good.rec"]);
    std::fs::read(dir.join("good.rec")).unwrap()
}

#[test]
fn names_and_numbers_that_do_not_exist_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    refused(d, "", "subcommand");
    refused(d, "dance", "dance");
    refused(d, "run nothing", "nothing");
    refused(d, "run probe --dut model --profile huge", "huge");
    refused(d, "run probe --dut quantum", "quantum");
    refused(
        d,
        "run probe --dut model --profile tiny --devices 9",
        "--devices 9",
    );
    refused(d, "run noisy --dut model --devices 1", "--devices 1");
    refused(d, "run noisy --dut model --time 3", "--time");
    refused(d, "run shares --dut model --profile tiny", "8 devices");
    refused(d, "run shares --dut model --devices 95", "95 devices");
    refused(d, "run churn --dut model --time 0", "--time 0");
    refused(d, "run churn --dut model --devices 0", "--devices 0");
    refused(d, "run churn --dut model --n 9 --time 3", "--time");
    refused(d, "run probe --dut model --devices 0", "--devices 0");
    refused(d, "run probe --dut model --devices -1", "-1");
    refused(
        d,
        "run demo --dut model --profile mid --devices 4097",
        "4097",
    );
    refused(d, "run probe --dut model --max-cycles 0", "--max-cycles 0");
    refused(d, "run probe --dut model --seed one", "one");
    refused(
        d,
        "run probe --dut model --latency 99999999999",
        "99999999999",
    );
    refused(d, "gen --profile huge --out v", "huge");
    refused(d, "gen --profile tiny", "--out");
    refused(d, "abi --format html", "html");
    refused(d, "bench --profile huge", "huge");
    refused(d, "bench --profile tiny --active 9", "--active 9");
    refused(d, "bench --active 1,0", "--active 0");
    refused(d, "bench --frame 63", "63");
    refused(d, "bench --frame 64,4089", "4089");
    refused(d, "bench --batch 129", "129");
    refused(d, "bench --direction up", "up");
    refused(d, "bench --translations hot", "hot");
    refused(d, "bench --completion 128", "128");
    refused(d, "bench --link gen2", "gen2");
    refused(d, "bench --packets 0", "0");
}

#[test]
fn places_that_cannot_be_written_are_refused_before_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("file"), "x").unwrap();
    refused(d, "run probe --dut model --json no/x.json", "no/x.json");
    refused(d, "run probe --dut model --json file/x.json", "file/x.json");
    refused(d, "run probe --dut model --json .", ".");
    refused(d, "run probe --dut model --record no/x.rec", "no/x.rec");
    refused(d, "run probe --dut model --out no", "no");
    refused(d, "run probe --dut model --wave x.txt", "x.txt");
    refused(d, "run probe --dut model --wave no/x.fst", "no/x.fst");
    refused(d, "bench --json no/x.json", "no/x.json");
    refused(d, "bench --csv no/x.csv", "no/x.csv");
    refused(d, "bench --plot no/x.svg", "no/x.svg");
    refused(d, "bench --plot x.png", "x.png");
}

#[test]
fn servers_refuse_what_they_cannot_serve() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("file"), "x").unwrap();
    refused(d, "serve", "subcommand");
    refused(d, "serve vfio-user", "--socket");
    for (words, named) in [
        ("--socket no/s", "no/s"),
        ("--socket file", "file"),
        ("--socket s --vectors 3", "--vectors"),
        ("--socket s --vectors 2049", "--vectors"),
        ("--socket s --profile huge", "huge"),
        ("--socket s --store no", "no"),
        ("--socket s --store-mib 0", "--store-mib"),
        ("--socket s --clock 1", "--clock"),
        ("--socket s --json no/x.json", "no/x.json"),
        ("--socket s --record no/x.rec", "no/x.rec"),
        ("--socket s --out no", "no"),
        ("--socket s --uplink no/u", "--uplink no/u"),
        ("--socket s --uplink file", "--uplink file"),
    ] {
        refused(d, &format!("serve vfio-user --dut model {words}"), named);
    }
    {
        let net = "serve vhost-user-net --dut model --socket s --uplink no/u";
        refused(d, net, "--uplink no/u");
        let blk = "serve vhost-user-blk --dut model --socket s --uplink u";
        refused(d, blk, "--uplink");
    }
}

/// Runs a bench of `tiny` with these options, and gives the files that it left.
fn bench(dir: &Path, options: &str) -> (serde_json::Value, String, String) {
    let files = "--json b.json --csv b.csv --plot b.svg";
    let line = format!("bench --profile tiny --cycles 0 {options} {files}");
    let out = shoal(dir, &line);
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{line}: {err}");
    let text = |name| std::fs::read_to_string(dir.join(name)).unwrap();
    let json = serde_json::from_str(&text("b.json")).unwrap();
    (json, text("b.csv"), text("b.svg"))
}

#[test]
fn a_quick_bench_leaves_rows_figures_and_a_picture() {
    let dir = tempfile::tempdir().unwrap();
    let (json, csv, svg) = bench(dir.path(), "--dut model");
    let rows = json["rows"].as_array().unwrap();
    assert!(rows.len() >= 8);
    for row in rows {
        for column in [
            "frame",
            "batch",
            "active",
            "cycles_per_packet",
            "reads_per_packet",
            "bus_use",
            "wall_share",
            "p50_cycles",
            "p99_cycles",
            "walks_per_packet",
        ] {
            assert!(row[column].is_number(), "{column} of {row}");
        }
        assert!(["tx", "rx", "both"].contains(&row["direction"].as_str().unwrap()));
        assert!(["warm", "cold"].contains(&row["translations"].as_str().unwrap()));
        assert_eq!(row["ring"], "split");
    }
    let figures = &json["figures"];
    for name in [
        "provision_cycles",
        "doorbell_to_dma",
        "used_to_msi",
        "jain",
        "nonblocking_over_blocking",
    ] {
        assert!(figures[name].is_number(), "{name}");
    }
    let (speed, reasons) = (&figures["lockstep_over_rtl"], &figures["reasons"]);
    assert!(speed.is_null() && reasons["lockstep_over_rtl"].is_string());
    assert!(csv.starts_with("frame,direction,batch,") && csv.lines().count() == rows.len() + 1);
    assert_eq!(svg.matches("<title>").count(), rows.len());
    // The same again gives the same numbers; only the time differs.
    let (again, ..) = bench(dir.path(), "--dut model");
    for (a, b) in rows.iter().zip(again["rows"].as_array().unwrap()) {
        assert_eq!(a["cycles_per_packet"], b["cycles_per_packet"]);
    }
}

#[cfg(feature = "rtl")]
#[test]
fn chosen_rows_are_measured_in_lockstep_and_none_without_a_matrix() {
    let dir = tempfile::tempdir().unwrap();
    let chosen = "--frame 64 --direction both --batch 1 --active 2 --translations cold";
    let options = format!("{chosen} --packets 32 --in-flight 8 --link gen4x16");
    let (json, ..) = bench(dir.path(), &options);
    assert_eq!(json["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&json["rows"][0]["active"], &json["link"]),
        (&2.into(), &"gen4x16".into())
    );
    let (json, csv, _) = bench(dir.path(), "--matrix none --dut model");
    assert!(json["rows"].as_array().unwrap().is_empty() && csv.is_empty());
    assert!(json["figures"]["jain"].is_null());
}

#[cfg(feature = "rtl")]
#[test]
fn verilog_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("file"), "x").unwrap();
    refused(d, "gen --profile tiny --out file", "file");
    refused(d, "gen --profile tiny --out file/v", "file");
    let out = shoal(d, "gen --profile tiny --out v");
    assert!(out.status.success());
    assert_eq!(files(&d.join("v")), ["shoal_top.v"]);
    assert!(std::fs::read_to_string(d.join("v/shoal_top.v"))
        .unwrap()
        .contains("module shoal_top"));
}

#[test]
fn replay_files_that_are_none_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let good = record(d);
    assert!(shoal(d, "replay good.rec --dut model").status.success());
    refused(d, "replay missing.rec --dut model", "missing.rec");
    refused(d, "replay . --dut model", ".");
    refused(d, "replay good.rec --dut model --wave no/x.fst", "no/x.fst");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("empty.rec", Vec::new(), "not a record"),
        (
            "text.rec",
            b"once upon a time there was a file".to_vec(),
            "not a record",
        ),
        ("head.rec", good[..20].to_vec(), "cut off"),
        ("cut.rec", good[..good.len() - 9].to_vec(), "cut off"),
        ("more.rec", [&good[..], b"x"].concat(), "damaged"),
        (
            "later.rec",
            [&good[..8], &[0xff; 4], &good[12..]].concat(),
            "format",
        ),
    ];
    for (name, bytes, word) in cases {
        std::fs::write(d.join(name), bytes).unwrap();
        refused(d, &format!("replay {name} --dut model"), word);
        refused(d, &format!("replay {name} --dut model"), name);
    }
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(d.join("flipped.rec"), &flipped).unwrap();
    refused(d, "replay flipped.rec --dut model", "damaged");
}

/// A record that says something else of its run, with a good checksum.
fn with_header(good: &[u8], name: &str, value: &str) -> Vec<u8> {
    let u32_at = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap()) as usize;
    let (len, start) = (u32_at(12), 20);
    let mut texts = Vec::new();
    let mut at = start;
    while at < start + len {
        let mut pair = Vec::new();
        for _ in 0..2 {
            let n = u32_at(at);
            pair.push(std::str::from_utf8(&good[at + 4..at + 4 + n]).unwrap());
            at += 4 + n;
        }
        if pair[0] == name {
            pair[1] = value;
        }
        for text in pair {
            texts.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
            texts.extend_from_slice(text.as_bytes());
        }
    }
    let mut all = good[..12].to_vec();
    all.extend_from_slice(&u32::try_from(texts.len()).unwrap().to_le_bytes());
    all.extend_from_slice(&crc32fast::hash(&texts).to_le_bytes());
    all.extend_from_slice(&texts);
    all.extend_from_slice(&good[start + len..]);
    all
}

#[test]
fn replay_files_of_another_device_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let good = record(d);
    assert_eq!(with_header(&good, "nothing", ""), good);
    for (name, value, word) in [
        (
            "rtl",
            "0123456789abcdef",
            "recorded with RTL 0123456789abcdef",
        ),
        ("abi", "4000000000", "ABI version 4000000000"),
        ("profile", "huge", "`huge`"),
        ("seed", "soup", "`soup`"),
    ] {
        std::fs::write(d.join("other.rec"), with_header(&good, name, value)).unwrap();
        refused(d, "replay other.rec --dut model", word);
        refused(d, "replay other.rec", word);
    }
}

#[test]
fn a_run_that_is_cut_short_fails_and_keeps_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let out = shoal(
        dir.path(),
        "run probe --dut model --max-cycles 100 --json x.json",
    );
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("100 cycles are used up"));
    assert_eq!(files(dir.path()), ["shoal-probe-mid-1.rec", "x.json"]);
    assert!(
        shoal(dir.path(), "replay shoal-probe-mid-1.rec --dut model")
            .status
            .success()
    );
}

#[test]
fn a_small_hyperscale_run_leaves_nothing_and_its_numbers_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs = vec![("--profile tiny --dut model", [8, 1])];
    if cfg!(feature = "rtl") {
        runs.push(("--n 64", [64, 4]));
    }
    for (line, [devices, blk]) in runs {
        let numbers = numbers(dir.path(), &format!("run hyperscale {line}"));
        for (name, wanted) in [
            ("vdevs_created", devices),
            ("vdevs_destroyed", devices),
            ("packets_tx", devices),
            ("blk_writes", blk),
            ("faults", 0),
        ] {
            assert_eq!(numbers[name], wanted, "{line}: {name}");
        }
    }
}

/// `lockstep` where there is RTL.
const DUT: &str = if cfg!(feature = "rtl") {
    "lockstep"
} else {
    "model"
};

#[test]
fn a_flood_is_measured_against_the_same_packets_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("run noisy --profile tiny --dut {DUT}");
    let n = numbers(dir.path(), &line);
    let of = |name: &str| n[name].as_f64().unwrap_or_else(|| panic!("{name}: {n}"));
    assert_eq!((of("vdevs_created"), of("vdevs_destroyed")), (8.0, 8.0));
    for part in ["", "_alone"] {
        // 37 of each of the seven others.
        assert_eq!(of(&format!("others_packets{part}")), 259.0);
        let p = |q: &str| of(&format!("others_{q}{part}"));
        assert!(0.0 < p("p50") && p("p50") < p("p99") && p("p99") <= p("max"));
        let fair = of(&format!("jain{part}"));
        assert!(0.0 < fair && fair <= 1.0);
    }
    assert_eq!(of("p99_ratio"), of("others_p99") / of("others_p99_alone"));
    let flood = of("flood_packets");
    assert_eq!(of("flood_share"), flood / (flood + 259.0));
    // What its ring still held is sent after the window.
    let all = of("packets_tx");
    assert!(flood > 259.0 && (2.0 * 259.0 + flood..=2.0 * 259.0 + flood + 64.0).contains(&all));
}

#[test]
fn devices_get_turns_by_weight_and_no_more_than_their_rate() {
    let dir = tempfile::tempdir().unwrap();
    let n = numbers(dir.path(), &format!("run shares --dut {DUT}"));
    let of = |name: &str| n[name].as_f64().unwrap_or_else(|| panic!("{name}: {n}"));
    assert_eq!((of("vdevs_created"), of("vdevs_destroyed")), (192.0, 192.0));
    assert_eq!(of("share_1"), 1.0);
    assert!(of("share_2") < of("share_4") && of("share_4") < of("share_8"));
    assert!(of("paced_packets") <= of("paced_most"));
    assert!(of("paced_packets") > 0.5 * of("paced_due"));
    assert_eq!(n["faults"], 0);
}

#[test]
fn devices_come_and_go_beside_traffic_and_the_seed_says_how() {
    let dir = tempfile::tempdir().unwrap();
    let short = "run churn --profile tiny --n 40";
    let n = numbers(dir.path(), &format!("{short} --dut {DUT}"));
    assert_eq!(
        (&n["vdevs_created"], &n["vdevs_destroyed"]),
        (&44.into(), &44.into())
    );
    for name in [
        "creations_per_kcycle",
        "destructions_per_kcycle",
        "destroyed_early",
        "destroyed_in_flight",
        "traffic_packets",
        "traffic_packets_per_kcycle",
        "traffic_packets_per_kcycle_alone",
        "traffic_p99",
        "churn_packets",
        "churn_blk_writes",
    ] {
        assert!(n[name].as_f64() > Some(0.0), "{name}: {n}");
    }
    assert_eq!(n["faults"], 0);
    let digest = |line: &str| numbers(dir.path(), line)["digest"].clone();
    assert_eq!(digest(&format!("{short} --dut model")), n["digest"]);
    assert_ne!(
        digest(&format!("{short} --dut model --seed 2")),
        n["digest"]
    );
}

#[cfg(feature = "breaks")]
#[test]
fn a_divergence_is_3_a_violation_is_4_and_both_leave_a_record_and_a_waveform() {
    for (dut, code, what) in [("lockstep", 3, "m_axi_awaddr"), ("rtl", 4, "virtqueue")] {
        let dir = tempfile::tempdir().unwrap();
        let out = shoal(
            dir.path(),
            &format!("run smoke --profile tiny --dut {dut} --break used_index"),
        );
        let err = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{err}");
        assert!(err.contains(what), "{err}");
        let kept = ["shoal-smoke-tiny-1.fst", "shoal-smoke-tiny-1.rec"];
        assert_eq!(files(dir.path()), kept, "{err}");
    }
}
