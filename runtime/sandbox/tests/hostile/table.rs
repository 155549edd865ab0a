//! What is printed at the end.

use std::{io::Write, time::Duration};

use super::{
    latency::{Baseline, LatencyStats},
    manifest::Verdict,
    process::resident_bytes,
};

/// One behaviour in one world.
pub struct Row {
    pub name: String,
    pub world: &'static str,
    pub workers: usize,
    pub trials: usize,
    /// The longest trial.
    pub longest: Duration,
    pub verdict: Verdict,
    /// Both neighbours.
    pub neighbours: Vec<LatencyStats>,
    /// Whether their times were part of the verdict.
    pub timed: bool,
    pub complaints: Vec<String>,
}

impl Row {
    fn calls(&self) -> u64 {
        self.neighbours.iter().map(LatencyStats::calls).sum()
    }

    /// Of the neighbour that was slower.
    fn quantile_ms(&self, part: f64) -> f64 {
        let slower = self.neighbours.iter().map(|tally| tally.quantile(part)).max();
        slower.unwrap_or_default().as_secs_f64() * 1e3
    }
}

/// Prints how the neighbours fare alone, before the rows of a pass.
pub fn print_alone(workers: usize, baseline: &[Baseline]) {
    for one in baseline {
        let line = format!(
            "{workers} workers: the {} alone is offered {:.0} calls/s, p99 {:.2?}; beside others it may be {:.2?}",
            one.world,
            one.calls_per_s,
            one.p99,
            one.p99_max()
        );
        writeln!(std::io::stdout().lock(), "{line}").expect("standard output");
    }
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
        let verdict = &row.verdict;
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
            row.calls(),
            row.quantile_ms(0.5),
            row.quantile_ms(0.99),
            row.quantile_ms(1.0),
            if row.complaints.is_empty() { "" } else { "FAILED" }
        ));
    }
    line(format!("{} MiB resident at the end", resident_bytes() >> 20));
}

/// All of them as one class of fault.
pub fn report(rows: &[Row]) {
    let mut class = danube_wasm_trials::Row::new("hostile components");
    class.trials = rows.iter().map(|row| row.trials as u64).sum();
    class.note("behaviours", rows.len() as u64);
    class.note("neighbours' calls", rows.iter().map(Row::calls).sum());
    class.note("neighbours timed", rows.iter().filter(|row| row.timed).count() as u64);
    let failed = rows.iter().filter(|row| !row.complaints.is_empty());
    class.failures = failed
        .map(|row| (row.name.clone(), row.complaints.join("\n")))
        .collect();
    danube_wasm_trials::report(&[class], 0);
}
