//! Shadows: a candidate for a connector's component, called with the same batches as the one that runs.
//!
//! ```text
//! component's call → answer → pipeline
//!                  └ [a shadow is attached] copy → queue → candidate's call → compared → differences → control socket
//! ```
//!
//! What the candidate makes goes nowhere but into the comparison. It has an instance of its own, its own limits and no
//! log, metrics or dead letters; it is called after the one that runs has answered, beside the pipeline, never within it. A
//! call that finds no room in the queue is missed and counted, so a candidate that is slow, traps or loops costs the
//! pipeline the copy of a batch at most, and without a shadow the reading of one number.

mod candidate;
pub(crate) mod columns;
mod comparison;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use danube_wasm_model::{
    ConnectorId,
    door::GuestError,
    event::{EventBatch, Interests, RecordBatch},
    message::{MessageBatch, WriteBatch},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, interval, sleep_until},
};

pub(crate) use self::candidate::{Candidate, load};
use self::comparison::Comparison;
use crate::Failure;

/// Calls that wait for the candidate. A batch has a MB or a few.
const CALLS_WAITING_MAX: usize = 8;
/// Shadows of a pipeline at a time: each has an instance of its own.
const SHADOWS_MAX: usize = 4;
/// Longest that one lasts that was given no end.
const LASTS_MAX: Duration = Duration::from_hours(24);
/// How often the watcher is told the counts.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What to compare.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShadowRequest {
    /// The connector.
    pub connector: String,
    /// The candidate's file, as an absolute path.
    pub component: std::path::PathBuf,
    /// End after so many inputs.
    pub inputs_max: Option<u64>,
    /// End after so many milliseconds.
    pub ms_max: Option<u64>,
}

/// A call of the component that runs, and its answer.
pub(crate) enum Passed {
    Source(Arc<EventBatch>, Result<RecordBatch, GuestError>, Duration),
    Sink(Arc<MessageBatch>, Result<WriteBatch, GuestError>, Duration),
}

/// The shadows of a pipeline.
#[derive(Default)]
pub(crate) struct Shadows {
    /// How many there are, to be read without a lock.
    attached: AtomicUsize,
    shadows: Mutex<Vec<Shadow>>,
}

struct Shadow {
    connector: ConnectorId,
    /// The columns that the candidate wants.
    wants: Interests,
    /// Calls that began before have only the columns of the running component.
    since: std::time::Instant,
    calls: mpsc::Sender<Passed>,
    missed: Arc<AtomicU64>,
}

impl Shadows {
    /// Whether there is one.
    pub(crate) fn is_on(&self) -> bool {
        self.attached.load(Ordering::Relaxed) > 0
    }

    /// Attaches a candidate, which goes when the returned channel is closed, or at its own end.
    pub(crate) fn attach(
        self: &Arc<Self>,
        candidate: Candidate,
        request: &ShadowRequest,
    ) -> Result<mpsc::Receiver<Value>, Failure> {
        let mut shadows = self.shadows.lock();
        shadows.retain(|shadow| !shadow.calls.is_closed());
        if shadows.len() >= SHADOWS_MAX {
            return Err(Failure::usage(format!(
                "{SHADOWS_MAX} candidates run beside this pipeline already: end one of them"
            )));
        }
        let (calls, passed) = mpsc::channel(CALLS_WAITING_MAX);
        let (values, to_watcher) = mpsc::channel(1);
        let missed = Arc::new(AtomicU64::new(0));
        shadows.push(Shadow {
            connector: candidate.connector().clone(),
            wants: candidate.interests(),
            since: std::time::Instant::now(),
            calls,
            missed: missed.clone(),
        });
        self.attached.store(shadows.len(), Ordering::Relaxed);
        let end = request.ms_max.map_or(LASTS_MAX, Duration::from_millis).min(LASTS_MAX);
        let watched = Watched {
            values,
            missed,
            inputs_max: request.inputs_max.unwrap_or(u64::MAX),
            end: Instant::now() + end,
        };
        let shadows = self.clone();
        tokio::spawn(async move {
            watched.run(candidate, passed).await;
            shadows.sweep();
        });
        Ok(to_watcher)
    }

    /// The columns that a connector's batches have: those of its component, and of its candidates.
    pub(crate) fn interests(&self, connector: &ConnectorId, own: Interests) -> Interests {
        if !self.is_on() {
            return own;
        }
        let shadows = self.shadows.lock();
        let of_it = shadows.iter().filter(|shadow| shadow.connector == *connector);
        of_it.fold(own, |all, shadow| columns::union(all, shadow.wants))
    }

    /// Gives a call to the shadows of its connector. Never waits.
    pub(crate) fn offer(&self, connector: &ConnectorId, begun: std::time::Instant, passed: impl Fn() -> Passed) {
        let shadows = self.shadows.lock();
        let of_it = |shadow: &&Shadow| shadow.connector == *connector && shadow.since <= begun;
        for shadow in shadows.iter().filter(of_it) {
            match shadow.calls.try_reserve() {
                Ok(place) => place.send(passed()),
                Err(_) => drop(shadow.missed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Forgets the shadows that have ended.
    fn sweep(&self) {
        let mut shadows = self.shadows.lock();
        shadows.retain(|shadow| !shadow.calls.is_closed());
        self.attached.store(shadows.len(), Ordering::Relaxed);
    }
}

/// A shadow as its watcher sees it.
struct Watched {
    values: mpsc::Sender<Value>,
    missed: Arc<AtomicU64>,
    inputs_max: u64,
    end: Instant,
}

impl Watched {
    /// Compares until the watcher has gone or the end has come, and tells the counts last.
    async fn run(self, candidate: Candidate, mut passed: mpsc::Receiver<Passed>) {
        let mut comparison = Comparison::new(candidate);
        let mut ticks = interval(TELL_EVERY);
        while comparison.counts.inputs < self.inputs_max {
            let call = tokio::select! {
                () = self.values.closed() => return,
                () = sleep_until(self.end) => break,
                call = passed.recv() => call,
                _ = ticks.tick() => {
                    if self.tell(&comparison).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let Some(call) = call else { break };
            let left = self.inputs_max - comparison.counts.inputs;
            for difference in comparison.compare(call, left).await {
                if self.values.send(json!({ "difference": difference })).await.is_err() {
                    return;
                }
            }
        }
        // The watcher may have gone meanwhile.
        let _ = self.tell(&comparison).await;
    }

    async fn tell(&self, comparison: &Comparison) -> Result<(), mpsc::error::SendError<Value>> {
        let mut counts = json!(comparison.counts);
        counts["missed_calls"] = json!(self.missed.load(Ordering::Relaxed));
        counts["candidate"] = json!(comparison.digest());
        self.values.send(json!({ "counts": counts })).await
    }
}
