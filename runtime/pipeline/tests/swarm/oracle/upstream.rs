//! Checks the source's effects: offers, answers, records and letters in the broker.

use bytes::Bytes;
use danube_wasm_broker::{MessageId, Outgoing};
use danube_wasm_model::{RecordId, door::Outcome, identity::ORDER_ATTRIBUTE};
use danube_wasm_pipeline::{OnFailure, OnInvalid};

use super::{Oracle, Record, SentEvent, Stamp, order_of, short};
use crate::{
    test_event::{AtSource, TestEvent, at_sink, events_of},
    world::{ENDPOINT, sink_id, source_id},
};

impl Oracle {
    /// A sender has a new event.
    pub fn sent(&self, test_event: TestEvent, key: Option<Bytes>) {
        let sent = SentEvent {
            test_event,
            key,
            offers: Vec::new(),
            accepted: false,
            accepted_at: 0,
            settled: false,
        };
        self.history.lock().sent.insert(test_event.number, sent);
    }

    /// The event's sender got this answer.
    pub fn answered(&self, test_event: TestEvent, outcome: &Outcome) {
        let mut history = self.history.lock();
        let allowed = match (test_event.at_source, outcome) {
            (_, Outcome::Unavailable { .. }) => return,
            (AtSource::Trap | AtSource::Malformed, Outcome::Failed { .. }) => {
                history.require_letter(test_event);
                self.rules.on_failure == OnFailure::Reject
            }
            (AtSource::Trap | AtSource::Malformed, Outcome::DeadLettered { id, .. }) => {
                history.require_letter(test_event);
                self.rules.on_failure == OnFailure::DeadLetter && *id == test_event.id()
            }
            (AtSource::TooLarge, Outcome::Invalid { .. }) => true,
            (AtSource::Reject | AtSource::Invalid, Outcome::Invalid { .. }) => {
                self.rules.on_invalid == OnInvalid::Reject
            }
            (AtSource::Reject | AtSource::Invalid, Outcome::DeadLettered { id, .. }) => {
                history.require_letter(test_event);
                self.rules.on_invalid == OnInvalid::DeadLetter && *id == test_event.id()
            }
            (
                kind,
                Outcome::Accepted {
                    id,
                    records,
                    durable,
                    answer,
                },
            ) => {
                let expected = test_event.records().map_or(1, |records| records.len());
                *id == test_event.id()
                    && *records as usize == expected
                    && *durable
                    && answer.is_some() == (kind == AtSource::Answered)
                    && !matches!(
                        kind,
                        AtSource::Trap
                            | AtSource::Malformed
                            | AtSource::TooLarge
                            | AtSource::Reject
                            | AtSource::Invalid
                    )
            }
            _ => false,
        };
        if !allowed {
            history.violation(format!("{test_event:?} was answered {outcome:?}"));
        }
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        let offers = history.offers;
        if let Some(sent) = history.sent.get_mut(&test_event.number) {
            sent.accepted |= accepted;
            sent.accepted_at = offers;
            sent.settled = true;
        }
        if accepted && !history.is_durable(test_event) {
            history.violation(format!(
                "{} was answered before all its records were durable",
                test_event.id()
            ));
        }
    }

    /// The request of these events is refused as a whole, for the first time.
    pub fn request_refused(&self, test_events: &[TestEvent]) {
        let mut history = self.history.lock();
        for test_event in test_events {
            let makes_records = test_event.records().is_none_or(|records| !records.is_empty());
            if makes_records && history.is_durable(*test_event) {
                history.violation(format!("{} of a refused request was published", test_event.id()));
            }
        }
    }

