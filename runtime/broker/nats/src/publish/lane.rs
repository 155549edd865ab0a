//! The lane of a topic: what is published to it, in units of which one is on its way. A unit is tried with the same bytes
//! until its fate is known or its time is over.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use danube_wasm_broker::{Backoff, BrokerError, Published, Result};
use danube_wasm_model::TopicName;
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::batch::{Attempt, BatchSender, Unit};
use crate::{
    error::not_found,
    limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, MISSED_MAX, RETRY_CEILING, RETRY_FLOOR},
    session::{Session, raised},
    topic::Health,
    wire::Outbound,
};

/// See the module.
pub(crate) struct Lane(mpsc::UnboundedSender<Part>);

/// The records of a group for one topic.
pub(crate) struct Part {
    messages: Vec<Outbound>,
    bytes: usize,
    since: Instant,
    reply: oneshot::Sender<Result<Published>>,
}

impl Part {
    pub(crate) fn new(messages: Vec<Outbound>, reply: oneshot::Sender<Result<Published>>) -> Self {
        Self {
            bytes: messages.iter().map(Outbound::bytes).sum(),
            messages,
            since: Instant::now(),
            reply,
        }
    }
}

impl Lane {
    pub(crate) fn start(session: Arc<Session>, topic: TopicName, stream: String, health: Arc<Health>) -> Self {
        let (parts, queue) = mpsc::unbounded_channel();
        let worker = Worker {
            sender: BatchSender::new(session.clone()),
            session,
            topic,
            stream,
            health,
            waiting: VecDeque::new(),
        };
        tokio::spawn(worker.run(queue));
        Self(parts)
    }

    /// A lane that has ended drops the part, and whoever waits for it is told that the client is closed.
    pub(crate) fn push(&self, part: Part) {
        let _ = self.0.send(part);
    }
}

struct Worker {
    session: Arc<Session>,
    sender: BatchSender,
    topic: TopicName,
    stream: String,
    health: Arc<Health>,
    /// Parts that were taken from the queue and are not in a unit yet.
    waiting: VecDeque<Part>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Part>) {
        let mut closing = self.session.closing();
        loop {
            if self.waiting.is_empty() {
                let part = tokio::select! {
                    part = queue.recv() => part,
                    () = raised(&mut closing) => None,
                };
                let Some(part) = part else { return };
                self.waiting.push_back(part);
            }
            while let Ok(part) = queue.try_recv() {
                self.waiting.push_back(part);
            }
            let parts = self.next_unit();
            self.publish(parts).await;
        }
    }

    /// As many parts as fit, at least one.
    fn next_unit(&mut self) -> Vec<Part> {
        let (mut messages, mut bytes) = (0, 0);
        let mut parts: Vec<Part> = Vec::new();
        while let Some(next) = self.waiting.front() {
            messages += next.messages.len();
            bytes += next.bytes;
            if !parts.is_empty() && (messages > BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX) {
                break;
            }
            parts.extend(self.waiting.pop_front());
        }
        parts
    }

    /// Publishes parts together. If they are refused together, each half is tried by itself, in order.
    async fn publish(&self, parts: Vec<Part>) {
        let mut stack = vec![parts];
        while let Some(mut parts) = stack.pop() {
            match self.publish_unit(&parts).await {
                Ok(durable) => {
                    for part in parts {
                        let _ = part.reply.send(Ok(Published { durable }));
                    }
                }
                Err(Refused { error, definite: true }) if parts.len() > 1 && !error.is_transient() => {
                    let later = parts.split_off(parts.len() / 2);
                    stack.push(later);
                    stack.push(parts);
                }
                Err(Refused { error, .. }) => {
                    for part in parts {
                        let _ = part.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// One group may be larger than a batch: its batches follow each other, and it is complete with the last one.
    async fn publish_unit(&self, parts: &[Part]) -> Result<bool, Refused> {
        let since = parts.first().map_or_else(Instant::now, |part| part.since);
        let deadline = since + self.session.options.publish_timeout;
        let messages: Vec<&Outbound> = parts.iter().flat_map(|part| &part.messages).collect();
        let several = messages.len() > BATCH_MESSAGES_MAX;
        for (n, chunk) in messages.chunks(BATCH_MESSAGES_MAX).enumerate() {
            let published = self.publish_until(Unit::new(chunk.to_vec()), deadline).await;
            published.map_err(|refused| Refused {
                definite: refused.definite && !(several && n > 0),
                ..refused
            })?;
        }
        Ok(self.health.durable.load(Ordering::Relaxed))
    }

    async fn publish_until(&self, unit: Unit<'_>, deadline: Instant) -> Result<(), Refused> {
        let mut backoff = Backoff::new(RETRY_FLOOR);
        // Whether an earlier try may have stored it.
        let mut unknown = false;
        loop {
            match self.sender.attempt(&unit, unknown).await {
                Attempt::Stored(sequence) => {
                    self.health.acknowledged.fetch_max(sequence, Ordering::Relaxed);
                    return Ok(());
                }
                Attempt::Refused(error) if !error.is_transient() => {
                    // This try is refused; one before may be stored, so that its records must not get other ids.
                    return Err(Refused {
                        error,
                        definite: !unknown,
                    });
                }
                Attempt::Refused(error) => self.may_go_on(deadline, unknown, error)?,
                Attempt::NobodyThere => {
                    if let Some(error) = self.is_gone().await {
                        return Err(Refused { error, definite: true });
                    }
                    let error = self.session.silence(&format!("publishing to {}", self.topic));
                    self.may_go_on(deadline, unknown, error)?;
                }
                Attempt::Unknown => {
                    unknown = true;
                    let error = self.session.silence(&format!("publishing to {}", self.topic));
                    self.may_go_on(deadline, unknown, error)?;
                }
            }
            tokio::time::sleep(backoff.next(RETRY_CEILING)).await;
        }
    }

    fn may_go_on(&self, deadline: Instant, unknown: bool, error: BrokerError) -> Result<(), Refused> {
        let is_closed = *self.session.closing().borrow();
        match Instant::now() < deadline && !is_closed {
            true => Ok(()),
            false => Err(Refused {
                error,
                definite: !unknown,
            }),
        }
    }

    /// During an election nobody answers either: only the API knows, and a server that has just taken over may not know yet.
    async fn is_gone(&self) -> Option<BrokerError> {
        let call = format!("STREAM.INFO.{}", self.stream);
        for _ in 0..MISSED_MAX {
            let asked = self
                .session
                .api_answer::<Value>(&call, &json!({}), "looking up a topic")
                .await;
            let error = asked.ok()?.err()?;
            if error.err_code != crate::error::STREAM_NOT_FOUND {
                return None;
            }
            tokio::time::sleep(RETRY_CEILING).await;
        }
        Some(not_found(format!(
            "there is no topic {} in NATS any more: create it first",
            self.topic
        )))
    }
}

/// Why a unit was not stored.
struct Refused {
    error: BrokerError,
    /// Nothing of it is stored.
    definite: bool,
}
