//! The tables that `shoal bench` prints, and its comma-separated values.

use serde_json::Value;

use super::bench::Numbers;
use super::output::table;
use shoal::bench::{self, Figures, Row};

/// Requests, commands and speed.
pub(super) fn print_numbers(n: &Numbers) {
    let latencies = |all: &[u32]| {
        all.iter()
            .map(|l| format!("{:>20}", format!("latency {l}")))
            .collect::<String>()
    };
    let mut rows = vec![(
        format!("profile {}, cycles alone / each in a stream", n.profile),
        latencies(&bench::REQUEST_LATENCIES),
    )];
    for row in n
        .requests
        .iter()
        .filter(|r| r.latency == bench::REQUEST_LATENCIES[0])
    {
        let same = n
            .requests
            .iter()
            .filter(|r| (r.request, r.bytes) == (row.request, row.bytes));
        let cells = same.map(|r| format!("{:>20}", format!("{} / {:.1}", r.alone, r.each)));
        rows.push((
            format!("{}, {} bytes", row.request, row.bytes),
            cells.collect(),
        ));
    }
    rows.push((String::new(), String::new()));
    rows.push((
        "cycles of a command".into(),
        latencies(&bench::COMMAND_LATENCIES),
    ));
    let each = n.commands.len() / bench::COMMAND_LATENCIES.len();
    for (k, row) in n.commands.iter().enumerate().take(each) {
        let cells = n
            .commands
            .iter()
            .skip(k)
            .step_by(each)
            .map(|c| format!("{:>20}", c.cycles));
        rows.push((row.command.to_owned(), cells.collect()));
    }
    if let Some(s) = &n.speed {
        rows.push((String::new(), String::new()));
        rows.push(("RTL alone".into(), format!("{:>12.1} kHz", s.bare_hz / 1e3)));
        let what = format!(
            "lockstep, {} ports a cycle, monitors, record",
            s.compared_ports
        );
        rows.push((
            what,
            format!("{:>12.1} kHz, {:.3} of that", s.lockstep_hz / 1e3, s.ratio),
        ));
        rows.push((
            "model alone".into(),
            format!("{:>12.1} kHz", s.model_hz / 1e3),
        ));
    }
    table(&rows);
}

/// Rows and figures.
pub(super) fn print_matrix(n: &Numbers) {
    let mut rows = vec![(String::new(), String::new())];
    if !n.rows.is_empty() {
        rows.push((
            format!("packets, host latency {}, link {}", bench::LATENCY, n.link),
            [
                "cycles/pkt",
                "port wall",
                "pcie wall",
                "share",
                "rd/pkt",
                "rd beats",
                "bus use",
                "p50",
                "p99",
                "walks",
                "one xlat",
                "one slot",
            ]
            .map(|h| format!("{h:>11}"))
            .concat(),
        ));
    }
    rows.extend(n.rows.iter().map(|r| (name(r), cells(r))));
    for s in &n.skipped {
        rows.push((s.row.clone(), format!(" left out: {}", s.reason)));
    }
    rows.push((String::new(), String::new()));
    rows.extend(figures(&n.figures));
    table(&rows);
}

fn name(r: &Row) -> String {
    format!(
        "{:>6} active {:>4} B {:<4} batch {:<2} {}",
        r.active,
        r.frame,
        r.direction.name(),
        r.batch,
        r.translations.name()
    )
}

fn cells(r: &Row) -> String {
    let number = |n: f64| format!("{n:>11.2}");
    let or_dash = |n: Option<f64>| n.map_or(format!("{:>11}", "-"), number);
    let or_none = |n: Option<u64>| format!("{:>11}", n.map_or("-".into(), |n| n.to_string()));
    [
        number(r.cycles_per_packet),
        number(r.port_wall),
        or_dash(r.pcie_wall),
        format!("{:>11.4}", r.wall_share),
        number(r.reads_per_packet),
        number(r.read_beats_per_packet),
        format!("{:>11.4}", r.bus_use),
        or_none(r.p50_cycles),
        or_none(r.p99_cycles),
        number(r.walks_per_packet),
        or_dash(r.blocking_cycles_per_packet),
        or_dash(r.single_cycles_per_packet),
    ]
    .concat()
}

fn figures(f: &Figures) -> Vec<(String, String)> {
    let value = |name: &str, value: Option<String>| {
        let reason = f.reasons.get(name).copied().unwrap_or("not measured");
        let text = value.map_or(format!(" - ({reason})"), |v| format!("{v:>12}"));
        (name.to_owned(), text)
    };
    let cycles = |n: Option<u64>| n.map(|n| n.to_string());
    let ratio = |n: Option<f64>| n.map(|n| format!("{n:.3}"));
    vec![
        value("provision_cycles", cycles(f.provision_cycles)),
        value("doorbell_to_dma", cycles(f.doorbell_to_dma)),
        value("used_to_msi", cycles(f.used_to_msi)),
        value("jain", ratio(f.jain)),
        value("lockstep_over_rtl", ratio(f.lockstep_over_rtl)),
        value(
            "nonblocking_over_blocking",
            ratio(f.nonblocking_over_blocking),
        ),
    ]
}

/// The rows as comma-separated values, the names of the columns first. No value holds a comma.
pub(super) fn csv(rows: &[Row]) -> Result<String, serde_json::Error> {
    // The text keeps the order of the fields; a map of values would not.
    let mut out = String::new();
    for row in rows {
        let text = serde_json::to_string(row)?;
        let values: serde_json::Map<String, Value> = serde_json::from_str(&text)?;
        let mut names: Vec<&String> = values.keys().collect();
        names.sort_by_key(|name| text.find(&format!("\"{name}\":")));
        if out.is_empty() {
            let header: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
            out += &(header.join(",") + "\n");
        }
        let cell = |name: &&String| match &values[*name] {
            Value::String(s) => s.clone(),
            Value::Null => String::new(),
            v => v.to_string(),
        };
        out += &(names.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
    }
    Ok(out)
}
