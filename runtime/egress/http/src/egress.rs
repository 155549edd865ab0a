//! The endpoints of a sink, as a target of writes.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, Later, Write, WriteReport},
    message::Operation,
};
use futures_util::future::join_all;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    BATCH_WISH,
    config::Http,
    counters::Counters,
    deliver,
    endpoint::Endpoint,
    limits::{LOOK_AGAIN, WAIT_FOR_SLOW_MAX},
    receipts::{Receipts, Ticket},
    rows::rows,
    verdict::{Failure, FailureKind, Verdict},
};

/// The endpoints of a sink.
pub struct HttpEgress {
    endpoints: BTreeMap<Arc<str>, Arc<Endpoint>>,
    targets: Targets,
    receipts: Receipts,
    closed: CancellationToken,
    requests: TaskTracker,
}

impl HttpEgress {
    /// Connects to each endpoint when it is first written to.
    ///
    /// # Errors
    ///
    /// A certificate or a secret cannot be used: what to do.
    pub fn new(config: &Http, dialer: &Dialer) -> Result<Self, String> {
        Self::counted(config, dialer, &Counters::default())
    }

    /// The same, counted.
    ///
    /// # Errors
    ///
    /// As of [`Self::new`].
    pub fn counted(config: &Http, dialer: &Dialer, counters: &Counters) -> Result<Self, String> {
        let named = config.topic_mappings.iter().flat_map(|mapping| mapping.targets());
        let targets: Targets = named.collect();
        let endpoints = config
            .endpoints
            .iter()
            .filter(|endpoint| targets.contains(&endpoint.name));
        let endpoint = |config: &crate::config::Endpoint| {
            let endpoint = Endpoint::new(config.clone(), dialer)?.counted(counters.clone());
            Ok((Arc::from(config.name.as_str()), Arc::new(endpoint)))
        };
        Ok(Self {
            endpoints: endpoints.map(endpoint).collect::<Result<_, String>>()?,
            targets,
            receipts: Receipts::default(),
            closed: CancellationToken::new(),
            requests: TaskTracker::new(),
        })
    }

    /// Sends what is new, in tasks of its own: what a call does not wait for goes on.
    fn start(&self, writes: &[Write], tickets: &[Ticket]) {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            places.entry(&write.target).or_default().push(place);
        }
        for (target, places) in places {
            let Some(endpoint) = self.endpoints.get(target) else {
                for place in places {
                    let why = format!("this sink has no endpoint {target:?}");
                    tickets[place].receipt.settle(Verdict::Refused(why));
                }
                continue;
            };
            for steps in rows(endpoint, &places, writes, tickets) {
                let delivery = deliver::run(endpoint.clone(), steps);
                let delivery = self.closed.clone().run_until_cancelled_owned(delivery);
                self.requests.spawn(delivery);
            }
        }
    }

    /// Until all is known; or for a while, if another endpoint's messages would wait for it.
    async fn wait(&self, tickets: &[Ticket]) {
        let all = join_all(tickets.iter().map(|ticket| ticket.receipt.settled()));
        if self.endpoints.len() == 1 {
            all.await;
        } else {
            let _ = tokio::time::timeout(WAIT_FOR_SLOW_MAX, all).await;
        }
    }

    fn report(&self, writes: &[Write], tickets: &[Ticket]) -> Result<WriteReport, EgressError> {
        let verdicts: Vec<_> = tickets.iter().map(|ticket| ticket.receipt.verdict()).collect();
        let unfit = verdicts.iter().zip(writes).find_map(|(verdict, write)| match verdict {
            Some(Verdict::Failed(failure)) if failure.kind == FailureKind::Unfit => Some((write, failure)),
            _ => None,
        });
        if let Some((write, failure)) = unfit {
            // Those that are done are found when they are written again without this target.
            return Err(EgressError::Unfit {
                target: write.target.clone(),
                message: failure.message.clone(),
            });
        }
        let mut report = WriteReport::default();
        let mut later: BTreeMap<(&str, String), Later> = BTreeMap::new();
        for (place, (verdict, write)) in verdicts.iter().zip(writes).enumerate() {
            let (message, retry_after) = match verdict {
                Some(Verdict::Done) => continue,
                Some(Verdict::Refused(reason)) => {
                    report.refused.push((place, reason.clone()));
                    continue;
                }
                Some(Verdict::Failed(Failure {
                    message, retry_after, ..
                })) => (message.clone(), *retry_after),
                None => (self.unanswered(&write.target), Some(LOOK_AGAIN)),
            };
            let one = later.entry((&write.target, message.clone())).or_insert(Later {
                places: Vec::new(),
                message,
                retry_after,
            });
            one.retry_after = one.retry_after.max(retry_after);
            one.places.push(place);
        }
        let told = tickets.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_some());
        self.receipts.told(told.map(|(ticket, _)| ticket));
        report.later = later.into_values().collect();
        Ok(report)
    }

    fn unanswered(&self, target: &str) -> String {
        let who = self
            .endpoints
            .get(target)
            .map_or(target, |endpoint| endpoint.who.as_str());
        format!("{who} is slow: it is not waited for, and what is sent to others goes on")
    }
}

#[async_trait]
impl Egress for HttpEgress {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        if self.closed.is_cancelled() {
            return Err(EgressError::Transient {
                message: "the sink was closed".to_owned(),
                retry_after: None,
            });
        }
        let tickets = self.receipts.take_up(writes);
        self.start(writes, &tickets);
        self.wait(&tickets).await;
        self.report(writes, &tickets)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    fn accepts(&self, target: &str, operation: Operation) -> bool {
        let endpoint = self.endpoints.get(target);
        endpoint.is_none_or(|endpoint| endpoint.config.accepts(operation))
    }

    fn batch_wish(&self) -> BatchWish {
        BATCH_WISH
    }

    /// Whether an endpoint takes writes shows when one is written.
    async fn ready(&self) -> Result<(), EgressError> {
        Ok(())
    }

    /// What is on its way is given up: whether it was taken is not known, and it is sent again with the same ids.
    async fn close(&self) -> Result<(), EgressError> {
        self.closed.cancel();
        self.requests.close();
        self.requests.wait().await;
        Ok(())
    }
}

impl Drop for HttpEgress {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}
