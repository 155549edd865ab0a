//! Panics that whoever waits for them may never hear of, and panics that are caught.

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

static SEEN: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
static CAUGHT: AtomicBool = AtomicBool::new(false);
/// Panics of this repository's own code on the thread of a log's writer.
static OWN: AtomicUsize = AtomicUsize::new(0);

/// Counts the panics of this thread from now on: those of its tasks too, which a runtime catches.
pub(crate) struct Watch(usize);

impl Watch {
    pub(crate) fn begin() -> Self {
        listen();
        Self(count())
    }

    /// That there was none.
    pub(crate) fn end(self) {
        assert_eq!(count(), self.0, "a task panicked: its message is above");
    }
}

/// From now on a panic is somebody's answer to what it called: it is told, but does not end the process as it would under
/// cargo-fuzz. One that nobody catches still does.
pub(crate) fn are_caught() {
    CAUGHT.store(true, Ordering::Relaxed);
    listen();
}

/// That the writer of a log, which goes on after a panic, met none but the engine's.
pub(crate) fn of_the_writer_are_the_engines() {
    let own = OWN.load(Ordering::Relaxed);
    assert_eq!(own, 0, "code of this repository panicked: its message is above");
}

fn listen() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            *SEEN
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(name())
                .or_default() += 1;
            // Paths of this workspace are relative, those of other crates and of the standard library are not.
            let is_own = info
                .location()
                .is_some_and(|place| Path::new(place.file()).is_relative());
            if is_own && name() == "log-writer" {
                OWN.fetch_add(1, Ordering::Relaxed);
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
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.get(&name()).copied().unwrap_or(0)
}
