//! Records on their way back to the host.

use std::collections::BTreeMap;

use super::{Event, Records, Reply, SourceRecord};
use crate::{
    Error, Result,
    bindings::{
        source::{Answer, RecordBatch},
        types::{Labels, Rejection},
    },
    columns::write::{NO_LABELS, OptionalBlobs, OptionalPairs, OriginColumn, PayloadColumn, push_label},
    one_or_many::OneOrMany,
};

/// Takes the records of a batch, each with the events that it came from.
#[derive(Debug)]
pub struct RecordBuilder {
    topics: Labels,
    payloads: PayloadColumn,
    origins: OriginColumn,
    ids: OptionalBlobs,
    keys: OptionalBlobs,
    attributes: OptionalPairs,
    rejected: Vec<Rejection>,
    answers: BTreeMap<u32, Answer>,
}

impl RecordBuilder {
    /// Longest event id, in bytes.
    pub const ID_BYTES_MAX: usize = 256;

    pub(crate) fn new() -> Self {
        Self {
            topics: NO_LABELS,
            payloads: PayloadColumn::EMPTY,
            origins: OriginColumn::EMPTY,
            ids: OptionalBlobs::EMPTY,
            keys: OptionalBlobs::EMPTY,
            attributes: OptionalPairs::EMPTY,
            rejected: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    /// A record that came from this event. [`Error::InvalidData`] if its id is none; then nothing is taken.
    pub fn push(&mut self, event: Event<'_>, record: SourceRecord<'_>) -> Result<()> {
        self.push_from([event], record)
    }

    /// A record that came from these events, at least one. [`Error::InvalidData`] if its id is none; then nothing is
    /// taken.
    pub fn push_from<'e>(
        &mut self,
        events: impl IntoIterator<Item = Event<'e>>,
        record: SourceRecord<'_>,
    ) -> Result<()> {
        if let Some(id) = &record.id {
            check_id(id)?;
        }
        let mut origins = events.into_iter().map(|event| event.place()).peekable();
        if origins.peek().is_none() {
            return Err(Error::fatal("a record was made from no event: name those it came from"));
        }
        let place = self.topics.index.len();
        push_label(&mut self.topics, &record.topic);
        self.payloads.push(&record.payload);
        self.origins.push(origins);
        if let Some(id) = &record.id {
            self.ids.set(place, id.as_bytes());
        }
        if let Some(key) = &record.key {
            self.keys.set(place, key);
        }
        if !record.attributes.is_empty() {
            let pairs = record.attributes.iter().map(|(name, value)| (&**name, &**value));
            self.attributes.set(place, pairs);
        }
        Ok(())
    }

    /// All that this event became.
    pub fn extend(&mut self, event: Event<'_>, records: Records<'_>) -> Result<()> {
        if let Some(reply) = records.reply {
            self.reply(event, reply);
        }
        match records.records {
            OneOrMany::None => Ok(()),
            OneOrMany::One(record) => self.push(event, record),
            OneOrMany::Many(records) => records.into_iter().try_for_each(|record| self.push(event, record)),
        }
    }

    /// Refuses an event because its data is invalid. The message is for whoever sent it: what is wrong and where.
    /// Records that came from it are dropped.
    pub fn reject(&mut self, event: Event<'_>, message: impl Into<String>) {
        self.refuse(event, 0, message.into());
    }

    /// Refuses an event because the connector has no use for its kind of data.
    pub fn reject_unsupported(&mut self, event: Event<'_>, message: impl Into<String>) {
        self.refuse(event, 1, message.into());
    }

    /// Answers the caller that waits for this event. An earlier answer to it is forgotten.
    pub fn reply(&mut self, event: Event<'_>, reply: Reply) {
        let answer = Answer {
            origin: event.place(),
            status: reply.status,
            content_type: reply.content_type,
            body: reply.body,
        };
        self.answers.insert(event.place(), answer);
    }

    fn refuse(&mut self, event: Event<'_>, kind: u32, message: String) {
        self.answers.remove(&event.place());
        self.rejected.push(Rejection {
            origin: event.place(),
            kind,
            message,
        });
    }

    pub(crate) fn finish(self, events: usize) -> RecordBatch {
        let n = self.topics.index.len();
        RecordBatch {
            topics: self.topics,
            payloads: self.payloads.finish(),
            origins: self.origins.finish(events),
            ids: self.ids.finish(n),
            keys: self.keys.finish(n),
            attributes: self.attributes.finish(n),
            rejected: self.rejected,
            answers: self.answers.into_values().collect(),
            extra: Vec::new(),
        }
    }
}

fn check_id(id: &str) -> Result<()> {
    if id.is_empty() || id.len() > RecordBuilder::ID_BYTES_MAX || id.chars().any(char::is_control) {
        return Err(Error::invalid_data(
            "an event id has 1 to 256 bytes and no control characters",
        ));
    }
    Ok(())
}
