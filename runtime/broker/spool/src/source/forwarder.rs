//! Publishes what the log holds for one topic.
//!
//! A **run** begins with the oldest record that is in the log and goes on until something is lost: a session, an answer,
//! the log. Then everything that is still in the log comes again, in its order, and once more after the flush time (see
//! [`super::doubt`]). A record leaves the log only when the flush time has passed since the broker accepted it and the
//! broker, asked after that, still has the session.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ErrorKind, MessageId, Published, Publisher, Result, TopicSpec,
};
use danube_wasm_model::{SubscriptionType, TopicName, clock};
use futures_util::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{answer_of, denials::Denials, doubt::Doubt, no_answer, refused, run::Run, window::Window};
use crate::{
    backoff::Backoff,
    epochs::{Epoch, Epochs},
    limits::{READ_ONCE_MAX, UNCONFIRMED_RECORDS_MAX},
    status::Part,
    store::Store,
};

/// See the module.
pub(crate) struct Forwarder {
    pub(crate) topic: TopicName,
    /// How the topic was asked for last.
    pub(crate) spec: watch::Receiver<TopicSpec>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) store: Arc<Store>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) flush: Duration,
    state: State,
}

/// What outlives a run.
#[derive(Default)]
struct State {
    backoff: Backoff,
    /// The last run ended in an error, and nothing was accepted since.
    failing: bool,
    /// The broker has the topic.
    declared: bool,
    denials: Denials,
    doubt: Doubt,
}

