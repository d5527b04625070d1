//! The consoles of guests, as they are shown while they run.

use std::collections::BTreeMap;

use shoal::guest::Console;

/// What a guest is at.
pub(super) fn progress(number: usize, console: &Console) -> String {
    match console.checks.last() {
        Some(check) => format!(
            "guest {number}: {} checks, {}",
            console.checks.len(),
            check.what
        ),
        None if console.is_started => format!("guest {number}: the test begins"),
        None => format!("guest {number} boots"),
    }
}

/// What is shown of consoles: of a single guest as it comes, of several whole lines, with the guest's number.
#[derive(Debug)]
pub(super) struct Shown {
    has_several: bool,
    /// The lines that have begun.
    lines: BTreeMap<usize, Vec<u8>>,
}

impl Shown {
    /// For so many guests.
    pub(super) fn new(guests: usize) -> Self {
        Self {
            has_several: guests > 1,
            lines: BTreeMap::new(),
        }
    }

    /// What to show now that guest `number` said `bytes`.
    pub(super) fn of(&mut self, number: usize, bytes: &[u8]) -> Vec<u8> {
        if !self.has_several {
            return bytes.to_owned();
        }
        let line = self.lines.entry(number).or_default();
        line.extend_from_slice(bytes);
        let whole = line
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let mut out = Vec::new();
        for said in line[..whole].split_inclusive(|b| *b == b'\n') {
            out.extend_from_slice(format!("[{number}] ").as_bytes());
            out.extend_from_slice(said);
        }
        line.drain(..whole);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_several_guests_are_shown_whole_and_numbered() {
        assert_eq!(Shown::new(1).of(1, b"a\nb"), b"a\nb");
        let mut shown = Shown::new(3);
        assert_eq!(shown.of(1, b"a"), b"");
        assert_eq!(shown.of(2, b"one\ntw"), b"[2] one\n");
        assert_eq!(shown.of(3, b"x\n"), b"[3] x\n");
        assert_eq!(shown.of(2, b"o\n"), b"[2] two\n");
        assert_eq!(shown.of(1, b"\nb"), b"[1] a\n");
    }
}
