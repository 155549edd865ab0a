//! Sides that take turns, and the table of what they came to.

use anyhow::{Context as _, Result};
use danube_wasm_benches::{
    Scale, Table, median,
    report::{aim, number, percent},
};

use crate::Round;

/// Name of the side that the aim is for.
pub const OURS: &str = "danube-wasm";

/// What is asked, and how it is printed.
#[derive(Debug)]
pub struct Comparison {
    /// Name and question of the benchmark.
    pub question: &'static str,
    /// What each side was given.
    pub work: String,
    /// What is counted, in the singular.
    pub unit: &'static str,
    /// Least share of its baseline that [`OURS`] should reach.
    pub aim: f64,
}

/// Does the work of one round, whose number it is given, and fails if that was not done.
type Work<'a> = Box<dyn FnMut(usize) -> Result<Round> + 'a>;

/// One side.
pub struct Side<'a> {
    name: String,
    baseline: String,
    work: Work<'a>,
    rounds: Vec<Round>,
}

impl<'a> Side<'a> {
    /// A side, and the name of the one that it is compared with, which may be itself.
    pub fn new(
        name: impl Into<String>,
        baseline: impl Into<String>,
        work: impl FnMut(usize) -> Result<Round> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            baseline: baseline.into(),
            work: Box::new(work),
            rounds: Vec::new(),
        }
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }
}

/// How many rounds there are.
pub fn rounds(scale: Scale) -> usize {
    scale.pick(3, 1)
}

impl Comparison {
    /// Runs all sides in turns, each round after `prepare`, and prints what they came to.
    pub fn run(
        &self,
        scale: Scale,
        mut prepare: impl FnMut(usize) -> Result<()>,
        mut sides: Vec<Side<'_>>,
    ) -> Result<()> {
        for round in 0..rounds(scale) {
            prepare(round).context("preparing a round")?;
            for side in &mut sides {
                let done = (side.work)(round).with_context(|| format!("`{}`", side.name))?;
                side.rounds.push(done);
            }
        }
        self.print(&sides);
        Ok(())
    }

    fn print(&self, sides: &[Side<'_>]) {
        println!("\n{}\n  {}\n", self.question, self.work);
        let rate = format!("{}s/s", self.unit);
        let cpu = format!("CPU µs/{}", self.unit);
        let mut table = Table::new(["", &rate, "of bare", &cpu, "seconds"]);
        for side in sides {
            table.row([
                side.name.clone(),
                number(side.median(Round::rate)),
                share(side, sides).map_or("-".to_owned(), percent),
                number(side.median(Round::cpu_us)),
                number(side.median(|round| round.elapsed.as_secs_f64())),
            ]);
        }
        println!("{table}");
        if let Some(ours) = sides.iter().find(|side| side.name == OURS) {
            let what = format!("{OURS} at least {} of `{}`", percent(self.aim), ours.baseline);
            aim(&what, share(ours, sides).is_some_and(|share| share >= self.aim));
        }
    }
}

/// The share that a side has of its baseline's rate.
fn share(side: &Side<'_>, sides: &[Side<'_>]) -> Option<f64> {
    let baseline = sides.iter().find(|other| other.name == side.baseline)?;
    Some(side.median(Round::rate) / baseline.median(Round::rate))
}
