//! When what the broker accepted shortly before may be gone.

use danube_wasm_broker::Broker;
use tokio::sync::watch;

/// A time in which the broker has, as far as is known, forgotten nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch {
    sessions: u64,
    losses: u64,
}

/// Counts the broker's lost sessions, and what else looks like one.
pub(crate) struct Epochs {
    sessions: watch::Receiver<u64>,
    losses: watch::Sender<u64>,
}

impl Epochs {
    pub(crate) fn of(broker: &dyn Broker) -> Self {
        Self {
            sessions: broker.sessions(),
            losses: watch::channel(0).0,
        }
    }

    pub(crate) fn current(&self) -> Epoch {
        Epoch {
            sessions: *self.sessions.borrow(),
            losses: *self.losses.borrow(),
        }
    }

    /// Sessions lost so far.
    pub(crate) fn sessions(&self) -> u64 {
        *self.sessions.borrow()
    }

    /// A publish failed as it does when the broker is gone: every topic may be concerned.
    pub(crate) fn lost(&self) {
        self.losses.send_modify(|losses| *losses += 1);
    }

    /// Returns when `epoch` is over.
    pub(crate) async fn over(&self, epoch: Epoch) {
        let (mut sessions, mut losses) = (self.sessions.clone(), self.losses.subscribe());
        tokio::select! {
            () = differs(&mut sessions, epoch.sessions) => {}
            () = differs(&mut losses, epoch.losses) => {}
        }
    }
}

async fn differs(count: &mut watch::Receiver<u64>, from: u64) {
    // A broker that counts nothing keeps no sender.
    if count.wait_for(|now| *now != from).await.is_err() {
        std::future::pending::<()>().await;
    }
}
