//! One session as the driver reads it: what was committed before a snapshot, its rows, then the stream.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant as StdInstant,
};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::upstream::{Confirmer, Delivery, Position, Room, Upstream, UpstreamError, steps};
use tokio::time::{Instant, sleep_until};

use crate::{
    client::Shared,
    confirmed::{Confirmed, PostgresConfirmer},
    limits::{CONFIRM_EVERY, EPOCH},
    lsn::Lsn,
    monitor::Monitor,
    notes::{Note, Progress},
    refusal::PgError,
    snapshot::Snapshot,
    streaming::Streaming,
};

/// See the module.
pub(crate) struct PostgresUpstream {
    shared: Arc<Shared>,
    dialer: Dialer,
    confirmed: Arc<Confirmed>,
    /// As it is in the notebook.
    note: Note,
    noted_at: Instant,
    streaming: Streaming,
    phase: Phase,
    has_warned: AtomicBool,
    _monitor: Monitor,
}

/// What a session begins with.
pub(crate) struct Opened {
    pub(crate) streaming: Streaming,
    /// To be read where the stream is held.
    pub(crate) snapshot: Option<Snapshot>,
    /// As it is in the notebook.
    pub(crate) note: Note,
}

/// How far a session is.
enum Phase {
    /// What was committed before the snapshot is read: rows of an earlier one may be in the broker, and their deletions are here.
    CatchingUp(Box<Snapshot>),
    /// Rows are read.
    Rows(Box<Snapshot>),
    /// All rows as they were here are delivered; they are not durable yet.
    Delivered(Lsn),
    /// Changes are read.
    Streaming,
}

impl PostgresUpstream {
    pub(crate) fn new(shared: Arc<Shared>, dialer: Dialer, opened: Opened) -> Self {
        let confirmed = Arc::new(Confirmed::default());
        let monitor = Monitor::start(shared.clone(), dialer.clone(), confirmed.clone());
        let phase = opened
            .snapshot
            .map_or(Phase::Streaming, |snapshot| Phase::CatchingUp(Box::new(snapshot)));
        Self {
            shared,
            dialer,
            confirmed,
            note: opened.note,
            noted_at: Instant::now(),
            streaming: opened.streaming,
            phase,
            has_warned: AtomicBool::new(false),
            _monitor: monitor,
        }
    }

    /// Whatever a session of its own has to say ends it: the next one finds out what is to be done.
    fn over(error: PgError) -> UpstreamError {
        match error.into_upstream(true) {
            UpstreamError::Transient { message, .. } => UpstreamError::Disconnected { message },
            other => other,
        }
    }

    async fn snapshot_rows(&mut self, room: Room) -> Result<Option<Delivery>, UpstreamError> {
        let Phase::Rows(snapshot) = &mut self.phase else {
            return Ok(None);
        };
        if room.events == 0 {
            // Nothing else comes meanwhile.
            return std::future::pending().await;
        }
        let read = snapshot.rows(&self.shared, room.events, room.bytes.max(1)).await;
        let events = read.map_err(Self::over)?;
        let stream = self.shared.stream.clone();
        let consistent = snapshot.consistent;
        if events.is_empty() {
            self.phase = Phase::Delivered(consistent);
            return Ok(Some(Delivery::Passed {
                stream,
                epoch: EPOCH,
                position: Position::from(consistent.0),
            }));
        }
        self.shared.counters.snapshot_rows(events.len());
        let before = Position::from(consistent.before().0);
        Ok(Some(Delivery::Events {
            stream,
            epoch: EPOCH,
            events: events.into_iter().map(|event| (event, before)).collect(),
        }))
    }

    /// Waits until all rows are durable, notes that, and goes on with the changes.
    async fn finish_snapshot(&mut self, consistent: Lsn) -> Result<(), UpstreamError> {
        self.confirmed.beyond(consistent.before()).await;
        steps::reached(steps::SNAPSHOT_DURABLE);
        self.note_confirmed().await?;
        self.streaming.release();
        self.phase = Phase::Streaming;
        self.shared.counters.connected();
        tracing::info!(connector = %self.shared.connector, slot = %self.shared.config.slot, "every row of the snapshot is durable: going on with the changes");
        Ok(())
    }

    /// Notes what is confirmed, if that is news; then the server may hear of it.
    async fn note_confirmed(&mut self) -> Result<(), UpstreamError> {
        let upto = self.confirmed.upto();
        let has_rows = matches!(self.phase, Phase::Delivered(consistent) if upto >= consistent);
        let note = Note {
            lsn: self.note.lsn.max(upto),
            progress: if has_rows {
                Progress::Changes
            } else {
                self.note.progress
            },
            ..self.note.clone()
        };
        if note == self.note {
            return Ok(());
        }
        self.shared.notes.save(&note).await?;
        self.note = note;
        self.noted_at = Instant::now();
        let stream = &self.streaming.stream;
        stream.flushed(upto);
        self.shared.counters.flushed(upto, stream.lag_bytes());
        Ok(())
    }

    /// What is next of the stream; none if only something was noted or learned.
    async fn changes(&mut self, room: Room) -> Result<Option<Delivery>, UpstreamError> {
        let due = self.noted_at + CONFIRM_EVERY;
        let noted = self.note.lsn;
        if self.confirmed.upto() > noted && Instant::now() >= due {
            self.note_confirmed().await?;
        }
        let noted = self.note.lsn.max(noted);
        let confirmed = self.confirmed.clone();
        let note_is_due = async {
            confirmed.beyond(noted).await;
            sleep_until(due).await;
        };
        let streaming = &mut self.streaming;
        tokio::select! {
            biased;
            () = note_is_due => Ok(None),
            gathered = streaming.gather(&self.shared, &self.dialer, room, &self.has_warned) => {
                gathered.map_err(Self::over)?;
                Ok(streaming.deliver(&self.shared))
            }
        }
    }

    /// What was committed before the snapshot; then its rows are next.
    async fn catch_up(&mut self, room: Room) -> Result<Option<Delivery>, UpstreamError> {
        let delivery = self.changes(room).await?;
        if delivery.is_none() && self.streaming.is_at_hold() {
            self.phase = match std::mem::replace(&mut self.phase, Phase::Streaming) {
                Phase::CatchingUp(snapshot) => Phase::Rows(snapshot),
                other => other,
            };
        }
        Ok(delivery)
    }
}

#[async_trait]
impl Upstream for PostgresUpstream {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            let delivery = match &self.phase {
                Phase::CatchingUp(_) => self.catch_up(room).await?,
                Phase::Rows(_) => self.snapshot_rows(room).await?,
                Phase::Delivered(consistent) => {
                    self.finish_snapshot(*consistent).await?;
                    None
                }
                Phase::Streaming => self.changes(room).await?,
            };
            if let Some(delivery) = delivery {
                return Ok(delivery);
            }
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(PostgresConfirmer {
            confirmed: self.confirmed.clone(),
            epoch: EPOCH,
            stream: self.shared.stream.clone(),
        })
    }

    /// Tells the server what was confirmed last. The slot stays, and keeps the rest.
    async fn close(mut self: Box<Self>, deadline: StdInstant) {
        // If it cannot be noted, it comes again.
        let _ = self.note_confirmed().await;
        self.streaming.stream.close(deadline).await;
    }
}
