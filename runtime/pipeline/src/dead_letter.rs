//! Dead letters: inputs that cannot be processed, kept with the reason.
//!
//! A dead letter is an ordinary record on the connector's own topic (see [`TopicName::dead_letters_of`]): its payload is the input byte for byte, what is known about
//! the failure is in `dlq.*` attributes, and its id is derived from the input's, so that an input that fails again
//! after a crash meets its own dead letter.
//!
//! | attribute | |
//! |---|---|
//! | `dlq.reason`, `dlq.message`, `dlq.backtrace` | why; of a trap the innermost functions, one a line |
//! | `dlq.violations` | of what a schema refused: the rules that were broken, as JSON |
//! | `dlq.connector`, `dlq.component-digest` | who could not process it, and what it was then |
//! | `dlq.attempts`, `dlq.redeliveries` | calls that it was part of in its last delivery, and deliveries before that |
//! | `dlq.origin`, `dlq.id` | the topic and the record's id, or the endpoint's path and the event's id |
//! | `dlq.publish-time-ms`, `dlq.producer`, `dlq.schema` | of a message; its schema as `id@version` |
//! | `dlq.received-ms`, `dlq.content-type`, `dlq.header.*` | of an event |
//! | `dlq.without-payload` | of an event that its source could not read: there is nothing to try again |
//! | `dlq.recording` | what the component's last call was given besides its input, for a replay |
//!
//! The input's key is the dead letter's key, its other attributes are the dead letter's own, and so is the order of a message.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, BrokerError, ErrorKind, Message, Outgoing, Published, Publisher, SchemaRef, TopicSpec,
};
use danube_wasm_codes::Code;
use danube_wasm_model::{
    ConnectorId, RecordId, TopicName,
    door::Violation,
    event::Event,
    identity::{HOST_ATTRIBUTE_PREFIX, ORDER_ATTRIBUTE},
};

use crate::error_budget::{BudgetExceeded, BudgetUse, ErrorBudget, Reservation};

/// Why an input is dead; a closed set, also a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The component trapped, ran out of budget, went over a limit or returned malformed output for it, alone, twice.
    Crashed,
    /// The component or the schema refused it.
    Refused,
    /// It could not be decoded, or its schema is not the expected one.
    Undecodable,
    /// The target will never accept what was made of it.
    TargetRefused,
    /// The broker will never accept it: a record that its source has confirmed, because a spool had it on its disk.
    BrokerRefused,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Crashed,
        Self::Refused,
        Self::Undecodable,
        Self::TargetRefused,
        Self::BrokerRefused,
    ];

    /// The code of its page.
    pub fn code(self) -> Code {
        match self {
            Self::Crashed => Code::LetterCrashed,
            Self::Refused => Code::LetterRefused,
            Self::Undecodable => Code::LetterUndecodable,
            Self::TargetRefused => Code::LetterTargetRefused,
            Self::BrokerRefused => Code::LetterBrokerRefused,
        }
    }

    /// The text in the envelope and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Refused => "refused",
            Self::Undecodable => "undecodable",
            Self::TargetRefused => "target_refused",
            Self::BrokerRefused => "broker_refused",
        }
    }
}

/// An input and why it is dead.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    id: String,
    /// What its id is unique in: an endpoint, or empty.
    scope: String,
    origin: String,
    key: Option<Bytes>,
    payload: Bytes,
    attributes: Vec<(String, String)>,
    reason: Reason,
    message: String,
    backtrace: Vec<String>,
    violations: Vec<Violation>,
    recording: Option<String>,
    is_without_payload: bool,
}

/// Longest reason kept in an envelope, in bytes: it shares the broker's message limit with the payload.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// The same where there is no room: less than the broker's headroom for dead letters.
const BARE_MESSAGE_BYTES_MAX: usize = 1 << 10;
/// What names of an event's headers begin with.
const HEADER_PREFIX: &str = "dlq.header.";
/// Most frames of a trap kept.
const FRAMES_MAX: usize = 16;

impl DeadLetter {
    /// From an event that never became a record.
    pub fn of_event(event: &Event, reason: Reason, message: String) -> Self {
        Self {
            id: event.id.clone(),
            scope: event.endpoint.to_string(),
            origin: event.endpoint.to_string(),
            key: event.key.clone(),
            payload: event.payload.clone(),
            attributes: of_event(event),
            reason,
            message,
            backtrace: Vec::new(),
            violations: Vec::new(),
            recording: None,
            is_without_payload: false,
        }
    }

