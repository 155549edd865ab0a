//! One stream of messages: taken from the log as the client reads them, and taken back when they are not acknowledged in
//! time. When it ends, for whatever reason, what it had goes back to the log.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use danube_wasm_broker::{Consumer, ErrorKind, Message, MessageId};
use danube_wasm_proto::api::StreamMessage;
use futures_util::{Stream, stream};
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;

use super::{flight::Flight, session::Session};
use crate::{
    core::Core,
    limits::{RECEIVE_MESSAGES, STREAM_MESSAGES},
    status, wire,
};

type Delivery = Result<StreamMessage, Status>;

/// Starts the stream of a consumer that joined its subscription.
pub(super) fn start(
    core: Arc<Core>,
    session: Arc<Session>,
    flight: Arc<Flight>,
    consumer: Box<dyn Consumer>,
    address: String,
) -> Pin<Box<dyn Stream<Item = Delivery> + Send>> {
    let (to_client, from_log) = mpsc::channel(STREAM_MESSAGES);
    let streaming = Streaming {
        core,
        session,
        flight,
        consumer,
        address,
        pending: VecDeque::new(),
    };
    tokio::spawn(streaming.run(to_client));
    Box::pin(stream::unfold(from_log, |mut from_log| async move {
        from_log.recv().await.map(|delivery| (delivery, from_log))
    }))
}

struct Streaming {
    core: Arc<Core>,
    session: Arc<Session>,
    flight: Arc<Flight>,
    consumer: Box<dyn Consumer>,
    address: String,
    /// Taken from the log, and not yet handed to the connection.
    pending: VecDeque<Message>,
}

impl Streaming {
    async fn run(mut self, to_client: mpsc::Sender<Delivery>) {
        let farewell = self.deliver(&to_client).await;
        self.session.finish(&self.flight);
        if let Some(status) = farewell {
            // A client that does not read has room for nothing: its stream ends all the same.
            let _ = to_client.try_send(Err(status));
        }
    }

    /// Until the stream ends; then what the client is told, if that is more than that it ended.
    async fn deliver(&mut self, to_client: &mpsc::Sender<Delivery>) -> Option<Status> {
        loop {
            let due = self.flight.next_due();
            let overdue = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = to_client.closed() => return None,
                () = self.flight.replaced.cancelled() => return None,
                () = self.session.ended.cancelled() => return self.farewell(),
                () = overdue => self.take_back().await,
                permit = to_client.reserve(), if !self.pending.is_empty() => {
                    let Ok(permit) = permit else { return None };
                    if let Some(message) = self.pending.pop_front() {
                        let subscription = &self.session.options.subscription;
                        let place = &self.session.place;
                        permit.send(Ok(wire::message(place, subscription, &self.address, message)));
                    }
                }
                received = self.consumer.receive(RECEIVE_MESSAGES), if self.pending.is_empty() => match received {
                    Ok(messages) => self.hold(messages).await,
                    // Another consumer of its name came: its stream ends as Danube ends it, without an error.
                    Err(error) if error.kind == ErrorKind::Conflict => return None,
                    Err(error) => {
                        if error.kind == ErrorKind::NotFound {
                            self.core.consumers.end(self.session.id);
                        }
                        return Some(status::of(error));
                    }
                },
            }
        }
    }

    async fn hold(&mut self, messages: Vec<Message>) {
        let until = Instant::now() + self.core.options.ack_timeout;
        for message in &messages {
            self.flight.give(message.message_id.offset, until);
        }
        self.pending.extend(messages);
        // Others of the subscription have their turn before this one takes more.
        tokio::task::yield_now().await;
    }

    /// What was not acknowledged in time waits in the log again.
    async fn take_back(&mut self) {
        let overdue = self.flight.overdue(Instant::now());
        let Ok(partition) = self
            .core
            .broker
            .place(&self.session.place.topic, self.session.place.partition)
        else {
            return;
        };
        self.pending
            .retain(|message| !overdue.contains(&message.message_id.offset));
        let ids = overdue.into_iter().map(|offset| MessageId { partition, offset });
        let ids: Vec<MessageId> = ids.collect();
        let (topic, subscription) = (&self.session.place.name, &self.session.options.subscription);
        tracing::debug!(%topic, subscription, messages = ids.len(), "not acknowledged in time, given again");
        if let Err(error) = self.flight.acker.nack(&ids, Duration::ZERO).await {
            tracing::debug!(%topic, subscription, %error, "they could not be given back");
        }
    }

    /// Nothing when another consumer of its name came: then its stream just ends, as Danube ends it.
    fn farewell(&self) -> Option<Status> {
        let stopping = self.core.stopping.is_cancelled();
        stopping.then(|| Status::unavailable("the broker is stopping: connect again when it is back"))
    }
}
