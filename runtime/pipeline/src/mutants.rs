//! Faults that can be put into this crate on purpose, so that its simulation can show that it would find them.
//!
//! Only with the feature `mutants`, which nothing but this crate's own tests asks for; without it every question is
//! answered `false` at compile time.

/// A mistake that somebody could make in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A sink acknowledges before it writes.
    AckBeforeWrite,
    /// A batch whose component asked for another try is forgotten.
    DropOnRetry,
    /// What the target did not take now counts as written.
    TransientIsDone,
    /// What the target has put off counts as written.
    LaterIsDone,
    /// What is behind a write that waits does not wait for it.
    OvertakeWaiting,
    /// A write never says that it may have been written before.
    ForgetRedelivered,
    /// The right half of a failed batch is called first.
    ReorderInBisect,
    /// Of two inputs that failed together, the first is blamed.
    BlameNeighbour,
    /// An input that failed alone once is blamed.
    BlameAtOnce,
    /// What a lane still has when it is told to stop is acknowledged and not written.
    LoseOnDrain,
    /// A lane that stops does not wait for its acknowledgements.
    AbandonAcks,
    /// Of the events that share a record, only the first shares its fate.
    ForgetOrigin,
    /// What was merged with a refused message is acknowledged and not written.
    ForgetMergedWithRejected,
    /// A message is acknowledged before its dead letter is durable.
    AckBeforeLetter,
    /// A source answers before the broker has committed.
    AnswerBeforeCommit,
    /// An event that the component crashed on is answered without a dead letter.
    ForgetCrashed,
    /// An event's first record is published apart from the others.
    PartOfGroup,
    /// Of a request that is refused as a whole, the first records are published.
    PartOfRequest,
    /// Where one record of a request is too large, every event of it is refused for that.
    BlameWholeRequest,
    /// The rest of a request is refused when its first events have opened the circuit.
    PauseAmidRequest,
    /// A circuit that opened never closes again.
    BreakerStaysOpen,
    /// Messages behind a blocked key are processed.
    BlockedKeyGoesOn,
    /// Messages of one key go to any lane of a sink.
    LanesMixKeys,
    /// A redelivered message is written under another id.
    NewIdOnRedelivery,
    /// The order of a record is the millisecond of its publishing.
    OrderIsMilliseconds,
    /// What was pulled counts as done when it is handed to the broker.
    ConfirmBeforeCommit,
    /// The last event that is done is confirmed, although earlier ones are not done.
    ConfirmOverGap,
    /// What becomes done of a lost stream is confirmed.
    ConfirmUnderOldEpoch,
    /// All that was delivered of a revoked stream counts as done.
    LoseAtRevoke,
    /// What is behind records that were not published is published before they are tried again.
    ReorderAfterRetry,
}

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    impl Mutant {
        /// Those of the source loop and the sink loop.
        pub const ALL: [Self; 25] = [
            Self::AckBeforeWrite,
            Self::DropOnRetry,
            Self::TransientIsDone,
            Self::LaterIsDone,
            Self::OvertakeWaiting,
            Self::ForgetRedelivered,
            Self::ReorderInBisect,
            Self::BlameNeighbour,
            Self::BlameAtOnce,
            Self::LoseOnDrain,
            Self::AbandonAcks,
            Self::ForgetOrigin,
            Self::ForgetMergedWithRejected,
            Self::AckBeforeLetter,
            Self::AnswerBeforeCommit,
            Self::ForgetCrashed,
            Self::PartOfGroup,
            Self::PartOfRequest,
            Self::BlameWholeRequest,
            Self::PauseAmidRequest,
            Self::BreakerStaysOpen,
            Self::BlockedKeyGoesOn,
            Self::LanesMixKeys,
            Self::NewIdOnRedelivery,
            Self::OrderIsMilliseconds,
        ];

        /// Those of the pull driver, and what it shares with the source loop.
        pub const PULL: [Self; 6] = [
            Self::ConfirmBeforeCommit,
            Self::ConfirmOverGap,
            Self::ConfirmUnderOldEpoch,
            Self::LoseAtRevoke,
            Self::ReorderAfterRetry,
            Self::OrderIsMilliseconds,
        ];
    }

    /// What runs on this thread from now on makes this mistake, or none.
    pub fn activate(mutant: Option<Mutant>) {
        ACTIVE.set(mutant);
    }

    pub(crate) fn is(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use switch::activate;
#[cfg(feature = "mutants")]
pub(crate) use switch::is;

/// Whether this mistake is made now.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
