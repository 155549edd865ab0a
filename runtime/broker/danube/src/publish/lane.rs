//! One partition of one publisher: a task that sends its records, pipelined, and again after a lost session.
//!
//! * At most `in_flight_max` records are sent and not answered: on Danube's brokers one by default, in this whole
//!   process (see [`flow`](crate::flow)). Of one key, or of an ordered topic, at most one, because any broker handles
//!   concurrent calls in any order. The next one is sent when the one before is confirmed.
//! * A lost session is rebuilt, and records in flight are sent again first: the broker may have some of them twice,
//!   under the same ids. If records must not be sent again, all records here fail instead, and the lane accepts no
//!   more: its publisher's caller starts again.
//! * A record that is not confirmed by its deadline fails, and with it all records that wait behind it: they must not
//!   overtake it when its publisher tries again. If there was no session for that long, every record fails at once
//!   until there is one.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use danube_wasm_broker::{Backoff, BrokerError, ErrorKind, Result, TopicSpec};
use danube_wasm_model::TopicName;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Producer, ProducerSession,
    order::OrderQueues,
    outgoing::routing_key,
    pending::{LaneRecord, PendingRecord},
};
use crate::{
    fault::{Fault, as_unavailable},
    flow::{PartitionFlow, key_hash},
    health::SessionHealth,
    limits::REFUSED_CEILING,
    shared::{Shared, closed},
};