/// Why a run ended.
enum End {
    /// What was accepted may be gone.
    Lost,
    /// What was accepted may be skipped.
    Doubted,
    /// The topic was asked for differently.
    Respecified,
    /// The broker did not do something.
    Broker(BrokerError),
    /// The log did not.
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
        left: u64,
    ) -> Self {
        Self {
            topic,
            spec,
            broker,
            store,
            epochs,
            flush,
            state: State {
                doubt: Doubt::of_left(left),
                ..State::default()
            },
        }
    }

    /// Runs until it is aborted, which it may be at any time.
    pub(crate) async fn run(mut self) {
        loop {
            let epoch = self.epochs.current();
            match self.forward(epoch).await {
                End::Lost => {
                    tracing::warn!(topic = %self.topic, "a session with the broker was lost: what it may not have on its disk is published again");
                }
                End::Doubted => {
                    tracing::info!(topic = %self.topic, "published once more, because a broker that was killed may skip what it is given first");
                }
                End::Respecified => self.state.declared = false,
                End::Broker(error) => {
                    self.state.declared &= error.kind != ErrorKind::NotFound;
                    // What others published before this may be gone too; said once for each outage.
                    if error.is_transient() && !self.state.failing {
                        self.epochs.lost();
                    }
                    self.pause("the broker does not take what the spool holds", error).await;
                }
                End::Log(error) => self.pause("the spool cannot be read", error).await,
            }
        }
    }

    async fn pause(&mut self, what: &str, error: BrokerError) {
        let wait = self.state.backoff.next();
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
    async fn forward(&mut self, epoch: Epoch) -> End {
        let exclusive = SubscriptionType::Exclusive;
        let mut consumer = match self.store.read(&self.topic, exclusive, UNCONFIRMED_RECORDS_MAX).await {
            Ok(consumer) => consumer,
            Err(error) => return End::Log(error),
        };
        if let Err(error) = self.declare().await {
            return End::Broker(error);
        }
        let mut run = Run::new(epoch, consumer.acker());
        let end = loop {
            if let Err(end) = self.step(&mut run, &mut *consumer).await {
                break end;
            }
        };
        let doubt = &mut self.state.doubt;
        match &end {
            End::Lost => doubt.raise(&run.window),
            End::Broker(error) if error.is_transient() => doubt.raise(&run.window),
            End::Doubted => doubt.settle(),
            End::Broker(_) | End::Respecified | End::Log(_) => {}
        }
        end
    }

    /// Creates the topic, once.
    async fn declare(&mut self) -> Result<()> {
        if !self.state.declared {
            let spec = self.spec.borrow_and_update().clone();
            answer_of(self.broker.create_topic(&self.topic, spec)).await?;
            self.state.declared = true;
            self.goes_on();
        }
        Ok(())
    }

    /// The broker did something.
    fn goes_on(&mut self) {
        if std::mem::take(&mut self.state.failing) {
            tracing::info!(topic = %self.topic, "the broker takes what the spool holds again");
        }
        self.state.backoff.reset();
    }

    /// Sends what may be sent, then waits for one thing to happen.
    async fn step(&mut self, run: &mut Run, consumer: &mut dyn Consumer) -> Result<(), End> {
        self.send(run).await?;
        self.report(Some(&run.window), None);
        let due = run.window.due(self.flush);
        let doubt = &self.state.doubt;
        let repeat_at = doubt.repeat_at(&run.window, due);
        let ask_at = run.proof.ask_at(due).filter(|_| !doubt.is_raised());
        let stalled = run.stalled();
        tokio::select! {
            biased;
            () = self.epochs.over(run.epoch) => Err(End::Lost),
            Ok(()) = self.spec.changed() => Err(End::Respecified),
            Some((ids, results)) = run.calls.next() => self.answered(run, ids, results).await,
            Some((until, result)) = &mut run.proof.question => self.checked(run, until, result).await,
            () = sleep_until(ask_at.unwrap_or(stalled)), if ask_at.is_some() => {
                run.proof.ask(self.broker.clone(), self.flush, Instant::now());
                Ok(())
            }
            () = sleep_until(repeat_at.unwrap_or(stalled)), if repeat_at.is_some() => Err(End::Doubted),
            () = sleep_until(stalled), if !run.calls.is_empty() => Err(End::Broker(no_answer())),
            read = consumer.receive(READ_ONCE_MAX), if run.window.has_room() => {
                read.map_err(End::Log)?.into_iter().for_each(|message| run.window.add(message));
                Ok(())
            }
        }
    }

    async fn send(&mut self, run: &mut Run) -> Result<(), End> {
        while let Some(call) = run.window.next_call() {
            let publisher = self.publisher(run, &call.producer).await.map_err(End::Broker)?;
            // In a new session a record would come before an older one of its key that the lost session took with it.
            if self.epochs.current() != run.epoch {
                return Err(End::Lost);
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

    async fn answered(
        &mut self,
        run: &mut Run,
        ids: Vec<MessageId>,
        results: Vec<Result<Published>>,
    ) -> Result<(), End> {
        let now = Instant::now();
        run.answered = now;
        let mut end = None;
        let mut results = results.into_iter();
        for id in ids {
            match results.next().unwrap_or_else(|| Err(no_answer())) {
                Ok(_) => self.accepted(run, id, now),
                Err(error) if self.state.denials.is_final(id, error.kind) => self.set_aside(run, id, error).await?,
                Err(error) => end = Some(error),
            }
        }
        end.map_or(Ok(()), |error| Err(End::Broker(error)))
    }

    fn accepted(&mut self, run: &mut Run, id: MessageId, now: Instant) {
        run.window.accepted(id, now);
        self.state.denials.accepted(id);
        self.goes_on();
    }

    async fn set_aside(&mut self, run: &mut Run, id: MessageId, error: BrokerError) -> Result<(), End> {
        let Some((record, producer)) = run.window.refused(id) else {
            return Ok(());
        };
        tracing::error!(topic = %self.topic, record = %record.id, kind = error.kind.as_str(), %error, "the broker refuses a record: it is set aside in the spool");
        refused::set_aside(&self.store, record, &producer, &error.message)
            .await
            .map_err(End::Log)?;
        run.acker.ack(&[id]).await.map_err(End::Log)
    }

    /// What was accepted by `until` is safe if the session is still there.
    async fn checked(&mut self, run: &mut Run, until: Instant, result: Result<()>) -> Result<(), End> {
        run.proof.answered();
        if self.epochs.current() != run.epoch {
            return Err(End::Lost);
        }
        match result {
            Ok(()) => run.acker.ack(&run.window.confirmed(until)).await.map_err(End::Log),
            Err(error) => {
                tracing::debug!(topic = %self.topic, %error, "the broker cannot be asked whether a session is still there");
                Ok(())
            }
        }
    }

    fn report(&self, window: Option<&Window>, trouble: Option<String>) {
        let part = Part::Forwarder(self.topic.to_string());
        self.store.board.report(&part, |report| {
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
