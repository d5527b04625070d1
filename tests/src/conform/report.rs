//! What came of a run: text, JSON, JUnit, Markdown.

use serde::Serialize;

use super::case::Case;
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

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Profile.
    pub profile: &'static str,
    /// What was run.
    pub dut: String,
    /// Seed.
    pub seed: u64,
    /// The cases.
    pub results: Vec<CaseResult>,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            profile: options.profile.name,
            dut: format!("{:?}", options.mode).to_lowercase(),
            seed: options.seed,
            results: Vec::new(),
        }
    }

    /// Cases that held.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|r| r.passed).count()
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "profile": self.profile,
            "dut": self.dut,
            "seed": self.seed,
            "containment_cases": self.results.len(),
            "containment_passed": self.passed(),
            "results": self.results,
        })
    }

    /// The report as JUnit XML.
    #[must_use]
    pub fn junit(&self) -> String {
        let failures = self.results.len() - self.passed();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"containment\" tests=\"{}\" failures=\"{failures}\">\n",
            self.results.len()
        );
        for r in &self.results {
            let name = escape(&r.name);
            match &r.why {
                None => {
                    xml += &format!(
                        "  <testcase classname=\"{}\" name=\"{name}\"/>\n",
                        self.profile
                    )
                }
                Some(why) => {
                    xml += &format!(
                        "  <testcase classname=\"{}\" name=\"{name}\"><failure message=\"{}\"/></testcase>\n",
                        self.profile,
                        escape(why)
                    );
                }
            }
        }
        xml + "</testsuite>\n"
    }

    /// The report as a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut table =
            String::from("| case | what is done | clause | result |\n|---|---|---|---|\n");
        for r in &self.results {
            let result = r.why.as_deref().unwrap_or("passed").replace('|', "\\|");
            table += &format!("| `{}` | {} | {} | {result} |\n", r.name, r.text, r.clause);
        }
        table
    }
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
