//! One session as the driver reads it: the rows of a snapshot, then the stream.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant as StdInstant,
};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::upstream::{Confirmer, Delivery, Position, Room, Upstream, UpstreamError, steps};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    client::Shared,
    confirmed::{Confirmed, PostgresConfirmer},
    limits::{CONFIRM_EVERY, EPOCH},
    lsn::Lsn,
    monitor::Monitor,
    notes::Note,
    refusal::PgError,
    replication::WalStream,
    snapshot::{SlotHolder, Snapshot},
    streaming::Streaming,
};

/// See the module.
pub(crate) struct PostgresUpstream {
    shared: Arc<Shared>,
    dialer: Dialer,
    confirmed: Arc<Confirmed>,
    /// As it is in the notebook, of a stream.
    note: Note,
    noted_at: Instant,
    phase: Phase,
    has_warned: AtomicBool,
    _monitor: Monitor,
}

/// How far a session is.
pub(crate) enum Phase {
    /// Rows are read.
    Snapshot(Box<Snapshot>),
    /// All rows were delivered; they are not durable yet.
    Delivered(Option<Box<SlotHolder>>),
    /// The slot gets its name.
    Promoting(JoinHandle<Result<WalStream, PgError>>),
    /// Changes are read.
    Streaming(Box<Streaming>),
    /// It is closed.
    Over,
}

impl Phase {
    /// A stream that starts here.
    pub(crate) fn streaming(stream: WalStream, from: Lsn) -> Self {
        Self::Streaming(Box::new(Streaming::new(stream, from)))
    }
}

impl Drop for PostgresUpstream {
    fn drop(&mut self) {
        if let Phase::Promoting(task) = &self.phase {
            task.abort();
        }
    }
}

impl PostgresUpstream {
    pub(crate) fn new(shared: Arc<Shared>, dialer: Dialer, phase: Phase, note: Note) -> Self {
        let confirmed = Arc::new(Confirmed::default());
        let monitor = Monitor::start(shared.clone(), dialer.clone(), confirmed.clone());
        Self {
            shared,
            dialer,
            confirmed,
            note,
            noted_at: Instant::now(),
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
        let Phase::Snapshot(snapshot) = &mut self.phase else {
            return Ok(None);
        };
        if room.events == 0 {
            // Nothing else comes meanwhile.
            return std::future::pending().await;
        }
        let read = snapshot.rows(&self.shared, room.events, room.bytes.max(1)).await;
        let events = read.map_err(Self::over)?;
        let stream = self.shared.stream.clone();
        if !events.is_empty() {
            self.shared.counters.snapshot_rows(events.len());
            let before = Position::from(0);
            return Ok(Some(Delivery::Events {
                stream,
                epoch: EPOCH,
                events: events.into_iter().map(|event| (event, before)).collect(),
            }));
        }
        let Phase::Snapshot(snapshot) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return Ok(None);
        };
        let position = Position::from(snapshot.consistent().0);
        self.phase = Phase::Delivered(Some(Box::new(snapshot.finish())));
        Ok(Some(Delivery::Passed {
            stream,
            epoch: EPOCH,
            position,
        }))
    }

    /// Waits until all rows are durable, notes that, and has the slot named.
    async fn promote(&mut self) -> Result<(), UpstreamError> {
        match &mut self.phase {
            Phase::Delivered(holder) => {
                let Some(consistent) = holder.as_ref().map(|holder| holder.consistent) else {
                    return std::future::pending().await;
                };
                self.confirmed.beyond(Lsn(consistent.0.saturating_sub(1))).await;
                let note = Note {
                    lsn: consistent,
                    is_promoting: true,
                    ..self.note.clone()
                };
                self.shared.notes.save(&note).await?;
                if let Some(holder) = holder.take() {
                    let (config, dialer) = (self.shared.config.clone(), self.dialer.clone());
                    // To its end, also when the reader is interrupted.
                    self.phase = Phase::Promoting(tokio::spawn(holder.promote(config, dialer)));
                    self.note = note;
                }
                Ok(())
            }
            Phase::Promoting(task) => {
                let ended = task.await;
                let promoted = ended.unwrap_or_else(|error| Err(PgError::transient(error)));
                let stream = promoted.map_err(Self::over)?;
                steps::reached(steps::SNAPSHOT_PROMOTED);
                self.phase = Phase::streaming(stream, self.note.lsn);
                self.note.is_promoting = false;
                self.shared.notes.save(&self.note).await?;
                self.shared.counters.connected();
                tracing::info!(connector = %self.shared.connector, slot = %self.shared.config.slot, "every row of the snapshot is durable: going on with the changes");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Notes what is confirmed, if it is time to; then the server may hear of it.
    async fn note_confirmed(&mut self) -> Result<(), UpstreamError> {
        let upto = self.confirmed.upto();
        if let Phase::Streaming(streaming) = &self.phase
            && upto > self.note.lsn
        {
            let note = Note {
                lsn: upto,
                ..self.note.clone()
            };
            self.shared.notes.save(&note).await?;
            self.note = note;
            self.noted_at = Instant::now();
            streaming.stream.flushed(upto);
            self.shared.counters.flushed(upto, streaming.stream.lag_bytes());
        }
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
        let Phase::Streaming(streaming) = &mut self.phase else {
            return Ok(None);
        };
        tokio::select! {
            biased;
            () = note_is_due => Ok(None),
            gathered = streaming.gather(&self.shared, &self.dialer, room, &self.has_warned) => {
                gathered.map_err(Self::over)?;
                Ok(streaming.deliver(&self.shared))
            }
        }
    }
}

#[async_trait]
impl Upstream for PostgresUpstream {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            let delivery = match &self.phase {
                Phase::Snapshot(_) => self.snapshot_rows(room).await?,
                Phase::Delivered(_) | Phase::Promoting(_) => {
                    self.promote().await?;
                    None
                }
                Phase::Streaming(_) => self.changes(room).await?,
                Phase::Over => return std::future::pending().await,
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
        if let Phase::Streaming(streaming) = std::mem::replace(&mut self.phase, Phase::Over) {
            streaming.stream.close(deadline).await;
        }
    }
}
