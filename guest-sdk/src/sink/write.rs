//! A write to the target, and what one message may become.

use std::borrow::Cow;

use serde::Serialize;

use super::SinkRecord;
use crate::{Result, one_or_many::OneOrMany, payload::Payload};

/// What a write does to the document with its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Operation {
    /// Insert unless one is there.
    #[default]
    Insert,
    /// Replace or create.
    Upsert,
    /// Set the given fields, or create.
    Merge,
    /// Remove.
    Delete,
}

impl Operation {
    /// The number that crosses the sandbox.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Insert => 0,
            Self::Upsert => 1,
            Self::Merge => 2,
            Self::Delete => 3,
        }
    }
}

/// A write to the target. May borrow from its message and its connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<'a> {
    pub(super) target: Cow<'a, str>,
    pub(super) payload: Payload<'a>,
    pub(super) operation: Operation,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) order: u64,
}

impl<'a> Write<'a> {
    /// Inserts a document unless it is there. Without an id of its own, the host makes one from the message's id, so
    /// that a redelivery meets the same document.
    pub fn insert(target: impl Into<Cow<'a, str>>, document: &impl Serialize) -> Result<Self> {
        Ok(Self::insert_bytes(target, serde_json::to_vec(document)?))
    }

    /// Inserts a document that is JSON text already.
    pub fn insert_bytes(target: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::new(target, Operation::Insert, Payload::New(json.into()))
    }

    /// Inserts the message's own payload, unchanged. It does not cross the sandbox again.
    pub fn forward(target: impl Into<Cow<'a, str>>, record: SinkRecord<'a>) -> Self {
        Self::new(target, Operation::Insert, Payload::input(record.place()))
    }

    /// Replaces the document of this id, or creates it.
    pub fn upsert(
        target: impl Into<Cow<'a, str>>,
        id: impl Into<Cow<'a, str>>,
        document: &impl Serialize,
    ) -> Result<Self> {
        let write = Self::insert(target, document)?;
        Ok(write.with_operation(Operation::Upsert).with_id(id))
    }

    /// Sets the given fields of the document of this id, or creates it.
    pub fn merge(
        target: impl Into<Cow<'a, str>>,
        id: impl Into<Cow<'a, str>>,
        fields: &impl Serialize,
    ) -> Result<Self> {
        let write = Self::insert(target, fields)?;
        Ok(write.with_operation(Operation::Merge).with_id(id))
    }

    /// Removes the document of this id.
    pub fn delete(target: impl Into<Cow<'a, str>>, id: impl Into<Cow<'a, str>>) -> Self {
        Self::new(target, Operation::Delete, Payload::EMPTY).with_id(id)
    }

    /// With an id of its own: 1 to 512 bytes without control characters.
    pub fn with_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With another operation.
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// With a rising number: an upsert, merge or delete applies only if its order is not lower than the one that the
    /// document was last written or deleted with. 0 applies always. With
    /// [`SinkRecord::order`](crate::SinkRecord::order) it applies only if it is higher, or if the same record is written
    /// again.
    pub fn with_order(mut self, order: u64) -> Self {
        self.order = order;
        self
    }

    fn new(target: impl Into<Cow<'a, str>>, operation: Operation, payload: Payload<'a>) -> Self {
        Self {
            target: target.into(),
            payload,
            operation,
            id: None,
            order: 0,
        }
    }
}

/// What one message became: `Write`, `Option<Write>`, `Vec<Write>` or `()` by `.into()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writes<'a>(pub(super) OneOrMany<Write<'a>>);

impl Writes<'_> {
    /// None: the message is done.
    pub const NONE: Self = Self(OneOrMany::None);
}

impl<'a> From<Write<'a>> for Writes<'a> {
    fn from(write: Write<'a>) -> Self {
        Self(OneOrMany::One(write))
    }
}

impl<'a> From<Option<Write<'a>>> for Writes<'a> {
    fn from(write: Option<Write<'a>>) -> Self {
        write.map_or(Self::NONE, Self::from)
    }
}

impl<'a> From<Vec<Write<'a>>> for Writes<'a> {
    fn from(writes: Vec<Write<'a>>) -> Self {
        Self(OneOrMany::Many(writes))
    }
}
