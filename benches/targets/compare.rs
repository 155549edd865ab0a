//! Sides in turns, and what they came to.

use anyhow::{Context as _, Result};
use danube_wasm_benches::{
    Table, child, median,
    report::{self, number, percent},
};

/// What was done in one run of a side.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Rows that were written while the clock ran.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// CPU time of the process that wrote, without the target's.
    pub cpu_seconds: f64,
}

impl Run {
    /// Of the last line of a child.
    pub fn from_account(account: &str) -> Result<Self> {
        Ok(Self {
            rows: child::field(account, "rows")? as u64,
            seconds: child::field(account, "seconds")?,
            cpu_seconds: child::field(account, "cpu_seconds")?,
        })
    }

    /// As a child's last line.
    pub fn account(&self) -> String {
        let Self {
            rows,
            seconds,
            cpu_seconds,
        } = self;
        format!("rows={rows} seconds={seconds} cpu_seconds={cpu_seconds}")
    }
}

/// A side of a comparison.
pub struct Side<'a> {
    name: &'static str,
    /// The place of the side that it is compared with.
    base: usize,
    run: Box<dyn FnMut() -> Result<Run> + 'a>,
}

impl<'a> Side<'a> {
    /// What it is called, the place of the side that it is compared with, and what it does in a round.
    pub fn new(name: &'static str, base: usize, run: impl FnMut() -> Result<Run> + 'a) -> Self {
        Self {
            name,
            base,
            run: Box::new(run),
        }
    }
}

/// Medians of a side.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    name: &'static str,
    /// Rows a second.
    pub rate: f64,
    /// Of the side that it is compared with.
    pub share: f64,
    /// CPU time of a row, in microseconds.
    pub cpu_us: f64,
}

/// Runs the sides in turns, after the first one once without counting it: targets are slower at their first rows.
pub fn in_turns(rounds: usize, mut sides: Vec<Side<'_>>) -> Result<Vec<Figures>> {
    let mut runs = vec![Vec::new(); sides.len()];
    if let Some(first) = sides.first_mut() {
        (first.run)().with_context(|| format!("`{}`", first.name))?;
    }
    for _ in 0..rounds {
        for (side, runs) in sides.iter_mut().zip(&mut runs) {
            runs.push((side.run)().with_context(|| format!("`{}`", side.name))?);
        }
    }
    let of = |runs: &Vec<Run>, value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
    let rates: Vec<f64> = runs
        .iter()
        .map(|runs| of(runs, |run| run.rows as f64 / run.seconds))
        .collect();
    let figures = sides.iter().zip(&runs).zip(&rates).map(|((side, runs), rate)| Figures {
        name: side.name,
        rate: *rate,
        share: rate / rates[side.base],
        cpu_us: of(runs, |run| run.cpu_seconds * 1e6 / run.rows as f64),
    });
    Ok(figures.collect())
}

/// Prints the table, a row a side.
pub fn print(figures: &[Figures]) {
    let mut table = Table::new(["", "rows/s", "of bare", "CPU µs/row"]);
    for side in figures {
        table.row([
            side.name.to_owned(),
            number(side.rate),
            percent(side.share),
            number(side.cpu_us),
        ]);
    }
    println!("{table}");
}

/// Says whether a side has the share of the other that is the first aim.
pub fn aim(side: &Figures, of: &str, share: f64) {
    report::aim(
        &format!("{} at least {} of {of}", side.name, percent(share)),
        side.share >= share,
    );
}
