//! Pulling from one durable consumer: one pull at the server at a time, for no more messages than the window has room for.
//!
//! Where order is kept, a session ends when a delivery is not the next one: see [`super::position`].

use async_nats::{Message, StatusCode};
use danube_wasm_broker::Result;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{
    durable::nanos,
    position::{Position, Verdict},
    share::Share,
    standstill::{Remedy, StandstillDetector},
};
use crate::{
    delivery_subject::DeliverySubject,
    error::unavailable,
    limits::{
        OWNED_PULL, PULL_BYTES_MAX, PULL_MESSAGES_MAX, PULL_UNROOMED_MAX, RETRY_CEILING, RETRY_FLOOR, SHARED_PULL,
    },
    session::raised,
    wire,
};

/// See the module.
pub(super) struct PullSession<'s> {
    share: &'s Share,
    subscriber: async_nats::Subscriber,
    inbox: String,
    pulls: u64,
    pull: Option<Pull>,
    /// Whether this process alone pulls, and order is kept.
    is_owned: bool,
    /// A delivery was not the next one: what still comes does not count.
    out_of_step: bool,
    /// Messages have come again since the last pull.
    come_again: bool,
    /// The owner before had messages that the server does not give again yet.
    too_early: bool,
    /// When messages of the owner before must have come.
    complete_by: Option<Instant>,
    keep_alive: Interval,
    standstill: StandstillDetector,
}

/// A pull at the server.
struct Pull {
    reply: String,
    left: usize,
    /// Its room in the window; messages that need none have none.
    permits: Option<OwnedSemaphorePermit>,
    /// When the server must have answered.
    deadline: Instant,
}

impl<'s> PullSession<'s> {
    pub(super) async fn new(share: &'s Share) -> Result<Self> {
        let subscription = &share.subscription;
        let client = subscription.session.client().await?;
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(format!("{inbox}.*")).await;
        let subscriber = subscriber.map_err(|e| unavailable(format!("subscribing to deliveries: {e}")))?;
        let mut keep_alive = interval(subscription.session.options.ack_wait / 3);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (is_owned, waits) = {
            let in_flight = subscription.in_flight.lock();
            let position = in_flight.position(share.index);
            (position.is_some(), position.is_some_and(Position::waits))
        };
        let again_within = subscription.session.options.ack_wait + RETRY_CEILING * 3;
        Ok(Self {
            share,
            subscriber,
            inbox,
            pulls: 0,
            pull: None,
            is_owned,
            out_of_step: false,
            come_again: false,
            too_early: false,
            complete_by: waits.then(|| Instant::now() + again_within),
            keep_alive,
            standstill: StandstillDetector::new(subscription.session.options.standstill_after),
        })
    }

