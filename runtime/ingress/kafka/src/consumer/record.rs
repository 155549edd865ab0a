//! A record as it was fetched.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use rdkafka::{
    Timestamp as Rdkafka,
    message::{BorrowedMessage, Headers as _, Message as _},
};

use super::Partition;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) partition: Partition,
    pub(crate) offset: i64,
    pub(crate) key: Option<Bytes>,
    /// None is a tombstone.
    pub(crate) value: Option<Bytes>,
    /// In their order, with repeats; a value may be absent. None if a name is not UTF-8.
    pub(crate) headers: Option<Vec<(String, Option<Bytes>)>>,
    pub(crate) timestamp: Timestamp,
}

/// When a record was made, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timestamp {
    Absent,
    /// Its producer says.
    Create(i64),
    /// The broker says.
    LogAppend(i64),
}

impl Record {
    /// A copy of what librdkafka has.
    pub(super) fn copy(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Self {
        // The wrapper panics on a name that is not UTF-8.
        let headers = catch_unwind(AssertUnwindSafe(|| headers(message))).ok();
        Self {
            partition: Partition {
                topic,
                number: message.partition(),
            },
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers,
            timestamp: match message.timestamp() {
                Rdkafka::NotAvailable => Timestamp::Absent,
                Rdkafka::CreateTime(ms) => Timestamp::Create(ms),
                Rdkafka::LogAppendTime(ms) => Timestamp::LogAppend(ms),
            },
        }
    }

    /// What it weighs in memory, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self
            .headers
            .iter()
            .flatten()
            .map(|(name, value)| name.len() + len(value));
        len(&self.key) + len(&self.value) + headers.sum::<usize>() + std::mem::size_of::<Self>()
    }
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Option<Bytes>)> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    headers
        .map(|header| (header.key.to_owned(), header.value.map(Bytes::copy_from_slice)))
        .collect()
}
