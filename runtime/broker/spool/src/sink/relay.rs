//! Relays messages from the broker and the log to the caller, and spills them. It runs beside the caller, who may be
//! blocked by a target that is down.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, Consumer, Delivery, Message, Result};
use danube_wasm_model::TopicName;
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    pending_acks::PendingAcks,
    retry_timer::RetryTimer,
    shared::{Shared, Subscription},
    spilled::Spilled,
};
use crate::{limits::READ_ONCE_MAX, status::SpoolTask};

/// See the module.
pub(super) struct RelayTask {
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    task: SpoolTask,
    broker: Option<Box<dyn Consumer>>,
    /// The broker's delivery state.
    delivery: Option<watch::Receiver<Delivery>>,
    /// Set while the broker is being connected.
    connecting: OptionFuture<BoxFuture<'static, Result<Box<dyn Consumer>>>>,
    read_retry: RetryTimer,
    /// Read from the broker, and neither in flight nor on disk yet.
    pending: Vec<Message>,
    spilled: Spilled,
    pending_acks: PendingAcks,
}

impl RelayTask {
    /// `broker` is `None` if it is not connected; `spill_topic` is `None` if no message is spilled.
    pub(super) async fn start(
        subscription: Arc<Subscription>,
        shared: Arc<Shared>,
        broker: Option<Box<dyn Consumer>>,
        spill_topic: Option<TopicName>,
    ) -> Result<Self> {
        let options = &subscription.options;
        let mut relay = Self {
            task: SpoolTask::Consumer(options.topic.to_string(), options.subscription.clone()),
            broker: None,
            delivery: None,
            connecting: None.into(),
            read_retry: RetryTimer::default(),
            pending: Vec::new(),
            spilled: Spilled::open(subscription.clone(), shared.clone(), spill_topic).await?,
            pending_acks: PendingAcks::new(subscription.epochs.sessions()),
            subscription,
            shared,
        };
        match broker {
            Some(broker) => relay.on_connected(broker),
            None => relay.connect(),
        }
        Ok(relay)
    }

    /// Runs until it is aborted, which it may be at any time.
    pub(super) async fn run(mut self) {
        loop {
            self.route_pending().await;
            self.pending_acks
                .drop_if_session_lost(self.subscription.epochs.sessions());
            if let Ok(acker) = self.shared.broker_acker() {
                self.pending_acks.send(acker);
            }
            self.report().await;
            self.step().await;
        }
    }

    /// Waits for one event and handles it.
    async fn step(&mut self) {
        let (spill_at, redeliver_at) = {
            let in_flight = self.shared.in_flight.lock();
            (in_flight.spill_at(self.subscription.hold_max), in_flight.redeliver_at())
        };
        let spill_after_retry = spill_at.map(|at| at.max(self.spilled.write_retry.earliest()));
        let place_at = (!self.pending.is_empty()).then_some(self.spilled.write_retry.earliest());
        let owed_at = self.pending_acks.next_at();
        let may_read = self.pending.is_empty() && self.read_retry.is_due();
        let may_copy = self.spilled.read_retry.is_due();
        let again_at = [&self.read_retry, &self.spilled.read_retry]
            .into_iter()
            .filter_map(RetryTimer::waits_until)
            .min();
        tokio::select! {
            biased;
            Some(answer) = &mut self.pending_acks.call => self.pending_acks.handle_answer(answer, &mut self.shared.dedup.lock()),
            Some(result) = &mut self.connecting => match result {
                Ok(broker) => self.on_connected(broker),
                Err(error) => self.on_unreachable(error),
            },
            copies = self.spilled.receive(), if may_copy => match copies {
                Ok(copies) => self.spilled.handle_copies(copies).await,
                Err(error) => self.spilled.read_retry.record_failure(error),
            },
            // Before redelivery: otherwise a caller that negatively acknowledges without a delay would keep messages
            // from being spilled.
            () = sleep_until_some(spill_after_retry) => { self.spill().await; }
            () = sleep_until_some(redeliver_at) => self.redeliver_due(),
            () = sleep_until_some(place_at) => {}
            () = sleep_until_some(owed_at) => {}
            messages = receive(&mut self.broker), if may_read => match messages {
                Ok(messages) => self.on_messages(messages),
                Err(error) => self.on_unreachable(error),
            },
            () = sleep_until_some(again_at) => if self.broker.is_none() && self.read_retry.is_due() { self.connect() },
            () = forward_delivery(&mut self.delivery, &self.shared) => {}
            () = self.shared.relay_woken.notified() => {}
        }
    }

    fn connect(&mut self) {
        let subscription = self.subscription.clone();
        let connecting = async move { subscription.broker.subscribe(subscription.options.clone()).await };
        self.connecting = Some(connecting.boxed()).into();
    }

