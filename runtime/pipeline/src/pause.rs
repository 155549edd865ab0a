//! Pausing a connector: it takes nothing new and keeps its place.
//!
//! A paused sink reads no message and stays subscribed; a paused source refuses what is sent to it, or, if it reads from an
//! upstream, keeps its session and receives no events. What was taken in before is finished. The switch outlives the
//! connector's instances: one that is started while it is paused begins paused.

use std::sync::Arc;

use tokio::sync::watch;

use crate::status::StatusCell;

/// Whether a connector is paused. Clones are one switch.
#[derive(Debug, Clone)]
pub struct PauseSwitch(Arc<watch::Sender<bool>>);

impl Default for PauseSwitch {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl PauseSwitch {
    /// Pauses or resumes. Returns whether that changed anything.
    pub fn set(&self, paused: bool) -> bool {
        self.0.send_if_modified(|now| std::mem::replace(now, paused) != paused)
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        *self.0.borrow()
    }

    /// When it is paused.
    pub(crate) async fn paused(&self) {
        self.until(true).await;
    }

    /// When it is not paused.
    pub(crate) async fn resumed(&self) {
        self.until(false).await;
    }

    async fn until(&self, paused: bool) {
        // Its sender is this switch.
        let _ = self.0.subscribe().wait_for(|now| *now == paused).await;
    }

    /// Shows it in a connector's status, for as long as the connector lives.
    pub(crate) async fn follow(self, status: StatusCell) {
        let mut changes = self.0.subscribe();
        loop {
            status.set_paused(*changes.borrow_and_update());
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
