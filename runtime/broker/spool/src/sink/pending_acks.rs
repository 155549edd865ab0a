//! Acknowledgements to send to the broker for messages that are on disk.

use std::sync::Arc;

use danube_wasm_broker::{Acker, BrokerError, ErrorKind, MessageId, Result};
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};
use tokio::time::{Instant, timeout};

use super::{
    dedup::{DedupIndex, Fingerprint},
    retry_timer::RetryTimer,
};
use crate::limits::CALL_TIME_MAX;

/// A message on disk: its id in the broker, and its fingerprint.
pub(super) type PendingAck = (MessageId, Fingerprint);

/// See the module.
pub(super) struct PendingAcks {
    pending: Vec<PendingAck>,
    /// The call in progress.
    pub(super) call: OptionFuture<BoxFuture<'static, AckAnswer>>,
    calling: bool,
    /// The number of lost sessions when these messages were received.
    sessions: u64,
    pub(super) retry_timer: RetryTimer,
}

/// The result of a call.
pub(super) type AckAnswer = (Vec<PendingAck>, Result<()>);

impl PendingAcks {
    pub(super) fn new(sessions: u64) -> Self {
        Self {
            pending: Vec::new(),
            call: None.into(),
            calling: false,
            sessions,
            retry_timer: RetryTimer::default(),
        }
    }

    /// Adds messages that are on disk.
    pub(super) fn add(&mut self, pending_acks: impl IntoIterator<Item = PendingAck>) {
        self.pending.extend(pending_acks);
    }

    /// When the next call may be made, if there is anything to acknowledge.
    pub(super) fn next_at(&self) -> Option<Instant> {
        (!self.pending.is_empty() && !self.calling).then(|| self.retry_timer.earliest())
    }

    /// After a lost session an id may belong to another message. Pending acknowledgements are dropped: the messages are
    /// delivered again.
    pub(super) fn drop_if_session_lost(&mut self, sessions: u64) {
        if sessions != self.sessions {
            self.pending.clear();
            self.sessions = sessions;
        }
    }

    /// Starts a call, if it is time.
    pub(super) fn send(&mut self, acker: Arc<dyn Acker>) {
        if self.pending.is_empty() || self.calling || !self.retry_timer.is_due() {
            return;
        }
        let pending_acks = std::mem::take(&mut self.pending);
        self.calling = true;
        let call = async move {
            let ids: Vec<MessageId> = pending_acks.iter().map(|(id, _)| *id).collect();
            let result = timeout(CALL_TIME_MAX, acker.ack(&ids)).await;
            (pending_acks, result.unwrap_or_else(|_| Err(no_answer())))
        };
        self.call = Some(call.boxed()).into();
    }

    /// Handles the answer of a call.
    pub(super) fn handle_answer(&mut self, (pending_acks, result): AckAnswer, dedup: &mut DedupIndex) {
        self.call = None.into();
        self.calling = false;
        match result {
            Ok(()) => {
                pending_acks
                    .iter()
                    .for_each(|(_, fingerprint)| dedup.record_broker_ack(*fingerprint));
                self.retry_timer.reset();
            }
            Err(error) => {
                // Otherwise the broker does not know them any more, or will deliver them again.
                if error.is_transient() {
                    self.pending.extend(pending_acks);
                }
                self.retry_timer.record_failure(error);
            }
        }
    }
}

fn no_answer() -> BrokerError {
    BrokerError::new(
        ErrorKind::Unavailable,
        "the broker did not answer an acknowledgement: see whether it is well",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: MessageId = MessageId {
        partition: 1,
        offset: 2,
    };

    fn answer(pending_acks: &mut PendingAcks, dedup: &mut DedupIndex, kind: Option<ErrorKind>) {
        let pending = std::mem::take(&mut pending_acks.pending);
        let result = kind.map_or(Ok(()), |kind| Err(BrokerError::new(kind, "failed")));
        pending_acks.handle_answer((pending, result), dedup);
    }

    #[test]
    fn a_lost_session_ends_what_is_owed_in_it() {
        let mut pending_acks = PendingAcks::new(0);
        pending_acks.add([(PLACE, 1)]);
        pending_acks.drop_if_session_lost(0);
        assert!(pending_acks.next_at().is_some());
        pending_acks.drop_if_session_lost(1);
        assert_eq!(pending_acks.next_at(), None, "the place may be another message's");
    }

    #[test]
    fn what_the_broker_did_not_take_is_owed_until_it_does_or_never_will() {
        let (mut pending_acks, mut dedup) = (PendingAcks::new(0), DedupIndex::default());
        dedup.record_write(1);
        dedup.record_caller_ack(1);
        pending_acks.add([(PLACE, 1)]);
        answer(&mut pending_acks, &mut dedup, Some(ErrorKind::Unavailable));
        assert!(pending_acks.next_at().is_some() && pending_acks.retry_timer.last_error().is_some());
        answer(&mut pending_acks, &mut dedup, None);
        assert!(pending_acks.next_at().is_none() && pending_acks.retry_timer.last_error().is_none());
        assert!(!dedup.contains(1), "both are done with it");
        pending_acks.add([(PLACE, 2)]);
        answer(&mut pending_acks, &mut dedup, Some(ErrorKind::NotFound));
        assert_eq!(pending_acks.next_at(), None);
    }
}
