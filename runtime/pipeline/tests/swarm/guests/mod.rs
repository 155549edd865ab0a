//! Components: the input says how they process it.

mod sink;
mod source;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use danube_wasm_model::door::{Failure, FailureKind, GuestError};
use parking_lot::Mutex;

pub use self::{sink::SimSink, source::SimSource};
use super::{faults::Fault, rng::Rng, world::World};

/// What the source and the sink component share.
struct GuestCore {
    world: Arc<World>,
    rng: Rng,
    lanes: Vec<Mutex<Lane>>,
    /// Number of calls of each input with a fault. It is kept across crashes: `Flaky` and `Later` pass.
    calls: Mutex<BTreeMap<u64, u32>>,
}

#[derive(Default)]
struct Lane {
    busy: bool,
    failed: bool,
}

/// How an input makes calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputFault {
    /// Traps once.
    Flaky,
    /// Fails as retryable in its first calls.
    Later,
    /// Fails as retryable in every call.
    Never,
    Trap,
    Limit,
    Invalid,
}

impl GuestCore {
    fn new(world: &Arc<World>, rng: Rng, lanes: usize) -> Self {
        Self {
            world: world.clone(),
            rng,
            lanes: (0..lanes).map(|_| Mutex::default()).collect(),
            calls: Mutex::default(),
        }
    }

    /// Makes a call: waits, and fails if an input or a fault says so.
    async fn call(&self, lane: usize, input_faults: &[(u64, InputFault)]) -> Result<(), GuestError> {
        if std::mem::replace(&mut self.lanes[lane].lock().busy, true) {
            self.world.oracle.violation(format!("two calls at once on lane {lane}"));
        }
        let guard = BusyGuard(&self.lanes[lane]);
        self.world.pause(Fault::GuestSlow, &self.rng).await;
        let result = self.outcome(lane, input_faults);
        self.lanes[lane].lock().failed = result.is_err();
        drop(guard);
        result
    }

    fn outcome(&self, lane: usize, input_faults: &[(u64, InputFault)]) -> Result<(), GuestError> {
        if self.world.strikes(Fault::GuestHost, &self.rng) {
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
        for (number, input_fault) in input_faults {
            match input_fault {
                InputFault::Flaky => flaky |= before(*number) == 0,
                InputFault::Later => later |= before(*number) < 1 + (*number as u32 % 3),
                _ => {}
            }
        }
        // Never twice in a row: an input that is alone in both calls would rightly be blamed.
        let traps = !self.lanes[lane].lock().failed && self.world.strikes(Fault::GuestTraps, &self.rng);
        let has = |input_fault| input_faults.iter().any(|(_, m)| *m == input_fault);
        if flaky || traps || has(InputFault::Trap) {
            return Err(trap());
        }
        if has(InputFault::Limit) {
            return Err(GuestError::Limit {
                limit: "memory_bytes_max",
                message: "2 GiB".into(),
            });
        }
        if later || has(InputFault::Never) {
            return Err(failure(
                FailureKind::Retryable,
                self.rng.chance(30).then(|| self.rng.millis(1..=500)),
            ));
        }
        if has(InputFault::Invalid) {
            return Err(failure(FailureKind::InvalidData, None));
        }
        Ok(())
    }
}

/// Marks the lane as free, also if the call was dropped.
struct BusyGuard<'a>(&'a Mutex<Lane>);

impl Drop for BusyGuard<'_> {
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