    /// Until something is wrong with it, or it is stopped and nothing more can come.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        loop {
            let is_stopped = *stop.borrow();
            if is_stopped && self.pull.is_none() {
                return Ok(());
            }
            if self.out_of_step && self.pull.is_none() {
                // Not earlier: a pull that the server still holds would take what is delivered anew.
                return Err(unavailable("a delivery is not the next one"));
            }
            let wants_pull = !is_stopped && self.pull.is_none();
            let needs_no_room = wants_pull && self.to_come() > 0;
            let deadline = self.pull.as_ref().map(|pull| pull.deadline);
            let window = self.share.subscription.window.clone();
            tokio::select! {
                biased;
                _ = self.keep_alive.tick() => {
                    self.share.work_in_progress().await;
                    self.watch_standstill().await?;
                }
                // What has come counts before it is asked what has not.
                message = self.subscriber.next() => match message {
                    Some(message) => self.take(message).await?,
                    None => return Err(unavailable("the subscription to deliveries has ended")),
                },
                () = raised(&mut stop), if !is_stopped => {}
                () = at(deadline) => {
                    self.end_pull();
                    self.check_consumer().await?;
                }
                () = at(self.complete_by) => self.check_complete(),
                () = at_once(self.too_early), if needs_no_room => self.ask_without_room().await?,
                permit = window.acquire_owned(), if wants_pull && !needs_no_room => {
                    let permit = permit.map_err(|_| unavailable("the consumer is closed"))?;
                    self.ask_with_room(permit).await?;
                }
            }
        }
    }

    /// See [`Position::to_come`].
    fn to_come(&self) -> u64 {
        let in_flight = self.share.subscription.in_flight.lock();
        let position = in_flight.position(self.share.index);
        position.map_or(0, Position::to_come)
    }

    /// Pulls messages that are here already, or that all others wait for. One if they were not due.
    async fn ask_without_room(&mut self) -> Result<()> {
        let most = if self.too_early { 1 } else { PULL_UNROOMED_MAX };
        self.too_early = false;
        let batch = usize::try_from(self.to_come()).unwrap_or(most).clamp(1, most);
        self.ask(batch, None).await
    }

    /// Pulls as many messages as there is room for.
    async fn ask_with_room(&mut self, mut permits: OwnedSemaphorePermit) -> Result<()> {
        let subscription = &self.share.subscription;
        let most = subscription
            .options
            .unacknowledged_max
            .div_ceil(self.share.shares)
            .clamp(1, PULL_MESSAGES_MAX);
        let more = subscription.window.available_permits().min(most - 1);
        let more = u32::try_from(more).unwrap_or(0);
        if let Ok(more) = subscription.window.clone().try_acquire_many_owned(more) {
            permits.merge(more);
        }
        self.ask(permits.num_permits(), Some(permits)).await
    }

    async fn ask(&mut self, batch: usize, permits: Option<OwnedSemaphorePermit>) -> Result<()> {
        let subscription = &self.share.subscription;
        let expires = if self.is_owned { OWNED_PULL } else { SHARED_PULL };
        self.pulls += 1;
        let reply = format!("{}.{}", self.inbox, self.pulls);
        let mut body = json!({"batch": batch, "max_bytes": PULL_BYTES_MAX, "expires": nanos(expires)});
        if !self.is_owned {
            body["idle_heartbeat"] = json!(nanos(SHARED_PULL / 4));
        }
        let call = format!(
            "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
            subscription.topic.stream, self.share.name
        );
        let client = subscription.session.client().await?;
        let sent = client
            .publish_with_reply(call, reply.clone(), body.to_string().into())
            .await;
        sent.map_err(|e| unavailable(format!("pulling: {e}")))?;
        let silent_for = if self.is_owned {
            OWNED_PULL + RETRY_CEILING
        } else {
            SHARED_PULL / 2
        };
        self.pull = Some(Pull {
            reply,
            left: batch,
            permits,
            deadline: Instant::now() + silent_for,
        });
        Ok(())
    }

    async fn take(&mut self, message: Message) -> Result<()> {
        match message.status {
            Some(status) => self.status(status, &message).await,
            None => self.deliver(message).await,
        }
    }

    /// What the server says of a pull.
    async fn status(&mut self, status: StatusCode, message: &Message) -> Result<()> {
        let Some(pull) = self.pull.as_mut().filter(|pull| pull.reply == message.subject.as_str()) else {
            return Ok(());
        };
        if status == StatusCode::IDLE_HEARTBEAT {
            pull.deadline = Instant::now() + SHARED_PULL / 2;
            return Ok(());
        }
        self.end_pull();
        let text = message.description.clone().unwrap_or_default();
        match status {
            // It has expired, or nothing is there.
            StatusCode::NOT_FOUND | StatusCode::TIMEOUT => Ok(()),
            StatusCode::NO_RESPONDERS => {
                tokio::time::sleep(RETRY_FLOOR * 2).await;
                self.check_consumer().await
            }
            _ if text.contains("Batch Completed") || text.contains("MaxBytes") => Ok(()),
            _ => {
                tracing::debug!(consumer = self.share.name, text, "a pull has ended");
                tokio::time::sleep(RETRY_FLOOR * 2).await;
                self.check_consumer().await
            }
        }
    }

    /// Nothing more comes of it.
    fn end_pull(&mut self) {
        self.pull = None;
        if std::mem::take(&mut self.come_again) {
            self.share.subscription.come_again.notify_waiters();
        }
    }

    async fn deliver(&mut self, message: Message) -> Result<()> {
        let subscription = &self.share.subscription;
        let Some(reply) = message.reply.as_ref().map(ToString::to_string) else {
            return Ok(());
        };
        let Some(delivery) = DeliverySubject::parse(&reply) else {
            tracing::warn!(
                reply,
                "a message was delivered in a form that this program does not know"
            );
            return Ok(());
        };
        self.standstill.reset();
        let permit = self.pull.as_mut().and_then(|pull| {
            pull.left -= 1;
            pull.permits.as_mut()?.split(1)
        });
        if !self.out_of_step {
            let message = wire::read(message, &delivery, &subscription.topic.name, &subscription.topic.stream);
            let verdict =
                subscription
                    .in_flight
                    .lock()
                    .arrive(self.share.index, reply.clone(), &delivery, message, permit);
            self.follow(verdict, &delivery, reply).await?;
        }
        if self.pull.as_ref().is_some_and(|pull| pull.left == 0) {
            self.end_pull();
        }
        self.share.subscription.changed.notify_waiters();
        Ok(())
    }

    /// What a delivery leads to.
    async fn follow(&mut self, verdict: Verdict, delivery: &DeliverySubject, reply: String) -> Result<()> {
        match verdict {
            Verdict::New => self.note_progress(delivery),
            Verdict::Again => self.come_again = true,
            Verdict::Settled => {
                // If it is lost, it comes again.
                let client = self.share.subscription.session.client().await?;
                let _ = client.publish(reply, "+ACK".into()).await;
            }
            Verdict::OutOfStep => {
                tracing::debug!(consumer = self.share.name, ?delivery, "a delivery is not the next one");
                self.out_of_step = true;
            }
        }
        Ok(())
    }

    /// While messages of the owner before are waited for: one that is newer came because those are not due.
    fn note_progress(&mut self, delivery: &DeliverySubject) {
        if self.complete_by.is_none() {
            return;
        }
        let in_flight = self.share.subscription.in_flight.lock();
        let waits = in_flight.position(self.share.index).is_some_and(Position::waits);
        if waits {
            self.too_early |= delivery.deliveries == 1;
        } else {
            (self.too_early, self.complete_by) = (false, None);
        }
    }

    /// What the owner before had must be here: if not, it is counted anew.
    fn check_complete(&mut self) {
        self.complete_by = None;
        let in_flight = self.share.subscription.in_flight.lock();
        let position = in_flight.position(self.share.index);
        self.out_of_step |= position.is_some_and(Position::waits);
    }

    /// An error if it is gone; then pulling begins anew. Where order is kept, it says whether something is missing here.
    async fn check_consumer(&mut self) -> Result<()> {
        let info = self.share.info().await?;
        let in_flight = self.share.subscription.in_flight.lock();
        let position = in_flight.position(self.share.index);
        self.out_of_step |= position.is_some_and(|position| !position.is_in_step(&info) || position.is_moved(&info));
        Ok(())
    }

    /// A consumer that has messages and delivers none is asked anew, then gets another leader.
    async fn watch_standstill(&mut self) -> Result<()> {
        if self.pull.is_none() || !self.standstill.is_due() {
            return Ok(());
        }
        let share = self.share;
        let pending = share.info().await?.num_pending;
        if pending == 0 {
            self.standstill.reset();
            return Ok(());
        }
        let (consumer, topic) = (&share.name, &share.subscription.topic.name);
        match self.standstill.remedy() {
            Remedy::NewPull => {
                tracing::warn!(consumer, %topic, pending, "NATS has messages and delivers none: it is asked anew");
            }
            Remedy::NewLeader => {
                tracing::warn!(consumer, %topic, pending, "NATS has messages and still delivers none: the consumer's leader is replaced");
                // With one server there is no other.
                let _ = share.subscription.durables().step_down(consumer).await;
            }
        }
        self.end_pull();
        Ok(())
    }
}

/// After a while, if it is too early.
async fn at_once(too_early: bool) {
    if too_early {
        tokio::time::sleep(RETRY_FLOOR * 10).await;
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
