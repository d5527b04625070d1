//! The line that shows how far a run is: a bar with the remaining time where the scenario knows how much there is to do.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use shoal::host::{Host, Stage};

/// Without and with a known end.
const OPEN: &str = "{spinner} {what} {elapsed}";
const BAR: &str = "{spinner} {what} [{bar:24}] {percent} %, {elapsed}, {eta} left";

/// Shows the progress of `host` until the bar is cleared. Nothing is shown where there is no terminal.
pub(super) fn show(host: &mut Host, name: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The bar draws at each change; text, position and length change at once.
    let what = Arc::new(Mutex::new(name.to_owned()));
    bar.set_style(style(OPEN, &what));
    let (in_host, started) = (bar.clone(), Instant::now());
    let (mut of, mut has_bar) = (0, false);
    host.set_progress(Box::new(move |cycle, stage| {
        // The remaining time is unknown until something is done.
        let is_known = stage.of > 0 && stage.done > 0;
        if stage.of != of || is_known != has_bar {
            (of, has_bar) = (stage.of, is_known);
            in_host.set_style(style(if is_known { BAR } else { OPEN }, &what));
            in_host.reset_eta();
        }
        *what.lock().unwrap_or_else(PoisonError::into_inner) =
            text(name, cycle, started.elapsed(), stage);
        in_host.update(|state| {
            state.set_len(stage.of);
            state.set_pos(stage.done);
        });
    }));
    bar
}

fn style(template: &str, what: &Arc<Mutex<String>>) -> ProgressStyle {
    let what = what.clone();
    let said = move |_: &ProgressState, line: &mut dyn Write| {
        let what = what.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that cannot be written is not shown.
        let _ = line.write_str(&what);
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("what", said)
        .progress_chars("=> ")
}

/// What is going on, and how fast.
fn text(name: &str, cycle: u64, elapsed: Duration, stage: &Stage) -> String {
    let khz = cycle as f64 / elapsed.as_secs_f64().max(1e-3) / 1e3;
    let colon = if stage.what.is_empty() { "" } else { ": " };
    format!("{name}{colon}{}, {cycle} cycles, {khz:.0} kHz", stage.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_goes_on_and_how_fast() {
        let mut stage = Stage::default();
        let second = Duration::from_secs(1);
        assert_eq!(
            text("demo", 2000, second, &stage),
            "demo, 2000 cycles, 2 kHz"
        );
        stage.what = "create 64 of 128".into();
        let line = "demo: create 64 of 128, 300000 cycles, 100 kHz";
        assert_eq!(text("demo", 300_000, 3 * second, &stage), line);
    }

    #[test]
    fn both_templates_are_understood() {
        assert!(ProgressStyle::with_template(OPEN).is_ok());
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }
}
