//! Every row of `docs/crash-table.md`: the process dies there, starts again, and what the row promises holds.

use std::sync::Arc;

use danube_wasm_pipeline::failpoints::FailPoint;
use danube_wasm_trials::Row;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict},
    counters::{self, Target},
    dead_letters::{Flaw, Flawed},
    dice::Dice,
    harness::{self, Pipeline, Scratch, Setup},
    load::Load,
    oracle::Oracle,
};

pub const CLASS: Class = Class {
    name: "crash at every row of the table",
    trials: [POINTS, 3 * POINTS, 20 * POINTS],
    begin: || Ok(Box::new(Table { next: 0 })),
};

/// Those that a webhook or a sink comes to. `runtime/pipeline/tests/pull_crashes.rs` has those of sources that read, and
/// `runtime/cli/tests/e2e/postgres.rs` those of a snapshot.
const POINTS: u32 = FailPoint::ALL.len() as u32 - 4;

fn points() -> Vec<FailPoint> {
    let points = FailPoint::ALL.into_iter();
    points.filter(|point| !point.is_of_upstream()).collect()
}

struct Table {
    next: usize,
}

/// What takes the process to the point.
enum Way {
    /// Events under load.
    Load,
    /// Events under load, some of them poisonous.
    Poison,
    /// Events that are refused and kept.
    Refused,
    /// A clean stop under load.
    Stop,
}

fn way_to(point: FailPoint) -> Way {
    match point {
        FailPoint::SinkHalving | FailPoint::SinkLetterDue | FailPoint::SinkLetterKept => Way::Poison,
        FailPoint::SourceLetterKept => Way::Refused,
        FailPoint::SourceDraining | FailPoint::SinkDraining => Way::Stop,
        _ => Way::Load,
    }
}

fn setup(way: &Way) -> Setup {
    // Letters have a key that can be checked, too.
    let key = "key_pointer = \"/customer_id\"";
    match way {
        Way::Load | Way::Stop => Setup::default(),
        Way::Poison => Setup {
            sink: harness::guest("poison_sink"),
            schema: false,
            endpoint: key.to_owned(),
            ..Setup::default()
        },
        Way::Refused => Setup {
            endpoint: format!("{key}\non_invalid = \"dead-letter\""),
            ..Setup::default()
        },
    }
}

impl Trial for Table {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let points = points();
        assert_eq!(points.len(), POINTS as usize);
        let point = points[self.next % points.len()];
        self.next += 1;
        crash_at(point, dice, row).map_err(|why| format!("{}: {why}", point.name()))
    }
}

fn crash_at(point: FailPoint, dice: &mut Dice, row: &mut Row) -> Checked {
    let way = way_to(point);
    let scratch = setup(&way).write();
    let nth = match way {
        // The first start has two connectors.
        Way::Load if point == FailPoint::Starting => dice.between(1, 3),
        Way::Load => dice.between(1, 12),
        Way::Poison | Way::Refused => dice.between(1, 4),
        Way::Stop => 1,
    };
    let armed = format!("{}:{nth}", point.name());
    let mut pipeline = Pipeline::spawn_with(&scratch.file(), &[("DANUBE_WASM_FAILPOINT", &armed)]);
    let oracle = Arc::new(Oracle::default());
    let flaw = if matches!(way, Way::Refused) {
        Flaw::Misfit
    } else {
        Flaw::Poison
    };
    let mut flawed = Flawed::new(flaw, &oracle);
    // Those that no event is needed for may come before all has started.
    let may_be_early = matches!(point, FailPoint::Starting | FailPoint::Watched);
    pipeline.until("the pipeline runs", |p| {
        p.log("running").is_some() || (may_be_early && p.ended().is_some())
    });
    let load = pipeline.log("running").map(|_| {
        let address = Arc::new(parking_lot::RwLock::new(pipeline.address()));
        (Load::start(&oracle, &address, 4), address)
    });
    match way {
        Way::Load => {}
        Way::Poison | Way::Refused => flawed.post_until_gone(&pipeline),
        Way::Stop => {
            checker::until("events are acknowledged", || match oracle.owed_count() > 20 {
                true => Ok(()),
                false => Err(format!("{} are", oracle.owed_count())),
            })?;
            pipeline.signal("TERM");
        }
    }
    let status = pipeline.wait();
    if status.success() {
        return Err(format!(
            "the process ended with {status} instead of dying:\n{}",
            pipeline.dump()
        ));
    }
    let again = scratch.start();
    if let Some((load, address)) = load {
        *address.write() = again.address();
        load.stop();
    }
    flawed.post_again(&again);
    if matches!(way, Way::Poison | Way::Refused) {
        flawed.post_one(&again);
    }
    judged(&scratch, &oracle, &again, &flawed)?;
    match way {
        Way::Load | Way::Stop => counters::unmoved([&again], Target::Fine)?,
        Way::Poison | Way::Refused => counters::moved(&again, flaw)?,
    }
    row.note("events", oracle.owed_count() as u64);
    row.note("letters", flawed.count() as u64);
    again.stop();
    Ok(Verdict::Passed)
}

/// Owed = rows + letters, each once; nothing else; a fresh event gets through.
fn judged(scratch: &Scratch, oracle: &Oracle, pipeline: &Pipeline, flawed: &Flawed) -> Result<(), String> {
    let rows = || match scratch.query("SELECT * OMIT id FROM payments") {
        serde_json::Value::Array(rows) => rows,
        other => panic!("rows are {other}"),
    };
    checker::settle(oracle, rows)?;
    flawed.settle(scratch)?;
    checker::fresh(oracle, &pipeline.address(), rows)
}
