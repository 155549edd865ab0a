//! Detects panics that a runtime catches, and allows panics that are expected.

use std::{
    collections::BTreeMap,
    panic,
    path::Path,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

static COUNTS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
static CAUGHT: AtomicBool = AtomicBool::new(false);
/// Panics of this repository's own code on the thread of a log's writer.
static OWN_IN_WRITER: AtomicUsize = AtomicUsize::new(0);

/// Counts the panics of this thread from its start, including those of tasks that a runtime catches.
pub(crate) struct PanicWatch(usize);

impl PanicWatch {
    pub(crate) fn start() -> Self {
        install_hook();
        Self(count())
    }

    /// Fails if there was one.
    pub(crate) fn assert_none(self) {
        assert_eq!(count(), self.0, "a task panicked: its message is above");
    }
}

/// Call it where panics are caught by the code under test: they are printed, but do not end the process as they would
/// under cargo-fuzz. One that nothing catches still does.
pub(crate) fn expect_caught_panics() {
    CAUGHT.store(true, Ordering::Relaxed);
    install_hook();
}

/// Fails if the writer of a log, which survives a panic, met one of this repository's own code.
pub(crate) fn assert_no_own_panic_in_writer() {
    let own = OWN_IN_WRITER.load(Ordering::Relaxed);
    assert_eq!(own, 0, "code of this repository panicked: its message is above");
}

fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            *COUNTS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(name())
                .or_default() += 1;
            // Paths of this workspace are relative, those of other crates and of the standard library are not.
            let is_own = info
                .location()
                .is_some_and(|place| Path::new(place.file()).is_relative());
            if is_own && name() == "log-writer" {
                OWN_IN_WRITER.fetch_add(1, Ordering::Relaxed);
            }
            match CAUGHT.load(Ordering::Relaxed) {
                true => eprintln!("{info}"),
                false => before(info),
            }
        }));
    });
}

fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn count() -> usize {
    let seen = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    seen.get(&name()).copied().unwrap_or(0)
}
