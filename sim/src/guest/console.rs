//! What a guest says on its serial console, line by line.

/// Longest line that is kept; a guest's console may hold anything.
const MAX_LINE: usize = 4096;

/// One check of a test in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// It held.
    pub is_ok: bool,
    /// What was checked, and for one that failed what was expected and seen.
    pub what: String,
}

/// How a guest's test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything held.
    Pass,
    /// The first thing that did not.
    Fail(String),
}

/// What a console has said so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Console {
    line: Vec<u8>,
    /// The test has begun: the guest has booted.
    pub is_started: bool,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// How the test ended.
    pub verdict: Option<Verdict>,
    /// Words behind `SHOAL-STORE`: a device and what the guest knows of its store.
    pub stores: Vec<Vec<String>>,
    /// Behind `SHOAL-DO`: what the guest wants done outside, until it is done.
    pub wanted: Vec<String>,
    /// Behind `SHOAL-TIME`: what took how long.
    pub times: Vec<(String, String)>,
    /// Behind `SHOAL-RATE`: name, figure and unit, in wall time.
    pub rates: Vec<(String, f64, String)>,
    /// The kernel gave up, with these words.
    pub panic: Option<String>,
    /// The last line.
    pub last: String,
}

impl Console {
    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take_line(&plain(&line));
            } else if self.line.len() < MAX_LINE {
                self.line.push(byte);
            }
        }
    }

    fn take_line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        line.clone_into(&mut self.last);
        let words = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
        if let Some(what) = line.strip_prefix("ok - ") {
            self.check(true, what);
        } else if let Some(what) = line.strip_prefix("not ok - ") {
            self.check(false, what);
        } else if line.starts_with("SHOAL-START ") {
            self.is_started = true;
        } else if line == "SHOAL-RESULT pass" {
            self.verdict = Some(Verdict::Pass);
        } else if let Some(what) = line.strip_prefix("SHOAL-RESULT fail: ") {
            self.verdict = Some(Verdict::Fail(what.to_owned()));
        } else if let Some(rest) = line.strip_prefix("SHOAL-STORE ") {
            self.stores.push(words(rest));
        } else if let Some(what) = line.strip_prefix("SHOAL-DO ") {
            self.wanted.push(what.to_owned());
        } else if let Some((what, time)) = line
            .strip_prefix("SHOAL-TIME ")
            .and_then(|rest| rest.split_once(' '))
        {
            self.times.push((what.to_owned(), time.to_owned()));
        } else if let Some(rest) = line.strip_prefix("SHOAL-RATE ") {
            self.rate(rest);
        } else if let Some((_, why)) = line.split_once("Kernel panic - not syncing: ") {
            self.panic = Some(why.to_owned());
        }
    }

    /// Adds a check, the guest's or one of what the guest left behind.
    pub fn check(&mut self, is_ok: bool, what: &str) {
        self.checks.push(Check {
            is_ok,
            what: what.to_owned(),
        });
    }

    /// A figure that a test could not read out of its tool's report is a check that failed.
    fn rate(&mut self, rest: &str) {
        let words: Vec<_> = rest.split_whitespace().collect();
        match (&words[..], words.get(1).map(|v| v.parse::<f64>())) {
            ([name, _, unit], Some(Ok(v))) if v.is_finite() => {
                self.rates.push(((*name).to_owned(), v, (*unit).to_owned()));
            }
            _ => self.check(false, &format!("a figure: expected a number got '{rest}'")),
        }
    }

    /// How many checks held.
    #[must_use]
    pub fn ok(&self) -> usize {
        self.checks.iter().filter(|c| c.is_ok).count()
    }

    /// How many did not.
    #[must_use]
    pub fn not_ok(&self) -> usize {
        self.checks.len() - self.ok()
    }

    /// What the guest says of the store of a device.
    #[must_use]
    pub fn store(&self, device: &str, key: &str) -> Option<&str> {
        self.stores.iter().find_map(|words| match &words[..] {
            [d, k, value] if d == device && k == key => Some(value.as_str()),
            _ => None,
        })
    }
}

