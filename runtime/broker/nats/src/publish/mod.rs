//! Publishing. Groups of a publisher go through one queue, where their topics are looked up, and then to the lanes of
//! these topics, each of which has one unit on its way: order is kept by construction.

mod batch;
mod lane;

use std::sync::{Arc, atomic::Ordering};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Publisher, Result, record_bytes_max};
use danube_wasm_model::TopicName;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{mpsc, oneshot};

use crate::{
    limits::{HEADER_BYTES_MAX, MESSAGE_RESERVE_BYTES},
    names::{self, Place},
    session::{Session, raised},
    topic::{Topic, Topics},
    wire::Outbound,
};

pub(crate) use batch::{Attempt, BatchSender, Unit};
pub(crate) use lane::Lane;
use lane::Part;

/// See [`Publisher`].
pub(crate) struct NatsPublisher {
    calls: mpsc::UnboundedSender<Call>,
    producer: String,
    session: Arc<Session>,
}

/// One call of [`Publisher::publish`].
struct Call {
    groups: Vec<Vec<Outgoing>>,
    reply: oneshot::Sender<Vec<Pending>>,
}

/// A group on its way: known, or waiting for the lanes of its topics.
enum Pending {
    Known(Result<Published>),
    Parts(Vec<oneshot::Receiver<Result<Published>>>),
}

impl NatsPublisher {
    pub(crate) fn start(producer: &str, session: Arc<Session>, topics: Arc<Topics>) -> Self {
        let (calls, queue) = mpsc::unbounded_channel();
        let router = Router {
            producer: producer.to_owned(),
            session: session.clone(),
            topics,
        };
        tokio::spawn(router.run(queue));
        Self {
            calls,
            producer: producer.to_owned(),
            session,
        }
    }
}

impl Publisher for NatsPublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let number = groups.len();
        let (reply, answer) = oneshot::channel();
        let sent = self.calls.send(Call { groups, reply });
        async move {
            match (sent, answer.await) {
                (Ok(()), Ok(pending)) => {
                    let mut fates = Vec::with_capacity(number);
                    for group in pending {
                        fates.push(group.fate().await);
                    }
                    fates
                }
                _ => (0..number).map(|_| Err(closed())).collect(),
            }
        }
        .boxed()
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        let message = Outbound::new(String::new(), record.clone(), &self.producer);
        check_size(&self.session, &record.topic, &message)
    }

    fn record_bytes_max(&self) -> Option<usize> {
        self.session.told_message_bytes_max()
    }
}

impl Pending {
    async fn fate(self) -> Result<Published> {
        let parts = match self {
            Self::Known(fate) => return fate,
            Self::Parts(parts) => parts,
        };
        let mut durable = true;
        let mut first = Ok(());
        for part in parts {
            match part.await.unwrap_or_else(|_| Err(closed())) {
                Ok(published) => durable &= published.durable,
                Err(error) => first = first.and(Err(error)),
            }
        }
        first.map(|()| Published { durable })
    }
}

fn closed() -> BrokerError {
    BrokerError::new(ErrorKind::Closed, "this client of NATS is closed")
}

/// Looks topics up and hands groups to their lanes, in order.
struct Router {
    producer: String,
    session: Arc<Session>,
    topics: Arc<Topics>,
}

impl Router {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<Call>) {
        let mut closing = self.session.closing();
        loop {
            let call = tokio::select! {
                call = queue.recv() => call,
                () = raised(&mut closing) => None,
            };
            let Some(Call { groups, reply }) = call else { return };
            let mut pending = Vec::with_capacity(groups.len());
            for group in groups {
                pending.push(
                    self.route(group)
                        .await
                        .unwrap_or_else(|error| Pending::Known(Err(error))),
                );
            }
            // Nobody waits for it any more, but it was published all the same.
            let _ = reply.send(pending);
        }
    }

    async fn route(&self, group: Vec<Outgoing>) -> Result<Pending> {
        if *self.session.closing().borrow() {
            return Err(closed());
        }
        if group.is_empty() {
            return Ok(Pending::Known(Ok(Published { durable: true })));
        }
        // All or nothing: every topic and size is looked at before the first record is handed on.
        let mut parts: Vec<(Arc<Topic>, Vec<Outbound>)> = Vec::new();
        for record in group {
            let topic = self.topics.get(&record.topic).await?;
            let message = self.message(&topic, record)?;
            match parts.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &topic)) {
                Some((_, messages)) => messages.push(message),
                None => parts.push((topic, vec![message])),
            }
        }
        let hand = |(topic, messages): (Arc<Topic>, Vec<Outbound>)| {
            let (reply, fate) = oneshot::channel();
            topic.lane.push(Part::new(messages, reply));
            fate
        };
        Ok(Pending::Parts(parts.into_iter().map(hand).collect()))
    }

    fn message(&self, topic: &Topic, record: Outgoing) -> Result<Outbound> {
        let turn = match record.key {
            Some(_) => 0,
            None => topic.turn.fetch_add(1, Ordering::Relaxed),
        };
        let place = Place::choose(record.key.as_deref(), topic.partitions, turn);
        let subject = names::subject(&self.session.options.prefix, &topic.name, place);
        let message = Outbound::new(subject, record, &self.producer);
        check_size(&self.session, &topic.name, &message)?;
        Ok(message)
    }
}

/// What NATS takes of a message, beside its subject.
pub(crate) fn check_size(session: &Session, topic: &TopicName, message: &Outbound) -> Result<()> {
    let limit = session.message_bytes_max();
    let limit = record_bytes_max(topic, limit.saturating_sub(MESSAGE_RESERVE_BYTES)).min(limit);
    let (bytes, headers) = (message.bytes(), message.header_bytes());
    if headers > HEADER_BYTES_MAX {
        return Err(BrokerError::new(
            ErrorKind::TooLarge,
            format!(
                "key, id and attributes of a record for the topic {} have {headers} bytes, and NATS takes \
                     {HEADER_BYTES_MAX}: send less beside the payload",
                topic
            ),
        ));
    }
    match bytes <= limit {
        true => Ok(()),
        false => Err(BrokerError::new(
            ErrorKind::TooLarge,
            format!(
                "a record for the topic {} has {bytes} bytes with its key and attributes, and NATS takes {limit}: \
                     raise `max_payload` in the servers (at most 32 MiB are stored), or send less",
                topic
            ),
        )),
    }
}
