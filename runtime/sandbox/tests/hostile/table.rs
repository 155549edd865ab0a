//! What is printed at the end.

use std::{io::Write, time::Duration};

use super::{manifest::Verdict, neighbour::Tally, process::resident_mib};

/// One behaviour in one world.
pub struct Row {
    pub name: String,
    pub world: &'static str,
    pub workers: usize,
    pub trials: usize,
    /// The longest trial.
    pub longest: Duration,
    pub verdict: Verdict,
    pub neighbours: Tally,
    pub complaints: Vec<String>,
}

/// Prints the rows, past the harness, which keeps what a passing test prints to itself.
pub fn print(rows: &[Row]) {
    let mut out = std::io::stdout().lock();
    let mut line = |text: String| writeln!(out, "{text}").expect("standard output");
    line(format!(
        "{:<32} {:<6} {:>7} {:>6} {:>10}  {:<30} {:>15}  {:>8} {:>8} {:>8}  {}",
        "behaviour",
        "world",
        "workers",
        "trials",
        "longest ms",
        "error",
        "neighbours' calls",
        "p50 ms",
        "p99 ms",
        "max ms",
        ""
    ));
    for row in rows {
        let (verdict, tally) = (&row.verdict, &row.neighbours);
        let error = match &verdict.kind[..] {
            "limit" | "invalid_output" => format!("{} {} {}", verdict.stage, verdict.kind, verdict.detail),
            _ => format!("{} {}", verdict.stage, verdict.kind),
        };
        line(format!(
            "{:<32} {:<6} {:>7} {:>6} {:>10.1}  {:<30} {:>15}  {:>8.2} {:>8.2} {:>8.2}  {}",
            row.name,
            row.world,
            row.workers,
            row.trials,
            row.longest.as_secs_f64() * 1e3,
            error,
            format!("{}/{}", tally.completed, tally.offered),
            tally.quantile_ms(0.5),
            tally.quantile_ms(0.99),
            tally.quantile_ms(1.0),
            if row.complaints.is_empty() { "" } else { "FAILED" }
        ));
    }
    line(format!("{} MiB resident at the end", resident_mib()));
}

/// All of them as one class of fault.
pub fn report(rows: &[Row]) {
    let mut class = danube_wasm_ledger::Row::new("hostile components");
    class.trials = rows.iter().map(|row| row.trials as u64).sum();
    class.note("behaviours", rows.len() as u64);
    class.note(
        "neighbours' calls",
        rows.iter().map(|row| row.neighbours.completed).sum(),
    );
    let failed = rows.iter().filter(|row| !row.complaints.is_empty());
    class.failures = failed
        .map(|row| (row.name.clone(), row.complaints.join("\n")))
        .collect();
    danube_wasm_ledger::report(&[class], 0);
}
