//! Moves messages from the broker and the log into the hand, and from the hand to the log. Runs beside the caller, who
//! may be stuck in a target that is down.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, Consumer, ErrorKind, Message, MessageId, Result};
use danube_wasm_model::TopicName;
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    consumer::{Shared, Subscription},
    copies::{copy, fitting, restore},
    known::Print,
    pace::Pace,
};
use crate::{
    limits::{CALL_TIME_MAX, READ_ONCE_MAX},
    status::Part,
    store::size,
};

/// See the module.
pub(super) struct Pump {
    subscription: Subscription,
    shared: Arc<Shared>,
    part: Part,
    broker: Option<Box<dyn Consumer>>,
    /// Set while the broker is not in reach yet.
    connecting: OptionFuture<BoxFuture<'static, Result<Box<dyn Consumer>>>>,
    /// Where messages are held, and who reads there, once there was reason to.
    place: Option<TopicName>,
    log: Option<Box<dyn Consumer>>,
    /// Whether there are any, or there were when this was looked at.
    holding: bool,
    /// Read from the broker, and neither in hand nor on disk yet.
    pending: Vec<Message>,
    /// On disk, to be acknowledged at the broker.
    safe: Vec<(MessageId, Print)>,
    acknowledging: OptionFuture<BoxFuture<'static, Acknowledged>>,
    is_acknowledging: bool,
    /// Sessions that the broker had lost when `safe` was read.
    sessions: u64,
    /// Reading from the broker, acknowledging there, writing to the log and reading it fail each for themselves.
    reading: Pace,
    acking: Pace,
    writing: Pace,
    copying: Pace,
}

type Acknowledged = (Vec<(MessageId, Print)>, Result<()>);

