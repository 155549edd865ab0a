//! What the source's doors saw: offers, answers, records and letters in the broker.

use bytes::Bytes;
use danube_wasm_broker::{MessageId, Outgoing};
use danube_wasm_model::{RecordId, door::Outcome, identity::ORDER_ATTRIBUTE};
use danube_wasm_pipeline::{OnFailure, OnInvalid};

use super::{Minted, Oracle, Record, short};
use crate::{
    parcel::{AtSource, Parcel, at_sink, events_of},
    world::{ENDPOINT, sink_id, source_id},
};

impl Oracle {
    /// A sender has a new event.
    pub fn minted(&self, parcel: Parcel, key: Option<Bytes>) {
        let minted = Minted {
            parcel,
            key,
            offers: Vec::new(),
            accepted: false,
            accepted_at: 0,
            settled: false,
        };
        self.books.lock().minted.insert(parcel.number, minted);
    }

    /// It is offered to the source of this start.
    pub fn offered(&self, number: u64, start: u64) {
        let mut books = self.books.lock();
        books.offers += 1;
        let offer = (start, books.offers);
        if let Some(minted) = books.minted.get_mut(&number) {
            minted.offers.push(offer);
        }
    }

    /// Its sender was told this.
    pub fn answered(&self, parcel: Parcel, outcome: &Outcome) {
        let mut books = self.books.lock();
        let allowed = match (parcel.at_source, outcome) {
            (_, Outcome::Unavailable { .. }) => return,
            (AtSource::Trap | AtSource::Malformed, Outcome::Failed { .. }) => {
                books.must_be_kept(parcel);
                self.rules.on_failure == OnFailure::Reject
            }
            (AtSource::Trap | AtSource::Malformed, Outcome::DeadLettered { id, .. }) => {
                books.must_be_kept(parcel);
                self.rules.on_failure == OnFailure::DeadLetter && *id == parcel.id()
            }
            (AtSource::TooLarge, Outcome::Invalid { .. }) => true,
            (AtSource::Reject | AtSource::Invalid, Outcome::Invalid { .. }) => {
                self.rules.on_invalid == OnInvalid::Reject
            }
            (AtSource::Reject | AtSource::Invalid, Outcome::DeadLettered { id, .. }) => {
                books.must_be_kept(parcel);
                self.rules.on_invalid == OnInvalid::DeadLetter && *id == parcel.id()
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
                let expected = parcel.records().map_or(1, |records| records.len());
                *id == parcel.id()
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
            books.violation(format!("{parcel:?} was answered {outcome:?}"));
        }
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        let offers = books.offers;
        if let Some(minted) = books.minted.get_mut(&parcel.number) {
            minted.accepted |= accepted;
            minted.accepted_at = offers;
            minted.settled = true;
        }
        if accepted && !books.is_durable(parcel) {
            books.violation(format!(
                "{} was answered before all its records were durable",
                parcel.id()
            ));
        }
    }

    /// The broker committed a record to the topic.
    pub fn committed(&self, at: MessageId, record: &Outgoing) {
        let mut books = self.books.lock();
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        let Some((events, ordinal)) = events_of(&text) else {
            return books.violation(format!("a record that no event makes: {}", short(&text)));
        };
        let first = events[0];
        if books.key_of(first) != record.key {
            books.violation(format!("record {} has key {:?}", record.id, record.key));
        }
        let own = ("n".to_owned(), first.number.to_string());
        let names: Vec<_> = record.attributes.iter().map(|(name, _)| name.as_str()).collect();
        if names != ["n", ORDER_ATTRIBUTE] || record.attributes[0] != own {
            books.violation(format!("record {} has attributes {:?}", record.id, record.attributes));
        }
        // What several events made may be called by any name that begins with the first.
        let expected = RecordId::derive(&source_id(), ENDPOINT, &first.id(), ordinal);
        if !text.starts_with("M+") && expected != record.id {
            books.violation(format!("record {} should be {expected}", record.id));
        }
        let place = books.messages.len();
        books.messages.insert(at, text.clone());
        let known = books.records.entry(text).or_insert(Record {
            first: at,
            copies: 0,
            place,
            key: record.key.clone(),
            id: record.id.to_string(),
        });
        known.copies += 1;
        if known.id != record.id.as_str() {
            let message = format!("record {} was {} before", record.id, known.id);
            books.violation(message);
        }
    }

    /// The broker committed a dead letter.
    pub fn letter(&self, letter: &Outgoing) {
        let mut books = self.books.lock();
        let text = String::from_utf8_lossy(&letter.payload).into_owned();
        let attribute = |name: &str| {
            let found = letter.attributes.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let id = attribute("dlq.id");
        let (scope, place, expected_id, expected_key) = if letter.topic.as_str() == "/swarm/dlq-swarm--source" {
            let Some(parcel) = Parcel::parse(&text) else {
                return books.violation(format!("a letter of no event: {}", short(&text)));
            };
            let is_due = match parcel.at_source {
                AtSource::Reject | AtSource::Invalid => self.rules.on_invalid == OnInvalid::DeadLetter,
                AtSource::Trap | AtSource::Malformed => true,
                _ => false,
            };
            if !is_due {
                books.violation(format!("{parcel:?} became a dead letter: {}", attribute("dlq.message")));
            }
            (source_id(), ENDPOINT, parcel.id(), books.key_of(parcel))
        } else {
            let Some(record) = books.records.get(&text) else {
                return books.violation(format!("a letter of no record: {}", short(&text)));
            };
            let (record_id, key) = (record.id.clone(), record.key.clone());
            let entitled = at_sink(&text).is_some_and(|kind| kind.is_poison());
            if !entitled || !self.rules.buries_poison {
                books.violation(format!(
                    "{} became a dead letter: {}",
                    short(&text),
                    attribute("dlq.message")
                ));
            }
            if attribute("n").is_empty() {
                books.violation(format!("the letter of {record_id} lost an attribute"));
            }
            (sink_id(), "", record_id, key)
        };
        if id != expected_id || letter.key != expected_key || letter.id != RecordId::derive(&scope, place, id, 0) {
            books.violation(format!(
                "the letter of {expected_id} says {id}, {:?}, {}",
                letter.key, letter.id
            ));
        }
        books.letters.insert(text);
    }
}

impl super::Books {
    /// The dead letter of an event whose fate its sender knows.
    fn must_be_kept(&mut self, parcel: Parcel) {
        if !self.letters.contains(&parcel.payload()) {
            self.violation(format!(
                "{} was answered before its dead letter was durable",
                parcel.id()
            ));
        }
    }

    /// Whether all records of an event are in the topic.
    pub(super) fn is_durable(&self, parcel: Parcel) -> bool {
        match parcel.records() {
            Some(records) => records.iter().all(|record| self.records.contains_key(record)),
            None => {
                let (alone, payload) = (format!("M+{}", parcel.payload()), parcel.payload());
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
