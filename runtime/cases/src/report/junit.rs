//! JUnit's XML, as build servers read it.

use std::fmt::Write as _;

use super::{Report, words};
use crate::run::CaseResult;

pub(super) fn document(report: &Report) -> String {
    let seconds: f64 = report.results.iter().map(|result| result.took.as_secs_f64()).sum();
    let (tests, failures) = (report.results.len(), report.failures());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let name = escaped(&report.file);
    let _ = writeln!(
        text,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{seconds:.3}\">"
    );
    for result in &report.results {
        case(&mut text, &name, result);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, suite: &str, result: &CaseResult) {
    let (name, seconds) = (escaped(&result.name), result.took.as_secs_f64());
    let _ = writeln!(
        text,
        "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{seconds:.3}\">"
    );
    if !result.verdict.passes() {
        let (verdict, detail) = words(&result.verdict);
        let _ = writeln!(text, "      <failure type=\"{verdict}\">{}</failure>", escaped(detail));
    }
    if !result.recorded.lines.is_empty() {
        let lines = result.recorded.lines.iter();
        let log: String = lines
            .map(|(level, line)| format!("{} {line}\n", level.as_str()))
            .collect();
        let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&log));
    }
    text.push_str("    </testcase>\n");
}

/// Text of an element or an attribute. XML 1.0 has no other control characters than these, not even escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_xml_has_no_place_for_is_replaced() {
        assert_eq!(super::escaped("a<b>&\"\u{1}\n"), "a&lt;b&gt;&amp;&quot;\u{fffd}\n");
    }
}
