//! Which document a message is about, and what it does to it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, ChangeKind, Operation, SinkRecord, Write};
use crate::{Column, Error, Pointer, Result};

/// The keys `id_pointer` and `id_from` of a topic mapping: where a message has the id of its document. With neither, each
/// message is a document of its own. Flatten it into the mapping's own keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DocumentId {
    /// In the payload: a string or an integer. A message in which it points at nothing of the kind is refused.
    pub id_pointer: Option<Pointer>,
    /// Beside the payload.
    pub id_from: Option<IdFrom>,
}

/// Where an id is, beside the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdFrom {
    /// The routing key. A key that is a JSON list of one string or number, such as `[7]`, is that value.
    Key,
}

impl DocumentId {
    /// Columns that [`Self::write`] reads.
    pub fn wants(&self) -> impl Iterator<Item = Column> {
        let columns = [Column::Orders, Column::Attributes].into_iter();
        let keys = self.id_from.map(|IdFrom::Key| Column::Keys);
        columns.chain(keys).filter(|_| self.is_set())
    }

    /// Whether messages are about documents that have ids of their own.
    pub fn is_set(&self) -> bool {
        self.id_pointer.is_some() || self.id_from.is_some()
    }

    /// The write that a message is. `document` makes one that inserts what the message holds.
    ///
    /// Of a message with an id it becomes an upsert with the order of its record; a merge if it is an update that lacks
    /// fields; a deletion, without a document, if it is one: see [`SinkRecord::change`]. A truncation is refused.
    pub fn write<'a>(
        &self,
        target: impl Into<Cow<'a, str>>,
        record: SinkRecord<'a>,
        document: impl FnOnce() -> Result<Write<'a>>,
    ) -> Result<Write<'a>> {
        if !self.is_set() {
            return document();
        }
        let write = match operation(record.change()?)? {
            Operation::Delete => Write::delete(target, self.find(record)?),
            operation => document()?.with_operation(operation).with_id(self.find(record)?),
        };
        Ok(write.with_order(record.order()))
    }

    fn find<'a>(&self, record: SinkRecord<'a>) -> Result<Cow<'a, str>> {
        match &self.id_pointer {
            Some(pointer) => pointer.find_id(record.bytes()),
            None => id_of_key(record),
        }
    }
}

fn operation(change: Option<Change<'_>>) -> Result<Operation> {
    let Some(change) = change else {
        return Ok(Operation::Upsert);
    };
    match change.kind {
        ChangeKind::Delete => Ok(Operation::Delete),
        ChangeKind::Truncate => Err(Error::invalid_data(
            "all rows of the table were removed by a truncation, which no sink repeats: empty the target yourself, or delete \
             rows instead of truncating their table",
        )),
        _ if change.unchanged.is_empty() => Ok(Operation::Upsert),
        _ if change.is_key_changed => Err(Error::invalid_data(format!(
            "the row has a new key, and the source was not told its values of {}, which the row of the old key had: set \
             REPLICA IDENTITY FULL on the table, so that they are sent",
            change.unchanged.join(", ")
        ))),
        _ => Ok(Operation::Merge),
    }
}

fn id_of_key(record: SinkRecord<'_>) -> Result<Cow<'_, str>> {
    let missing =
        || Error::invalid_data("the message has no key, and `id_from = \"key\"` takes the document's id from it");
    let key = record.key().ok_or_else(missing)?;
    let no_text = |_| Error::invalid_data("the message's key, which is to be the document's id, is not UTF-8");
    let key = std::str::from_utf8(key).map_err(no_text)?;
    Ok(only_of_list(key).unwrap_or(Cow::Borrowed(key)))
}

/// The value of a JSON list of one string or number.
fn only_of_list(key: &str) -> Option<Cow<'_, str>> {
    let [value] = <[&RawValue; 1]>::try_from(serde_json::from_str::<Vec<_>>(key).ok()?).ok()?;
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok().map(Cow::<str>::Owned),
        b'-' | b'0'..=b'9' => Some(value.get().into()),
        _ => None,
    }
}
