//! Taps: records before and after a component, as they pass, for an operator who watches.
//!
//! ```text
//! component's call → [a tap is attached] → samples, as many as have room → task of the tap: JSON, masked → control socket
//! ```
//!
//! A connector never waits for a tap. Without one, a call costs the reading of one number. With one, samples are copied
//! into a queue that is bounded in number and in bytes; what has no room is counted, and the watcher is told. Secrets are
//! struck out before anything leaves the process (see [`masking`]).

mod masking;
pub(crate) mod render;
mod sample;
mod tapped;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use danube_wasm_model::ConnectorId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::interval};

pub(crate) use self::sample::{Call, Sample};
pub(crate) use self::tapped::{TappedSink, TappedSource};
use crate::Failure;

/// Samples that wait for a watcher.
const SAMPLES_WAITING_MAX: usize = 64;
/// Samples in a second: more than a person reads, and few enough that making them is not noticed.
const SAMPLES_PER_SEC_MAX: u32 = 500;
/// Bytes of a payload in a sample. The rest is left out, and that is said.
const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// Records or writes of one input in a sample.
const OUTPUTS_MAX: usize = 32;
/// Taps of a pipeline at a time.
const TAPS_MAX: usize = 8;
/// How often a watcher is told of what was dropped while nothing comes.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What a watcher wants to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TapRequest {
    /// Only this connector.
    pub connector: Option<String>,
    /// One in so many inputs; at least 1.
    pub sample: u64,
    /// End after so many samples.
    pub limit: Option<u64>,
}

/// The taps of a pipeline.
#[derive(Default)]
pub(crate) struct Taps {
    /// How many there are, to be read without a lock.
    attached: AtomicUsize,
    taps: Mutex<Vec<Tap>>,
}

struct Tap {
    connector: Option<ConnectorId>,
    every: u64,
    /// Inputs that passed.
    seen: u64,
    left: Option<u64>,
    dropped: Arc<AtomicUsize>,
    samples: mpsc::Sender<Sample>,
    /// Of this second.
    window: (Instant, u32),
}

impl Taps {
    /// Whether somebody watches.
    pub(crate) fn is_on(&self) -> bool {
        self.attached.load(Ordering::Relaxed) > 0
    }

    /// Attaches a tap, which goes when the returned channel is closed.
    pub(crate) fn attach(
        self: &Arc<Self>,
        connector: Option<ConnectorId>,
        request: &TapRequest,
    ) -> Result<mpsc::Receiver<Value>, Failure> {
        let mut taps = self.taps.lock();
        taps.retain(|tap| !tap.samples.is_closed());
        if taps.len() >= TAPS_MAX {
            return Err(Failure::usage(format!(
                "{TAPS_MAX} taps watch this pipeline already: end one of them"
            )));
        }
        let (samples, taken) = mpsc::channel(SAMPLES_WAITING_MAX);
        let (values, to_watcher) = mpsc::channel(1);
        let dropped = Arc::new(AtomicUsize::new(0));
        taps.push(Tap {
            connector,
            every: request.sample.max(1),
            seen: 0,
            left: request.limit,
            dropped: dropped.clone(),
            samples,
            window: (Instant::now(), 0),
        });
        self.attached.store(taps.len(), Ordering::Relaxed);
        tokio::spawn(watch(self.clone(), taken, values, dropped));
        Ok(to_watcher)
    }

    /// Offers the inputs of a call; `sample` makes one of them, by place.
    fn offer(&self, connector: &ConnectorId, inputs: usize, sample: impl Fn(usize) -> Sample) {
        let mut taps = self.taps.lock();
        let wanted = |tap: &&mut Tap| tap.connector.as_ref().is_none_or(|only| only == connector);
        for tap in taps.iter_mut().filter(wanted) {
            tap.offer(inputs, &sample);
        }
    }

    /// Forgets the taps that nobody reads any more.
    fn sweep(&self) {
        let mut taps = self.taps.lock();
        taps.retain(|tap| !tap.samples.is_closed());
        self.attached.store(taps.len(), Ordering::Relaxed);
    }
}

impl Tap {
    fn offer(&mut self, inputs: usize, sample: &impl Fn(usize) -> Sample) {
        for place in 0..inputs {
            self.seen += 1;
            let is_chosen = (self.seen - 1).is_multiple_of(self.every) && self.left != Some(0);
            if !is_chosen {
                continue;
            }
            let permit = match self.has_time() {
                true => self.samples.try_reserve().ok(),
                false => None,
            };
            match permit {
                Some(permit) => {
                    permit.send(sample(place));
                    self.left = self.left.map(|left| left - 1);
                }
                None => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    fn has_time(&mut self) -> bool {
        let (since, count) = &mut self.window;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count <= SAMPLES_PER_SEC_MAX
    }
}

/// Gives a watcher what a tap takes, until the watcher has gone.
async fn watch(
    taps: Arc<Taps>,
    mut samples: mpsc::Receiver<Sample>,
    values: mpsc::Sender<Value>,
    dropped: Arc<AtomicUsize>,
) {
    let mut ticks = interval(TELL_EVERY);
    loop {
        let sample = tokio::select! {
            () = values.closed() => break,
            sample = samples.recv() => sample,
            _ = ticks.tick() => None,
        };
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 && values.send(json!({ "dropped": dropped })).await.is_err() {
            break;
        }
        if let Some(sample) = sample
            && values.send(render::value(&sample)).await.is_err()
        {
            break;
        }
    }
    drop(samples);
    taps.sweep();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sample: u64) -> TapRequest {
        TapRequest {
            connector: None,
            sample,
            limit: None,
        }
    }

    fn id() -> ConnectorId {
        ConnectorId::try_new("p", "c").expect("an id")
    }

    #[tokio::test]
    async fn a_watcher_that_does_not_read_delays_nothing_and_is_told_what_it_missed() {
        let taps = Arc::new(Taps::default());
        assert!(!taps.is_on());
        let mut watcher = taps.attach(None, &request(1)).expect("there is room");
        assert!(taps.is_on());
        // Returns at once, however many there are.
        taps.offer(&id(), 400, |place| Sample::of_text(&id(), &place.to_string()));
        let (mut samples, mut missed) = (0, 0);
        while samples + missed < 400 {
            let value = watcher.recv().await.expect("more");
            match value["dropped"].as_u64() {
                Some(dropped) => missed += dropped,
                None => samples += 1,
            }
        }
        assert!(missed >= 300, "{missed}");
        drop(watcher);
        while taps.is_on() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_in_so_many_is_a_sample() {
        let taps = Arc::new(Taps::default());
        let mut watcher = taps.attach(None, &request(10)).expect("there is room");
        taps.offer(&id(), 25, |place| Sample::of_text(&id(), &place.to_string()));
        for expected in [0, 10, 20] {
            let value = watcher.recv().await.expect("a sample");
            assert_eq!(value["before"]["payload"], expected);
        }
    }
}
