//! Sources: events from the outside world become records for topics.

mod builder;
mod event;
mod record;
mod reply;

pub use builder::RecordBuilder;
pub use event::{Event, Events};
pub use record::{Records, SourceRecord};
pub use reply::Reply;

use crate::{Column, Config, Error, ProducerConfig, Result};

/// A component that turns events into records. Implement [`event`](Self::event) or, to see a whole batch at once,
/// [`poll`](Self::poll); then name the type in [`export_source!`](crate::export_source).
pub trait SourceConnector: Sized + 'static {
    /// Makes the connector. Called once, before anything else.
    fn initialize(config: Config) -> Result<Self>;

    /// The topics it publishes to. Called once, after `initialize`.
    fn producer_configs(&self) -> Result<Vec<ProducerConfig>>;

    /// What it reads of events beside their payload and endpoint. Everything, unless overridden; what is left out is
    /// empty.
    fn wants(&self) -> Vec<Column> {
        Column::OF_EVENTS.to_vec()
    }

    /// One event's records: none, one or many. [`Error::InvalidData`] refuses this event and no other; any other
    /// error fails the whole batch.
    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let _ = event;
        Err(Error::fatal("the connector implements neither `event` nor `poll`"))
    }

    /// A batch of events. Unless overridden, calls [`event`](Self::event) for each. An error fails the whole batch.
    fn poll(&mut self, events: Events<'_>, records: &mut RecordBuilder) -> Result<()> {
        for event in events {
            let made = self.event(event).and_then(|made| records.extend(event, made));
            match made {
                Err(Error::InvalidData { message, .. }) => records.reject(event, message),
                made => made?,
            }
        }
        Ok(())
    }
}
