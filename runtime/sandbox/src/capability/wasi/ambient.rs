//! What a component can learn about the world without being told: the time, and chance. All of it passes here, so that
//! it is known afterwards what a call saw, and a recorded call can be shown the same again.
//!
//! An instance's life has stretches: its start, then one for each call. Nothing is done when a call begins but to count
//! it; a stretch is entered by the first look at a clock or at chance, and most calls take none.

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
    track::Track,
};
use crate::recording::{Recording, Seed, Sight};

/// Where time and chance come from.
#[derive(Clone)]
pub enum Ambient {
    /// This clock, and the operating system's randomness.
    Live(Arc<dyn Clock>),
    /// What another instance saw. Where a component looks at a clock more often than was recorded, the clock goes on
    /// with a millisecond for each thousand looks; so it moves, and the same at every replay.
    Recorded(Arc<Recording>),
}

impl Default for Ambient {
    fn default() -> Self {
        Self::Live(Arc::new(SystemClock::default()))
    }
}

/// One instance's view. Its clones are the ends that the clocks and generators of WASI hold.
#[derive(Clone)]
pub(crate) struct View(Arc<Shared>);

struct Shared {
    ambient: Ambient,
    /// 0 while the instance starts, then the number of the call.
    stretch: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// The stretch that was looked at last.
    stretch: u64,
    start: Seen,
    call: Seen,
}

/// What was seen in a stretch, or is to be.
#[derive(Default)]
struct Seen {
    wall: Track,
    monotonic: Track,
    dice: Option<(Seed, ChaCha20Rng)>,
}

impl View {
    pub(super) fn new(ambient: &Ambient) -> Self {
        let (start, call) = match ambient {
            Ambient::Live(_) => Default::default(),
            Ambient::Recorded(recording) => (Seen::again(&recording.start), Seen::again(&recording.call)),
        };
        Self(Arc::new(Shared {
            ambient: ambient.clone(),
            stretch: AtomicU64::new(0),
            state: Mutex::new(State {
                stretch: 0,
                start,
                call,
            }),
        }))
    }

    /// What the instance sees from now on belongs to another call.
    pub(crate) fn begin_call(&self) {
        let stretch = self.0.stretch.load(Relaxed);
        self.0.stretch.store(stretch + 1, Relaxed);
    }

    pub(super) fn wall_ms(&self) -> u64 {
        self.look(|seen, ambient| match ambient {
            Ambient::Live(clock) => seen.wall.record(clock.wall_ms()),
            Ambient::Recorded(_) => seen.wall.play(),
        })
    }

    pub(super) fn monotonic_ms(&self) -> u64 {
        self.look(|seen, ambient| match ambient {
            Ambient::Live(clock) => seen.monotonic.record(clock.monotonic_ms()),
            Ambient::Recorded(_) => seen.monotonic.play(),
        })
    }

    /// What the instance saw when it started, and in its last call. What it did not look at is what it would have seen
    /// now.
    pub(crate) fn sights(&self) -> (Sight, Sight) {
        let (wall_ms, monotonic_ms) = match &self.0.ambient {
            Ambient::Live(clock) => (clock.wall_ms(), clock.monotonic_ms()),
            Ambient::Recorded(recording) => (recording.call.wall.first_ms, recording.call.monotonic.first_ms),
        };
        self.look(|_, _| ());
        let mut state = self.0.state.lock();
        let call = state.call.sight(wall_ms, monotonic_ms);
        let start = state.start.sight(call.wall.first_ms, call.monotonic.first_ms);
        (start, call)
    }

    fn look<T>(&self, at: impl FnOnce(&mut Seen, &Ambient) -> T) -> T {
        let mut state = self.0.state.lock();
        let stretch = self.0.stretch.load(Relaxed);
        if state.stretch != stretch {
            state.stretch = stretch;
            state.call = match &self.0.ambient {
                Ambient::Live(_) => Seen::default(),
                Ambient::Recorded(recording) => Seen::again(&recording.call),
            };
        }
        let seen = if stretch == 0 {
            &mut state.start
        } else {
            &mut state.call
        };
        at(seen, &self.0.ambient)
    }
}

impl TryRng for View {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.look(|seen, _| seen.dice().next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.look(|seen, _| seen.dice().next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.look(|seen, _| seen.dice().fill_bytes(bytes));
        Ok(())
    }
}

impl Seen {
    fn again(sight: &Sight) -> Self {
        Self {
            wall: Track::again(&sight.wall),
            monotonic: Track::again(&sight.monotonic),
            dice: Some((sight.seed, ChaCha20Rng::from_seed(sight.seed.0))),
        }
    }

    /// Every stretch has dice of its own: the seed of one tells nothing of another's.
    fn seeded(&mut self) -> &mut (Seed, ChaCha20Rng) {
        self.dice.get_or_insert_with(|| {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).expect("the system has randomness");
            (Seed(seed), ChaCha20Rng::from_seed(seed))
        })
    }

    fn dice(&mut self) -> &mut ChaCha20Rng {
        &mut self.seeded().1
    }

    fn sight(&mut self, wall_ms: u64, monotonic_ms: u64) -> Sight {
        Sight {
            wall: self.wall.readings(wall_ms),
            monotonic: self.monotonic.readings(monotonic_ms),
            seed: self.seeded().0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_chance_of_its_own_and_each_can_be_had_again() {
        let mut live = View::new(&Ambient::default());
        let draw = |view: &mut View| view.try_next_u64().expect("infallible");
        let started = draw(&mut live);
        live.begin_call();
        let first = draw(&mut live);
        live.begin_call();
        let second = draw(&mut live);
        assert!(started != first && first != second && started != second);
        let (start, call) = live.sights();
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
        let mut again = View::new(&Ambient::Recorded(Arc::new(recording)));
        assert_eq!(draw(&mut again), started);
        again.begin_call();
        assert_eq!(draw(&mut again), second);
        again.begin_call();
        assert_eq!(draw(&mut again), second);
    }
}
