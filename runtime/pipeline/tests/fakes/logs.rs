//! What is logged on this thread.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Level, subscriber::DefaultGuard};

/// Lines of a level and above, until it is dropped.
pub struct Logs {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logs {
    pub fn from(level: Level) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let to = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || Writer(to.clone()));
        let guard = tracing::subscriber::set_default(subscriber.finish());
        Self { text, _guard: guard }
    }

    /// Those that have this in them.
    pub fn with(&self, what: &str) -> usize {
        let text = self.text.lock().expect("not poisoned");
        let lines = String::from_utf8_lossy(&text);
        lines.lines().filter(|line| line.contains(what)).count()
    }
}