    /// From a message that was part of `attempts` calls in this delivery; its own attributes stay.
    pub fn of_message(message: &Message, reason: Reason, why: String, backtrace: Vec<String>, attempts: u32) -> Self {
        let mut attributes = message.attributes.clone();
        attributes.retain(|(name, _)| !name.starts_with("dlq."));
        if message.stamp().is_none() {
            attributes.push((ORDER_ATTRIBUTE.to_owned(), message.order().to_string()));
        }
        attributes.push(("dlq.publish-time-ms".to_owned(), message.publish_time_ms.to_string()));
        attributes.push(("dlq.producer".to_owned(), message.producer.to_string()));
        attributes.push(("dlq.redeliveries".to_owned(), message.redeliveries.to_string()));
        attributes.push(("dlq.attempts".to_owned(), attempts.to_string()));
        if let Some(SchemaRef { id, version }) = message.schema {
            attributes.push(("dlq.schema".to_owned(), format!("{id}@{version}")));
        }
        Self {
            id: message.id.as_str().to_owned(),
            // A record's id names its endpoint already.
            scope: String::new(),
            origin: message.topic.to_string(),
            key: message.key.clone(),
            payload: message.payload.clone(),
            attributes,
            reason,
            message: why,
            backtrace,
            violations: Vec::new(),
            recording: None,
            is_without_payload: false,
        }
    }

    /// Says that the payload is not that of the input, which its source could not read. There is nothing to try again.
    pub fn without_payload(mut self) -> Self {
        self.is_without_payload = true;
        self.payload = Bytes::new();
        self
    }

    /// With the innermost functions of a trap.
    pub fn with_backtrace(mut self, backtrace: Vec<String>) -> Self {
        self.backtrace = backtrace;
        self
    }

    /// With the rules of a schema that were broken, as many as there is room for.
    pub fn with_violations(mut self, violations: &[Violation]) -> Self {
        let mut room = MESSAGE_BYTES_MAX;
        let fits = |violation: &&Violation| {
            let bytes = violation.path.len() + violation.message.len();
            room = room.saturating_sub(bytes);
            room > 0
        };
        self.violations = violations.iter().take_while(fits).cloned().collect();
        self
    }

    /// With what the component's last call was given besides this input: see
    /// [`recall`](danube_wasm_model::door::SinkGuest::recall).
    pub fn with_recording(mut self, recording: Option<String>) -> Self {
        self.recording = recording;
        self
    }

    fn without_recording(self) -> Self {
        self.with_recording(None)
    }

    /// Only the input and, in a sentence, why it is dead: what the broker's headroom for dead letters has room for.
    fn bare(mut self) -> Self {
        self.backtrace.clear();
        self.violations.clear();
        self.attributes.retain(|(name, _)| !name.starts_with(HEADER_PREFIX));
        self.message = truncate(self.message, BARE_MESSAGE_BYTES_MAX);
        self.without_recording()
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The record that it is on its topic, as the connector `id` whose component has this digest writes it.
    pub fn into_outgoing(self, topic: &TopicName, id: &ConnectorId, digest: &str) -> Outgoing {
        let mut attributes = self.attributes;
        let mut set = |name: &str, value: String| attributes.push((format!("dlq.{name}"), value));
        set("reason", self.reason.as_str().to_owned());
        set("message", truncate(self.message, MESSAGE_BYTES_MAX));
        set("connector", id.to_string());
        set("component-digest", digest.to_owned());
        set("origin", self.origin);
        set("id", self.id.clone());
        if !self.backtrace.is_empty() {
            let frames: Vec<_> = self.backtrace.into_iter().take(FRAMES_MAX).collect();
            set("backtrace", truncate(frames.join("\n"), MESSAGE_BYTES_MAX));
        }
        if !self.violations.is_empty() {
            set(
                "violations",
                serde_json::to_string(&self.violations).unwrap_or_default(),
            );
        }
        if self.is_without_payload {
            set("without-payload", "true".to_owned());
        }
        if let Some(recording) = self.recording {
            set("recording", recording);
        }
        Outgoing {
            topic: topic.clone(),
            key: self.key,
            payload: self.payload,
            attributes,
            id: RecordId::derive(id, &self.scope, &self.id, 0),
            schema: None,
        }
    }
}

/// What is needed to offer the event again.
fn of_event(event: &Event) -> Vec<(String, String)> {
    let own = event.attributes.iter();
    let is_own = |name: &str| !name.starts_with("dlq.") && !name.starts_with(HOST_ATTRIBUTE_PREFIX);
    // An order that its upstream gave it is older than what is published when it is offered again.
    let own = own.filter(|(name, _)| is_own(name) || name == ORDER_ATTRIBUTE);
    let headers = event.headers.iter();
    let headers = headers.map(|(name, value)| (format!("{HEADER_PREFIX}{name}"), value.clone()));
    own.cloned()
        .chain(headers)
        .chain([
            ("dlq.received-ms".to_owned(), event.received_ms.to_string()),
            ("dlq.content-type".to_owned(), event.content_type.clone()),
        ])
        .collect()
}

/// Where a connector's dead letters go.
pub(crate) struct DeadLetters {
    publisher: Arc<dyn Publisher>,
    topic: Option<TopicName>,
    id: ConnectorId,
    digest: String,
    budget_use: Arc<BudgetUse>,
}

impl DeadLetters {
    /// Creates the topic. A connector without topics has nowhere to put dead letters, and nothing to make them of.
    pub(crate) async fn open(
        broker: &dyn Broker,
        publisher: Arc<dyn Publisher>,
        topic: Option<TopicName>,
        id: &ConnectorId,
        digest: &str,
        budget: ErrorBudget,
    ) -> Result<Self, BrokerError> {
        if let Some(topic) = &topic {
            broker
                .create_topic(
                    topic,
                    TopicSpec {
                        partitions: 0,
                        reliable_dispatch: true,
                        ..TopicSpec::default()
                    },
                )
                .await?;
        }
        Ok(Self {
            publisher,
            topic,
            id: id.clone(),
            digest: digest.to_owned(),
            budget_use: BudgetUse::new(budget),
        })
    }

