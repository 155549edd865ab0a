//! Sinks: messages from topics become writes to a target.

mod builder;
mod change;
mod document_id;
mod include_attributes;
mod record;
mod write;

pub use builder::WriteBuilder;
pub use change::{Change, ChangeKind};
pub use document_id::{DocumentId, IdFrom};
pub use include_attributes::IncludeAttributes;
pub use record::{Batch, SchemaInfo, SinkRecord};
pub use write::{Operation, Write, Writes};

use crate::{Column, Config, ConsumerConfig, Error, Result};

/// A component that turns messages into writes. Implement [`process`](Self::process) or, to see a whole batch at once,
/// [`process_batch`](Self::process_batch); then name the type in [`export_sink!`](crate::export_sink).
pub trait SinkConnector: Sized + 'static {
    /// Makes the connector. Called once, before anything else.
    fn initialize(config: Config) -> Result<Self>;

    /// The topics it consumes. Called once, after `initialize`.
    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>>;

    /// What it reads of messages beside their payload and topic. Everything, unless overridden; what is left out is
    /// empty.
    fn wants(&self) -> Vec<Column> {
        Column::OF_RECORDS.to_vec()
    }

    /// One message's writes: none, one or many. [`Error::InvalidData`] refuses this message and no other; any other
    /// error fails the whole batch.
    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let _ = record;
        Err(Error::fatal(
            "the connector implements neither `process` nor `process_batch`",
        ))
    }

    /// A batch of messages. Unless overridden, calls [`process`](Self::process) for each. An error fails the whole
    /// batch.
    fn process_batch(&mut self, batch: Batch<'_>, writes: &mut WriteBuilder) -> Result<()> {
        for record in batch {
            let made = self.process(record).and_then(|made| writes.extend(record, made));
            match made {
                Err(Error::InvalidData { message, .. }) => writes.reject(record, message),
                made => made?,
            }
        }
        Ok(())
    }
}
