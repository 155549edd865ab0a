//! One stream of messages: read from the log as the client reads them, and redelivered if they are not acknowledged in
//! time. When it ends, for whatever reason, its messages are redelivered.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use danube_wasm_broker::{Consumer, ErrorKind, Message, MessageId};
use danube_wasm_proto::api::StreamMessage;
use futures_util::{Stream, stream};
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;

use crate::{
    limits::{RECEIVE_MESSAGES, STREAM_MESSAGES},
    sessions::{ConsumerSession, Deliveries},
    shared::ServerState,
    status, wire,
};

type Delivery = Result<StreamMessage, Status>;

/// Starts the stream of a subscribed consumer.
pub(super) fn start(
    server: Arc<ServerState>,
    session: Arc<ConsumerSession>,
    deliveries: Arc<Deliveries>,
    consumer: Box<dyn Consumer>,
    address: String,
) -> Pin<Box<dyn Stream<Item = Delivery> + Send>> {
    let (to_client, from_log) = mpsc::channel(STREAM_MESSAGES);
    let task = StreamTask {
        server,
        session,
        deliveries,
        consumer,
        address,
        pending: VecDeque::new(),
    };
    tokio::spawn(task.run(to_client));
    Box::pin(stream::unfold(from_log, |mut from_log| async move {
        from_log.recv().await.map(|delivery| (delivery, from_log))
    }))
}

struct StreamTask {
    server: Arc<ServerState>,
    session: Arc<ConsumerSession>,
    deliveries: Arc<Deliveries>,
    consumer: Box<dyn Consumer>,
    address: String,
    /// Received from the log, and not yet handed to the connection.
    pending: VecDeque<Message>,
}

impl StreamTask {
    async fn run(mut self, to_client: mpsc::Sender<Delivery>) {
        let final_status = self.run_until_end(&to_client).await;
        self.session.end_stream(&self.deliveries);
        if let Some(status) = final_status {
            // A client that does not read has no room for this; its stream ends anyway.
            let _ = to_client.try_send(Err(status));
        }
    }

    /// Runs until the stream ends. Returns the status to send to the client, if there is one.
    async fn run_until_end(&mut self, to_client: &mpsc::Sender<Delivery>) -> Option<Status> {
        loop {
            let due = self.deliveries.next_due();
            let overdue = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = to_client.closed() => return None,
                () = self.deliveries.replaced.cancelled() => return None,
                () = self.session.ended.cancelled() => return self.final_status(),
                () = overdue => self.nack_overdue().await,
                permit = to_client.reserve(), if !self.pending.is_empty() => {
                    let Ok(permit) = permit else { return None };
                    if let Some(message) = self.pending.pop_front() {
                        let subscription = &self.session.options.subscription;
                        let target = &self.session.target;
                        permit.send(Ok(wire::message(target, subscription, &self.address, message)));
                    }
                }
                received = self.consumer.receive(RECEIVE_MESSAGES), if self.pending.is_empty() => match received {
                    Ok(messages) => self.track(messages).await,
                    // Another consumer of its name subscribed: this stream ends without an error, as in Danube.
                    Err(error) if error.kind == ErrorKind::Conflict => return None,
                    Err(error) => {
                        if error.kind == ErrorKind::NotFound {
                            self.server.consumers.remove(self.session.id);
                        }
                        return Some(status::from_error(error));
                    }
                },
            }
        }
    }

    async fn track(&mut self, messages: Vec<Message>) {
        let until = Instant::now() + self.server.options.ack_timeout;
        for message in &messages {
            self.deliveries.add(message.message_id.offset, until);
        }
        self.pending.extend(messages);
        // Other consumers of the subscription run before this one receives more.
        tokio::task::yield_now().await;
    }

    /// Redelivers messages that were not acknowledged in time.
    async fn nack_overdue(&mut self) {
        let overdue = self.deliveries.take_overdue(Instant::now());
        let Ok(partition) = self
            .server
            .broker
            .partition_id(&self.session.target.topic, self.session.target.partition)
        else {
            return;
        };
        self.pending
            .retain(|message| !overdue.contains(&message.message_id.offset));
        let ids = overdue.into_iter().map(|offset| MessageId { partition, offset });
        let ids: Vec<MessageId> = ids.collect();
        let (topic, subscription) = (&self.session.target.name, &self.session.options.subscription);
        tracing::debug!(%topic, subscription, messages = ids.len(), "not acknowledged in time, given again");
        if let Err(error) = self.deliveries.acker.nack(&ids, Duration::ZERO).await {
            tracing::debug!(%topic, subscription, %error, "they could not be given back");
        }
    }

    /// `None` when another consumer of its name subscribed: the stream just ends, as in Danube.
    fn final_status(&self) -> Option<Status> {
        let stopping = self.server.stopping.is_cancelled();
        stopping.then(|| Status::unavailable("the broker is stopping: connect again when it is back"))
    }
}
