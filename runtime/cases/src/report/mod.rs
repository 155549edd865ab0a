//! The report of a run: for people, as JSON, and as JUnit for a build server.

mod junit;
mod text;

use serde_json::{Value, json};

use crate::{
    component::Component,
    run::{CaseResult, Verdict},
};

/// How all cases of a component went.
#[derive(Debug)]
pub struct Report {
    /// The component's file.
    pub file: String,
    /// `source` or `sink`.
    pub role: &'static str,
    /// SHA-256, hex.
    pub digest: String,
    /// Each case.
    pub results: Vec<CaseResult>,
}

impl Report {
    /// Of these cases.
    pub fn new(component: &Component, results: Vec<CaseResult>) -> Self {
        Self {
            file: component.file.clone(),
            role: component.info.role.as_str(),
            digest: component.info.digest.clone(),
            results,
        }
    }

    /// Cases that are not as they should be.
    pub fn failures(&self) -> usize {
        self.results.iter().filter(|result| !result.verdict.passes()).count()
    }

    /// For people.
    pub fn text(&self) -> String {
        text::report(self)
    }

    /// One JSON object.
    pub fn json(&self) -> Value {
        let cases: Vec<_> = self.results.iter().map(case).collect();
        json!({
            "component": self.file, "role": self.role, "digest": self.digest,
            "cases": cases, "failures": self.failures(),
        })
    }

    /// A document of JUnit.
    pub fn junit(&self) -> String {
        junit::document(self)
    }
}

fn case(result: &CaseResult) -> Value {
    let (verdict, detail) = words(&result.verdict);
    json!({
        "name": result.name, "verdict": verdict, "detail": detail, "inputs": result.inputs,
        "outputs": result.outputs.iter().map(|output| output.value()).collect::<Vec<_>>(),
        "log": log(result), "counters": result.recorded.counters, "gauges": result.recorded.gauges,
        "backtrace": result.backtrace, "ms": result.took.as_secs_f64() * 1e3,
    })
}

fn log(result: &CaseResult) -> Vec<Value> {
    let lines = result.recorded.lines.iter();
    lines
        .map(|(level, line)| json!({ "level": level, "line": line }))
        .collect()
}

/// A verdict's name, and what shows it.
fn words(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Passed => ("passed", ""),
        Verdict::Differs(diff) => ("differs", diff),
        Verdict::Unknown => (
            "unknown",
            "it has no expected.jsonl: look at what comes out, and keep it with --update",
        ),
        Verdict::Updated => ("updated", ""),
        Verdict::Broken(why) => ("broken", why),
    }
}
