//! Takes records from a connector. They are confirmed when they are durable here.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Publisher, Result, record_bytes_max};
use futures_util::future::BoxFuture;

use super::lanes::lane_of;
use crate::{
    catalog::Catalog,
    store::{Store, record_size},
    usage::Reservation,
};

/// See [`Publisher`].
pub(crate) struct SpoolPublisher {
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Arc<Catalog>,
    /// Publisher of the spool's log.
    pub(crate) log: Arc<dyn Publisher>,
    pub(crate) record_bytes_max: usize,
}

/// A group that is ready for the log.
struct AdmittedGroup {
    /// Whether the broker keeps the whole group until it was read, once it leaves the log.
    is_reliable: bool,
    /// Reserved until it is written.
    _room: Reservation,
}

impl Publisher for SpoolPublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let mut kept = Vec::with_capacity(groups.len());
        let admitted: Vec<Result<AdmittedGroup>> =
            groups.into_iter().map(|group| self.admit(group, &mut kept)).collect();
        let written = self.log.publish(kept);
        Box::pin(async move {
            let mut written = written.await.into_iter();
            let mut fate = |kept: AdmittedGroup| {
                let published = written.next().unwrap_or_else(no_answer)?;
                Ok(Published {
                    durable: published.durable && kept.is_reliable,
                })
            };
            admitted.into_iter().map(|kept| kept.and_then(&mut fate)).collect()
        })
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        self.check(record).map(drop)
    }

    fn record_bytes_max(&self) -> Option<usize> {
        Some(self.record_bytes_max)
    }
}

impl SpoolPublisher {
    /// Reserves room for a whole group and prepares it for the log.
    fn admit(&self, mut group: Vec<Outgoing>, kept: &mut Vec<Vec<Outgoing>>) -> Result<AdmittedGroup> {
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
        Ok(AdmittedGroup {
            is_reliable,
            _room: room,
        })
    }

    /// Checked here, because after this the record is confirmed to its sender.
    fn check(&self, record: &Outgoing) -> Result<usize> {
        let (bytes, bytes_max) = (
            record_size(record),
            record_bytes_max(&record.topic, self.record_bytes_max),
        );
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
