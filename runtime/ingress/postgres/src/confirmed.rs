//! How far the driver has confirmed, as the reader sees it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use danube_wasm_model::upstream::{Backlog, Confirmer, Position, StreamId, UpstreamError};
use tokio::sync::Notify;

use crate::lsn::Lsn;

/// Of one session: the next has one of its own, so that nothing that is said late can be taken for it.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    upto: AtomicU64,
    raised: Notify,
    retained: AtomicU64,
}

/// Of what the server keeps, before it was asked.
const NOT_ASKED: u64 = 0;

impl Confirmed {
    /// Everything up to here is durable.
    pub(crate) fn upto(&self) -> Lsn {
        Lsn(self.upto.load(Ordering::Acquire))
    }

    /// Waits until it is further than this.
    pub(crate) async fn beyond(&self, lsn: Lsn) {
        loop {
            let raised = self.raised.notified();
            if self.upto() > lsn {
                return;
            }
            raised.await;
        }
    }

    /// So many bytes of its log the server keeps for the slot.
    pub(crate) fn set_retained(&self, bytes: u64) {
        // One more, so that nothing kept is told from not known.
        self.retained.store(bytes.saturating_add(1), Ordering::Relaxed);
    }

    fn retained(&self) -> Option<u64> {
        match self.retained.load(Ordering::Relaxed) {
            NOT_ASKED => None,
            more => Some(more - 1),
        }
    }

    fn raise(&self, lsn: Lsn) {
        self.upto.fetch_max(lsn.0, Ordering::AcqRel);
        self.raised.notify_waiters();
    }
}

/// Confirms to the session that delivered. The reader notes the position and tells the server.
pub(crate) struct PostgresConfirmer {
    pub(crate) confirmed: Arc<Confirmed>,
    pub(crate) epoch: u64,
    pub(crate) stream: StreamId,
}

#[async_trait]
impl Confirmer for PostgresConfirmer {
    async fn confirm(&self, _: &StreamId, epoch: u64, upto: Position) -> Result<(), UpstreamError> {
        if epoch == self.epoch {
            self.confirmed.raise(Lsn(u64::try_from(upto.get()).unwrap_or(u64::MAX)));
        }
        Ok(())
    }

    /// As the monitor has it of the server. A log has no number of messages.
    async fn backlog(&self) -> Result<Vec<Backlog>, UpstreamError> {
        let backlog = |bytes| Backlog {
            stream: self.stream.clone(),
            messages: None,
            bytes: Some(bytes),
        };
        Ok(self.confirmed.retained().map(backlog).into_iter().collect())
    }
}
