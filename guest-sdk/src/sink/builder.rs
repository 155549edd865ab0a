//! Writes on their way back to the host.

use super::{SinkRecord, Write, Writes};
use crate::{
    Error, Result,
    bindings::{
        sink::WriteBatch,
        types::{Labels, Rejection},
    },
    columns::write::{NO_LABELS, OptionalBlobs, OptionalNumbers, OriginColumn, PayloadColumn, push_label},
    one_or_many::OneOrMany,
};

/// Takes the writes of a batch, each with the messages that it came from. A message is acknowledged when the last of
/// its writes is done; one without a write is acknowledged at once.
#[derive(Debug)]
pub struct WriteBuilder {
    targets: Labels,
    payloads: PayloadColumn,
    origins: OriginColumn,
    ids: OptionalBlobs,
    operations: OptionalNumbers<u8>,
    orders: OptionalNumbers<u64>,
    rejected: Vec<Rejection>,
}

impl WriteBuilder {
    /// Longest document id, in bytes.
    pub const ID_BYTES_MAX: usize = 512;

    pub(crate) fn new() -> Self {
        Self {
            targets: NO_LABELS,
            payloads: PayloadColumn::EMPTY,
            origins: OriginColumn::EMPTY,
            ids: OptionalBlobs::EMPTY,
            operations: OptionalNumbers::EMPTY,
            orders: OptionalNumbers::EMPTY,
            rejected: Vec::new(),
        }
    }

    /// A write that came from this message. [`Error::InvalidData`] if its id is none; then nothing is taken.
    pub fn push(&mut self, record: SinkRecord<'_>, write: Write<'_>) -> Result<()> {
        self.push_from([record], write)
    }

    /// A write that came from these messages, at least one. [`Error::InvalidData`] if its id is none; then nothing is
    /// taken.
    pub fn push_from<'r>(&mut self, records: impl IntoIterator<Item = SinkRecord<'r>>, write: Write<'_>) -> Result<()> {
        if let Some(id) = &write.id {
            check_id(id)?;
        }
        let mut origins = records.into_iter().map(|record| record.place()).peekable();
        if origins.peek().is_none() {
            return Err(Error::fatal(
                "a write was made from no message: name those it came from",
            ));
        }
        let place = self.targets.index.len();
        push_label(&mut self.targets, &write.target);
        self.payloads.push(&write.payload);
        self.origins.push(origins);
        if let Some(id) = &write.id {
            self.ids.set(place, id.as_bytes());
        }
        if write.operation.code() != 0 {
            self.operations.set(place, write.operation.code());
        }
        if write.order != 0 {
            self.orders.set(place, write.order);
        }
        Ok(())
    }

    /// All that this message became.
    pub fn extend(&mut self, record: SinkRecord<'_>, writes: Writes<'_>) -> Result<()> {
        match writes.0 {
            OneOrMany::None => Ok(()),
            OneOrMany::One(write) => self.push(record, write),
            OneOrMany::Many(writes) => writes.into_iter().try_for_each(|write| self.push(record, write)),
        }
    }

    /// Refuses a message because its data is invalid: it goes to the dead-letter topic with this message. Writes that
    /// came from it are dropped.
    pub fn reject(&mut self, record: SinkRecord<'_>, message: impl Into<String>) {
        self.refuse(record, 0, message.into());
    }

    /// Refuses a message because the connector has no use for its kind of data.
    pub fn reject_unsupported(&mut self, record: SinkRecord<'_>, message: impl Into<String>) {
        self.refuse(record, 1, message.into());
    }

    fn refuse(&mut self, record: SinkRecord<'_>, kind: u32, message: String) {
        self.rejected.push(Rejection {
            origin: record.place(),
            kind,
            message,
        });
    }

    pub(crate) fn finish(self, messages: usize) -> WriteBatch {
        let n = self.targets.index.len();
        WriteBatch {
            targets: self.targets,
            payloads: self.payloads.finish(),
            origins: self.origins.finish(messages),
            ids: self.ids.finish(n),
            operations: self.operations.finish(n),
            orders: self.orders.finish(n),
            rejected: self.rejected,
            extra: Vec::new(),
        }
    }
}

fn check_id(id: &str) -> Result<()> {
    if id.is_empty() || id.len() > WriteBuilder::ID_BYTES_MAX || id.chars().any(char::is_control) {
        return Err(Error::invalid_data(
            "a document id has 1 to 512 bytes and no control characters",
        ));
    }
    Ok(())
}
