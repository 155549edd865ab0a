//! The ambient inputs of a component: clocks and random bytes. All of them are read through here, so that what a call
//! read can be recorded, and replayed to another instance.
//!
//! Reads belong to the instance's start or to one of its calls. Beginning a call only counts it; its record is made by
//! the first read of a clock or of random bytes, and most calls make none.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng, TryRng},
};
use parking_lot::Mutex;

use super::{
    clocks::{Clock, SystemClock},
    track::ClockTrack,
};
use crate::{
    capability::http::{Asked, ExchangePlace},
    exchange::{self, Exchange, Outcome},
    recording::{AmbientReads, Recording, Seed},
};

/// Where clock readings and random bytes come from.
#[derive(Clone)]
pub enum Ambient {
    /// This clock, and the operating system's randomness.
    Live(Arc<dyn Clock>),
    /// What another instance read. If a component reads a clock more often than was recorded, the clock advances by one
    /// millisecond for each thousand readings, the same at every replay.
    Recorded(Arc<Recording>),
}

impl Default for Ambient {
    fn default() -> Self {
        Self::Live(Arc::new(SystemClock::default()))
    }
}

/// One instance's clocks and generators. WASI's clocks and generators hold clones of it.
#[derive(Clone)]
pub(crate) struct AmbientView(Arc<Shared>);

struct Shared {
    ambient: Ambient,
    /// 0 while the instance starts, then the number of the call.
    call_number: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// The call that made the last read.
    call_number: u64,
    start: CallAmbient,
    call: CallAmbient,
}

/// What was read during the start or a call, or is to be replayed.
#[derive(Default)]
struct CallAmbient {
    wall: ClockTrack,
    monotonic: ClockTrack,
    rng: Option<(Seed, ChaCha20Rng)>,
    /// Exchanges that were made, or are to be replayed.
    http: Vec<Exchange>,
    /// Of a replay, those that were asked for; else bytes of what is kept.
    http_used: usize,
}

impl AmbientView {
    pub(super) fn new(ambient: &Ambient) -> Self {
        let (start, call) = match ambient {
            Ambient::Live(_) => Default::default(),
            Ambient::Recorded(recording) => (
                CallAmbient::replay(&recording.start),
                CallAmbient::replay(&recording.call),
            ),
        };
        Self(Arc::new(Shared {
            ambient: ambient.clone(),
            call_number: AtomicU64::new(0),
            state: Mutex::new(State {
                call_number: 0,
                start,
                call,
            }),
        }))
    }

    /// Later reads belong to a new call.
    pub(crate) fn begin_call(&self) {
        let call_number = self.0.call_number.load(Relaxed);
        self.0.call_number.store(call_number + 1, Relaxed);
    }

    pub(super) fn wall_ms(&self) -> u64 {
        self.with_current(|reads, ambient| match ambient {
            Ambient::Live(clock) => reads.wall.record(clock.wall_ms()),
            Ambient::Recorded(_) => reads.wall.play(),
        })
    }

    pub(super) fn monotonic_ms(&self) -> u64 {
        self.with_current(|reads, ambient| match ambient {
            Ambient::Live(clock) => reads.monotonic.record(clock.monotonic_ms()),
            Ambient::Recorded(_) => reads.monotonic.play(),
        })
    }

    /// A request is made: its answer, if this is a replay.
    pub(crate) fn begin_exchange(&self, asked: Exchange) -> Asked {
        let call_number = self.0.call_number.load(Relaxed);
        self.with_current(|reads, ambient| match ambient {
            Ambient::Live(_) => Asked::Live(ExchangePlace {
                call_number,
                at: reads.begin_exchange(asked),
            }),
            Ambient::Recorded(_) => {
                let recorded = reads.http.get(reads.http_used);
                let answer = Exchange::replay(recorded, &asked);
                reads.http_used += 1;
                Asked::Replayed(answer)
            }
        })
    }

    /// What came of a request; of an earlier call it is not kept.
    pub(crate) fn end_exchange(&self, place: ExchangePlace, outcome: Outcome) {
        let mut state = self.0.state.lock();
        let is_current = state.call_number == place.call_number;
        let reads = match place.call_number {
            0 => &mut state.start,
            _ => &mut state.call,
        };
        if is_current && let Some(at) = place.at {
            reads.end_exchange(at, outcome);
        }
    }

