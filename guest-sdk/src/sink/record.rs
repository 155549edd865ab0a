//! Messages as the host sent them: views that copy nothing.

use std::ops::Range;

use serde::Deserialize;

use crate::{
    Column, Error, Result,
    bindings::sink::MessageBatch,
    columns::{read, write::u32_of},
};

/// A batch of messages. Those of one key are in the order of their publication, on subscriptions that keep order.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a>(&'a MessageBatch);

impl<'a> Batch<'a> {
    pub(crate) fn new(batch: &'a MessageBatch) -> Self {
        Self(batch)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.payloads.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after another.
    pub fn iter(&self) -> RecordIter<'a> {
        RecordIter {
            batch: self.0,
            places: 0..self.len(),
        }
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = SinkRecord<'a>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// Messages, one after another.
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    batch: &'a MessageBatch,
    places: Range<usize>,
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = SinkRecord<'a>;

    fn next(&mut self) -> Option<SinkRecord<'a>> {
        let batch = self.batch;
        self.places.next().map(|at| SinkRecord { batch, at })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl ExactSizeIterator for RecordIter<'_> {}

/// One message.
#[derive(Debug, Clone, Copy)]
pub struct SinkRecord<'a> {
    batch: &'a MessageBatch,
    at: usize,
}

/// The schema that a message was published with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaInfo<'a> {
    /// Its subject.
    pub subject: &'a str,
    /// Its version; 0 if the broker does not know it.
    pub version: u32,
}

impl<'a> SinkRecord<'a> {
    /// The topic, without its partition.
    pub fn topic(&self) -> &'a str {
        read::label(&self.batch.topics, self.at)
    }

    /// What was published, as JSON. [`Error::InvalidData`] if it is not.
    pub fn payload(&self) -> Result<serde_json::Value> {
        self.as_type()
    }

    /// What was published, as a type that may borrow from it. [`Error::InvalidData`] if it does not fit.
    pub fn as_type<T: Deserialize<'a>>(&self) -> Result<T> {
        Ok(serde_json::from_slice(self.bytes())?)
    }

    /// What was published.
    pub fn bytes(&self) -> &'a [u8] {
        read::blob(&self.batch.payloads, self.at)
    }

    /// What was published, as text. [`Error::InvalidData`] if it is not UTF-8.
    pub fn text(&self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()).map_err(|_| Error::invalid_data("the payload is not UTF-8"))
    }

    /// The record's id, the same at every delivery.
    pub fn id(&self) -> &'a str {
        read::text(&self.batch.ids, self.at)
    }

    /// Its routing key.
    pub fn key(&self) -> Option<&'a [u8]> {
        Some(read::blob(&self.batch.keys, self.at)).filter(|key| !key.is_empty())
    }

    /// When it was published, in **milliseconds** since 1970-01-01 UTC.
    pub fn publish_time(&self) -> u64 {
        self.batch.publish_times.get(self.at).copied().unwrap_or(0)
    }

    /// Its place among all records of this pipeline, however many partitions they came through: a record that was
    /// published later has a higher number. [`Write::with_order`](crate::Write::with_order) takes it, so that the newest
    /// record decides what a document is, whatever comes late or again. A host that has no such column gives the publish
    /// time instead, where that is wanted.
    pub fn order(&self) -> u64 {
        let orders = read::numbers(&self.batch.extra, Column::Orders.name());
        orders
            .and_then(|orders| orders.get(self.at).copied())
            .unwrap_or_else(|| self.publish_time())
    }

    /// Who published it.
    pub fn producer_name(&self) -> &'a str {
        read::label(&self.batch.producers, self.at)
    }

    /// The schema it was published with.
    pub fn schema(&self) -> Option<SchemaInfo<'a>> {
        let text = Some(read::label(&self.batch.schemas, self.at)).filter(|text| !text.is_empty())?;
        let versioned = text.rsplit_once('@').and_then(|(subject, version)| {
            let version = version.parse().ok()?;
            Some(SchemaInfo { subject, version })
        });
        Some(versioned.unwrap_or(SchemaInfo {
            subject: text,
            version: 0,
        }))
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        read::pair(&self.batch.attributes, self.at, name)
    }

    /// All attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        read::pairs(&self.batch.attributes, self.at)
    }

    pub(crate) fn place(&self) -> u32 {
        u32_of(self.at)
    }
}
