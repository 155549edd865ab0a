//! Moves messages from the broker and the disk into the hand, and from the hand to the disk. Runs beside the caller, who
//! may be stuck in a target that is down.

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
    consumer::{Shared, Subscription},
    held::Held,
    pace::Pace,
    receipts::Receipts,
};
use crate::{limits::READ_ONCE_MAX, status::Part};

/// See the module.
pub(super) struct Pump {
    subscription: Arc<Subscription>,
    shared: Arc<Shared>,
    part: Part,
    broker: Option<Box<dyn Consumer>>,
    /// What the broker owes.
    delivery: Option<watch::Receiver<Delivery>>,
    /// Set while the broker is not in reach yet.
    connecting: OptionFuture<BoxFuture<'static, Result<Box<dyn Consumer>>>>,
    reading: Pace,
    /// Read from the broker, and neither in hand nor on disk yet.
    pending: Vec<Message>,
    held: Held,
    receipts: Receipts,
}

impl Pump {
    /// `broker` is none when it is not in reach; `place` is none when nothing is held.
    pub(super) async fn start(
        subscription: Arc<Subscription>,
        shared: Arc<Shared>,
        broker: Option<Box<dyn Consumer>>,
        place: Option<TopicName>,
    ) -> Result<Self> {
        let options = &subscription.options;
        let mut pump = Self {
            part: Part::Consumer(options.topic.to_string(), options.subscription.clone()),
            broker: None,
            delivery: None,
            connecting: None.into(),
            reading: Pace::default(),
            pending: Vec::new(),
            held: Held::open(subscription.clone(), shared.clone(), place).await?,
            receipts: Receipts::new(subscription.epochs.sessions()),
            subscription,
            shared,
        };
        match broker {
            Some(broker) => pump.connected(broker),
            None => pump.connect(),
        }
        Ok(pump)
    }

    /// Runs until it is aborted, which it may be at any time.
    pub(super) async fn run(mut self) {
        loop {
            self.place_pending().await;
            self.receipts.follow(self.subscription.epochs.sessions());
            if let Ok(acker) = self.shared.at_broker() {
                self.receipts.call(acker);
            }
            self.report().await;
            self.step().await;
        }
    }

    /// Waits for one thing to happen, and does what it asks for.
    async fn step(&mut self) {
        let (move_at, due_at) = {
            let hand = self.shared.hand.lock();
            (hand.move_at(self.subscription.hold_max), hand.due_at())
        };
        let hold_at = move_at.map(|at| at.max(self.held.writing.from()));
        let place_at = (!self.pending.is_empty()).then_some(self.held.writing.from());
        let owed_at = self.receipts.next_at();
        let may_read = self.pending.is_empty() && self.reading.may();
        let may_copy = self.held.reading.may();
        let again_at = [&self.reading, &self.held.reading]
            .into_iter()
            .filter_map(Pace::until)
            .min();
        tokio::select! {
            biased;
            Some(answer) = &mut self.receipts.call => self.receipts.answered(answer, &mut self.shared.known.lock()),
            Some(result) = &mut self.connecting => match result {
                Ok(broker) => self.connected(broker),
                Err(error) => self.unreachable(error),
            },
            copies = self.held.receive(), if may_copy => match copies {
                Ok(copies) => self.held.take(copies).await,
                Err(error) => self.held.reading.failed(error),
            },
            // Before what is due: a caller that gives back without a pause keeps nothing from the disk.
            () = until(hold_at) => { self.hold().await; }
            () = until(due_at) => self.due(),
            () = until(place_at) => {}
            () = until(owed_at) => {}
            messages = receive(&mut self.broker), if may_read => match messages {
                Ok(messages) => self.read(messages),
                Err(error) => self.unreachable(error),
            },
            () = until(again_at) => if self.broker.is_none() && self.reading.may() { self.connect() },
            () = changed(&mut self.delivery, &self.shared) => {}
            () = self.shared.woken.notified() => {}
        }
    }

    fn connect(&mut self) {
        let subscription = self.subscription.clone();
        let connecting = async move { subscription.broker.subscribe(subscription.options.clone()).await };
        self.connecting = Some(connecting.boxed()).into();
    }