    /// Room for a dead letter in the connector's budget, to be had before it is written.
    pub(crate) fn reserve(&self) -> Result<Reservation, BudgetExceeded> {
        self.budget_use.reserve()
    }

    /// What is left of that budget.
    pub(crate) fn budget_use(&self) -> &Arc<BudgetUse> {
        &self.budget_use
    }

    /// Returns when the broker has the dead letter, and whether that is durable.
    pub(crate) async fn write(&self, letter: &DeadLetter) -> Result<Published, BrokerError> {
        let Some(topic) = &self.topic else {
            return Err(BrokerError::new(
                ErrorKind::NotFound,
                format!("connector {} has no topic for dead letters", self.id),
            ));
        };
        tracing::warn!(
            connector = %self.id, topic = %topic, id = %letter.id, origin = %letter.origin,
            reason = letter.reason.as_str(), code = %letter.reason.code(), why = %letter.message,
            at = letter.backtrace.first().map(String::as_str), "dead letter"
        );
        // An input as large as a message may be leaves no room for what is only good to have.
        let smaller = [DeadLetter::without_recording, DeadLetter::bare];
        let mut letter = letter.clone();
        let mut written = self.publish(topic, letter.clone()).await;
        for smaller in smaller {
            if !written.as_ref().is_err_and(|error| error.kind == ErrorKind::TooLarge) {
                break;
            }
            letter = smaller(letter);
            written = self.publish(topic, letter.clone()).await;
        }
        written
    }

    async fn publish(&self, topic: &TopicName, letter: DeadLetter) -> Result<Published, BrokerError> {
        let outgoing = letter.into_outgoing(topic, &self.id, &self.digest);
        let results = self.publisher.publish(vec![vec![outgoing]]).await;
        let lost = || {
            Err(BrokerError::new(
                ErrorKind::Unavailable,
                "the broker did not say what became of the dead letter",
            ))
        };
        results.into_iter().next().unwrap_or_else(lost)
    }
}

fn truncate(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use danube_wasm_broker::Result;
    use futures_util::future::BoxFuture;

    use super::*;

    /// Takes messages up to a size.
    struct Narrow {
        bytes_max: usize,
        taken: Mutex<Vec<Outgoing>>,
    }

    impl Publisher for Narrow {
        fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
            let fate = |letter: Outgoing| {
                let attributes = letter.attributes.iter().map(|(name, value)| name.len() + value.len());
                if letter.payload.len() + attributes.sum::<usize>() > self.bytes_max {
                    return Err(BrokerError::new(ErrorKind::TooLarge, "too large"));
                }
                self.taken.lock().expect("not poisoned").push(letter);
                Ok(Published { durable: true })
            };
            let fates = groups.into_iter().flatten().map(fate).collect();
            Box::pin(std::future::ready(fates))
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_beside_the_input_is_left_out() {
        let event = Event {
            endpoint: "/hook".into(),
            id: "e".to_owned(),
            payload: Bytes::from(vec![b'x'; 1000]),
            content_type: String::new(),
            key: None,
            received_ms: 0,
            attributes: Vec::new(),
            headers: vec![("x-long".to_owned(), "h".repeat(2000))],
            traceparent: None,
            refusal: None,
        };
        let (recording, why) = ("r".repeat(500), "why ".repeat(500));
        let letter = DeadLetter::of_event(&event, Reason::Refused, why).with_recording(Some(recording));
        for (bytes_max, recorded, headers) in [(10_000, true, true), (5_400, false, true), (2_400, false, false)] {
            let narrow = Arc::new(Narrow {
                bytes_max,
                taken: Mutex::default(),
            });
            let letters = DeadLetters {
                publisher: narrow.clone(),
                topic: Some("/test/dlq".parse().expect("a topic")),
                id: ConnectorId::try_new("test", "source").expect("a name"),
                digest: String::new(),
                budget_use: BudgetUse::new(ErrorBudget::default()),
            };
            letters.write(&letter).await.expect("it is kept");
            let taken = narrow.taken.lock().expect("not poisoned");
            let has = |name: &str| taken[0].attributes.iter().any(|(n, _)| n == name);
            assert_eq!(taken.len(), 1);
            assert_eq!(
                (has("dlq.recording"), has("dlq.header.x-long")),
                (recorded, headers),
                "{bytes_max}"
            );
            assert!(has("dlq.message") && taken[0].payload == event.payload, "{bytes_max}");
        }
    }
}
