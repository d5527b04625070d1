//! A picture of the rows as SVG: cycles a packet as bars on a logarithmic scale, grouped by devices and translations, each
//! with its two walls.

use std::fmt::Write;

use super::row::Row;

const BAR: f64 = 14.0;
const GAP: f64 = 6.0;
const GROUP_GAP: f64 = 26.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 46.0;
const HEIGHT: f64 = 320.0;
const BOTTOM: f64 = 130.0;
const BAR_COLOUR: &str = "#5b7fa6";
const PORT_COLOUR: &str = "#c0392b";
const PCIE_COLOUR: &str = "#1e8449";

/// Decades from the lowest wall to the highest bar.
fn range(rows: &[Row]) -> (f64, f64) {
    let walls = rows
        .iter()
        .flat_map(|r| [Some(r.port_wall), r.pcie_wall].into_iter().flatten());
    let low = walls.reduce(f64::min).unwrap_or(1.0).max(1e-3);
    let high = rows.iter().map(|r| r.cycles_per_packet).fold(low, f64::max);
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    (low, high.max(low + 1.0))
}

/// The picture of `rows`, with `title` above it.
#[must_use]
pub fn plot(title: &str, rows: &[Row]) -> String {
    let (low, high) = range(rows);
    let y = |value: f64| {
        let part = (value.max(1e-9).log10() - low) / (high - low);
        TOP + HEIGHT * (1.0 - part.clamp(0.0, 1.0))
    };
    let mut body = String::new();
    let mut x = LEFT + GROUP_GAP / 2.0;
    let mut group = None;
    for row in rows {
        let of = (row.active, row.translations);
        if group != Some(of) {
            if group.is_some() {
                x += GROUP_GAP;
            }
            group = Some(of);
            let label = format!("{} active, {}", row.active, row.translations.name());
            text(&mut body, x, TOP - 6.0, "start", &label);
        }
        bar(&mut body, x, row, &y);
        x += BAR + GAP;
    }
    let width = x + GROUP_GAP;
    let height = TOP + HEIGHT + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, LEFT, 16.0, "start", &escape(title));
    let mut at = low;
    while at <= high {
        let value = 10_f64.powf(at);
        let (line, right) = (y(value), width - GROUP_GAP / 2.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {line:.1}H{right:.1}\" stroke=\"#dddddd\"/>"
        );
        text(&mut svg, LEFT - 6.0, line + 3.0, "end", &format!("{value}"));
        at += 1.0;
    }
    svg += &body;
    legend(&mut svg, height - 14.0);
    svg += "</svg>\n";
    svg
}

fn bar(out: &mut String, x: f64, row: &Row, y: &dyn Fn(f64) -> f64) {
    let top = y(row.cycles_per_packet);
    let floor = TOP + HEIGHT;
    let name = format!("{} B {} x{}", row.frame, row.direction.name(), row.batch);
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{BAR}\" height=\"{:.1}\" fill=\"{BAR_COLOUR}\">\
         <title>{name}: {:.2} cycles a packet, {:.4} of the wall</title></rect>",
        floor - top,
        row.cycles_per_packet,
        row.wall_share
    );
    let walls = [
        (Some(row.port_wall), PORT_COLOUR),
        (row.pcie_wall, PCIE_COLOUR),
    ];
    for (wall, colour) in walls {
        if let Some(wall) = wall {
            let _ = writeln!(
                out,
                "<path d=\"M{:.1} {:.1}h{}\" stroke=\"{colour}\" stroke-width=\"2.5\"/>",
                x - 2.0,
                y(wall),
                BAR + 4.0
            );
        }
    }
    let (cx, cy) = (x + BAR / 2.0 + 3.0, floor + 8.0);
    let _ = writeln!(
        out,
        "<text x=\"{cx:.1}\" y=\"{cy:.1}\" text-anchor=\"end\" transform=\"rotate(-60 {cx:.1} {cy:.1})\">{name}</text>"
    );
}

fn legend(out: &mut String, y: f64) {
    let entries = [
        (BAR_COLOUR, "cycles a packet"),
        (PORT_COLOUR, "wall of the data port"),
        (PCIE_COLOUR, "wall of the PCIe link"),
    ];
    for (n, (colour, label)) in entries.into_iter().enumerate() {
        let x = LEFT + 150.0 * n as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>",
            y - 9.0
        );
        text(out, x + 14.0, y, "start", label);
    }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::{Direction, Translations};

    pub(in crate::bench) fn row(active: u32, cycles_per_packet: f64) -> Row {
        Row {
            frame: 64,
            direction: Direction::Tx,
            batch: 8,
            queued: 1,
            active,
            translations: Translations::Warm,
            ring: "split",
            packets: 100,
            cycles_per_packet,
            blocking_cycles_per_packet: None,
            single_cycles_per_packet: None,
            reads_per_packet: 1.0,
            read_beats_per_packet: 2.0,
            writes_per_packet: 1.0,
            write_beats_per_packet: 1.0,
            bus_use: 0.5,
            link_use: None,
            port_wall: 2.5,
            pcie_wall: Some(2.2),
            wall_share: 2.5 / cycles_per_packet,
            p50_cycles: Some(10),
            p99_cycles: None,
            walks_per_packet: 0.0,
            jain: None,
            cycles: 1,
            sim_hz: 1.0,
        }
    }

    #[test]
    fn every_row_has_a_bar_and_two_walls_inside_the_picture() {
        let rows = [row(1, 2500.0), row(1, 3.0), row(64, 40.0)];
        let svg = plot("mid & <link>", &rows);
        assert_eq!(svg.matches("<title>").count(), 3);
        assert_eq!(svg.matches("stroke-width").count(), 6);
        assert!(svg.contains("mid &amp; &lt;link>") && svg.contains("64 active, warm"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn no_rows_give_an_empty_picture() {
        let svg = plot("nothing", &[]);
        assert!(!svg.contains("<title>") && svg.len() < 2000, "{svg}");
    }

    #[test]
    fn a_higher_bar_is_higher() {
        let svg = plot("", &[row(1, 2500.0), row(1, 30.0)]);
        let tops: Vec<f64> = svg
            .lines()
            .filter(|l| l.contains("<title>"))
            .map(|l| l.split("y=\"").nth(1).unwrap().split('"').next().unwrap())
            .map(|y| y.parse().unwrap())
            .collect();
        assert!(tops[0] < tops[1], "{tops:?}");
    }
}
