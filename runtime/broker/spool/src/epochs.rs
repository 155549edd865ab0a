//! Detects when the broker may have lost what it accepted.

use danube_wasm_broker::Broker;
use tokio::sync::watch;

/// A period in which, as far as is known, the broker has lost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch {
    sessions: u64,
    losses: u64,
}

/// Counts the broker's lost sessions, and publish errors that look like one.
pub(crate) struct Epochs {
    sessions: watch::Receiver<u64>,
    losses: watch::Sender<u64>,
}

impl Epochs {
    pub(crate) fn watch(broker: &dyn Broker) -> Self {
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

    /// Records that a publish failed as it does when the broker is gone: every topic may be affected.
    pub(crate) fn record_loss(&self) {
        self.losses.send_modify(|losses| *losses += 1);
    }

    /// Waits until `epoch` has ended.
    pub(crate) async fn ended(&self, epoch: Epoch) {
        let (mut sessions, mut losses) = (self.sessions.clone(), self.losses.subscribe());
        tokio::select! {
            () = wait_until_differs(&mut sessions, epoch.sessions) => {}
            () = wait_until_differs(&mut losses, epoch.losses) => {}
        }
    }
}

async fn wait_until_differs(count: &mut watch::Receiver<u64>, from: u64) {
    // A broker that never loses sessions keeps no sender.
    if count.wait_for(|now| *now != from).await.is_err() {
        std::future::pending::<()>().await;
    }
}