    /// The broker committed a record to the topic, which this process has published.
    pub fn committed(&self, at: MessageId, record: &Outgoing, process: u64) {
        let mut history = self.history.lock();
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        let Some((events, ordinal)) = events_of(&text) else {
            return history.violation(format!("a record that no event makes: {}", short(&text)));
        };
        let first = events[0];
        if history.key_of(first) != record.key {
            history.violation(format!("record {} has key {:?}", record.id, record.key));
        }
        let own = ("n".to_owned(), first.number.to_string());
        let names: Vec<_> = record.attributes.iter().map(|(name, _)| name.as_str()).collect();
        if names != ["n", ORDER_ATTRIBUTE] || record.attributes[0] != own {
            history.violation(format!("record {} has attributes {:?}", record.id, record.attributes));
        }
        // The id of a merged record need only begin with the first event's.
        let expected = RecordId::derive(&source_id(), ENDPOINT, &first.id(), ordinal);
        if !text.starts_with("M+") && expected != record.id {
            history.violation(format!("record {} should be {expected}", record.id));
        }
        let place = history.messages.len();
        let stamp = Stamp {
            order: order_of(record),
            process,
        };
        history.messages.insert(at, text.clone());
        let known = history.records.entry(text).or_insert(Record {
            first: at,
            copies: 0,
            place,
            newest: stamp,
            process,
            key: record.key.clone(),
            id: record.id.to_string(),
        });
        known.copies += 1;
        known.newest = known.newest.max(stamp);
        known.process = known.process.max(process);
        if known.id != record.id.as_str() {
            let message = format!("record {} was {} before", record.id, known.id);
            history.violation(message);
        }
    }

    /// The broker confirmed a dead letter.
    pub fn letter_confirmed(&self, letter: &Outgoing) {
        let text = String::from_utf8_lossy(&letter.payload).into_owned();
        self.history.lock().confirmed_letters.insert(text);
    }

    /// The broker committed a dead letter.
    pub fn letter(&self, letter: &Outgoing) {
        let mut history = self.history.lock();
        let text = String::from_utf8_lossy(&letter.payload).into_owned();
        let attribute = |name: &str| {
            let found = letter.attributes.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let id = attribute("dlq.id");
        let (scope, place, expected_id, expected_key) = if letter.topic.as_str() == "/swarm/dlq-swarm--source" {
            let Some(test_event) = TestEvent::parse(&text) else {
                return history.violation(format!("a letter of no event: {}", short(&text)));
            };
            let is_due = match test_event.at_source {
                AtSource::Reject | AtSource::Invalid => self.rules.on_invalid == OnInvalid::DeadLetter,
                AtSource::Trap | AtSource::Malformed => true,
                _ => false,
            };
            if !is_due {
                history.violation(format!(
                    "{test_event:?} became a dead letter: {}",
                    attribute("dlq.message")
                ));
            }
            (source_id(), ENDPOINT, test_event.id(), history.key_of(test_event))
        } else {
            let Some(record) = history.records.get(&text) else {
                return history.violation(format!("a letter of no record: {}", short(&text)));
            };
            let (record_id, key) = (record.id.clone(), record.key.clone());
            let entitled = at_sink(&text).is_some_and(|kind| kind.is_poison());
            if !entitled || !self.rules.dead_letters_poison {
                history.violation(format!(
                    "{} became a dead letter: {}",
                    short(&text),
                    attribute("dlq.message")
                ));
            }
            if attribute("n").is_empty() {
                history.violation(format!("the letter of {record_id} lost an attribute"));
            }
            (sink_id(), "", record_id, key)
        };
        if id != expected_id || letter.key != expected_key || letter.id != RecordId::derive(&scope, place, id, 0) {
            history.violation(format!(
                "the letter of {expected_id} says {id}, {:?}, {}",
                letter.key, letter.id
            ));
        }
        history.letters.insert(text);
    }
}

impl super::History {
    /// Checks that the event's dead letter is durable.
    fn require_letter(&mut self, test_event: TestEvent) {
        if !self.letters.contains(&test_event.payload()) {
            self.violation(format!(
                "{} was answered before its dead letter was durable",
                test_event.id()
            ));
        }
    }

    /// Whether all records of an event are in the topic.
    pub(super) fn is_durable(&self, test_event: TestEvent) -> bool {
        match test_event.records() {
            Some(records) => records.iter().all(|record| self.records.contains_key(record)),
            None => {
                let (alone, payload) = (format!("M+{}", test_event.payload()), test_event.payload());
                self.records.contains_key(&alone)
                    || self
                        .records
                        .keys()
                        .filter_map(|text| text.strip_prefix("M+"))
                        .any(|merged| merged.split('+').any(|part| part == payload))
            }
        }
    }
}
