//! The producer sessions of a client, and how many were lost.
//!
//! A broker acknowledges a message before it is on its disk. After a crash it has forgotten its sessions and may have
//! lost messages. Callers that keep their records until they are safe watch the count of lost sessions, which grows
//! before anything is published in a session that replaces a lost one.

use std::sync::{Arc, Weak};

use danube_wasm_model::TopicName;
use futures_util::{TryStreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::ProducerSession;
use crate::{fault::Fault, limits::CHECKS_MAX, shared::Shared};

/// See the module.
#[derive(Debug)]
pub(crate) struct Sessions {
    lost: watch::Sender<u64>,
    open: Mutex<Vec<Weak<ProducerSession>>>,
    /// Whether the newest session's broker is danube-wasm's own.
    own: Mutex<Option<bool>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            lost: watch::channel(0).0,
            open: Mutex::default(),
            own: Mutex::default(),
        }
    }
}

impl Sessions {
    /// The number of lost sessions, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.lost.subscribe()
    }

    /// The number of lost sessions.
    pub(crate) fn lost_count(&self) -> u64 {
        *self.lost.borrow()
    }

    /// Records whether the broker that opened a session is danube-wasm's own.
    pub(super) fn record_broker(&self, own: bool) {
        *self.own.lock() = Some(own);
    }

    /// Whether the sessions' broker is danube-wasm's own; `None` before there was one.
    pub(crate) fn is_own_broker(&self) -> Option<bool> {
        *self.own.lock()
    }

    /// Adds a session, which counts until it is dropped.
    pub(super) fn add(&self, session: &Arc<ProducerSession>) {
        let mut open = self.open.lock();
        open.retain(|session| session.strong_count() > 0);
        open.push(Arc::downgrade(session));
    }

    /// Counts a lost session, once.
    pub(super) fn record_loss(&self, session: &ProducerSession) {
        if session.mark_lost() {
            self.lost.send_modify(|lost| *lost += 1);
        }
    }

    /// Asks the brokers about all sessions, and counts those that they have forgotten.
    pub(crate) async fn check(&self, shared: &Shared) -> Result<(), Fault> {
        self.check_some(shared, |_| true).await
    }

    /// The same for the sessions of one partition.
    pub(super) async fn check_on(&self, shared: &Shared, partition: &TopicName) -> Result<(), Fault> {
        self.check_some(shared, |session| session.partition() == partition)
            .await
    }

    async fn check_some(&self, shared: &Shared, wanted: impl Fn(&ProducerSession) -> bool) -> Result<(), Fault> {
        let open: Vec<Arc<ProducerSession>> = self.open.lock().iter().filter_map(Weak::upgrade).collect();
        let wanted = open.into_iter().filter(|session| !session.is_lost() && wanted(session));
        stream::iter(wanted.map(Ok))
            .try_for_each_concurrent(CHECKS_MAX, |session| async move {
                if !session.is_known(shared).await? {
                    tracing::warn!(topic = %session.partition(), "the broker has forgotten a producer: it was restarted, or the topic moved");
                    self.record_loss(&session);
                    // Calls in flight there will not be answered.
                    session.cancel();
                }
                Ok(())
            })
            .await
    }
}
