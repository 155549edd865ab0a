//! The door between the ingress of a pull source and the pipeline: who reads, who confirms, and when.
//!
//! A pull source reads from something that keeps what was not confirmed: a Kafka consumer group, a PostgreSQL replication
//! slot, an MQTT session. Its ingress implements [`Connect`], [`Upstream`] and [`Confirmer`] and hands the first one to a
//! [`PullDriver`], which does the rest: it reads as much as there is room for, has records made and published, and
//! confirms what is durable.
//!
//! ```text
//! ingress                                     driver (pipeline)
//! drive(connect) ───────────────────────────► connect() → Upstream
//!                 ◄── receive(room) ───────── events while there is room, all else always
//!                 Delivery ─────────────────► component → broker → done
//!                 ◄── confirm(stream, epoch, position) ── everything up to there is done
//!                 Revoked ──────────────────► finishes what it has of the streams, until the deadline
//!                 ◄── release(streams) ────── they may go to another reader
//! ```
//!
//! * **Stream.** What the upstream orders and confirms by itself: a partition, a slot, a session. Events of a stream are
//!   delivered in its order; positions mean nothing outside their stream.
//! * **Epoch.** One uninterrupted ownership of a stream: it grows each time the stream is assigned, a session is resumed or
//!   a connection is made anew, so that what is said about a former ownership cannot be taken for the present one. It is
//!   Kafka's generation and MQTT's connection. Epochs of one [`Upstream`] rise; the next `Upstream` may count anew.
//! * **Order.** An upstream whose events have an order of their own (an LSN, an offset) gives it to them as the attribute
//!   [`ORDER_ATTRIBUTE`](crate::identity::ORDER_ATTRIBUTE), as an [`upstream_order`](crate::clock::upstream_order); their records carry it
//!   to the sinks. Others are stamped when
//!   they are published.
//! * **Delivery again.** What was delivered and not confirmed comes again, in the same order and with the same event ids,
//!   in a later epoch, here or at another reader: record ids are made of event ids, so it meets its own records.

mod backlog;
mod error;
mod notebook;
pub mod steps;
mod stream;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

pub use backlog::Backlog;
pub use error::UpstreamError;
pub use notebook::{MemoryNotebook, Notebook, NotebookError};
pub use stream::{Position, Room, StreamId};

use crate::event::Event;

/// Makes sessions with the upstream.
#[async_trait]
pub trait Connect: Send + Sync + 'static {
    /// A new session. Called at the start, and again, after a wait, each time one has ended with
    /// [`UpstreamError::Disconnected`] or this has failed with [`UpstreamError::Transient`]. The one before has been closed
    /// by then. May be cancelled.
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError>;
}

/// One session with an upstream: a connection, a slot, a membership of a consumer group. One that can mend a broken
/// connection by itself does that within [`Self::receive`] and raises its epochs.
#[async_trait]
pub trait Upstream: Send + 'static {
    /// Waits for what comes next. Called by one task, again at once; what keeps the session alive must not depend on it.
    ///
    /// It may be cancelled: what was not returned is returned by a later call. `room` is what fits now: no more than
    /// `room.events`, and no event after the one that reaches `room.bytes`. Without room it waits for everything else, as
    /// long as that takes: progress, streams that go, an error. It is cancelled and called anew when there is room again. An
    /// upstream that cannot stop a sender at once may return more than there is room for.
    ///
    /// After [`UpstreamError::Transient`] it is called again, after a wait.
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError>;

    /// Confirms from another task than the one that reads. Asked for once, before the first [`Self::receive`].
    fn confirmer(&self) -> Arc<dyn Confirmer>;

    /// Ends the session, at the deadline at the latest, so that others need not wait for it to be missed. Nothing is
    /// confirmed any more. What the upstream remembers of it (a slot, a session) stays.
    async fn close(self: Box<Self>, deadline: Instant);
}

/// What an upstream delivers.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Events, in the order of their stream. A higher epoch than before begins anew: what was delivered in the one before
    /// and is not confirmed will come again, as after [`Delivery::Lost`]. Events of a lower one are ignored.
    Events {
        /// Where they are from.
        stream: StreamId,
        /// The ownership that they were delivered in.
        epoch: u64,
        /// Each with the position that may be confirmed once it, and all before it, are done: see [`Position`].
        events: Vec<(Event, Position)>,
    },
    /// The stream has moved on without an event: a keepalive, the end of a transaction, a marker, a record that was
    /// compacted away. Confirmed in its turn, after the events before it.
    Passed {
        /// Which one.
        stream: StreamId,
        /// The ownership.
        epoch: u64,
        /// How far it has moved.
        position: Position,
    },
    /// These streams go to another reader. Nothing of them is delivered after this. What is under way is finished and
    /// confirmed until the deadline, then [`Confirmer::release`] is called.
    Revoked {
        /// Which ones.
        streams: Vec<StreamId>,
        /// Until when they may be confirmed.
        deadline: Instant,
    },
    /// These streams are another reader's already, or their session is gone: nothing of them can be confirmed. What is under
    /// way is dropped where that is still possible.
    Lost {
        /// Which ones.
        streams: Vec<StreamId>,
    },
}

/// Tells the upstream what it need not keep.
#[async_trait]
pub trait Confirmer: Send + Sync + 'static {
    /// Everything of the stream up to and including this position is durable in the broker, or is kept as a dead letter. The
    /// calls for one stream come one after the other, with positions in the order of their delivery; not every position
    /// is named.
    ///
    /// In another epoch than the stream's present one this does nothing and is no error: the stream may have been lost
    /// while the call was on its way.
    ///
    /// `Ok` means that the upstream has it or will have it as soon as that is useful to it (an offset commit each second, a
    /// status message each ten): at the latest before [`Upstream::close`] or [`Self::release`] returns. After
    /// [`UpstreamError::Transient`] it is called again, perhaps with a later position.
    async fn confirm(&self, stream: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError>;

    /// Nothing of these revoked streams is under way any more and nothing of them will be confirmed: all is done, or their
    /// deadline has passed. Whoever waits for them may have them.
    async fn release(&self, streams: &[StreamId]) {
        let _ = streams;
    }

    /// What the upstream keeps of each stream of this session because it is not confirmed, where it can say so: for the
    /// metrics. Asked every ten seconds while the session lives, one call at a time, and may ask the upstream in turn. An error
    /// changes nothing but that the last answer stays.
    async fn backlog(&self) -> Result<Vec<Backlog>, UpstreamError> {
        Ok(Vec::new())
    }
}

/// Reads from upstreams on behalf of one connector. The pipeline gives it to the connector's ingress.
#[async_trait]
pub trait PullDriver: Send + Sync + 'static {
    /// Makes sessions, one after the other, and reads from each until it ends; returns when there will be no more. Waits
    /// between sessions grow, and are said in the connector's status.
    ///
    /// A connector calls this once for each session that it has beside others (for each of several MQTT clients); their
    /// stream ids differ.
    async fn drive(&self, upstreams: Arc<dyn Connect>) -> DriveEnd;
}

/// Why nothing is read any more. The connector's status says it already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriveEnd {
    /// The connector was told to stop: what was under way is done and confirmed, or its time was over.
    Stopped,
    /// Only somebody else can help: the upstream is not configured as it should be, it has lost something, bad data stops the
    /// connector, or the component does.
    Failed {
        /// For the operator.
        message: String,
    },
}
