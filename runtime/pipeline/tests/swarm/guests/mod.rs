//! Components: what they do with an input is written in the input.

mod sink;
mod source;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use danube_wasm_model::door::{Failure, FailureKind, GuestError};
use parking_lot::Mutex;

pub use self::{sink::SimSink, source::SimSource};
use super::{dice::Dice, weather::Fault, world::World};

/// What both kinds have in common.
struct Manners {
    world: Arc<World>,
    dice: Dice,
    lanes: Vec<Mutex<Lane>>,
    /// How often each moody input has been in a call. It is remembered across crashes: the mood passes.
    calls: Mutex<BTreeMap<u64, u32>>,
}

#[derive(Default)]
struct Lane {
    busy: bool,
    failed: bool,
}

/// How an input with its own mind behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Traps once.
    Flaky,
    /// Asks for another try a few times.
    Later,
    /// Asks for another try for ever.
    Never,
    Trap,
    Limit,
    Invalid,
}

impl Manners {
    fn new(world: &Arc<World>, dice: Dice, lanes: usize) -> Self {
        Self {
            world: world.clone(),
            dice,
            lanes: (0..lanes).map(|_| Mutex::default()).collect(),
            calls: Mutex::default(),
        }
    }

    /// A call begins: it takes its time, and may fail whatever it was given.
    async fn call(&self, lane: usize, moods: &[(u64, Mood)]) -> Result<(), GuestError> {
        if std::mem::replace(&mut self.lanes[lane].lock().busy, true) {
            self.world.oracle.violation(format!("two calls at once on lane {lane}"));
        }
        let leave = Leave(&self.lanes[lane]);
        self.world.pause(Fault::GuestSlow, &self.dice).await;
        let result = self.outcome(lane, moods);
        self.lanes[lane].lock().failed = result.is_err();
        drop(leave);
        result
    }

    fn outcome(&self, lane: usize, moods: &[(u64, Mood)]) -> Result<(), GuestError> {
        if self.world.strikes(Fault::GuestHost, &self.dice) {
            let message = "no memory is left for instances".into();
            return Err(GuestError::Host { message });
        }
        let mut calls = self.calls.lock();
        let mut before = |number| {
            let calls = calls.entry(number).or_insert(0u32);
            *calls += 1;
            *calls - 1
        };
        let mut flaky = false;
        let mut later = false;
        for (number, mood) in moods {
            match mood {
                Mood::Flaky => flaky |= before(*number) == 0,
                Mood::Later => later |= before(*number) < 1 + (*number as u32 % 3),
                _ => {}
            }
        }
        // Never twice in a row: an innocent that is alone in both calls would rightly be blamed.
        let moody = !self.lanes[lane].lock().failed && self.world.strikes(Fault::GuestTraps, &self.dice);
        let has = |mood| moods.iter().any(|(_, m)| *m == mood);
        if flaky || moody || has(Mood::Trap) {
            return Err(trap());
        }
        if has(Mood::Limit) {
            return Err(GuestError::Limit {
                limit: "memory_bytes_max",
                message: "2 GiB".into(),
            });
        }
        if later || has(Mood::Never) {
            return Err(failure(
                FailureKind::Retryable,
                self.dice.chance(30).then(|| self.dice.millis(1..=500)),
            ));
        }
        if has(Mood::Invalid) {
            return Err(failure(FailureKind::InvalidData, None));
        }
        Ok(())
    }
}

/// The call is over, also when it was dropped.
struct Leave<'a>(&'a Mutex<Lane>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
    }
}

fn trap() -> GuestError {
    GuestError::Trap {
        message: "unreachable".into(),
        backtrace: vec!["run".into()],
    }
}

fn failure(kind: FailureKind, retry_after: Option<Duration>) -> GuestError {
    GuestError::Failure(Failure {
        kind,
        code: 1,
        message: "said so".into(),
        retry_after,
    })
}
