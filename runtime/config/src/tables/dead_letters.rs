//! The limit of a connector's dead letters.

use std::{num::NonZeroUsize, time::Duration};

use danube_wasm_settings::{Section, Table, kinds::Integer};

/// Most dead letters within a time: a connector that exceeds it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxDeadLetters {
    /// Number of dead letters.
    pub count: NonZeroUsize,
    /// Within this time.
    pub per: Duration,
}

/// Default: far above what bad data causes, far below what a bad deployment does.
const COUNT: usize = 1000;
/// Default.
const PER_SECS: u64 = 60;

impl Section for MaxDeadLetters {
    const ABOUT: &'static str = "How many dead letters a connector may make. One that makes more stops, before it has \
        turned its whole topic into dead letters. A source does not stop when events crash its component: beyond so many, \
        it keeps no more dead letters of crashes, and their senders are told 503.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let count = t.field("count", Integer(1..=1_000_000), "Dead letters.").or(COUNT);
        let per_secs = t
            .field("per_secs", Integer(1..=86_400), "Within so many seconds.")
            .or(PER_SECS);
        Some(Self {
            count: NonZeroUsize::new(count)?,
            per: Duration::from_secs(per_secs),
        })
    }
}

impl Default for MaxDeadLetters {
    fn default() -> Self {
        Self {
            count: NonZeroUsize::new(COUNT).unwrap_or(NonZeroUsize::MIN),
            per: Duration::from_secs(PER_SECS),
        }
    }
}
