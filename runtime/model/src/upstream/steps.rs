//! Steps inside a source at which a crash test can have the process die. The failpoints are the pipeline's, and sources are below it:
//! so a source says that it has come to a step, and the pipeline has itself told in the crash tests' build. In any other nobody is.

use std::sync::OnceLock;

/// The slot of a snapshot is made, and nothing here knows where it begins.
pub const SNAPSHOT_SLOT_MADE: &str = "snapshot.slot-made";

/// Every row of a snapshot is durable, and nothing here knows of it.
pub const SNAPSHOT_DURABLE: &str = "snapshot.durable";

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