    fn connected(&mut self, broker: Box<dyn Consumer>) {
        self.connecting = None.into();
        self.shared.connected(broker.acker());
        self.delivery = Some(broker.delivery());
        self.broker = Some(broker);
        self.reading.succeeded();
    }

    fn unreachable(&mut self, error: BrokerError) {
        self.connecting = None.into();
        if !self.held.any {
            self.shared.fail(error.clone());
        }
        self.reading.failed(error);
    }

    fn read(&mut self, messages: Vec<Message>) {
        self.reading.succeeded();
        self.shared.recovered();
        self.pending = messages;
    }

    /// What was read from the broker goes into the hand when nothing is before it on disk, else to the disk.
    async fn place_pending(&mut self) {
        if self.pending.is_empty() || !self.held.writing.may() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let new = self.sift(pending);
        match self.held.is_through().await {
            Ok(true) => {
                let now = Instant::now();
                let mut hand = self.shared.hand.lock();
                new.into_iter().for_each(|message| hand.add(message, now));
                drop(hand);
                self.shared.filled();
            }
            Ok(false) => {
                // What is in hand for lack of room comes before it.
                self.pending = if self.hold().await { self.write(new).await } else { new };
            }
            Err(error) => {
                self.pending = new;
                self.held.writing.failed(error);
            }
        }
    }

    /// Without those that are here already. Those on disk are acknowledged again.
    fn sift(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let (mut hand, known) = (self.shared.hand.lock(), self.shared.known.lock());
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            let print = (!known.is_empty()).then(|| known.print(&message));
            match print.filter(|print| known.contains(*print)) {
                Some(print) => self.receipts.owe([(message.message_id, print)]),
                None if hand.has(&message) => {}
                None => new.push(message),
            }
        }
        new
    }

    /// The caller has again what it gave back some time ago.
    fn due(&mut self) {
        if self.shared.hand.lock().make_ready(Instant::now()) {
            self.shared.filled();
        }
    }

    /// Holds all that the caller has, because it has had some of it for too long or gave some back. Whether there is nothing
    /// left to hold.
    async fn hold(&mut self) -> bool {
        let moving = self.shared.hand.lock().start_moving();
        let messages = moving.len();
        let left = self.write(moving).await;
        if !left.is_empty() {
            self.shared.hand.lock().stay(&left);
            self.shared.moved.notify_waiters();
        }
        if messages > left.len() && !std::mem::replace(&mut self.held.any, true) {
            let options = &self.subscription.options;
            tracing::warn!(topic = %options.topic, subscription = options.subscription, messages, "messages were not done with in time, or given back: from now on they are held in the spool");
        }
        left.is_empty()
    }

    /// Gives back what there is no room for.
    async fn write(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let (receipts, left) = self.held.write(messages).await;
        self.receipts.owe(receipts);
        left
    }

    async fn report(&mut self) {
        if self.held.any
            && let Err(error) = self.held.is_through().await
        {
            self.held.reading.failed(error);
        }
        let (waiting, oldest_ms) = {
            let hand = self.shared.hand.lock();
            (hand.waiting_since(), hand.oldest_ms())
        };
        if self.pending.is_empty() && waiting.is_none() {
            // There is nothing to be written any more.
            self.held.writing.succeeded();
        }
        let paces = [
            &self.held.writing,
            &self.held.reading,
            &self.reading,
            &self.receipts.pace,
        ];
        let trouble = paces.into_iter().find_map(Pace::trouble);
        self.subscription.store.board.report(&self.part, |report| {
            report.holding = self.held.any;
            report.oldest_ms = oldest_ms;
            report.trouble = trouble;
        });
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.subscription.store.board.forget(&self.part);
        self.shared.end();
    }
}

/// The next messages; never, where there is no consumer.
async fn receive(consumer: &mut Option<Box<dyn Consumer>>) -> Result<Vec<Message>> {
    match consumer {
        Some(consumer) => consumer.receive(READ_ONCE_MAX).await,
        None => std::future::pending().await,
    }
}

/// Hands on what the broker owes, once that changes.
async fn changed(delivery: &mut Option<watch::Receiver<Delivery>>, shared: &Shared) {
    let Some(following) = delivery else {
        return std::future::pending().await;
    };
    match following.changed().await {
        Ok(()) => shared.owes(following.borrow_and_update().clone()),
        Err(_) => *delivery = None,
    }
}

/// Returns at a time, if there is one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
