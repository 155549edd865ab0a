//! Sides that do the same work in turns, and the table of their medians.

use anyhow::{Context as _, Result};

use crate::{
    Round, Scale, Table, median,
    report::{aim, number, percent},
};

/// Name of the side that the aim is for.
pub const OURS: &str = "danube-wasm";

/// What is asked, and how it is measured and printed.
#[derive(Debug)]
pub struct Comparison {
    /// Name and question of the benchmark.
    pub question: &'static str,
    /// What each side has to do.
    pub work: String,
    /// What is counted, in the singular: `row`, `record`, `span`.
    pub unit: &'static str,
    /// Least share of the rate of its baseline that [`OURS`] should reach.
    pub aim: f64,
    /// Whether the first side works once before rounds count, for a server that is slower at its first work. What
    /// [`Comparison::run_prepared`] prepares is not made for this run.
    pub warm_up: bool,
}

/// Does the work of a round, whose number it is given, and fails if that was not done.
type Work<'a> = Box<dyn FnMut(usize) -> Result<Round> + 'a>;

/// One side of a comparison.
pub struct Side<'a> {
    name: String,
    baseline: String,
    work: Work<'a>,
    rounds: Vec<Round>,
}

impl<'a> Side<'a> {
    /// A side, the name of the one that it is compared with, which may be itself, and what it does in a round. No two rounds
    /// have the same number, and neither has the warm-up the number of a round.
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

    fn round(&mut self, number: usize) -> Result<Round> {
        (self.work)(number).with_context(|| format!("`{}`", self.name))
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    fn share_of(&self, baseline: &Self) -> f64 {
        self.median(Round::rate) / baseline.median(Round::rate)
    }
}

/// How many rounds count; they are numbered from 0.
pub fn rounds(scale: Scale) -> usize {
    scale.pick(3, 1)
}

impl Comparison {
    /// Runs all sides in turns, and prints their medians.
    pub fn run(&self, scale: Scale, sides: Vec<Side<'_>>) -> Result<()> {
        self.run_prepared(scale, |_| Ok(()), sides)
    }

    /// The same, with `prepare` before each round that counts.
    pub fn run_prepared(
        &self,
        scale: Scale,
        prepare: impl FnMut(usize) -> Result<()>,
        mut sides: Vec<Side<'_>>,
    ) -> Result<()> {
        // A wrong name is said before any work is done.
        let baselines = baselines(&sides)?;
        self.measure(rounds(scale), prepare, &mut sides)?;
        self.print(&sides, &baselines);
        Ok(())
    }

    fn measure(
        &self,
        rounds: usize,
        mut prepare: impl FnMut(usize) -> Result<()>,
        sides: &mut [Side<'_>],
    ) -> Result<()> {
        if self.warm_up
            && let Some(first) = sides.first_mut()
        {
            first.round(rounds).context("warming up")?;
        }
        for number in 0..rounds {
            prepare(number).context("preparing a round")?;
            for side in &mut *sides {
                let round = side.round(number)?;
                side.rounds.push(round);
            }
        }
        Ok(())
    }

    fn print(&self, sides: &[Side<'_>], baselines: &[usize]) {
        println!("\n{}\n  {}\n", self.question, self.work);
        println!("{}", self.table(sides, baselines));
        for (side, &baseline) in sides.iter().zip(baselines) {
            if side.name == OURS {
                let what = format!("{OURS} at least {} of `{}`", percent(self.aim), side.baseline);
                aim(&what, side.share_of(&sides[baseline]) >= self.aim);
            }
        }
    }

    /// A row for each side.
    fn table(&self, sides: &[Side<'_>], baselines: &[usize]) -> Table {
        let rate = format!("{}s/s", self.unit);
        let cpu = format!("CPU µs/{}", self.unit);
        let mut table = Table::new(["", &rate, "of bare", &cpu, "seconds"]);
        for (side, &baseline) in sides.iter().zip(baselines) {
            table.row([
                side.name.clone(),
                number(side.median(Round::rate)),
                percent(side.share_of(&sides[baseline])),
                number(side.median(Round::cpu_us)),
                number(side.median(|round| round.elapsed.as_secs_f64())),
            ]);
        }
        table
    }
}

/// Of each side, the place of the one that it is compared with.
fn baselines(sides: &[Side<'_>]) -> Result<Vec<usize>> {
    let place = |side: &Side<'_>| {
        let place = sides.iter().position(|other| other.name == side.baseline);
        place.with_context(|| format!("`{}` is compared with `{}`, which is no side", side.name, side.baseline))
    };
    sides.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use super::*;

    const COMPARISON: Comparison = Comparison {
        question: "test: which side is faster?",
        work: String::new(),
        unit: "row",
        aim: 0.5,
        warm_up: true,
    };

    fn round(millis: u64) -> Round {
        Round {
            records: 1000,
            elapsed: Duration::from_millis(millis),
            cpu: Duration::from_millis(5),
        }
    }

    #[test]
    fn sides_take_turns_after_the_first_has_warmed_up() {
        let calls = RefCell::<Vec<(&str, usize)>>::default();
        let called = |name: &'static str, number| calls.borrow_mut().push((name, number));
        let side = |name: &'static str| {
            Side::new(name, "bare", move |number| {
                called(name, number);
                Ok(round(1))
            })
        };
        let mut sides = [side("bare"), side(OURS)];
        let prepare = |number| {
            called("prepare", number);
            Ok(())
        };
        COMPARISON.measure(2, prepare, &mut sides).expect("all sides work");
        assert!(sides.iter().all(|side| side.rounds.len() == 2));
        let turns = [0, 1].map(|number| [("prepare", number), ("bare", number), (OURS, number)]);
        assert_eq!(*calls.borrow(), [&[("bare", 2)], turns.as_flattened()].concat());
    }

    #[test]
    fn a_side_is_compared_with_the_one_that_it_names() {
        let mut sides = [
            Side::new("slow", "fast", |_| Ok(round(500))),
            Side::new("fast", "fast", |_| Ok(round(250))),
        ];
        COMPARISON.measure(1, |_| Ok(()), &mut sides).expect("all sides work");
        let table = COMPARISON.table(&sides, &baselines(&sides).expect("both are there"));
        let expected = "        rows/s  of bare  CPU µs/row  seconds\n  \
                        slow   2,000     50 %        5.00     0.50\n  \
                        fast   4,000    100 %        5.00     0.25\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_baseline_that_is_no_side_is_an_error() {
        assert!(baselines(&[Side::new(OURS, "bear", |_| Ok(round(1)))]).is_err());
    }
}
