//! Samples of where a component's calls spend their time.
//!
//! Each tick of the clock that interrupts components ([`crate::limits::TICK`]) is a sample: the functions that the component is in, as a
//! trap would name them. A tick lands where the component enters a function or a loop begins again, so a long run of
//! straight code counts for the function around it. Naming the functions takes time of the component's budget; nobody
//! samples but who measures.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use wasmtime::WasmBacktrace;

use crate::{sandbox::Compiled, trap};

/// Samples that are kept: a quarter of an hour of a component that never rests.
const SAMPLES_MAX: usize = 1_000_000;

/// Collects samples of the calls of a component that was loaded with it.
#[derive(Debug)]
pub struct Profile {
    began: Instant,
    samples: Mutex<Vec<ProfileSample>>,
}

/// A moment of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSample {
    /// Microseconds since the profile began.
    pub at_us: u64,
    /// The component's functions, innermost first: `function`, or `function (file:line:column)`.
    pub frames: Vec<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            samples: Mutex::default(),
        }
    }
}

impl Profile {
    /// The samples so far; the profile is empty afterwards.
    pub fn take(&self) -> Vec<ProfileSample> {
        std::mem::take(&mut self.samples.lock())
    }

    fn add(&self, frames: Vec<String>) {
        let at_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut samples = self.samples.lock();
        if samples.len() < SAMPLES_MAX && !frames.is_empty() {
            samples.push(ProfileSample { at_us, frames });
        }
    }
}

/// Samples the calls of one instance.
pub(crate) struct Sampler {
    profile: Arc<Profile>,
    compiled: Arc<Compiled>,
}

impl Sampler {
    pub(crate) fn new(profile: Arc<Profile>, compiled: Arc<Compiled>) -> Self {
        Self { profile, compiled }
    }

    /// The instance was interrupted here.
    pub(crate) fn sample(&self, here: &WasmBacktrace) {
        self.profile.add(trap::functions(here.frames(), self.compiled.lines()));
    }
}
