//! The tables for people.

use std::fmt::Write as _;

use super::{Conformance, Point};
use crate::bench::Bench;

/// Most lines that are shown of what is wrong with a point.
const LINES_MAX: usize = 20;

pub(super) fn text(all: &[Conformance]) -> String {
    let mut text = String::new();
    for one in all {
        points(&mut text, one);
    }
    costs(&mut text, all);
    text
}

fn points(text: &mut String, one: &Conformance) {
    let _ = writeln!(text, "{} ({})", one.component, one.role);
    for Point { name, wrong, note } in &one.points {
        let word = if wrong.is_some() { "FAILED" } else { "ok" };
        let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let _ = writeln!(text, "  {word:<6}  {name}{note}");
        let mut lines = wrong.iter().flat_map(|wrong| wrong.lines());
        for line in lines.by_ref().take(LINES_MAX) {
            let _ = writeln!(text, "          {line}");
        }
        match lines.count() {
            0 => {}
            more => {
                let _ = writeln!(text, "          … and {more} more lines");
            }
        }
    }
    let failed = one.failures();
    let _ = writeln!(text, "  {} passed, {failed} failed", one.points.len() - failed);
    if failed * 2 > one.points.len() {
        let subject = match one.role {
            "source" => "order-lines",
            "poller" => "order-feed",
            _ => "device-state",
        };
        let _ = writeln!(
            text,
            "  The suite is for the {} `{subject}` of an SDK, which docs/testing.md describes; this seems to be another component",
            one.role
        );
    }
    text.push('\n');
}

fn costs(text: &mut String, all: &[Conformance]) {
    let _ = writeln!(
        text,
        "ns a record in batches of 1, 10, 50, 500; linear memory of an instance in MiB; start with warm code"
    );
    let _ = writeln!(
        text,
        "{:<28} {:>6} {:>7} {:>7} {:>9} {:>7} {:>7} {:>7} {:>7} {:>8} {:>7}",
        "component", "role", "points", "size KB", "start ms", "1", "10", "50", "500", "fresh", "after"
    );
    for one in all {
        let name = one.component.rsplit('/').next().unwrap_or_default();
        let passed = one.points.len() - one.failures();
        let points = format!("{passed}/{}", one.points.len());
        let _ = write!(text, "{name:<28} {:>6} {points:>7}", one.role);
        match &one.costs {
            Some(costs) => row(text, costs),
            None => text.push_str("  not measured\n"),
        }
    }
}

fn row(text: &mut String, costs: &Bench) {
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let _ = write!(text, " {:>7} {:>9.2}", costs.size_bytes / 1_000, costs.start_ms);
    for row in &costs.rows {
        let _ = write!(text, " {:>7.0}", row.ns_a_record);
    }
    let _ = writeln!(
        text,
        " {:>8.1} {:>7.1}",
        mib(costs.memory_fresh_bytes),
        mib(costs.memory_after_bytes)
    );
}
