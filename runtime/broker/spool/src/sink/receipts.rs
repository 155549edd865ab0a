//! Acknowledgements that the broker is owed for what is on disk.

use std::sync::Arc;

use danube_wasm_broker::{Acker, BrokerError, ErrorKind, MessageId, Result};
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};
use tokio::time::{Instant, timeout};

use super::{
    known::{Known, Print},
    pace::Pace,
};
use crate::limits::CALL_TIME_MAX;

/// A message that is on disk: its place in the broker, and what it is known by.
pub(super) type Receipt = (MessageId, Print);

/// See the module.
pub(super) struct Receipts {
    owed: Vec<Receipt>,
    /// The call that is being answered.
    pub(super) call: OptionFuture<BoxFuture<'static, Answer>>,
    calling: bool,
    /// Sessions that the broker had lost when these messages came.
    sessions: u64,
    pub(super) pace: Pace,
}

/// What became of a call.
pub(super) type Answer = (Vec<Receipt>, Result<()>);

impl Receipts {
    pub(super) fn new(sessions: u64) -> Self {
        Self {
            owed: Vec::new(),
            call: None.into(),
            calling: false,
            sessions,
            pace: Pace::default(),
        }
    }

    /// These are on disk.
    pub(super) fn owe(&mut self, receipts: impl IntoIterator<Item = Receipt>) {
        self.owed.extend(receipts);
    }

    /// When the next call can be made, if there is one to make.
    pub(super) fn next_at(&self) -> Option<Instant> {
        (!self.owed.is_empty() && !self.calling).then(|| self.pace.from())
    }

    /// After a lost session, a place in the broker may be another message's: what is owed is forgotten, because it comes
    /// again.
    pub(super) fn follow(&mut self, sessions: u64) {
        if sessions != self.sessions {
            self.owed.clear();
            self.sessions = sessions;
        }
    }

    /// Makes the call, if it is time.
    pub(super) fn call(&mut self, acker: Arc<dyn Acker>) {
        if self.owed.is_empty() || self.calling || !self.pace.may() {
            return;
        }
        let receipts = std::mem::take(&mut self.owed);
        self.calling = true;
        let call = async move {
            let ids: Vec<MessageId> = receipts.iter().map(|(id, _)| *id).collect();
            let result = timeout(CALL_TIME_MAX, acker.ack(&ids)).await;
            (receipts, result.unwrap_or_else(|_| Err(no_answer())))
        };
        self.call = Some(call.boxed()).into();
    }

    /// The call was answered.
    pub(super) fn answered(&mut self, (receipts, result): Answer, known: &mut Known) {
        self.call = None.into();
        self.calling = false;
        match result {
            Ok(()) => {
                receipts
                    .iter()
                    .for_each(|(_, print)| known.acknowledged_at_broker(*print));
                self.pace.succeeded();
            }
            Err(error) => {
                // Else the broker does not know them any more, or will deliver them again.
                if error.is_transient() {
                    self.owed.extend(receipts);
                }
                self.pace.failed(error);
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

    fn answer(receipts: &mut Receipts, known: &mut Known, kind: Option<ErrorKind>) {
        let owed = std::mem::take(&mut receipts.owed);
        let result = kind.map_or(Ok(()), |kind| Err(BrokerError::new(kind, "failed")));
        receipts.answered((owed, result), known);
    }

    #[test]
    fn a_lost_session_ends_what_is_owed_in_it() {
        let mut receipts = Receipts::new(0);
        receipts.owe([(PLACE, 1)]);
        receipts.follow(0);
        assert!(receipts.next_at().is_some());
        receipts.follow(1);
        assert_eq!(receipts.next_at(), None, "the place may be another message's");
    }

    #[test]
    fn what_the_broker_did_not_take_is_owed_until_it_does_or_never_will() {
        let (mut receipts, mut known) = (Receipts::new(0), Known::default());
        known.wrote(1);
        known.acknowledged_by_caller(1);
        receipts.owe([(PLACE, 1)]);
        answer(&mut receipts, &mut known, Some(ErrorKind::Unavailable));
        assert!(receipts.next_at().is_some() && receipts.pace.trouble().is_some());
        answer(&mut receipts, &mut known, None);
        assert!(receipts.next_at().is_none() && receipts.pace.trouble().is_none());
        assert!(!known.contains(1), "both are done with it");
        receipts.owe([(PLACE, 2)]);
        answer(&mut receipts, &mut known, Some(ErrorKind::NotFound));
        assert_eq!(receipts.next_at(), None);
    }
}
