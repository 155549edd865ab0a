//! Places at which a test can have the process die, one for each row of the crash table (`docs/crash-table.md`), or one of
//! its tasks panic.
//!
//! Only with the feature `failpoints`, which nothing but the crash tests' build asks for; without it reaching a point is
//! nothing at all, and arming one is refused.

use danube_wasm_model::upstream::steps;

/// A step of the source or sink path, named by what has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailPoint {
    /// A source has taken events that its component has not seen.
    SourceTaken,
    /// A source's component has made records that the broker has not seen.
    SourcePolled,
    /// The broker was given records and has not said what became of them.
    SourceHandedOver,
    /// The broker has a source's records; their senders have not been answered.
    SourcePublished,
    /// A source has answered its senders.
    SourceAnswered,
    /// A source's dead letter is durable; its sender has not been answered.
    SourceLetterKept,
    /// The upstream of a source has taken a confirmation; nothing else knows of it.
    SourceConfirmed,
    /// The upstream of a source wants streams back; what is under way of them is neither finished nor confirmed.
    SourceRevoked,
    /// A source has made the slot of its snapshot; nothing here knows where it begins.
    SnapshotSlotMade,
    /// Every row of a snapshot is durable; nothing here knows of it.
    SnapshotDurable,
    /// A source takes no more events and has not finished those it has.
    SourceDraining,
    /// A sink has read messages and done nothing with them.
    SinkRead,
    /// A sink's batch failed in its component and is about to be halved.
    SinkHalving,
    /// A sink's component has made writes that the target has not seen.
    SinkProcessed,
    /// The target has a sink's writes; nothing is acknowledged.
    SinkWritten,
    /// The broker has a sink's acknowledgements.
    SinkAcknowledged,
    /// A message is poisonous; its dead letter is not written.
    SinkLetterDue,
    /// A message's dead letter is durable; the message is not acknowledged.
    SinkLetterKept,
    /// A sink reads no more and has not finished what it has.
    SinkDraining,
    /// A connector is about to start; of a changed sink, its predecessor has drained.
    Starting,
    /// The process has looked at its broker and its buffers, which it does every second.
    Watched,
}

impl FailPoint {
    /// All of them, in the order in which an event meets them.
    pub const ALL: [Self; 21] = [
        Self::Starting,
        Self::Watched,
        Self::SourceTaken,
        Self::SourcePolled,
        Self::SourceHandedOver,
        Self::SourcePublished,
        Self::SourceAnswered,
        Self::SourceLetterKept,
        Self::SourceConfirmed,
        Self::SourceRevoked,
        Self::SnapshotSlotMade,
        Self::SnapshotDurable,
        Self::SourceDraining,
        Self::SinkRead,
        Self::SinkHalving,
        Self::SinkProcessed,
        Self::SinkWritten,
        Self::SinkAcknowledged,
        Self::SinkLetterDue,
        Self::SinkLetterKept,
        Self::SinkDraining,
    ];

    /// Whether only a source comes here that reads from an upstream.
    pub fn is_of_upstream(self) -> bool {
        matches!(
            self,
            Self::SourceConfirmed | Self::SourceRevoked | Self::SnapshotSlotMade | Self::SnapshotDurable
        )
    }

    /// Its name in the crash table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Watched => "watched",
            Self::SourceTaken => "source.taken",
            Self::SourcePolled => "source.polled",
            Self::SourceHandedOver => "source.handed-over",
            Self::SourcePublished => "source.published",
            Self::SourceAnswered => "source.answered",
            Self::SourceLetterKept => "source.letter-kept",
            Self::SourceConfirmed => "source.confirmed",
            Self::SourceRevoked => "source.revoked",
            Self::SnapshotSlotMade => steps::SNAPSHOT_SLOT_MADE,
            Self::SnapshotDurable => steps::SNAPSHOT_DURABLE,
            Self::SourceDraining => "source.draining",
            Self::SinkRead => "sink.read",
            Self::SinkHalving => "sink.halving",
            Self::SinkProcessed => "sink.processed",
            Self::SinkWritten => "sink.written",
            Self::SinkAcknowledged => "sink.acknowledged",
            Self::SinkLetterDue => "sink.letter-due",
            Self::SinkLetterKept => "sink.letter-kept",
            Self::SinkDraining => "sink.draining",
        }
    }
}

#[cfg(feature = "failpoints")]
mod switch {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    use danube_wasm_model::upstream::steps;

    use super::FailPoint;

    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        point: FailPoint,
        passes_left: AtomicU64,
        panics: bool,
    }

    /// The process dies when it reaches the point for the n-th time: `sink.written` or `sink.written:3`. With
    /// `panic@` before it, the task that reaches it panics instead.
    ///
    /// # Errors
    /// No such point, not a count, or one is armed already.
    pub fn arm(text: &str) -> Result<(), String> {
        let (panics, text) = match text.strip_prefix("panic@") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = FailPoint::ALL.into_iter().find(|point| point.name() == name);
        let point = point.ok_or_else(|| format!("there is no failpoint `{name}`"))?;
        let nth: u64 = nth.parse().map_err(|_| format!("`{nth}` is not a count"))?;
        let armed = Armed {
            point,
            passes_left: AtomicU64::new(nth),
            panics,
        };
        // Sources have steps of their own.
        steps::tell(|step| {
            let mut points = FailPoint::ALL.into_iter();
            if let Some(point) = points.find(|point| point.name() == step) {
                reach(point);
            }
        });
        ARMED.set(armed).map_err(|_| "a failpoint is armed already".to_owned())
    }

    /// Dies here, or panics, if that was asked for.
    pub fn reach(point: FailPoint) {
        if let Some(armed) = ARMED.get()
            && armed.point == point
            && armed.passes_left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            assert!(!armed.panics, "asked to panic at the failpoint `{}`", point.name());
            // No destructor, no flush, no unwinding: as near to `kill -9` as a process comes by itself.
            std::process::abort();
        }
    }
}

#[cfg(feature = "failpoints")]
pub use switch::{arm, reach};

/// Refuses: this build has no failpoints.
///
/// # Errors
/// Always.
#[cfg(not(feature = "failpoints"))]
pub fn arm(_: &str) -> Result<(), String> {
    Err("this build has no failpoints: only the crash tests' has".to_owned())
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn reach(_: FailPoint) {}