/// A line without carriage returns and the firmware's control sequences.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            skip_sequence(&mut chars);
        } else if !c.is_control() || c == '\t' {
            out.push(c);
        }
    }
    out.trim_end().to_owned()
}

/// ECMA-48: `ESC [`, parameters, and one letter or so; `ESC` and one character otherwise.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars>) {
    if chars.next() == Some('[') {
        for c in chars.by_ref() {
            if ('\x40'..='\x7e').contains(&c) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(text: &str) -> Console {
        let mut console = Console::default();
        console.feed(text.as_bytes());
        console
    }

    #[test]
    fn checks_and_the_verdict_are_read_whatever_the_pieces_they_come_in() {
        let text = "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n\r\nSHOAL-START net, Linux 6.12, up 2.4 s\r\nok - ping\r\n\
                    not ok - mtu: expected '1400' got '1500'\r\nSHOAL-RESULT fail: mtu\r\n";
        let whole = console(text);
        let mut bytewise = Console::default();
        text.bytes().for_each(|b| bytewise.feed(&[b]));
        assert_eq!(whole, bytewise);
        assert!(whole.is_started);
        assert_eq!((whole.ok(), whole.not_ok()), (1, 1));
        assert_eq!(whole.checks[1].what, "mtu: expected '1400' got '1500'");
        assert_eq!(whole.verdict, Some(Verdict::Fail("mtu".into())));
    }

    #[test]
    fn a_line_is_only_a_result_when_it_is_whole_and_begins_with_it() {
        assert_eq!(console("SHOAL-RESULT pass").verdict, None);
        assert_eq!(console("echo SHOAL-RESULT pass\n").verdict, None);
        assert_eq!(console("SHOAL-RESULT passed\n").verdict, None);
        assert_eq!(
            console("\x1b[0mSHOAL-RESULT pass\r\n").verdict,
            Some(Verdict::Pass)
        );
        assert!(console("it is not ok - really\n").checks.is_empty());
    }

    #[test]
    fn stores_times_and_a_panic_are_kept() {
        let c = console(
            "SHOAL-STORE blk0 sha256 abcd\nSHOAL-TIME create 1.25 s for 64\n\
             [    3.1] Kernel panic - not syncing: Fatal exception\n",
        );
        assert_eq!(c.store("blk0", "sha256"), Some("abcd"));
        assert_eq!(c.store("blk1", "sha256"), None);
        assert_eq!(c.times, [("create".into(), "1.25 s for 64".into())]);
        assert_eq!(c.panic.as_deref(), Some("Fatal exception"));
    }

    #[test]
    fn what_is_to_be_done_outside_is_a_whole_line() {
        let mut c = console("echo SHOAL-DO this\r\nSHOAL-DO restart-ser");
        assert!(c.wanted.is_empty());
        c.feed(b"ver\r\n");
        assert_eq!(c.wanted, ["restart-server"]);
    }

    #[test]
    fn a_figure_is_a_number_or_a_failed_check() {
        let c = console(
            "SHOAL-RATE fio_read 12.5 IOPS\nSHOAL-RATE fio_write  IOPS\nSHOAL-RATE x nan y\n",
        );
        assert_eq!(c.rates, [("fio_read".into(), 12.5, "IOPS".into())]);
        assert_eq!(c.not_ok(), 2);
        assert!(
            c.checks[0].what.contains("'fio_write  IOPS'"),
            "{:?}",
            c.checks
        );
    }

    #[test]
    fn what_no_guest_should_say_is_survived() {
        let mut c = Console::default();
        c.feed(&[0xff, 0x1b, b'\n', 0x1b, b'[', b'\n', 0]);
        c.feed(&vec![b'x'; 10 * MAX_LINE]);
        c.feed(b"\nSHOAL-TIME\nSHOAL-STORE \nnot ok - \nok - fine\n");
        assert_eq!((c.ok(), c.not_ok()), (1, 0));
        assert_eq!(c.verdict, None);
    }
}
