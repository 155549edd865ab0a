//! One partition of one publisher: a task that sends its records, pipelined, and sends them again through whatever
//! happens to the session.
//!
//! * At most so many are sent and not answered as the broker takes side by side: on Danube's brokers one by default, in this
//!   whole process (see [`flow`](crate::flow)). Of one key, or of an ordered topic, at most one, because any broker handles
//!   concurrent calls in any order. A successor leaves when its predecessor is confirmed.
//! * A lost session is rebuilt, and what was under way is sent again first: the broker may have some of it twice, under
//!   the same ids. Where records are not to be sent again, all that is here is answered instead, and the lane takes
//!   nothing more: its publisher's caller begins anew.
//! * A record that is not confirmed by its deadline fails, and with it all that wait behind it: they must not overtake
//!   it when its publisher tries again. If there was no session all that time, everything fails that comes before there
//!   is one.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use danube_wasm_broker::{BrokerError, ErrorKind, Result, TopicSpec};
use danube_wasm_model::TopicName;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Producer, ProducerSession,
    job::{Job, Sending},
    order::Chains,
};
use crate::{
    backoff::Backoff,
    danube::{Shared, closed},
    fault::{Fault, as_loss},
    flow::PartitionFlow,
    health::Pulse,
    limits::REFUSED_CEILING,
};

type Sent = (Sending, Arc<ProducerSession>, Result<(), Fault>);

enum Session {
    /// Not needed yet.
    Unopened,
    Opening(BoxFuture<'static, Result<Arc<ProducerSession>, Fault>>),
    Open(Arc<ProducerSession>),
}

/// See the module.
pub(super) struct Lane {
    shared: Arc<Shared>,
    partition: TopicName,
    producer: Producer,
    spec: Arc<TopicSpec>,
    session: Session,
    backoff: Backoff,
    pulse: Pulse,
    chains: Chains<Sending>,
    ready: VecDeque<Sending>,
    in_flight: FuturesUnordered<BoxFuture<'static, Sent>>,
    /// Why the session was lost last, for those that run out of time.
    why: Option<BrokerError>,
    /// The broker refuses this producer: what is handed over fails at once, until it does not any more.
    refused: Option<BrokerError>,
    /// Since when there is no session, though one is wanted.
    without_since: Option<Instant>,
    /// A record has waited for a session for as long as one may: what is handed over fails at once, until there is one.
    given_up: Option<BrokerError>,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, partition: TopicName, producer: Producer, spec: Arc<TopicSpec>) -> Self {
        Self {
            session: Session::Unopened,
            backoff: Backoff::new(shared.options.retry_floor),
            pulse: shared.health.session(),
            shared,
            partition,
            producer,
            spec,
            chains: Chains::default(),
            ready: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            why: None,
            refused: None,
            without_since: None,
            given_up: None,
        }
    }