type CallResult = (LaneRecord, Arc<ProducerSession>, Result<(), Fault>);

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
    health: SessionHealth,
    order_queues: OrderQueues<LaneRecord>,
    ready: VecDeque<LaneRecord>,
    in_flight: FuturesUnordered<BoxFuture<'static, CallResult>>,
    /// The error of the last lost session, for records that time out.
    last_error: Option<BrokerError>,
    /// The broker refuses this producer: records fail at once until it accepts it.
    refused: Option<BrokerError>,
    /// Since when there is no session, although one is needed.
    no_session_since: Option<Instant>,
    /// A record has waited for a session until its deadline: records fail at once until there is one.
    given_up: Option<BrokerError>,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, partition: TopicName, producer: Producer, spec: Arc<TopicSpec>) -> Self {
        Self {
            session: Session::Unopened,
            backoff: Backoff::new(shared.options.retry_floor),
            health: shared.health.session(),
            shared,
            partition,
            producer,
            spec,
            order_queues: OrderQueues::default(),
            ready: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            last_error: None,
            refused: None,
            no_session_since: None,
            given_up: None,
        }
    }

    /// Runs until its publisher is dropped and everything is answered, or the client is closed.
    pub(super) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<PendingRecord>) {
        let closing = self.shared.closed.clone();
        let mut wanted = true;
        loop {
            self.send_ready();
            if !wanted && self.ready.is_empty() && self.in_flight.is_empty() {
                return;
            }
            let expiry = self.expiry();
            tokio::select! {
                biased;
                () = closing.cancelled() => return self.close(&mut queue),
                Some(sent) = self.in_flight.next(), if !self.in_flight.is_empty() => self.handle_answer(sent),
                opened = wait_opened(&mut self.session) => self.handle_opened(opened),
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => self.expire(),
                pending = queue.recv(), if wanted => match pending {
                    Some(pending) => self.admit(pending),
                    None => wanted = false,
                },
            }
        }
    }

    fn admit(&mut self, pending: PendingRecord) {
        let record = LaneRecord::new(pending, self.spec.ordered);
        self.ready
            .extend(self.order_queues.admit(record.order_key.clone().as_ref(), record));
    }

    /// Sends the records that may be sent, or opens the session for them.
    fn send_ready(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        if let Some(error) = self.refused.clone().or_else(|| self.given_up.clone()) {
            return self.fail_ready(&error);
        }
        if self.is_closed() {
            return self.fail_ready(&closed_error(&self.partition));
        }
        let session = match &self.session {
            Session::Open(session) if session.is_lost() => {
                let forgotten = format!("the broker has forgotten the producer on {}", self.partition);
                return self.session_lost(BrokerError::new(ErrorKind::Unavailable, forgotten));
            }
            Session::Open(session) => session.clone(),
            Session::Opening(_) => return,
            Session::Unopened => return self.open(Instant::now()),
        };
        let in_flight_max = self.shared.options.in_flight_at(session.is_at_own_broker());
        while self.in_flight.len() < in_flight_max {
            let Some(record) = self.ready.pop_front() else {
                break;
            };
            match record.pending.deadline <= Instant::now() {
                true => {
                    let error = self.timeout_error();
                    self.fail(record, &error);
                }
                false => self.in_flight.push(self.send(record, session.clone())),
            }
        }
    }

    /// A call that is not answered in time costs the session. So a record that waited before gets at least half of the
    /// time of one that did not, and a broker that answers is not abandoned because of it.
    fn send(&self, record: LaneRecord, session: Arc<ProducerSession>) -> BoxFuture<'static, CallResult> {
        let (shared, flow) = (self.shared.clone(), self.flow_for(&session));
        Box::pin(async move {
            let admitted = match &flow {
                Some(flow) => {
                    let (hash, deadline) = (record.pending.hash, record.pending.deadline);
                    let key = key_hash(record.pending.key.as_deref().map(routing_key).as_deref());
                    flow.admit(hash, key, deadline).await.map(Some)
                }
                None => Ok(None),
            };
            let admitted = match admitted {
                Ok(admitted) => admitted,
                // The session is not at fault.
                Err(error) => return (record, session, Err(Fault::Refused(error))),
            };
            let most = shared.options.request_timeout.min(shared.options.publish_timeout);
            let left = record.pending.deadline.saturating_duration_since(Instant::now());
            let within = left.clamp(most / 2, most);
            let result = session.send(&shared, record.pending.record.clone(), within).await;
            if let Some(admission) = admitted {
                admission.answered(result.is_ok());
            }
            (record, session, result)
        })
    }

    /// Flow control shared with other publishers of this process, on brokers that need it. Not for topics without
    /// reliable dispatch, which lose messages anyway.
    fn flow_for(&self, session: &ProducerSession) -> Option<Arc<PartitionFlow>> {
        let minds = !session.is_at_own_broker() && self.spec.reliable_dispatch;
        minds.then(|| self.shared.flow(&self.partition))
    }

    fn handle_answer(&mut self, (record, session, result): CallResult) {
        match result {
            Ok(()) => {
                self.backoff.reset();
                // It has waited longest.
                if let Some(next) = self.order_queues.advance(record.order_key.as_ref()) {
                    self.ready.push_front(next);
                }
                // Danube confirms before the message is on its disk, and does not sync. Our own broker does both.
                record.answer(Ok(session.is_at_own_broker()));
            }
            Err(Fault::Refused(error)) => self.fail(record, &error),
            // The broker does not know the session's producer any more.
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                // Counted before anything is published in another session.
                self.shared.sessions.record_loss(&session);
                match self.producer.lost_max {
                    None => self.ready.push_front(record),
                    Some(_) => {
                        session.cancel();
                        let back = BrokerError::new(ErrorKind::Unavailable, error.message.clone());
                        self.fail(record, &back);
                    }
                }
                if matches!(&self.session, Session::Open(open) if Arc::ptr_eq(open, &session)) {
                    self.session_lost(error);
                }
            }
        }
    }

    /// Whether a session was lost, here or in another lane, after which this lane accepts no more records.
    fn is_closed(&self) -> bool {
        let lost = self.shared.sessions.lost_count();
        self.producer.lost_max.is_some_and(|max| lost > max)
    }

    fn session_lost(&mut self, error: BrokerError) {
        tracing::warn!(topic = %self.partition, %error, "the producer's session is lost; building another");
        self.health.down(as_unavailable(&error));
        self.last_error = Some(error);
        if self.is_closed() {
            self.session = Session::Unopened;
            return;
        }
        let first = self.backoff.tries() == 0;
        let wait = self.backoff.next(self.shared.options.retry_ceiling);
        // The first try is immediate: the broker may only have forgotten the session.
        self.open(Instant::now() + if first { Duration::ZERO } else { wait });
    }

    fn open(&mut self, not_before: Instant) {
        self.no_session_since.get_or_insert_with(Instant::now);
        let (shared, partition) = (self.shared.clone(), self.partition.clone());
        let (producer, spec) = (self.producer.clone(), self.spec.clone());
        self.session = Session::Opening(Box::pin(async move {
            sleep_until(not_before).await;
            let session = ProducerSession::open(&shared, &partition, &producer.name, &spec).await?;
            if producer.lost_max.is_some() {
                // Records of the same key from another producer may be lost: none of this one may come before them.
                shared.sessions.check_on(&shared, &partition).await?;
            }
            let session = Arc::new(session);
            shared.sessions.add(&session);
            Ok(session)
        }));
    }

    fn handle_opened(&mut self, opened: Result<Arc<ProducerSession>, Fault>) {
        match opened {
            Ok(session) => {
                if self.last_error.take().is_some() {
                    tracing::info!(topic = %self.partition, "the producer's session is back");
                }
                self.health.up();
                (self.refused, self.no_session_since, self.given_up) = (None, None, None);
                self.session = Session::Open(session);
            }
            Err(Fault::Refused(error)) => {
                tracing::warn!(topic = %self.partition, %error, "the broker refuses the producer");
                self.health.down(error.clone());
                self.fail_ready(&error);
                self.refused = Some(error);
                let wait = self.backoff.next(REFUSED_CEILING);
                self.open(Instant::now() + wait);
            }
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                tracing::debug!(topic = %self.partition, %error, "no session yet");
                self.health.down(as_unavailable(&error));
                self.refused = None;
                self.last_error = Some(error);
                let wait = self.backoff.next(self.shared.options.retry_ceiling);
                self.open(Instant::now() + wait);
            }
        }
    }

    /// When the first record that waits for the session, or for records in flight, times out. Records in flight have
    /// their own deadline, and those behind them share their result.
    fn expiry(&self) -> Option<Instant> {
        match self.session {
            // Computed for each message that is sent: the first is close enough to the earliest.
            Session::Open(_) => self.ready.front().map(|record| record.pending.deadline),
            _ => self.ready.iter().map(|record| record.pending.deadline).min(),
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let (late, ready): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|record| record.pending.deadline <= now);
        self.ready = ready;
        let error = self.timeout_error();
        for record in late {
            self.fail(record, &error);
        }
        let wait_max = self.shared.options.publish_timeout;
        if self.no_session_since.is_some_and(|since| now - since >= wait_max) {
            self.given_up = Some(error);
        }
    }

    fn fail_ready(&mut self, error: &BrokerError) {
        while let Some(record) = self.ready.pop_front() {
            self.fail(record, error);
        }
    }

    fn timeout_error(&self) -> BrokerError {
        let waited = self.shared.options.publish_timeout.as_millis();
        let message = match (&self.last_error, self.no_session_since) {
            (Some(why), _) => format!("{} took nothing within {waited} ms: {}", self.partition, why.message),
            (None, Some(_)) => format!("{} took nothing within {waited} ms: no answer", self.partition),
            (None, None) => format!(
                "{} has more than it takes: a record waited {waited} ms behind others",
                self.partition
            ),
        };
        BrokerError::new(ErrorKind::Unavailable, message)
    }

    /// Fails a record, and those behind it with a retryable error.
    fn fail(&mut self, record: LaneRecord, error: &BrokerError) {
        let behind = match error.is_transient() {
            true => error.clone(),
            false => BrokerError::new(
                ErrorKind::Unavailable,
                "the record before it, of the same key, was refused: hand it over again",
            ),
        };
        for next in self.order_queues.fail(record.order_key.as_ref()) {
            next.answer(Err(behind.clone()));
        }
        record.answer(Err(error.clone()));
    }

    /// The client is closed.
    fn close(&mut self, queue: &mut mpsc::UnboundedReceiver<PendingRecord>) {
        queue.close();
        while let Ok(pending) = queue.try_recv() {
            pending.answer(Err(closed()));
        }
        for record in self.ready.drain(..).chain(self.order_queues.drain()) {
            record.answer(Err(closed()));
        }
        // Records in flight fail when their replies are dropped.
    }
}

async fn wait_opened(session: &mut Session) -> Result<Arc<ProducerSession>, Fault> {
    match session {
        Session::Opening(opening) => opening.await,
        _ => std::future::pending().await,
    }
}

fn closed_error(partition: &TopicName) -> BrokerError {
    let message = format!(
        "a session with the broker was lost, and records for {partition} are not sent in the next one by themselves: \
         open a new publisher and hand them over again"
    );
    BrokerError::new(ErrorKind::Unavailable, message)
}
