//! Sends what follows each other, one request after the other.

mod requests;

use std::sync::Arc;

use danube_wasm_egress_common::{Item as _, bisect};

use crate::{
    endpoint::Endpoint,
    item::Item,
    receipts::Receipt,
    verdict::{Failure, FailureKind, Fault, Verdict},
};
use requests::Requests;

/// What is done next for some writes that follow each other.
pub(crate) enum Step {
    /// A write is on its way already.
    Await(Arc<Receipt>),
    /// One request.
    Send(Vec<Item>),
}

/// Does the steps in turn. What follows one that fails is not tried. Whoever waits for them is told also if this future is
/// dropped before it is polled.
pub(crate) fn run(endpoint: Arc<Endpoint>, steps: Vec<Step>) -> impl Future<Output = ()> + Send {
    let steps = Unsettled(steps.into());
    run_all(endpoint, steps)
}

async fn run_all(endpoint: Arc<Endpoint>, mut steps: Unsettled) {
    while let Some(step) = steps.0.front() {
        let done = match step {
            Step::Await(receipt) => match receipt.settled().await {
                Verdict::Failed(failure) => Err(failure),
                _ => Ok(()),
            },
            Step::Send(items) => send(&endpoint, items).await,
        };
        if let Err(failure) = done {
            steps.settle(&failure.of_those_behind());
            return;
        }
        steps.0.pop_front();
    }
}

/// Steps that are not done: if they are given up, whoever waits for them is told.
struct Unsettled(std::collections::VecDeque<Step>);

impl Unsettled {
    fn settle(&mut self, failure: &Failure) {
        for step in self.0.drain(..) {
            if let Step::Send(items) = step {
                items
                    .iter()
                    .for_each(|item| item.settle(Verdict::Failed(failure.clone())));
            }
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.settle(&Failure::new(FailureKind::NotTried, "the sink is closed"));
    }
}

/// One request, or as many as it takes to find the records that are refused. Settles its items, but for those behind a
/// failure.
async fn send(endpoint: &Endpoint, items: &[Item]) -> Result<(), Failure> {
    let permit = endpoint.concurrency.enter().await;
    let attempt = Requests::new(endpoint, &permit);
    if endpoint.config.is_single() {
        for item in items {
            match attempt.one(item).await {
                Ok(()) => item.settle(Verdict::Done),
                Err(Fault::Failed(failure)) => {
                    item.settle(Verdict::Failed(failure.clone()));
                    return Err(failure);
                }
                Err(Fault::Refused(reason) | Fault::TooLarge(reason, _)) => item.settle(Verdict::Refused(reason)),
            }
        }
        return Ok(());
    }
    let mut chains = Item::chains(items);
    match bisect::write(&attempt, &mut chains).await {
        Ok(done) => {
            let reasons = done.refused.into_iter();
            reasons.for_each(|(place, reason)| {
                let mut of_place = items.iter().filter(|item| item.place() == place);
                of_place
                    .by_ref()
                    .for_each(|item| item.settle(Verdict::Refused(reason.clone())));
            });
        }
        Err(Fault::Failed(failure)) => {
            // What was taken before it has been told already.
            items
                .iter()
                .for_each(|item| item.settle(Verdict::Failed(failure.clone())));
            return Err(failure);
        }
        // `bisect` deals with these.
        Err(Fault::Refused(_) | Fault::TooLarge(..)) => {}
    }
    attempt.failed().map_or(Ok(()), Err)
}
