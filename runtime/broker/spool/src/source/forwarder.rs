//! Publishes the log's records of one topic.
//!
//! A **run** starts with the oldest record in the log and lasts until something is lost: a session, an answer, the log.
//! Then every record in the log is published again, in order, and once more after the flush time (see
//! [`super::unconfirmed_publishes`]). A record is removed only when the flush time has passed since the broker accepted
//! it and the broker, asked after that, still has the session.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{
    Backoff, Broker, BrokerError, Consumer, ErrorKind, MessageId, Published, Publisher, Result, TopicSpec,
};
use danube_wasm_model::{SubscriptionType, TopicName, clock};
use futures_util::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    answer_of, no_answer, refused, rejections::Rejections, run::Run, unconfirmed_publishes::UnconfirmedPublishes,
    window::Window,
};
use crate::{
    epochs::{Epoch, Epochs},
    limits::{BACKOFF_MAX, BACKOFF_MIN, READ_ONCE_MAX, UNCONFIRMED_RECORDS_MAX},
    status::SpoolTask,
    store::Store,
};

/// See the module.
pub(crate) struct Forwarder {
    pub(crate) topic: TopicName,
    /// The latest spec of the topic.
    pub(crate) spec: watch::Receiver<TopicSpec>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<Store>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) flush: Duration,
    state: State,
}

/// State that outlives a run.
struct State {
    backoff: Backoff,
    /// The last run ended with an error, and no record was accepted since.
    failing: bool,
    /// The topic was created at the broker.
    declared: bool,
    rejections: Rejections,
    unconfirmed_publishes: UnconfirmedPublishes,
}

/// Why a run ended.
enum RunEnd {
    /// Accepted records may be lost.
    Lost,
    /// Accepted records may be skipped: publish them once more.
    Republish,
    /// The topic has a new spec.
    Respecified,
    /// The broker failed.
    Broker(BrokerError),
    /// The log failed.
    Log(BrokerError),
}

impl Forwarder {
    pub(crate) fn new(
        topic: TopicName,
        spec: watch::Receiver<TopicSpec>,
        broker: Arc<dyn Broker>,
        store: Arc<Store>,
        epochs: Arc<Epochs>,
        flush: Duration,
        leftover: u64,
    ) -> Self {
        Self {
            topic,
            spec,
            broker,
            store,
            epochs,
            flush,
            state: State {
                backoff: Backoff::new(BACKOFF_MIN),
                failing: false,
                declared: false,
                rejections: Rejections::default(),
                unconfirmed_publishes: UnconfirmedPublishes::from_leftover(leftover),
            },
        }
    }

    /// Runs until it is aborted, which it may be at any time.
    pub(crate) async fn run(mut self) {
        loop {
            let epoch = self.epochs.current();
            match self.forward(epoch).await {
                RunEnd::Lost => {
                    tracing::warn!(topic = %self.topic, "a session with the broker was lost: what it may not have on its disk is published again");
                }
                RunEnd::Republish => {
                    tracing::info!(topic = %self.topic, "published once more, because a broker that was killed may skip what it is given first");
                }
                RunEnd::Respecified => self.state.declared = false,
                RunEnd::Broker(error) => {
                    self.state.declared &= error.kind != ErrorKind::NotFound;
                    // Records of other topics may be lost too; recorded once for each outage.
                    if error.is_transient() && !self.state.failing {
                        self.epochs.record_loss();
                    }
                    self.wait_after_error("the broker does not take what the spool holds", error)
                        .await;
                }
                RunEnd::Log(error) => self.wait_after_error("the spool cannot be read", error).await,
            }
        }
    }

    async fn wait_after_error(&mut self, what: &str, error: BrokerError) {
        let wait = self.state.backoff.next(BACKOFF_MAX);
        if self.state.failing {
            tracing::debug!(topic = %self.topic, kind = error.kind.as_str(), %error, wait_ms = clock::millis(wait), "{what}");
        } else {
            tracing::warn!(topic = %self.topic, kind = error.kind.as_str(), %error, wait_ms = clock::millis(wait), "{what}; trying again");
        }
        self.state.failing = true;
        self.report(None, Some(error.message));
        sleep(wait).await;
    }

    /// One run.
    async fn forward(&mut self, epoch: Epoch) -> RunEnd {
        let exclusive = SubscriptionType::Exclusive;
        let mut consumer = match self.store.read(&self.topic, exclusive, UNCONFIRMED_RECORDS_MAX).await {
            Ok(consumer) => consumer,
            Err(error) => return RunEnd::Log(error),
        };
        if let Err(error) = self.declare().await {
            return RunEnd::Broker(error);
        }
        let mut run = Run::new(epoch, consumer.acker());
        let end = loop {
            if let Err(end) = self.step(&mut run, &mut *consumer).await {
                break end;
            }
        };
        let unconfirmed_publishes = &mut self.state.unconfirmed_publishes;
        match &end {
            RunEnd::Lost => unconfirmed_publishes.record_loss(&run.window),
            RunEnd::Broker(error) if error.is_transient() => unconfirmed_publishes.record_loss(&run.window),
            RunEnd::Republish => unconfirmed_publishes.clear(),
            RunEnd::Broker(_) | RunEnd::Respecified | RunEnd::Log(_) => {}
        }
        end
    }

    /// Creates the topic, once.
    async fn declare(&mut self) -> Result<()> {
        if !self.state.declared {
            let spec = self.spec.borrow_and_update().clone();
            answer_of(self.broker.create_topic(&self.topic, spec)).await?;
            self.state.declared = true;
            self.record_progress();
        }
        Ok(())
    }

