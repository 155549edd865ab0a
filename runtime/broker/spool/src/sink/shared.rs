//! What the caller's side of a subscription and its relay task share.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Acker, Broker, BrokerError, ConsumerOptions, Delivery, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::{dedup::DedupIndex, in_flight::InFlight};
use crate::{catalog::Catalog, epochs::Epochs, store::Store};

/// A subscription and what it needs.
pub(crate) struct Subscription {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) hold_max: Duration,
    pub(crate) options: ConsumerOptions,
}

/// State shared by the caller's side and the relay task.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) in_flight: Mutex<InFlight>,
    pub(super) dedup: Mutex<DedupIndex>,
    /// The error that the caller gets when no message is ready.
    pub(super) error: Mutex<Option<BrokerError>>,
    /// The broker's delivery state.
    pub(super) delivery: watch::Sender<Delivery>,
    broker_acker: Mutex<Option<Arc<dyn Acker>>>,
    disk_acker: Mutex<Option<Arc<dyn Acker>>>,
    /// A message or an error is available to the caller.
    pub(super) available: Notify,
    /// Copies were read from the log.
    pub(super) copies_read: Notify,
    /// The caller did something that the relay task waits for.
    pub(super) relay_woken: Notify,
}

impl Shared {
    /// Wakes the caller: a message is ready.
    pub(super) fn notify_available(&self) {
        self.available.notify_waiters();
    }

    /// Reports an error to the caller, once no message is ready.
    pub(super) fn set_error(&self, error: BrokerError) {
        *self.error.lock() = Some(error);
        self.available.notify_waiters();
    }

    /// Drops an error that was not reported yet.
    pub(super) fn clear_error(&self) {
        *self.error.lock() = None;
    }

    /// Publishes the broker's delivery state.
    pub(super) fn set_delivery(&self, delivery: Delivery) {
        self.delivery.send_if_modified(|shown| {
            let is_news = *shown != delivery;
            *shown = delivery;
            is_news
        });
    }

    /// Sets the broker's acker: the broker is connected.
    pub(super) fn set_broker_acker(&self, acker: Arc<dyn Acker>) {
        *self.broker_acker.lock() = Some(acker);
    }

    /// Sets the log's acker: the log is being read.
    pub(super) fn set_disk_acker(&self, acker: Arc<dyn Acker>) {
        *self.disk_acker.lock() = Some(acker);
    }

    pub(super) fn broker_acker(&self) -> Result<Arc<dyn Acker>> {
        self.broker_acker.lock().clone().ok_or_else(broker_unavailable)
    }

    pub(super) fn disk_acker(&self) -> Result<Arc<dyn Acker>> {
        self.disk_acker.lock().clone().ok_or_else(broker_unavailable)
    }

    /// The relay task has ended, which happens only at the end of the process or through a bug.
    pub(super) fn close(&self) {
        let message = "the consumer has ended: see the log above";
        self.set_error(BrokerError::new(ErrorKind::Closed, message));
    }
}

/// The error of an acknowledgement before the broker is connected.
fn broker_unavailable() -> BrokerError {
    BrokerError::new(ErrorKind::Unavailable, "the broker is not in reach yet: try again")
}