impl Pump {
    /// `broker` is none when it is not in reach; `place` is none when there never was anything to hold.
    pub(super) async fn start(
        subscription: Subscription,
        shared: Arc<Shared>,
        broker: Option<Box<dyn Consumer>>,
        place: Option<TopicName>,
    ) -> Result<Self> {
        let options = &subscription.options;
        let mut pump = Self {
            part: Part::Consumer(options.topic.to_string(), options.subscription.clone()),
            sessions: subscription.epochs.sessions(),
            subscription,
            shared,
            broker: None,
            connecting: None.into(),
            place: None,
            log: None,
            holding: false,
            pending: Vec::new(),
            safe: Vec::new(),
            acknowledging: None.into(),
            is_acknowledging: false,
            reading: Pace::default(),
            acking: Pace::default(),
            writing: Pace::default(),
            copying: Pace::default(),
        };
        if let Some(place) = place {
            pump.open(place).await?;
            pump.holding = true;
        }
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
            self.acknowledge();
            self.report().await;
            self.step().await;
        }
    }

    /// Waits for one thing to happen, and does what it asks for.
    async fn step(&mut self) {
        let since = self.shared.hand.lock().waiting_since();
        let hold_at = since.map(|since| (since + self.subscription.hold_max).max(self.writing.from()));
        let place_at = (!self.pending.is_empty()).then_some(self.writing.from());
        let ack_at = (!self.safe.is_empty() && !self.is_acknowledging).then_some(self.acking.from());
        let may_read = self.pending.is_empty() && self.reading.may();
        let may_copy = self.copying.may();
        let again_at = [&self.reading, &self.copying].into_iter().filter_map(Pace::until).min();
        tokio::select! {
            biased;
            Some((safe, result)) = &mut self.acknowledging => self.acknowledged(safe, result),
            Some(result) = &mut self.connecting => match result {
                Ok(broker) => self.connected(broker),
                Err(error) => self.unreachable(error),
            },
            copies = receive(&mut self.log), if may_copy => match copies {
                Ok(copies) => self.read_copies(copies).await,
                Err(error) => self.copying.failed(error),
            },
            () = until(hold_at) => { self.hold().await; }
            () = until(place_at) => {}
            () = until(ack_at) => {}
            messages = receive(&mut self.broker), if may_read => match messages {
                Ok(messages) => self.read(messages),
                Err(error) => self.unreachable(error),
            },
            () = until(again_at) => if self.broker.is_none() && self.reading.may() { self.connect() },
            () = self.shared.woken.notified() => {}
        }
    }

    fn connect(&mut self) {
        let (broker, options) = (self.subscription.broker.clone(), self.subscription.options.clone());
        self.connecting = Some(async move { broker.subscribe(options).await }.boxed()).into();
    }

    fn connected(&mut self, broker: Box<dyn Consumer>) {
        self.connecting = None.into();
        self.shared.connected(broker.acker());
        self.broker = Some(broker);
        self.reading.succeeded();
    }

    fn unreachable(&mut self, error: BrokerError) {
        self.connecting = None.into();
        if !self.holding {
            self.shared.fail(error.clone());
        }
        self.reading.failed(error);
    }

    fn read(&mut self, messages: Vec<Message>) {
        self.reading.succeeded();
        self.shared.recovered();
        self.pending = messages;
    }

    /// Reads the log from now on.
    async fn open(&mut self, place: TopicName) -> Result<()> {
        let options = &self.subscription.options;
        let store = &self.subscription.store;
        let log = store
            .read(&place, options.subscription_type, options.unacknowledged_max)
            .await?;
        self.shared.opened(log.acker());
        self.log = Some(log);
        self.place = Some(place);
        Ok(())
    }

    /// What was read from the broker goes into the hand when nothing is before it on disk, else to the disk.
    async fn place_pending(&mut self) {
        if self.pending.is_empty() || !self.writing.may() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let new = self.sift(pending);
        match self.is_through().await {
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
                self.copying.failed(error);
            }
        }
    }

    /// Without those that are here already; those on disk are acknowledged again.
    fn sift(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let (mut hand, known) = (self.shared.hand.lock(), self.shared.known.lock());
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            let print = (!known.is_empty()).then(|| known.print(&message));
            match print.filter(|print| known.contains(*print)) {
                Some(print) => self.safe.push((message.message_id, print)),
                None if hand.has(&message) => {}
                None => new.push(message),
            }
        }
        new
    }

    /// Whether the disk holds nothing.
    async fn is_through(&mut self) -> Result<bool> {
        let Some(place) = &self.place else { return Ok(true) };
        let empty = self.subscription.store.waiting(place).await? == 0;
        if empty {
            self.shared.known.lock().emptied();
        }
        if empty && self.holding {
            let options = &self.subscription.options;
            tracing::info!(topic = %options.topic, subscription = options.subscription, "what the spool held is through: messages pass by it again");
        }
        self.holding = !empty;
        Ok(empty)
    }

    /// Holds all that the caller has, because it has had some of it for too long. Whether there is nothing left to hold.
    async fn hold(&mut self) -> bool {
        let moving = self.shared.hand.lock().start_moving();
        let messages = moving.len();
        let left = self.write(moving).await;
        if !left.is_empty() {
            self.shared.hand.lock().stay(&left);
            self.shared.moved.notify_waiters();
        }
        if messages > left.len() && !std::mem::replace(&mut self.holding, true) {
            let options = &self.subscription.options;
            tracing::warn!(topic = %options.topic, subscription = options.subscription, messages, "messages were not done with in time: from now on they are held in the spool");
        }
        left.is_empty()
    }

    /// Has messages durable on disk, as many as there is room for; these can be acknowledged at the broker. Gives back
    /// the others.
    async fn write(&mut self, mut messages: Vec<Message>) -> Vec<Message> {
        if messages.is_empty() {
            return messages;
        }
        match self.try_write(&messages).await {
            Ok(written) => {
                self.writing.succeeded();
                messages.split_off(written)
            }
            Err(error) => {
                self.writing.failed(error);
                messages
            }
        }
    }

    async fn try_write(&mut self, messages: &[Message]) -> Result<usize> {
        let place = self.place().await?;
        let life = self.shared.known.lock().life();
        let mut copies: Vec<_> = messages.iter().map(|message| copy(message, &place, life)).collect();
        let store = &self.subscription.store;
        // One at least: if there is no room for it, it is refused with the reason.
        copies.truncate(fitting(&copies, store.room()).max(1));
        let n = copies.len();
        let _room = store.reserve(copies.iter().map(size).sum::<usize>() as u64)?;
        let written = store.write(copies).await;
        let mut known = self.shared.known.lock();
        for message in messages.iter().take(n) {
            let print = known.print(message);
            if written.is_ok() {
                known.wrote(print);
                self.safe.push((message.message_id, print));
            } else {
                known.may_have_written(print);
            }
        }
        written.map(|()| n)
    }

    /// Where messages are held; made and read from when there is reason to.
    async fn place(&mut self) -> Result<TopicName> {
        if let Some(place) = &self.place {
            return Ok(place.clone());
        }
        let options = &self.subscription.options;
        let place = self
            .subscription
            .catalog
            .make_place(&options.topic, &options.subscription)
            .await?;
        self.open(place.clone()).await?;
        Ok(place)
    }

    /// What the log gives is the copy of something in hand, or is new to it, or is there twice.
    async fn read_copies(&mut self, copies: Vec<Message>) {
        self.copying.succeeded();
        let mut twice = Vec::new();
        let now = Instant::now();
        for message in copies {
            let copy = match restore(message, &self.subscription.options.topic) {
                Ok(copy) => copy,
                Err(error) => {
                    self.copying.failed(error);
                    continue;
                }
            };
            let mut known = self.shared.known.lock();
            let print = known.print(&copy.message);
            if known.is_second(print, copy.life, copy.place.offset) {
                known.acknowledged_by_caller(print);
                twice.push(copy.place);
                continue;
            }
            drop(known);
            let mut hand = self.shared.hand.lock();
            if let Some(copy) = hand.moved(copy, print) {
                hand.add_copy(copy, print, now);
            }
        }
        self.shared.moved.notify_waiters();
        self.shared.filled();
        if let (false, Ok(log)) = (twice.is_empty(), self.shared.on_disk())
            && let Err(error) = log.ack(&twice).await
        {
            self.copying.failed(error);
        }
    }

    /// Acknowledges at the broker what is on disk.
    fn acknowledge(&mut self) {
        let sessions = self.subscription.epochs.sessions();
        if sessions != self.sessions {
            // A place of the lost session may be another message's now. What was not acknowledged comes again.
            self.safe.clear();
            self.sessions = sessions;
        }
        if self.safe.is_empty() || self.is_acknowledging || !self.acking.may() {
            return;
        }
        let Ok(acker) = self.shared.at_broker() else { return };
        let safe = std::mem::take(&mut self.safe);
        self.is_acknowledging = true;
        let call = async move {
            let ids: Vec<MessageId> = safe.iter().map(|(id, _)| *id).collect();
            let result = timeout(CALL_TIME_MAX, acker.ack(&ids)).await;
            let slow = || BrokerError::new(ErrorKind::Unavailable, "the broker did not answer an acknowledgement");
            (safe, result.unwrap_or_else(|_| Err(slow())))
        };
        self.acknowledging = Some(call.boxed()).into();
    }

    fn acknowledged(&mut self, safe: Vec<(MessageId, Print)>, result: Result<()>) {
        self.acknowledging = None.into();
        self.is_acknowledging = false;
        match result {
            Ok(()) => {
                let mut known = self.shared.known.lock();
                safe.iter().for_each(|(_, print)| known.acknowledged_at_broker(*print));
                drop(known);
                self.acking.succeeded();
            }
            Err(error) => {
                if error.is_transient() {
                    self.safe.extend(safe);
                }
                self.acking.failed(error);
            }
        }
    }

    async fn report(&mut self) {
        if self.holding
            && let Err(error) = self.is_through().await
        {
            self.copying.failed(error);
        }
        if self.pending.is_empty() && self.shared.hand.lock().waiting_since().is_none() {
            // There is nothing to be written any more.
            self.writing.succeeded();
        }
        let troubles = [&self.writing, &self.copying, &self.reading, &self.acking];
        let trouble = troubles.into_iter().find_map(Pace::trouble);
        let oldest_ms = self.shared.hand.lock().oldest_ms();
        self.subscription.store.board.report(&self.part, |report| {
            report.holding = self.holding;
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

/// Returns at a time, if there is one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