    /// The broker works again: resets the backoff.
    fn record_progress(&mut self) {
        if std::mem::take(&mut self.state.failing) {
            tracing::info!(topic = %self.topic, "the broker takes what the spool holds again");
        }
        self.state.backoff.reset();
    }

    /// Publishes what may be published, then waits for one event.
    async fn step(&mut self, run: &mut Run, consumer: &mut dyn Consumer) -> Result<(), RunEnd> {
        self.send(run).await?;
        self.report(Some(&run.window), None);
        let due = run.window.due(self.flush);
        let unconfirmed_publishes = &self.state.unconfirmed_publishes;
        let republish_at = unconfirmed_publishes.republish_at(&run.window, due);
        let next_request_at = run
            .confirmation
            .next_request_at(due)
            .filter(|_| !unconfirmed_publishes.is_pending());
        let stalled = run.stalled_at();
        tokio::select! {
            biased;
            () = self.epochs.ended(run.epoch) => Err(RunEnd::Lost),
            Ok(()) = self.spec.changed() => Err(RunEnd::Respecified),
            Some((ids, results)) = run.calls.next() => self.handle_answers(run, ids, results).await,
            Some((until, result)) = &mut run.confirmation.request => self.handle_confirmation(run, until, result).await,
            () = sleep_until(next_request_at.unwrap_or(stalled)), if next_request_at.is_some() => {
                run.confirmation.start(self.broker.clone(), self.flush, Instant::now());
                Ok(())
            }
            () = sleep_until(republish_at.unwrap_or(stalled)), if republish_at.is_some() => Err(RunEnd::Republish),
            () = sleep_until(stalled), if !run.calls.is_empty() => Err(RunEnd::Broker(no_answer())),
            read = consumer.receive(READ_ONCE_MAX), if run.window.has_room() => {
                read.map_err(RunEnd::Log)?.into_iter().for_each(|message| run.window.add(message));
                Ok(())
            }
        }
    }

    async fn send(&mut self, run: &mut Run) -> Result<(), RunEnd> {
        while let Some(call) = run.window.next_call() {
            let publisher = self.publisher(run, &call.producer).await.map_err(RunEnd::Broker)?;
            // In a new session the record could be published before an older one of its key that was lost with the old
            // session.
            if self.epochs.current() != run.epoch {
                return Err(RunEnd::Lost);
            }
            run.call(&*publisher, call);
        }
        Ok(())
    }

    async fn publisher(&self, run: &mut Run, producer: &Arc<str>) -> Result<Arc<dyn Publisher>> {
        if let Some(known) = run.publishers.get(producer) {
            return Ok(known.clone());
        }
        let new = answer_of(self.broker.publisher(producer)).await?;
        run.publishers.insert(producer.clone(), new.clone());
        Ok(new)
    }

    async fn handle_answers(
        &mut self,
        run: &mut Run,
        ids: Vec<MessageId>,
        results: Vec<Result<Published>>,
    ) -> Result<(), RunEnd> {
        let now = Instant::now();
        run.last_answer = now;
        let mut end = None;
        let mut results = results.into_iter();
        for id in ids {
            match results.next().unwrap_or_else(|| Err(no_answer())) {
                Ok(_) => self.record_accepted(run, id, now),
                Err(error) if self.state.rejections.is_final(id, error.kind) => {
                    self.store_refused(run, id, error).await?
                }
                Err(error) => end = Some(error),
            }
        }
        end.map_or(Ok(()), |error| Err(RunEnd::Broker(error)))
    }

    fn record_accepted(&mut self, run: &mut Run, id: MessageId, now: Instant) {
        run.window.record_accepted(id, now);
        self.state.rejections.record_accepted(id);
        self.record_progress();
    }

    async fn store_refused(&mut self, run: &mut Run, id: MessageId, error: BrokerError) -> Result<(), RunEnd> {
        let Some((record, producer)) = run.window.take_refused(id) else {
            return Ok(());
        };
        tracing::error!(topic = %self.topic, record = %record.id, kind = error.kind.as_str(), %error, "the broker refuses a record: it is set aside in the spool");
        refused::store_refused(&self.store, record, &producer, &error.message)
            .await
            .map_err(RunEnd::Log)?;
        run.acker.ack(&[id]).await.map_err(RunEnd::Log)
    }

    /// Records accepted by `until` are safe if the session still exists.
    async fn handle_confirmation(&mut self, run: &mut Run, until: Instant, result: Result<()>) -> Result<(), RunEnd> {
        run.confirmation.finish();
        if self.epochs.current() != run.epoch {
            return Err(RunEnd::Lost);
        }
        match result {
            Ok(()) => run
                .acker
                .ack(&run.window.take_confirmed(until))
                .await
                .map_err(RunEnd::Log),
            Err(error) => {
                tracing::debug!(topic = %self.topic, %error, "the broker cannot be asked whether a session is still there");
                Ok(())
            }
        }
    }

    fn report(&self, window: Option<&Window>, trouble: Option<String>) {
        let task = SpoolTask::Forwarder(self.topic.to_string());
        self.store.board.report(&task, |report| {
            match window {
                Some(window) => {
                    report.unconfirmed = window.unconfirmed();
                    report.oldest_ms = window.oldest_ms();
                }
                None => report.unconfirmed = 0,
            }
            if trouble.is_some() || !self.state.failing {
                report.trouble = trouble;
            }
        });
    }
}
