//! One membership of the group as the driver reads it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use async_trait::async_trait;
use danube_wasm_model::upstream::{Backlog, Confirmer, Delivery, Position, Room, StreamId, Upstream, UpstreamError};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout_at},
};

use crate::{
    client::Shared,
    consumer::{Partition, Record},
    contents::{Contents, Written},
    event,
    inbox::{Made, Taken},
    limits::REGISTRY_STILL_AWAY,
    worker::WorkerState,
};

/// See the module.
pub(crate) struct KafkaUpstream {
    shared: Arc<Shared>,
    state: Arc<WorkerState>,
    /// The thread has ended, and the group knows.
    ended: oneshot::Receiver<()>,
    /// The schema that is asked for, if any is: goes on when a call is cancelled.
    asking: JoinSet<Result<(), String>>,
    /// Why the last one was not got.
    away: Option<String>,
}

impl KafkaUpstream {
    pub(crate) fn new(shared: Arc<Shared>, state: Arc<WorkerState>, ended: oneshot::Receiver<()>) -> Self {
        Self {
            shared,
            state,
            ended,
            asking: JoinSet::new(),
            away: None,
        }
    }

    /// Notes what was committed.
    async fn note(&self) -> Result<(), UpstreamError> {
        let offsets = self.state.positions.to_note();
        if !offsets.is_empty() {
            self.shared.notes.write(&offsets).await?;
            self.state.positions.noted(&offsets);
        }
        Ok(())
    }

    /// Asks for a schema, until it is there or something else has come.
    async fn ask(&mut self, id: u32) -> Result<(), UpstreamError> {
        if self.asking.is_empty() {
            let Some(registry) = self.shared.registry.clone() else {
                return Ok(());
            };
            self.asking.spawn(async move { registry.ask(id).await });
        }
        let away = self.away.clone();
        let still_away = async {
            match away {
                Some(message) => {
                    sleep(REGISTRY_STILL_AWAY).await;
                    message
                }
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            biased;
            answer = self.asking.join_next() => match answer {
                Some(Ok(Err(message))) => message,
                Some(Err(error)) => format!("asking the schema registry has ended: {error}"),
                Some(Ok(Ok(()))) | None => {
                    self.away = None;
                    return Ok(());
                }
            },
            () = self.state.inbox.came() => return Ok(()),
            message = still_away => message,
        };
        self.away = Some(message.clone());
        Err(UpstreamError::Transient {
            message: format!("{message}. Records with schema {id} wait"),
            retry_after: None,
        })
    }

    /// The event of a record, if what it was written with is known.
    fn make(&self, record: &Record) -> Result<Made, u32> {
        let offset = record.offset;
        let Some(route) = self.shared.routes.find(&record.partition.topic) else {
            tracing::error!(connector = %self.shared.connector, partition = %record.partition, "records of a topic that no route is for are passed over");
            return Ok(Made { offset, event: None });
        };
        let registry = self.shared.registry.as_deref();
        let written = Written::find(record, &route.config, registry)?;
        let contents = Contents::of(record, &route.config, &written, registry.is_some());
        let generation = self.shared.config.reading.generation;
        let event = event::event(record, contents, &route, generation, self.shared.wants);
        Ok(Made {
            offset,
            event: Some(event),
        })
    }
}

/// What was made of records of one partition, which are all wanted or none.
fn delivered(partition: &Partition, epoch: u64, records: Vec<Made>) -> Option<Delivery> {
    let stream = partition.stream();
    let last = records.last()?.offset + 1;
    let with_positions = |made: Made| Some((made.event?, position(made.offset + 1)));
    let events: Vec<_> = records.into_iter().filter_map(with_positions).collect();
    Some(match events.is_empty() {
        true => passed(stream, epoch, last),
        false => Delivery::Events { stream, epoch, events },
    })
}

fn passed(stream: StreamId, epoch: u64, upto: i64) -> Delivery {
    Delivery::Passed {
        stream,
        epoch,
        position: position(upto),
    }
}

/// The offset to go on from.
fn position(offset: i64) -> Position {
    Position::from(offset.unsigned_abs())
}

fn streams(partitions: &[Partition]) -> Vec<StreamId> {
    partitions.iter().map(Partition::stream).collect()
}

#[async_trait]
impl Upstream for KafkaUpstream {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        loop {
            self.note().await?;
            let taken = self.state.inbox.take(room, &|record| self.make(record)).await;
            let delivery = match taken {
                Taken::Records {
                    partition,
                    epoch,
                    records,
                } => delivered(&partition, epoch, records),
                Taken::Awaiting(id) => {
                    self.ask(id).await?;
                    None
                }
                Taken::Passed { partition, epoch, upto } => Some(passed(partition.stream(), epoch, upto)),
                Taken::Revoked { partitions, deadline } => Some(Delivery::Revoked {
                    streams: streams(&partitions),
                    deadline,
                }),
                Taken::Lost { partitions } => Some(Delivery::Lost {
                    streams: streams(&partitions),
                }),
                Taken::Trouble(message) => {
                    return Err(UpstreamError::Transient {
                        message,
                        retry_after: None,
                    });
                }
                Taken::Over(error) => return Err(error),
            };
            if let Some(delivery) = delivery {
                return Ok(delivery);
            }
        }
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(KafkaConfirmer(self.state.clone()))
    }

    /// Commits what was confirmed last, and leaves the group.
    async fn close(mut self: Box<Self>, deadline: Instant) {
        self.state.is_closing.store(true, Ordering::Release);
        // Ended is ended, and what is not committed by the deadline is read again.
        let _ = timeout_at(deadline.into(), &mut self.ended).await;
        let _ = self.note().await;
    }
}

impl Drop for KafkaUpstream {
    fn drop(&mut self) {
        self.state.is_closing.store(true, Ordering::Release);
    }
}

/// Commits with the membership that delivered.
struct KafkaConfirmer(Arc<WorkerState>);

#[async_trait]
impl Confirmer for KafkaConfirmer {
    async fn confirm(&self, stream: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        let upto = i64::try_from(upto.get()).unwrap_or(i64::MAX);
        let taken = self.0.positions.confirm(stream, epoch, upto);
        taken.map_err(|message| UpstreamError::Transient {
            message,
            retry_after: None,
        })
    }

    async fn release(&self, streams: &[StreamId]) {
        self.0.positions.release(streams);
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, UpstreamError> {
        Ok(self.0.positions.backlog())
    }
}
