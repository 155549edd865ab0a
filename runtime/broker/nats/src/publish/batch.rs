//! A unit of publishing: one message, or an atomic batch (ADR-50): all of its messages are stored, or none is. Its
//! messages have ids, by which the server knows a repeated one.

use std::sync::Arc;

use async_nats::{StatusCode, Subscriber};
use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use crate::{
    error::{DUPLICATE_IN_BATCH, unavailable},
    limits::CALL_TIMEOUT,
    names,
    session::{Session, parse},
    wire::Outbound,
};

/// The same bytes at each try.
pub(crate) struct Unit {
    messages: Vec<Outbound>,
}

impl Unit {
    /// Ids are new for each unit: a record that is published again on purpose is stored again.
    pub(super) fn new(messages: impl Iterator<Item = Outbound>) -> Self {
        let id = names::unique();
        let numbered = messages.enumerate().map(|(n, mut message)| {
            message.headers.insert("Nats-Msg-Id", format!("{id}.{n}"));
            message
        });
        Self::batch(&id, numbered.collect())
    }

    /// Only stored if the last sequence of the stream is this one, so that no id is needed to know a repeated one.
    pub(crate) fn after(last_sequence: u64, mut messages: Vec<Outbound>) -> Self {
        if let Some(first) = messages.first_mut() {
            let last_sequence = last_sequence.to_string();
            first.headers.insert("Nats-Expected-Last-Sequence", last_sequence);
        }
        Self::batch(&names::unique(), messages)
    }

    fn batch(id: &str, mut messages: Vec<Outbound>) -> Self {
        let number = messages.len();
        if number > 1 {
            for (n, message) in messages.iter_mut().enumerate() {
                message.headers.insert("Nats-Batch-Id", id);
                message.headers.insert("Nats-Batch-Sequence", (n + 1).to_string());
                if n + 1 == number {
                    message.headers.insert("Nats-Batch-Commit", "1");
                }
            }
        }
        Self { messages }
    }
}

/// What became of a try.
pub(crate) enum Attempt {
    /// Up to this sequence.
    Stored(u64),
    /// Nothing of it is stored.
    Refused(BrokerError),
    /// Nobody takes messages of this topic now.
    NobodyThere,
    /// It may be stored.
    Unknown,
}

/// Sends units and collects their answers. One at a time.
pub(crate) struct BatchSender {
    session: Arc<Session>,
    answers: Mutex<Option<Answers>>,
}

struct Answers {
    inbox: String,
    subscriber: Subscriber,
    tries: u64,
}

#[derive(Deserialize)]
struct PubAck {
    seq: u64,
}

impl BatchSender {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            answers: Mutex::default(),
        }
    }

    /// Tries a unit. `again`: an earlier try may have stored it.
    pub(crate) async fn attempt(&self, unit: &Unit, again: bool) -> Attempt {
        let attempt = self.try_unit(unit, again).await;
        attempt.unwrap_or_else(Attempt::Refused)
    }

    async fn try_unit(&self, unit: &Unit, again: bool) -> Result<Attempt> {
        let client = self.session.client().await?;
        let mut answers = self.answers.lock().await;
        if answers.is_none() {
            let inbox = client.new_inbox();
            let subscriber = client.subscribe(format!("{inbox}.*")).await;
            let subscriber = subscriber.map_err(|e| unavailable(format!("subscribing to answers: {e}")))?;
            *answers = Some(Answers {
                inbox,
                subscriber,
                tries: 0,
            });
        }
        let Some(answers) = answers.as_mut() else {
            return Ok(Attempt::Unknown);
        };
        answers.tries += 1;
        let reply = format!("{}.{}", answers.inbox, answers.tries);
        let last = unit.messages.len() - 1;
        for (n, message) in unit.messages.iter().enumerate() {
            let Outbound {
                subject,
                headers,
                payload,
            } = message.clone();
            // The first tells whether anybody is there, the last one what became of all.
            let sent = match n == 0 || n == last {
                true => {
                    client
                        .publish_with_reply_and_headers(subject, reply.clone(), headers, payload)
                        .await
                }
                false => client.publish_with_headers(subject, headers, payload).await,
            };
            if let Err(error) = sent {
                return Ok(self.unsent(&error));
            }
        }
        Ok(answers.result(&reply, last == 0, again).await)
    }

    fn unsent(&self, error: &async_nats::PublishError) -> Attempt {
        match error.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => {
                let message =
                    format!("a record is larger than NATS takes ({error}): raise `max_payload` in the servers");
                Attempt::Refused(BrokerError::new(ErrorKind::TooLarge, message))
            }
            _ => Attempt::Unknown,
        }
    }
}

impl Answers {
    async fn result(&mut self, reply: &str, single: bool, again: bool) -> Attempt {
        let deadline = Instant::now() + CALL_TIMEOUT;
        loop {
            let Ok(Some(message)) = timeout_at(deadline, self.subscriber.next()).await else {
                return Attempt::Unknown;
            };
            // Answers to an earlier try come late.
            if message.subject.as_str() != reply {
                continue;
            }
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Attempt::NobodyThere;
            }
            if message.payload.is_empty() {
                // The first message of a batch was taken.
                continue;
            }
            return match parse::<PubAck>(&message.payload) {
                Ok(ack) => Attempt::Stored(ack.seq),
                Err(error) if error.err_code == DUPLICATE_IN_BATCH && again && !single => Attempt::Stored(0),
                Err(error) => Attempt::Refused(error.explain("publishing")),
            };
        }
    }
}