    fn on_connected(&mut self, broker: Box<dyn Consumer>) {
        self.connecting = None.into();
        self.shared.set_broker_acker(broker.acker());
        self.delivery = Some(broker.delivery());
        self.broker = Some(broker);
        self.read_retry.reset();
    }

    fn on_unreachable(&mut self, error: BrokerError) {
        self.connecting = None.into();
        if !self.spilled.has_messages {
            self.shared.set_error(error.clone());
        }
        self.read_retry.record_failure(error);
    }

    fn on_messages(&mut self, messages: Vec<Message>) {
        self.read_retry.reset();
        self.shared.clear_error();
        self.pending = messages;
    }

    /// Messages from the broker are delivered if no message is spilled, else they are appended to the log.
    async fn route_pending(&mut self) {
        if self.pending.is_empty() || !self.spilled.write_retry.is_due() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let new = self.without_duplicates(pending);
        match self.spilled.is_drained().await {
            Ok(true) => {
                let now = Instant::now();
                let mut in_flight = self.shared.in_flight.lock();
                new.into_iter()
                    .for_each(|message| in_flight.add_from_broker(message, now));
                drop(in_flight);
                self.shared.notify_available();
            }
            Ok(false) => {
                // Messages that are in flight for lack of room come first.
                self.pending = if self.spill().await { self.write(new).await } else { new };
            }
            Err(error) => {
                self.pending = new;
                self.spilled.write_retry.record_failure(error);
            }
        }
    }

    /// Removes messages that are here already. Those on disk are acknowledged again.
    fn without_duplicates(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let (mut in_flight, dedup) = (self.shared.in_flight.lock(), self.shared.dedup.lock());
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            let fingerprint = (!dedup.is_empty()).then(|| dedup.fingerprint(&message));
            match fingerprint.filter(|fingerprint| dedup.contains(*fingerprint)) {
                Some(fingerprint) => self.pending_acks.add([(message.message_id, fingerprint)]),
                None if in_flight.contains(&message) => {}
                None => new.push(message),
            }
        }
        new
    }

    /// Delivers messages again whose delay has passed.
    fn redeliver_due(&mut self) {
        if self.shared.in_flight.lock().release_due(Instant::now()) {
            self.shared.notify_available();
        }
    }

    /// Spills all messages in flight, because one is too old or was negatively acknowledged. Returns whether all were
    /// written.
    async fn spill(&mut self) -> bool {
        let spilling = self.shared.in_flight.lock().start_spilling();
        let messages = spilling.len();
        let left = self.write(spilling).await;
        if !left.is_empty() {
            self.shared.in_flight.lock().cancel_spilling(&left);
            self.shared.copies_read.notify_waiters();
        }
        if messages > left.len() && !std::mem::replace(&mut self.spilled.has_messages, true) {
            let options = &self.subscription.options;
            tracing::warn!(topic = %options.topic, subscription = options.subscription, messages, "messages were not done with in time, or given back: from now on they are held in the spool");
        }
        left.is_empty()
    }

    /// Returns messages for which there is no room.
    async fn write(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let (pending_acks, left) = self.spilled.write(messages).await;
        self.pending_acks.add(pending_acks);
        left
    }

    async fn report(&mut self) {
        if self.spilled.has_messages
            && let Err(error) = self.spilled.is_drained().await
        {
            self.spilled.read_retry.record_failure(error);
        }
        let (waiting, oldest_ms) = {
            let in_flight = self.shared.in_flight.lock();
            (in_flight.oldest_since(), in_flight.oldest_ms())
        };
        if self.pending.is_empty() && waiting.is_none() {
            // No message is left to write.
            self.spilled.write_retry.reset();
        }
        let timers = [
            &self.spilled.write_retry,
            &self.spilled.read_retry,
            &self.read_retry,
            &self.pending_acks.retry_timer,
        ];
        let trouble = timers.into_iter().find_map(RetryTimer::last_error);
        self.subscription.store.board.report(&self.task, |report| {
            report.holding = self.spilled.has_messages;
            report.oldest_ms = oldest_ms;
            report.trouble = trouble;
        });
    }
}

impl Drop for RelayTask {
    fn drop(&mut self) {
        self.subscription.store.board.remove(&self.task);
        self.shared.close();
    }
}

/// The next messages; never returns without a consumer.
async fn receive(consumer: &mut Option<Box<dyn Consumer>>) -> Result<Vec<Message>> {
    match consumer {
        Some(consumer) => consumer.receive(READ_ONCE_MAX).await,
        None => std::future::pending().await,
    }
}

/// Forwards a change of the broker's delivery state.
async fn forward_delivery(delivery: &mut Option<watch::Receiver<Delivery>>, shared: &Shared) {
    let Some(following) = delivery else {
        return std::future::pending().await;
    };
    match following.changed().await {
        Ok(()) => shared.set_delivery(following.borrow_and_update().clone()),
        Err(_) => *delivery = None,
    }
}

/// Sleeps until a time; for ever without one.
async fn sleep_until_some(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
