//! Steps inside a source at which a crash test can have the process die. The failpoints are the pipeline's, and sources are below it:
//! so a source says that it has come to a step, and the pipeline has itself told in the crash tests' build. In any other nobody is.

use std::sync::OnceLock;

/// The slot of a snapshot has its name, and nothing here knows of it.
pub const SNAPSHOT_PROMOTED: &str = "snapshot.promoted";

static TOLD: OnceLock<fn(&'static str)> = OnceLock::new();

/// Tells of every step from now on. The first one who asks is told.
pub fn tell(told: fn(&'static str)) {
    let _ = TOLD.set(told);
}

/// A source has come to a step.
pub fn reached(step: &'static str) {
    if let Some(told) = TOLD.get() {
        told(step);
    }
}