    /// What the instance read when it started, and in its last call. A clock that was not read has the present time.
    pub(crate) fn reads(&self) -> (AmbientReads, AmbientReads) {
        let (wall_ms, monotonic_ms) = match &self.0.ambient {
            Ambient::Live(clock) => (clock.wall_ms(), clock.monotonic_ms()),
            Ambient::Recorded(recording) => (recording.call.wall.first_ms, recording.call.monotonic.first_ms),
        };
        self.with_current(|_, _| ());
        let mut state = self.0.state.lock();
        let call = state.call.reads(wall_ms, monotonic_ms);
        let start = state.start.reads(call.wall.first_ms, call.monotonic.first_ms);
        (start, call)
    }

    fn with_current<T>(&self, at: impl FnOnce(&mut CallAmbient, &Ambient) -> T) -> T {
        let mut state = self.0.state.lock();
        let call_number = self.0.call_number.load(Relaxed);
        if state.call_number != call_number {
            state.call_number = call_number;
            state.call = match &self.0.ambient {
                Ambient::Live(_) => CallAmbient::default(),
                Ambient::Recorded(recording) => CallAmbient::replay(&recording.call),
            };
        }
        let reads = if call_number == 0 {
            &mut state.start
        } else {
            &mut state.call
        };
        at(reads, &self.0.ambient)
    }
}

impl TryRng for AmbientView {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.with_current(|reads, _| reads.rng().next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.with_current(|reads, _| reads.rng().next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.with_current(|reads, _| reads.rng().fill_bytes(bytes));
        Ok(())
    }
}

impl CallAmbient {
    fn replay(reads: &AmbientReads) -> Self {
        Self {
            wall: ClockTrack::replay(&reads.wall),
            monotonic: ClockTrack::replay(&reads.monotonic),
            rng: Some((reads.seed, ChaCha20Rng::from_seed(reads.seed.0))),
            http: reads.http.clone(),
            http_used: 0,
        }
    }

    /// Keeps a request, up to what an answer may take: of one that is not kept nothing is known.
    fn begin_exchange(&mut self, asked: Exchange) -> Option<usize> {
        let size = asked.method.len() + asked.url.len();
        if self.http_used + size > exchange::BYTES_MAX {
            // That something is missing is seen by the last one.
            self.http.last_mut()?.outcome = None;
            return None;
        }
        self.http_used += size;
        self.http.push(asked);
        Some(self.http.len() - 1)
    }

    fn end_exchange(&mut self, at: usize, outcome: Outcome) {
        let used = self.http_used + outcome.size();
        if used <= exchange::BYTES_MAX
            && let Some(exchange) = self.http.get_mut(at)
        {
            self.http_used = used;
            exchange.outcome = Some(outcome);
        }
    }

    /// Each call has its own seed, so that the seed of one reveals nothing about another's.
    fn seeded(&mut self) -> &mut (Seed, ChaCha20Rng) {
        self.rng.get_or_insert_with(|| {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).expect("the system has randomness");
            (Seed(seed), ChaCha20Rng::from_seed(seed))
        })
    }

    fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.seeded().1
    }

    fn reads(&mut self, wall_ms: u64, monotonic_ms: u64) -> AmbientReads {
        AmbientReads {
            wall: self.wall.readings(wall_ms),
            monotonic: self.monotonic.readings(monotonic_ms),
            seed: self.seeded().0,
            http: self.http.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_chance_of_its_own_and_each_can_be_had_again() {
        let mut live = AmbientView::new(&Ambient::default());
        let draw = |view: &mut AmbientView| view.try_next_u64().expect("infallible");
        let started = draw(&mut live);
        live.begin_call();
        let first = draw(&mut live);
        live.begin_call();
        let second = draw(&mut live);
        assert!(started != first && first != second && started != second);
        let (start, call) = live.reads();
        let recording = Recording {
            role: String::new(),
            settings: None,
            limits: Default::default(),
            topics: Vec::new(),
            log_levels: Vec::new(),
            inputs: 1,
            calls_before: 1,
            start,
            call,
        };
        let mut again = AmbientView::new(&Ambient::Recorded(Arc::new(recording)));
        assert_eq!(draw(&mut again), started);
        again.begin_call();
        assert_eq!(draw(&mut again), second);
        again.begin_call();
        assert_eq!(draw(&mut again), second);
    }
}
