//! Requests of one endpoint, and what their answers say of each record.

use danube_wasm_egress_common::{Chain, bisect::Attempt};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    answer::Answer,
    body,
    concurrency::Permit,
    endpoint::{Endpoint, Outgoing},
    item::Item,
    results::{self, RecordResult},
    status::Meaning,
    verdict::{Failure, FailureKind, Fault, Verdict},
};

/// Requests of one endpoint, one after the other.
pub(super) struct Requests<'e> {
    endpoint: &'e Endpoint,
    permit: &'e Permit,
    /// What an answer said of single records that are to be sent again.
    failed: Mutex<Option<Failure>>,
}

impl<'e> Requests<'e> {
    pub(super) fn new(endpoint: &'e Endpoint, permit: &'e Permit) -> Self {
        Self {
            endpoint,
            permit,
            failed: Mutex::new(None),
        }
    }

    /// What an answer said of single records that are to be sent again.
    pub(super) fn failed(self) -> Option<Failure> {
        self.failed.into_inner()
    }

    /// The request of one record.
    pub(super) async fn one(&self, item: &Item) -> Result<(), Fault> {
        let outgoing = self.endpoint.single(item).map_err(Fault::Refused)?;
        self.exchange(&outgoing).await.map(drop)
    }

    /// Sends, and tells gate and concurrency how it went.
    async fn exchange(&self, outgoing: &Outgoing) -> Result<Answer, Fault> {
        let pass = self.endpoint.gate.enter().await?;
        let begun = Instant::now();
        let sent = self.endpoint.send(outgoing).await;
        let (status, elapsed) = (sent.as_ref().ok().map(|answer| answer.status.as_u16()), begun.elapsed());
        let judged = match sent {
            Ok(answer) => self.endpoint.classify(&answer, outgoing).map(|()| answer),
            Err(failure) => Err(failure.into()),
        };
        match &judged {
            Err(Fault::Failed(failure)) => {
                if matches!(failure.kind, FailureKind::Overloaded | FailureKind::Unreachable) {
                    self.permit.overloaded();
                }
                pass.failed(failure);
            }
            _ => {
                self.permit.answered(elapsed);
                pass.answered();
            }
        }
        self.endpoint.count(status, elapsed);
        judged
    }

    /// Settles the records that an answer speaks of, one by one. Those behind one that is to be sent again, and in order with
    /// it, are sent again, too.
    fn settle_each(&self, items: &[&Item], results: Vec<RecordResult>) {
        let mut again: Vec<&Item> = Vec::new();
        for (item, result) in items.iter().zip(results) {
            let what = || {
                format!(
                    "{} answers {} for the record{}",
                    self.endpoint.who, result.status, result.said
                )
            };
            let failure = match result.meaning {
                Meaning::Taken => None,
                Meaning::Refused | Meaning::TooLarge => {
                    item.settle(Verdict::Refused(what()));
                    continue;
                }
                Meaning::Passes | Meaning::Overloaded => Some(Failure::new(FailureKind::Passes, what())),
                Meaning::Unfit => Some(Failure::new(FailureKind::Unfit, what())),
            };
            let behind = || again.iter().any(|earlier| earlier.is_ordered_with(item));
            let failure = failure.or_else(|| {
                let message = "a record before it, of the same key, is sent again";
                behind().then(|| Failure::new(FailureKind::NotTried, message))
            });
            match failure {
                None => item.settle(Verdict::Done),
                Some(failure) => {
                    again.push(item);
                    item.settle(Verdict::Failed(failure.clone()));
                    self.failed.lock().get_or_insert(failure);
                }
            }
        }
    }
}

impl Attempt<Item> for Requests<'_> {
    type Fault = Fault;

    async fn attempt(&self, chains: &mut [Chain<Item>]) -> Result<usize, Fault> {
        if let Some(failure) = &*self.failed.lock() {
            // Another half of the request is sent again: what is behind it may be in order with it.
            return Err(failure.of_those_behind().into());
        }
        let needed: Vec<_> = chains
            .iter_mut()
            .flat_map(Chain::needed)
            .map(|item| item.clone())
            .collect();
        let mut records = Vec::with_capacity(needed.len());
        let mut items = Vec::with_capacity(needed.len());
        for item in &needed {
            match body::record(&self.endpoint.config, item) {
                Ok(record) => {
                    records.push(record);
                    items.push(item);
                }
                Err(reason) => item.settle(Verdict::Refused(reason)),
            }
        }
        if items.is_empty() {
            return Ok(0);
        }
        let records: Vec<_> = records.iter().map(Vec::as_slice).collect();
        let outgoing = self
            .endpoint
            .several(&items, body::of(&self.endpoint.config.form, &records));
        let outgoing = outgoing.map_err(Fault::Refused)?;
        let answer = self.exchange(&outgoing).await.inspect_err(|fault| {
            if let (Fault::TooLarge(_, bytes), true) = (fault, items.len() > 1) {
                self.endpoint.too_large(*bytes);
            }
        })?;
        let results = results::of(&answer, items.len(), &self.endpoint.config, &self.endpoint.words);
        match results {
            Ok(Some(results)) => self.settle_each(&items, results),
            Ok(None) => items.iter().for_each(|item| item.settle(Verdict::Done)),
            Err(why) => {
                let (who, status) = (&self.endpoint.who, answer.status);
                let message = format!(
                    "{who} answers {status}, and what became of each record cannot be read: {why}. Check `results_pointer`; its \
                     records wait"
                );
                return Err(Failure::new(FailureKind::Unfit, message).into());
            }
        }
        Ok(0)
    }

    /// A receiver of events takes none that is only to try it.
    async fn probe(&self) -> Result<(), Fault> {
        Ok(())
    }
}
