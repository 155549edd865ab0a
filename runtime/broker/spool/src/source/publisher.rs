//! Takes records from a connector: they are confirmed when they are durable here.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Publisher, Result, record_bytes_max};
use futures_util::future::BoxFuture;

use super::lanes::lane_of;
use crate::{
    catalog::Catalog,
    store::{Store, size},
    usage::Room,
};

/// See [`Publisher`].
pub(crate) struct SpoolPublisher {
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Arc<Catalog>,
    /// Of the spool's log.
    pub(crate) log: Arc<dyn Publisher>,
    pub(crate) record_bytes_max: usize,
}

/// A group that is ready for the log.
struct Kept {
    /// Whether the broker keeps all of it until it was read, once it leaves the log.
    is_reliable: bool,
    /// Until it is written.
    _room: Room,
}

impl Publisher for SpoolPublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let mut kept = Vec::with_capacity(groups.len());
        let fates: Vec<Result<Kept>> = groups.into_iter().map(|group| self.keep(group, &mut kept)).collect();
        let written = self.log.publish(kept);
        Box::pin(async move {
            let mut written = written.await.into_iter();
            let mut fate = |kept: Kept| {
                let published = written.next().unwrap_or_else(no_answer)?;
                Ok(Published {
                    durable: published.durable && kept.is_reliable,
                })
            };
            fates.into_iter().map(|kept| kept.and_then(&mut fate)).collect()
        })
    }
}

impl SpoolPublisher {
    /// Finds room for a group and makes it ready for the log: all of it, or nothing.
    fn keep(&self, mut group: Vec<Outgoing>, kept: &mut Vec<Vec<Outgoing>>) -> Result<Kept> {
        let (mut bytes, mut is_reliable) = (0, true);
        for record in &mut group {
            let known = self
                .catalog
                .spec(&record.topic, |spec| (spec.ordered, spec.reliable_dispatch));
            let (ordered, reliable_dispatch) = known.ok_or_else(|| {
                let message = format!(
                    "topic {} does not exist: create it, or let a source declare it",
                    record.topic
                );
                BrokerError::new(ErrorKind::NotFound, message)
            })?;
            bytes += self.check(record)?;
            record.key = lane_of(record.key.as_ref(), ordered);
            is_reliable &= reliable_dispatch;
        }
        let room = self.store.reserve(bytes as u64)?;
        kept.push(group);
        Ok(Kept {
            is_reliable,
            _room: room,
        })
    }

    /// Later is too late: the sender has been told that all is well.
    fn check(&self, record: &Outgoing) -> Result<usize> {
        let (bytes, bytes_max) = (size(record), record_bytes_max(&record.topic, self.record_bytes_max));
        if bytes <= bytes_max {
            return Ok(bytes);
        }
        let message = format!(
            "record {} for {} has {bytes} bytes with its key and attributes; the broker takes {bytes_max}",
            record.id, record.topic
        );
        Err(BrokerError::new(ErrorKind::TooLarge, message))
    }
}

fn no_answer() -> Result<Published> {
    Err(BrokerError::new(
        ErrorKind::Closed,
        "the spool's log did not say what became of the records",
    ))
}
