//! A unit of publishing: one message, or an atomic batch (ADR-50): all of its messages are stored, or none is. Its
//! messages have ids, by which the server knows a repeated one.

use std::sync::Arc;

use async_nats::{HeaderMap, StatusCode, Subscriber};
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
pub(crate) struct Unit<'m> {
    id: String,
    repeated: Repeated,
    messages: Vec<&'m Outbound>,
}

/// How the server knows a repeated unit.
enum Repeated {
    /// By ids of its messages. They are new for each unit: a record that is published again on purpose is stored again.
    Ids,
    /// It is only stored if the last sequence of the stream is this one.
    LastSequence(u64),
}

impl<'m> Unit<'m> {
    /// With ids.
    pub(super) fn new(messages: Vec<&'m Outbound>) -> Self {
        Self::with(Repeated::Ids, messages)
    }

    /// Only stored if the last sequence of the stream is this one.
    pub(crate) fn after(last_sequence: u64, messages: Vec<&'m Outbound>) -> Self {
        Self::with(Repeated::LastSequence(last_sequence), messages)
    }

    fn with(repeated: Repeated, messages: Vec<&'m Outbound>) -> Self {
        Self {
            id: names::unique(),
            repeated,
            messages,
        }
    }

    /// The headers of the message at this place, with those of its batch.
    fn headers(&self, at: usize, message: &Outbound) -> HeaderMap {
        let mut headers = message.headers.clone();
        match self.repeated {
            Repeated::Ids => headers.insert("Nats-Msg-Id", format!("{}.{at}", self.id)),
            Repeated::LastSequence(last) if at == 0 => headers.insert("Nats-Expected-Last-Sequence", last.to_string()),
            Repeated::LastSequence(_) => {}
        }
        let number = self.messages.len();
        if number > 1 {
            headers.insert("Nats-Batch-Id", self.id.as_str());
            headers.insert("Nats-Batch-Sequence", (at + 1).to_string());
            if at + 1 == number {
                headers.insert("Nats-Batch-Commit", "1");
            }
        }
        headers
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
    pub(crate) async fn attempt(&self, unit: &Unit<'_>, again: bool) -> Attempt {
        let attempt = self.try_unit(unit, again).await;
        attempt.unwrap_or_else(Attempt::Refused)
    }

    async fn try_unit(&self, unit: &Unit<'_>, again: bool) -> Result<Attempt> {
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
            let (subject, payload) = (message.subject.clone(), message.payload.clone());
            let headers = unit.headers(n, message);
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
