//! What was done to a row, of records that are changes of one.

use super::SinkRecord;
use crate::{Error, Result};

/// A change of a row, as sources such as `postgres` and `kafka` say it in a record's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// What was done.
    pub kind: ChangeKind,
    /// Fields that the payload does not have because the source was not told their values. They are as they were.
    pub unchanged: Vec<&'a str>,
    /// The row has a new key: the one of the old key was deleted by the record before this one.
    pub is_key_changed: bool,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Nothing: it was there when the source began.
    Read,
    /// It is new.
    Insert,
    /// It has other values.
    Update,
    /// It is gone. The payload has what identifies it.
    Delete,
    /// All rows of its table are gone.
    Truncate,
    /// No row: a message that was written beside them.
    Message,
}

impl Change<'_> {
    /// Attribute with what was done: `read`, `insert`, `update`, `delete`, `truncate` or `message`.
    pub const OPERATION: &'static str = "change.op";
    /// Attribute with the fields that were not sent, separated by commas.
    pub const UNCHANGED: &'static str = "change.unchanged";
    /// Attribute that is `true` on the record with the new key.
    pub const KEY_CHANGED: &'static str = "change.key-changed";
}

impl ChangeKind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "read" => Self::Read,
            "insert" => Self::Insert,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "truncate" => Self::Truncate,
            "message" => Self::Message,
            _ => return None,
        })
    }
}

impl<'a> SinkRecord<'a> {
    /// The change of a row that it is; `None` of plain data. Ask for [`Column::Attributes`](crate::Column::Attributes).
    /// [`Error::InvalidData`] if it is a change of a kind that nobody knows.
    pub fn change(&self) -> Result<Option<Change<'a>>> {
        let Some(name) = self.attribute(Change::OPERATION) else {
            return Ok(None);
        };
        let unknown = || {
            Error::invalid_data(format!(
                "the attribute `{}` is `{name}`, which is no change",
                Change::OPERATION
            ))
        };
        let unchanged = self.attribute(Change::UNCHANGED).unwrap_or_default();
        Ok(Some(Change {
            kind: ChangeKind::of(name).ok_or_else(unknown)?,
            unchanged: unchanged.split(',').filter(|field| !field.is_empty()).collect(),
            is_key_changed: self.attribute(Change::KEY_CHANGED) == Some("true"),
        }))
    }
}
