//! For people.

use std::fmt::Write as _;

use super::{Report, words};
use crate::run::{CaseResult, Verdict};

/// Log lines shown of a case that failed.
const LINES_MAX: usize = 20;

/// A line for each case, and what is wrong with those that failed.
pub(super) fn report(report: &Report) -> String {
    let mut text = format!(
        "{} ({}, sha256:{})\n",
        report.file,
        report.role,
        &report.digest[..12.min(report.digest.len())]
    );
    for result in &report.results {
        line(&mut text, result);
        if !result.verdict.passes() {
            details(&mut text, result);
        }
    }
    let failed = report.failures();
    let _ = writeln!(text, "{} passed, {failed} failed", report.results.len() - failed);
    let is_cured = |result: &CaseResult| matches!(result.verdict, Verdict::Differs(_) | Verdict::Unknown);
    if report.results.iter().any(is_cured) {
        text.push_str("If what came out is right, --update keeps it as what is expected.\n");
    }
    text
}

fn line(text: &mut String, result: &CaseResult) {
    let word = match result.verdict {
        Verdict::Passed => "ok",
        Verdict::Updated => "kept",
        _ => "FAILED",
    };
    let (inputs, outputs) = (result.inputs, result.outputs.len());
    let ms = result.took.as_secs_f64() * 1e3;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (inputs, outputs) = (count(inputs, "input"), count(outputs, "output"));
    let _ = writeln!(
        text,
        "  {word:<6}  {:<24}  {inputs}, {outputs}, {ms:.1} ms",
        result.name
    );
}

fn details(text: &mut String, result: &CaseResult) {
    let (_, detail) = words(&result.verdict);
    if matches!(result.verdict, Verdict::Differs(_)) {
        text.push_str("    - what was expected, + what came out\n");
    }
    indent(text, detail.lines());
    if matches!(result.verdict, Verdict::Unknown) {
        indent(text, result.outputs.iter().map(|output| output.to_line()));
    }
    if !result.backtrace.is_empty() {
        text.push_str("    where it trapped, innermost first:\n");
        indent(text, result.backtrace.iter().map(|frame| format!("  {frame}")));
    }
    let lines = &result.recorded.lines;
    if !lines.is_empty() {
        text.push_str("    its log:\n");
        let shown = lines.iter().take(LINES_MAX);
        indent(
            text,
            shown.map(|(level, line)| format!("  {:<5} {line}", level.as_str())),
        );
    }
    if lines.len() > LINES_MAX {
        let _ = writeln!(text, "      and {} more lines", lines.len() - LINES_MAX);
    }
}

fn indent<L: AsRef<str>>(text: &mut String, lines: impl Iterator<Item = L>) {
    for line in lines {
        let _ = writeln!(text, "    {}", line.as_ref());
    }
}
