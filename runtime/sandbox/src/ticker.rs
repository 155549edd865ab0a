//! The clock that interrupts components: an OS thread that moves the engine's epoch on every [`TICK`].
//!
//! It is an OS thread, because a timer on the pool that runs components would be late when it is needed most. It sleeps
//! while no call is running, so that an idle process wakes no thread; the next call wakes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, Thread},
};

use wasmtime::{Engine, EngineWeak};

use crate::limits::TICK;

/// Ticks without a call after which the thread goes to sleep: long enough that a trickle of calls does not pay for
/// waking it each time.
const IDLE_TICKS_MAX: u32 = 200;

/// Runs the clock until it is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    /// Calls that are running.
    calls: AtomicUsize,
    /// Whether the thread sleeps, or is about to check `calls` and then sleep.
    asleep: AtomicBool,
    stopped: AtomicBool,
    ticks: Arc<AtomicU64>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (Arc::clone(&shared), engine.weak());
        let handle = thread::Builder::new()
            .name("guest-ticker".into())
            .spawn(move || run(&theirs, &engine))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Ticks so far. They advance only while calls are running.
    pub(crate) fn ticks(&self) -> &Arc<AtomicU64> {
        &self.shared.ticks
    }

    /// Keeps the clock running until the guard is dropped.
    pub(crate) fn running(&self) -> Running<'_> {
        self.shared.calls.fetch_add(1, SeqCst);
        // Either this sees that the thread sleeps, or the thread sees this call before it does.
        if self.shared.asleep.load(SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        self.thread.unpark();
    }
}

/// See [`Ticker::running`].
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, SeqCst);
    }
}

fn run(shared: &Shared, engine: &EngineWeak) {
    let mut idle_ticks = 0;
    while !shared.stopped.load(SeqCst) {
        if idle_ticks >= IDLE_TICKS_MAX {
            shared.asleep.store(true, SeqCst);
            while shared.calls.load(SeqCst) == 0 && !shared.stopped.load(SeqCst) {
                thread::park();
            }
            shared.asleep.store(false, SeqCst);
        }
        thread::park_timeout(TICK);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        shared.ticks.fetch_add(1, SeqCst);
        idle_ticks = if shared.calls.load(SeqCst) == 0 {
            idle_ticks + 1
        } else {
            0
        };
    }
}
