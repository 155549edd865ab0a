//! Redelivers dead letters.
//!
//! A message is published again to its topic, byte for byte, with its key, attributes, schema and id, and two
//! attributes of the host: the connector that is to process it, so that others skip it, and its first publish time, so
//! that it never overwrites newer messages if the component orders its writes by that time. Its id stays the same, so
//! a row that exists already is not changed.

use std::collections::BTreeMap;

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing};
use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
    identity::{ONLY_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};
use danube_wasm_pipeline::{dead_letter::Reason, envelope::Input};

use super::{DeadLetters, Recipient, SUBSCRIPTION, dead_letter::DeadLetter};

/// How to redeliver a dead letter.
pub(super) enum Redelivery {
    /// Publish the record again, for a connector or for everyone.
    Publish { record: Box<Outgoing>, to: String },
    /// Offer the event again to the source with this id.
    Offer { event: Box<Event>, source: String },
}

impl Redelivery {
    /// Returns how to redeliver a dead letter, or why it cannot be redelivered.
    pub(super) fn of(
        letter: &DeadLetter,
        to: &Recipient,
        sinks: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, String> {
        let input = letter
            .input()
            .ok_or("its envelope is not complete: `dlq show` has what there is")?;
        let (mut record, published_ms) = match input {
            Input::Message { record, published_ms } => (record, published_ms),
            Input::Event(event) if matches!(to, Recipient::Own) => {
                let source = letter.connector().to_owned();
                return Ok(Self::Offer { event, source });
            }
            Input::Event(_) => {
                return Err("it is an event, which goes through its own source only: omit --to".to_owned());
            }
        };
        let only = match to {
            // The record never got into its topic, and its connector is the source.
            Recipient::Own if letter.field("reason") == Some(Reason::BrokerRefused.as_str()) => None,
            Recipient::Own => Some(letter.connector()),
            Recipient::Connector(id) => Some(id.as_str()),
            Recipient::All => None,
        };
        if let Some(only) = only {
            let topics = sinks.get(only).ok_or_else(|| {
                format!("the pipeline file has no sink `{only}` any more: name another with --to, or `--to all`")
            })?;
            if !topics.iter().any(|topic| topic == record.topic.as_str()) {
                return Err(format!("sink `{only}` does not consume {}", record.topic));
            }
            record.attributes.push((ONLY_ATTRIBUTE.to_owned(), only.to_owned()));
        }
        let first = (PUBLISH_TIME_ATTRIBUTE.to_owned(), published_ms.to_string());
        record.attributes.push(first);
        let to = only.unwrap_or("all").to_owned();
        Ok(Self::Publish { record, to })
    }

    /// Who processes it.
    pub(super) fn to(&self) -> &str {
        match self {
            Self::Publish { to, .. } => to,
            Self::Offer { source, .. } => source,
        }
    }

    /// Redelivers it.
    pub(super) async fn run(self, letters: &DeadLetters) -> RedeliveryResult {
        match self {
            Self::Publish { record, .. } => match publish(letters, *record).await {
                Ok(()) => RedeliveryResult::Done,
                Err(error) => RedeliveryResult::Kept(error.to_string()),
            },
            Self::Offer { event, source } => offer(letters, *event, &source).await,
        }
    }
}

/// The result of a redelivery.
pub(super) enum RedeliveryResult {
    /// The dead letter can be closed.
    Done,
    /// The dead letter can be closed, because its input became another one, for this reason.
    FailedAgain(String),
    /// The dead letter stays open, for this reason.
    Kept(String),
}

async fn publish(letters: &DeadLetters, record: Outgoing) -> Result<(), BrokerError> {
    let publisher = letters.broker.publisher(SUBSCRIPTION).await?;
    let results = publisher.publish(vec![vec![record]]).await;
    let silent = || {
        Err(BrokerError::new(
            ErrorKind::Unavailable,
            "the broker did not say what became of it",
        ))
    };
    results.into_iter().next().unwrap_or_else(silent).map(drop)
}

async fn offer(letters: &DeadLetters, event: Event, source: &str) -> RedeliveryResult {
    let running = {
        let sources = letters.sources.lock().await;
        let found = sources.iter().find(|(id, _)| id.as_str() == source);
        found.and_then(|(_, source)| source.upgrade())
    };
    let Some(intake) = running else {
        return RedeliveryResult::Kept(format!(
            "it is an event, which goes through source `{source}`, and that does not run: start the pipeline first"
        ));
    };
    match Intake::offer(&*intake, event).await {
        Outcome::Accepted { .. } => RedeliveryResult::Done,
        Outcome::DeadLettered { .. } => {
            RedeliveryResult::FailedAgain("it is a dead letter again: `dlq show` says why".to_owned())
        }
        Outcome::Failed { message, kept: true } => RedeliveryResult::FailedAgain(message),
        Outcome::Invalid { error, violations } => RedeliveryResult::Kept(match violations.first() {
            Some(first) => format!("{error}: `{}` {}", first.path, first.message),
            None => error,
        }),
        Outcome::Failed { message, kept: false } | Outcome::Unavailable { message, .. } => {
            RedeliveryResult::Kept(message)
        }
    }
}