    /// Runs until its publisher is gone and everything is answered, or the client is closed.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let closing = self.shared.closed.clone();
        let mut wanted = true;
        loop {
            self.fill();
            if !wanted && self.ready.is_empty() && self.in_flight.is_empty() {
                return;
            }
            let expiry = self.expiry();
            tokio::select! {
                biased;
                () = closing.cancelled() => return self.abandon(&mut jobs),
                Some(sent) = self.in_flight.next(), if !self.in_flight.is_empty() => self.answered(sent),
                opened = opened(&mut self.session) => self.opened(opened),
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => self.expire(),
                job = jobs.recv(), if wanted => match job {
                    Some(job) => self.admit(job),
                    None => wanted = false,
                },
            }
        }
    }

    fn admit(&mut self, job: Job) {
        let sending = Sending::new(job, self.spec.ordered);
        self.ready
            .extend(self.chains.admit(sending.chain.clone().as_ref(), sending));
    }

    /// Sends what may be sent, or opens the session for it.
    fn fill(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        if let Some(error) = self.refused.clone().or_else(|| self.given_up.clone()) {
            return self.fail_ready(&error);
        }
        if self.is_over() {
            return self.fail_ready(&over(&self.partition));
        }
        let session = match &self.session {
            Session::Open(session) if session.is_lost() => {
                let forgotten = format!("the broker has forgotten the producer on {}", self.partition);
                return self.lost(BrokerError::new(ErrorKind::Unavailable, forgotten));
            }
            Session::Open(session) => session.clone(),
            Session::Opening(_) => return,
            Session::Unopened => return self.open(Instant::now()),
        };
        let in_flight_max = self.shared.options.in_flight_at(session.is_at_own_broker());
        while self.in_flight.len() < in_flight_max {
            let Some(sending) = self.ready.pop_front() else {
                break;
            };
            match sending.job.deadline <= Instant::now() {
                true => {
                    let error = self.out_of_time();
                    self.fail(sending, &error);
                }
                false => self.in_flight.push(self.send(sending, session.clone())),
            }
        }
    }

    /// A call that is not answered in time costs the session: so a record that waited before has half of the time of one
    /// that did not, at least, and a broker that answers is not left because of it.
    fn send(&self, sending: Sending, session: Arc<ProducerSession>) -> BoxFuture<'static, Sent> {
        let (shared, flow) = (self.shared.clone(), self.flow_at(&session));
        Box::pin(async move {
            let admitted = match &flow {
                Some(flow) => flow.admit(sending.job.hash, sending.job.deadline).await.map(Some),
                None => Ok(None),
            };
            let admitted = match admitted {
                Ok(admitted) => admitted,
                // The session is not to blame.
                Err(error) => return (sending, session, Err(Fault::Refused(error))),
            };
            let most = shared.options.request_timeout.min(shared.options.publish_timeout);
            let left = sending.job.deadline.saturating_duration_since(Instant::now());
            let within = left.clamp(most / 2, most);
            let fate = session.send(&shared, sending.job.record.clone(), within).await;
            if let Some(admission) = admitted {
                admission.answered(fate.is_ok());
            }
            (sending, session, fate)
        })
    }

    /// What others of this process send there, too, where the broker minds. It loses what is not dispatched reliably anyway.
    fn flow_at(&self, session: &ProducerSession) -> Option<Arc<PartitionFlow>> {
        let minds = !session.is_at_own_broker() && self.spec.reliable_dispatch;
        minds.then(|| self.shared.flow(&self.partition))
    }

    fn answered(&mut self, (sending, session, fate): Sent) {
        match fate {
            Ok(()) => {
                self.backoff.reset();
                // It has waited longer than most.
                if let Some(next) = self.chains.advance(sending.chain.as_ref()) {
                    self.ready.push_front(next);
                }
                // Danube answers before its disk has the message, and its disk is not synced. Our own broker does both.
                sending.answer(Ok(session.is_at_own_broker()));
            }
            Err(Fault::Refused(error)) => self.fail(sending, &error),
            // The session's producer is not known any more.
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                // Before anything is published in another one.
                self.shared.sessions.lost(&session);
                match self.producer.lost_max {
                    None => self.ready.push_front(sending),
                    Some(_) => {
                        session.end();
                        let back = BrokerError::new(ErrorKind::Unavailable, error.message.clone());
                        self.fail(sending, &back);
                    }
                }
                if matches!(&self.session, Session::Open(open) if Arc::ptr_eq(open, &session)) {
                    self.lost(error);
                }
            }
        }
    }

    /// Whether a session was lost, here or elsewhere, after which this lane takes nothing more.
    fn is_over(&self) -> bool {
        let lost = self.shared.sessions.lost_so_far();
        self.producer.lost_max.is_some_and(|max| lost > max)
    }

    fn lost(&mut self, error: BrokerError) {
        tracing::warn!(topic = %self.partition, %error, "the producer's session is lost; building another");
        self.pulse.down(as_loss(&error));
        self.why = Some(error);
        if self.is_over() {
            self.session = Session::Unopened;
            return;
        }
        let first = self.backoff.tries() == 0;
        let wait = self.backoff.next(self.shared.options.retry_ceiling);
        // The first try comes at once: the broker may only have forgotten the session.
        self.open(Instant::now() + if first { Duration::ZERO } else { wait });
    }

    fn open(&mut self, not_before: Instant) {
        self.without_since.get_or_insert_with(Instant::now);
        let (shared, partition) = (self.shared.clone(), self.partition.clone());
        let (producer, spec) = (self.producer.clone(), self.spec.clone());
        self.session = Session::Opening(Box::pin(async move {
            sleep_until(not_before).await;
            let session = ProducerSession::open(&shared, &partition, &producer.name, &spec).await?;
            if producer.lost_max.is_some() {
                // Another producer's records of the same key may be gone: none of this one may come before them.
                shared.sessions.check_on(&shared, &partition).await?;
            }
            let session = Arc::new(session);
            shared.sessions.opened(&session);
            Ok(session)
        }));
    }

    fn opened(&mut self, opened: Result<Arc<ProducerSession>, Fault>) {
        match opened {
            Ok(session) => {
                if self.why.take().is_some() {
                    tracing::info!(topic = %self.partition, "the producer's session is back");
                }
                self.pulse.up();
                (self.refused, self.without_since, self.given_up) = (None, None, None);
                self.session = Session::Open(session);
            }
            Err(Fault::Refused(error)) => {
                tracing::warn!(topic = %self.partition, %error, "the broker refuses the producer");
                self.pulse.down(error.clone());
                self.fail_ready(&error);
                self.refused = Some(error);
                let wait = self.backoff.next(REFUSED_CEILING);
                self.open(Instant::now() + wait);
            }
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                tracing::debug!(topic = %self.partition, %error, "no session yet");
                self.pulse.down(as_loss(&error));
                self.refused = None;
                self.why = Some(error);
                let wait = self.backoff.next(self.shared.options.retry_ceiling);
                self.open(Instant::now() + wait);
            }
        }
    }

    /// When the first of those that wait here, for the session or for those under way, runs out of time. Those under way
    /// have a deadline of their own, and those behind them share their fate.
    fn expiry(&self) -> Option<Instant> {
        match self.session {
            // Looked at for each message that is sent: the first is as good as the earliest.
            Session::Open(_) => self.ready.front().map(|sending| sending.job.deadline),
            _ => self.ready.iter().map(|sending| sending.job.deadline).min(),
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let (late, ready): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|sending| sending.job.deadline <= now);
        self.ready = ready;
        let error = self.out_of_time();
        for sending in late {
            self.fail(sending, &error);
        }
        let patience = self.shared.options.publish_timeout;
        if self.without_since.is_some_and(|since| now - since >= patience) {
            self.given_up = Some(error);
        }
    }

    fn fail_ready(&mut self, error: &BrokerError) {
        while let Some(sending) = self.ready.pop_front() {
            self.fail(sending, error);
        }
    }

    fn out_of_time(&self) -> BrokerError {
        let waited = self.shared.options.publish_timeout.as_millis();
        let message = match (&self.why, self.without_since) {
            (Some(why), _) => format!("{} took nothing within {waited} ms: {}", self.partition, why.message),
            (None, Some(_)) => format!("{} took nothing within {waited} ms: no answer", self.partition),
            (None, None) => format!(
                "{} has more than it takes: a record waited {waited} ms behind others",
                self.partition
            ),
        };
        BrokerError::new(ErrorKind::Unavailable, message)
    }

    /// Fails a record, and those behind it with something that is worth another try.
    fn fail(&mut self, sending: Sending, error: &BrokerError) {
        let behind = match error.is_transient() {
            true => error.clone(),
            false => BrokerError::new(
                ErrorKind::Unavailable,
                "the record before it, of the same key, was refused: hand it over again",
            ),
        };
        for next in self.chains.fail(sending.chain.as_ref()) {
            next.answer(Err(behind.clone()));
        }
        sending.answer(Err(error.clone()));
    }

    /// The client is closed.
    fn abandon(&mut self, jobs: &mut mpsc::UnboundedReceiver<Job>) {
        jobs.close();
        while let Ok(job) = jobs.try_recv() {
            job.answer(Err(closed()));
        }
        for sending in self.ready.drain(..).chain(self.chains.drain()) {
            sending.answer(Err(closed()));
        }
        // Those under way learn it from their replies being dropped.
    }
}

async fn opened(session: &mut Session) -> Result<Arc<ProducerSession>, Fault> {
    match session {
        Session::Opening(opening) => opening.await,
        _ => std::future::pending().await,
    }
}

fn over(partition: &TopicName) -> BrokerError {
    let message = format!(
        "a session with the broker was lost, and records for {partition} are not sent in the next one by themselves: \
         open a new publisher and hand them over again"
    );
    BrokerError::new(ErrorKind::Unavailable, message)
}
