//! Processes letters again.
//!
//! A message is published once more to its topic, byte for byte, with its key, attributes, schema and id, and two
//! attributes of the host's: for which connector it is, so that others pass over it, and when it was published first, so
//! that it never overwrites what newer messages wrote, where the component orders its writes by it. Its id is the one that
//! it had: a row that is there already stays as it is.

use std::collections::BTreeMap;

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing};
use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
    identity::{ONLY_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};
use danube_wasm_pipeline::{dead_letter::Reason, envelope::Input};

use super::{DeadLetters, SUBSCRIPTION, To, dead_letter::DeadLetter};

/// What is to happen to a letter.
pub(super) enum Task {
    /// Published again, for a connector or for everybody.
    Publish { record: Box<Outgoing>, to: String },
    /// Offered again to the source with this id.
    Offer { event: Box<Event>, source: String },
}

impl Task {
    /// The task of a letter, or why there is none.
    pub(super) fn of(letter: &DeadLetter, to: &To, sinks: &BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let input = letter
            .input()
            .ok_or("its envelope is not complete: `dlq show` has what there is")?;
        let (mut record, published_ms) = match input {
            Input::Message { record, published_ms } => (record, published_ms),
            Input::Event(event) if matches!(to, To::Own) => {
                let source = letter.connector().to_owned();
                return Ok(Self::Offer { event, source });
            }
            Input::Event(_) => {
                return Err("it is an event, which goes through its own source only: omit --to".to_owned());
            }
        };
        let only = match to {
            // It never was in its topic, and its own connector is the source.
            To::Own if letter.field("reason") == Some(Reason::BrokerRefused.as_str()) => None,
            To::Own => Some(letter.connector()),
            To::Connector(id) => Some(id.as_str()),
            To::All => None,
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

    /// Does it.
    pub(super) async fn perform(self, letters: &DeadLetters) -> Replayed {
        match self {
            Self::Publish { record, .. } => match publish(letters, *record).await {
                Ok(()) => Replayed::Done,
                Err(error) => Replayed::Kept(error.to_string()),
            },
            Self::Offer { event, source } => offer(letters, *event, &source).await,
        }
    }
}

/// What became of a letter.
pub(super) enum Replayed {
    /// It can be closed.
    Done,
    /// It can be closed, because there is another one of the same input: why.
    FailedAgain(String),
    /// It stays open: why.
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

async fn offer(letters: &DeadLetters, event: Event, source: &str) -> Replayed {
    let running = {
        let sources = letters.sources.lock().await;
        let found = sources.iter().find(|(id, _)| id.as_str() == source);
        found.and_then(|(_, source)| source.upgrade())
    };
    let Some(intake) = running else {
        return Replayed::Kept(format!(
            "it is an event, which goes through source `{source}`, and that does not run: start the pipeline first"
        ));
    };
    match Intake::offer(&*intake, event).await {
        Outcome::Accepted { .. } => Replayed::Done,
        Outcome::DeadLettered { .. } => {
            Replayed::FailedAgain("it is a dead letter again: `dlq show` says why".to_owned())
        }
        Outcome::Failed { message, kept: true } => Replayed::FailedAgain(message),
        Outcome::Invalid { error, violations } => Replayed::Kept(match violations.first() {
            Some(first) => format!("{error}: `{}` {}", first.path, first.message),
            None => error,
        }),
        Outcome::Failed { message, kept: false } | Outcome::Unavailable { message, .. } => Replayed::Kept(message),
    }
}
