//! One membership of the group as the driver reads it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use async_trait::async_trait;
use danube_wasm_model::upstream::{Backlog, Confirmer, Delivery, Position, Room, StreamId, Upstream, UpstreamError};
use tokio::{sync::oneshot, time::timeout_at};

use crate::{
    client::Shared,
    consumer::{Partition, Record},
    event,
    inbox::Taken,
    worker::Desk,
};

/// See the module.
pub(crate) struct KafkaUpstream {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    /// The thread has ended, and the group knows.
    ended: oneshot::Receiver<()>,
}

impl KafkaUpstream {
    pub(crate) fn new(shared: Arc<Shared>, desk: Arc<Desk>, ended: oneshot::Receiver<()>) -> Self {
        Self { shared, desk, ended }
    }

    /// Notes what was committed.
    async fn note(&self) -> Result<(), UpstreamError> {
        let offsets = self.desk.positions.to_note();
        if !offsets.is_empty() {
            self.shared.notes.write(&offsets).await?;
            self.desk.positions.noted(&offsets);
        }
        Ok(())
    }

    fn records(&self, partition: &Partition, epoch: u64, records: Vec<Record>) -> Option<Delivery> {
        let stream = partition.stream();
        let last = records.last()?.offset + 1;
        let Some(route) = self.shared.routes.find(&partition.topic) else {
            tracing::error!(connector = %self.shared.connector, %partition, "records of a topic that no route is for are passed over");
            return Some(passed(stream, epoch, last));
        };
        let generation = self.shared.config.reading.generation;
        let events = records.into_iter().map(|record| {
            let behind = position(record.offset + 1);
            (event::event(record, &route, generation, self.shared.wants), behind)
        });
        Some(Delivery::Events {
            stream,
            epoch,
            events: events.collect(),
        })
    }
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
            let delivery = match self.desk.inbox.take(room).await {
                Taken::Records {
                    partition,
                    epoch,
                    records,
                } => self.records(&partition, epoch, records),
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
        Arc::new(KafkaConfirmer(self.desk.clone()))
    }

    /// Commits what was confirmed last, and leaves the group.
    async fn close(mut self: Box<Self>, deadline: Instant) {
        self.desk.is_closing.store(true, Ordering::Release);
        // Ended is ended, and what is not committed by the deadline is read again.
        let _ = timeout_at(deadline.into(), &mut self.ended).await;
        let _ = self.note().await;
    }
}

impl Drop for KafkaUpstream {
    fn drop(&mut self) {
        self.desk.is_closing.store(true, Ordering::Release);
    }
}

/// Commits with the membership that delivered.
struct KafkaConfirmer(Arc<Desk>);

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
