//! Confirming: calls take their time, fail before they take effect or after it, or end the session.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::upstream::{Confirmer, Position, StreamId, UpstreamError};

use super::upstream::Feed;

/// See the module.
pub struct SimConfirmer {
    pub feed: Arc<Feed>,
    pub session: u64,
}

impl SimConfirmer {
    fn fault(&self) -> Option<UpstreamError> {
        let feed = &self.feed;
        if !feed.strikes(feed.plan.confirm_fails_percent) {
            return None;
        }
        if feed.rng.chance(5) {
            feed.disconnect(self.session);
            return Some(UpstreamError::Disconnected {
                message: "fenced".into(),
            });
        }
        Some(UpstreamError::Transient {
            message: "the coordinator is away".into(),
            retry_after: None,
        })
    }
}

#[async_trait]
impl Confirmer for SimConfirmer {
    async fn confirm(&self, stream: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        let before = self.feed.rng.chance(50);
        if let Some(fault) = self.fault() {
            if !before && matches!(fault, UpstreamError::Transient { .. }) {
                self.take(stream, epoch, upto);
            }
            self.feed.pause().await;
            return Err(fault);
        }
        self.take(stream, epoch, upto);
        self.feed.pause().await;
        Ok(())
    }

    async fn release(&self, streams: &[StreamId]) {
        self.feed.release(self.session, streams);
    }
}

impl SimConfirmer {
    fn take(&self, stream: &StreamId, epoch: u64, upto: Position) {
        let upto = u64::try_from(upto.get()).unwrap_or(u64::MAX);
        self.feed.confirm(self.session, stream, epoch, upto);
    }
}
