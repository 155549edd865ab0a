//! What became of writes whose call has not been told yet.
//!
//! A call does not wait for an endpoint that is slow while there are others; the pipeline writes those writes again later. They
//! are on their way meanwhile, so they are found here and not sent twice. So are those that were taken in a call that ended
//! with an error, because one endpoint holds it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use danube_wasm_egress_common::BatchToken;
use danube_wasm_model::door::Write;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{limits::RECEIPTS_MAX, verdict::Verdict};

/// What becomes of one write.
#[derive(Debug)]
pub(crate) struct Receipt(watch::Sender<Option<Verdict>>);

/// A write of a call, and what becomes of it.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) receipt: Arc<Receipt>,
    /// Whether it is to be sent; else it is on its way, or done.
    pub(crate) is_new: bool,
    token: BatchToken,
}

/// By the writes' content. Two writes that are alike are two: the first of a call is the first that is known.
#[derive(Default)]
pub(crate) struct Receipts(Mutex<HashMap<BatchToken, VecDeque<Arc<Receipt>>>>);

impl Receipts {
    /// A ticket for each write.
    pub(crate) fn take_up(&self, writes: &[Write]) -> Vec<Ticket> {
        let tokens: Vec<_> = writes.iter().map(|write| BatchToken::of([write])).collect();
        let mut known = self.0.lock();
        let mut seen: HashMap<BatchToken, usize> = HashMap::new();
        let mut ticket = |token: BatchToken| {
            let nth = seen.entry(token).or_default();
            let alike = known.entry(token).or_default();
            // One that has failed is sent anew.
            while alike.get(*nth).is_some_and(|receipt| receipt.has_failed()) {
                alike.remove(*nth);
            }
            let is_new = alike.len() <= *nth;
            if is_new {
                alike.push_back(Arc::new(Receipt(watch::Sender::new(None))));
            }
            let receipt = alike[*nth].clone();
            *nth += 1;
            Ticket { receipt, is_new, token }
        };
        let tickets = tokens.into_iter().map(&mut ticket).collect();
        if known.len() > RECEIPTS_MAX {
            forget(&mut known);
        }
        tickets
    }

    /// The call has been told.
    pub(crate) fn told<'t>(&self, tickets: impl Iterator<Item = &'t Ticket>) {
        let mut known = self.0.lock();
        for Ticket { token, receipt, .. } in tickets {
            let Some(alike) = known.get_mut(token) else { continue };
            alike.retain(|known| !Arc::ptr_eq(known, receipt));
            if alike.is_empty() {
                known.remove(token);
            }
        }
    }
}

/// Forgets what nobody has asked for; whoever does so later sends it again, which is safe.
fn forget(known: &mut HashMap<BatchToken, VecDeque<Arc<Receipt>>>) {
    // What only this map has is on its way nowhere.
    known.retain(|_, alike| {
        alike.retain(|receipt| receipt.verdict().is_none() || Arc::strong_count(receipt) > 1);
        !alike.is_empty()
    });
}

impl Receipt {
    /// The first word counts.
    pub(crate) fn settle(&self, verdict: Verdict) {
        self.0.send_if_modified(|current| {
            let is_first = current.is_none();
            if is_first {
                *current = Some(verdict);
            }
            is_first
        });
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.0.borrow().clone()
    }

    pub(crate) async fn settled(&self) -> Verdict {
        let mut verdict = self.0.subscribe();
        let settled = verdict.wait_for(Option::is_some).await;
        // Its sender is this very receipt.
        settled
            .ok()
            .and_then(|verdict| verdict.clone())
            .unwrap_or(Verdict::Done)
    }

    fn has_failed(&self) -> bool {
        matches!(&*self.0.borrow(), Some(Verdict::Failed(_)))
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::message::Operation;

    use super::*;
    use crate::verdict::{Failure, FailureKind};

    fn write(id: &str, body: &str) -> Write {
        Write {
            target: "orders".into(),
            id: id.to_owned(),
            operation: Operation::Insert,
            order: 0,
            record: None,
            body: body.to_owned().into(),
            types: None,
            key: None,
            redelivered: false,
        }
    }

    fn are_new(tickets: &[Ticket]) -> Vec<bool> {
        tickets.iter().map(|ticket| ticket.is_new).collect()
    }

    #[test]
    fn what_is_on_its_way_is_found_and_what_was_told_is_forgotten() {
        let receipts = Receipts::default();
        let writes = [write("a", "1"), write("b", "1"), write("c", "1")];
        let tickets = receipts.take_up(&writes);
        assert_eq!(are_new(&tickets), [true; 3]);
        tickets[0].receipt.settle(Verdict::Done);
        tickets[1]
            .receipt
            .settle(Verdict::Failed(Failure::new(FailureKind::Passes, "no")));
        let again = receipts.take_up(&writes);
        assert_eq!(are_new(&again), [false, true, false], "done, failed, on its way");
        receipts.told([&again[0]].into_iter());
        assert_eq!(are_new(&receipts.take_up(&writes)), [true, false, false]);
    }

    #[test]
    fn two_writes_that_are_alike_are_two() {
        let receipts = Receipts::default();
        let writes = [write("a", "1"), write("a", "2"), write("a", "1")];
        let tickets = receipts.take_up(&writes);
        assert_eq!(are_new(&tickets), [true; 3]);
        receipts.told([&tickets[0]].into_iter());
        assert_eq!(are_new(&receipts.take_up(&writes[1..])), [false; 2]);
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_before_there_is_too_much() {
        let receipts = Receipts::default();
        for n in 0..=RECEIPTS_MAX {
            let ticket = receipts.take_up(&[write(&n.to_string(), "1")]).remove(0);
            ticket.receipt.settle(Verdict::Done);
        }
        assert!(receipts.0.lock().len() < 10);
    }
}
