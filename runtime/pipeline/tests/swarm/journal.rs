//! What happened, in order, in virtual time: the same for the same seed, byte for byte.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lines of `milliseconds what`.
pub struct Journal {
    begun: Instant,
    text: Mutex<String>,
    last: Mutex<Instant>,
}

impl Journal {
    pub fn begin() -> Self {
        Self {
            begun: Instant::now(),
            text: Mutex::default(),
            last: Mutex::new(Instant::now()),
        }
    }

    /// `journal.note(format_args!("…"))`.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let at = self.begun.elapsed();
        *self.last.lock() = Instant::now();
        let mut text = self.text.lock();
        writeln!(text, "{:>9.3} {what}", at.as_secs_f64() * 1000.0).expect("memory");
    }

    pub fn silence(&self) -> Duration {
        self.last.lock().elapsed()
    }

    pub fn take(&self) -> String {
        std::mem::take(&mut self.text.lock())
    }
}
