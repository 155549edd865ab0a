//! Which producer sessions there are, and how many were lost.
//!
//! A broker acknowledges a message before it is on its disk. One that comes back after a crash has forgotten its sessions
//! and may have forgotten messages: whoever keeps what it published until it is safe watches the count of lost sessions,
//! which grows before anything is published in a session that replaces a lost one.

use std::sync::{Arc, Weak};

use danube_wasm_model::TopicName;
use futures_util::{TryStreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::ProducerSession;
use crate::{danube::Shared, fault::Fault, limits::CHECKS_MAX};

/// See the module.
#[derive(Debug)]
pub(crate) struct Sessions {
    lost: watch::Sender<u64>,
    open: Mutex<Vec<Weak<ProducerSession>>>,
    /// Whether the broker of the newest is danube-wasm's own.
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
    /// Follows how many were lost.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.lost.subscribe()
    }

    /// How many were lost.
    pub(crate) fn lost_so_far(&self) -> u64 {
        *self.lost.borrow()
    }

    /// A broker has opened one, and has said whether it is danube-wasm's own.
    pub(super) fn opened_at(&self, own: bool) {
        *self.own.lock() = Some(own);
    }

    /// Whether they are with danube-wasm's own broker; `None` before there was one.
    pub(crate) fn are_at_own_broker(&self) -> Option<bool> {
        *self.own.lock()
    }

    /// One more is published in, until it is dropped.
    pub(super) fn opened(&self, session: &Arc<ProducerSession>) {
        let mut open = self.open.lock();
        open.retain(|session| session.strong_count() > 0);
        open.push(Arc::downgrade(session));
    }

    /// One is lost; counted once, however many find out.
    pub(super) fn lost(&self, session: &ProducerSession) {
        if session.set_lost() {
            self.lost.send_modify(|lost| *lost += 1);
        }
    }

    /// Asks the brokers about all sessions, and counts those that they have forgotten.
    pub(crate) async fn check(&self, shared: &Shared) -> Result<(), Fault> {
        self.check_some(shared, |_| true).await
    }

    /// The same for those of one partition.
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
                    self.lost(&session);
                    // What is under way there has no answer to wait for.
                    session.end();
                }
                Ok(())
            })
            .await
    }
}
