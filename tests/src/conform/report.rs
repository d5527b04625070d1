//! What came of a run: text, JSON, JUnit, Markdown.

use serde::Serialize;
use shoal::monitor::Cover;

use super::case::Case;
use super::clauses::{Clause, Shown};
use super::Options;

/// What came of a case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// Name.
    pub name: String,
    /// What was done.
    pub text: String,
    /// Where it is said what is right.
    pub clause: &'static str,
    /// It held.
    pub passed: bool,
    /// Why it did not.
    pub why: Option<String>,
    /// Cycles of the neighbour's work.
    pub cycles: Option<u64>,
}

impl CaseResult {
    pub(super) fn new(case: &Case, outcome: Result<u64, String>) -> Self {
        Self {
            name: case.name.clone(),
            text: case.text.clone(),
            clause: case.clause,
            passed: outcome.is_ok(),
            why: outcome.as_ref().err().cloned(),
            cycles: outcome.ok(),
        }
    }
}

/// What came of a clause.
#[derive(Clone, Debug, Serialize)]
pub struct ClauseResult {
    /// Id.
    pub id: &'static str,
    /// Where it stands in virtio 1.4.
    pub clause: &'static str,
    /// What it says.
    pub text: &'static str,
    /// `test`, `elsewhere` or `outside`.
    pub shown: &'static str,
    /// Where else, or why not.
    pub how: Option<&'static str>,
    /// Of a test: it held.
    pub passed: Option<bool>,
    /// Why it did not.
    pub why: Option<String>,
}

impl ClauseResult {
    pub(super) fn new(c: &Clause, outcome: Option<Result<(), String>>) -> Self {
        let (shown, how) = match c.shown {
            Shown::Test(_) => ("test", None),
            Shown::Elsewhere(how) => ("elsewhere", Some(how)),
            Shown::Outside(why) => ("outside", Some(why)),
        };
        Self {
            id: c.id,
            clause: c.clause,
            text: c.text,
            shown,
            how,
            passed: outcome.as_ref().map(Result::is_ok),
            why: outcome.and_then(Result::err),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Profile.
    pub profile: &'static str,
    /// What was run.
    pub dut: String,
    /// Seed.
    pub seed: u64,
    /// What the monitors have seen happen.
    #[serde(skip)]
    pub cover: Cover,
    /// The clauses.
    pub clauses: Vec<ClauseResult>,
    /// The cases.
    pub results: Vec<CaseResult>,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            profile: options.profile.name,
            dut: format!("{:?}", options.mode).to_lowercase(),
            seed: options.seed,
            cover: Cover::default(),
            clauses: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Cases that held.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|r| r.passed).count()
    }

    /// Clauses that are tested here, and those of them that held.
    #[must_use]
    pub fn clauses_tested(&self) -> (usize, usize) {
        let tested = self.clauses.iter().filter_map(|c| c.passed);
        (tested.clone().count(), tested.filter(|p| *p).count())
    }

    /// Everything that was run held.
    #[must_use]
    pub fn holds(&self) -> bool {
        let (tested, passed) = self.clauses_tested();
        tested == passed && self.passed() == self.results.len()
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "profile": self.profile,
            "dut": self.dut,
            "seed": self.seed,
            "clauses_total": self.clauses.len(),
            "clauses_tested": self.clauses_tested().0,
            "clauses_passed": self.clauses_tested().1,
            "clauses": self.clauses,
            "containment_cases": self.results.len(),
            "containment_passed": self.passed(),
            "results": self.results,
            "cover_points": self.cover.points(),
            "cover_hit": self.cover.hits(),
            "cover_missed": self.cover.missed(),
        })
    }

    /// The report as JUnit XML. Clauses without a test here are skipped.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        let clauses = self.clauses.iter().map(|c| {
            let skipped = c.how.filter(|_| c.passed.is_none());
            (c.id.to_owned(), c.why.as_deref(), skipped)
        });
        xml += &suite("clauses", self.profile, clauses.collect());
        let cases = self.results.iter();
        let cases = cases.map(|r| (r.name.clone(), r.why.as_deref(), None));
        xml += &suite("containment", self.profile, cases.collect());
        xml + "</testsuites>\n"
    }

    /// The report as Markdown tables.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| id | virtio 1.4 | what it says | how it is shown | result |\n|---|---|---|---|---|\n",
        );
        for c in &self.clauses {
            let how = c
                .how
                .map_or(c.shown.to_owned(), |how| format!("{}: {how}", c.shown));
            let result = match (&c.why, c.passed) {
                (Some(why), _) => why.replace('|', "\\|"),
                (None, Some(_)) => "passed".into(),
                (None, None) => "-".into(),
            };
            text += &format!(
                "| {} | {} | {} | {how} | {result} |\n",
                c.id, c.clause, c.text
            );
        }
        text += "\n| case | what is done | clause | result |\n|---|---|---|---|\n";
        for r in &self.results {
            let result = r.why.as_deref().unwrap_or("passed").replace('|', "\\|");
            text += &format!("| `{}` | {} | {} | {result} |\n", r.name, r.text, r.clause);
        }
        text
    }
}

/// A test suite: names, why they failed, why they were skipped.
fn suite(name: &str, class: &str, tests: Vec<(String, Option<&str>, Option<&str>)>) -> String {
    let failures = tests.iter().filter(|t| t.1.is_some()).count();
    let skipped = tests.iter().filter(|t| t.2.is_some()).count();
    let mut xml = format!(
        "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
        tests.len()
    );
    for (name, failed, skipped) in tests {
        let inside = match (failed, skipped) {
            (Some(why), _) => format!("<failure message=\"{}\"/>", escape(why)),
            (None, Some(why)) => format!("<skipped message=\"{}\"/>", escape(why)),
            (None, None) => String::new(),
        };
        let name = escape(&name);
        xml += &format!("  <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>\n");
    }
    xml + "</testsuite>\n"
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_in_every_form_of_the_report() {
        let result = |passed: bool| CaseResult {
            name: if passed { "a.good" } else { "a.bad" }.into(),
            text: "does".into(),
            clause: "§1",
            passed,
            why: (!passed).then(|| "1 < 2 | \"x\"".into()),
            cycles: None,
        };
        let report = Report {
            profile: "tiny",
            dut: "model".into(),
            seed: 1,
            cover: Cover::default(),
            clauses: Vec::new(),
            results: vec![result(true), result(false)],
        };
        let json = report.json();
        assert_eq!(
            (&json["containment_cases"], &json["containment_passed"]),
            (&2.into(), &1.into())
        );
        assert!(report.junit().contains("failures=\"1\""));
        assert!(report.junit().contains("1 &lt; 2 | &quot;x&quot;"));
        assert!(report
            .markdown()
            .contains("| `a.bad` | does | §1 | 1 < 2 \\| \"x\" |"));
    }
}
