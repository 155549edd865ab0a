//! Pulling from one durable consumer: one pull at the server at a time, for no more messages than the window has room for.
//!
//! Deliveries of a consumer are numbered without gaps. Where order is kept, a gap means that messages were lost on the way
//! here (a lost connection): nothing is given until the server has given those again.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use danube_wasm_broker::Result;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{durable::ConsumerInfo, durable::nanos, share::Share};
use crate::{
    delivery_subject::DeliverySubject,
    error::unavailable,
    limits::{
        OWNED_PULL, PULL_BYTES_MAX, PULL_MESSAGES_MAX, RETRY_CEILING, RETRY_FLOOR, SHARED_PULL, STANDSTILL_AFTER,
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
    /// Number of the next delivery, where order is kept.
    expected: Option<u64>,
    gap: Gap,
    keep_alive: Interval,
    /// Since when nothing has come although there may be something.
    silent_since: Instant,
}

/// A pull at the server.
struct Pull {
    reply: String,
    left: usize,
    permits: OwnedSemaphorePermit,
    /// When the server must have answered.
    deadline: Instant,
}

/// Messages that were lost on the way.
enum Gap {
    None,
    /// The server gives them again after this time; until then nothing is pulled and nothing given.
    Waiting(Instant),
    /// They come with the next pull.
    Pulling,
}

impl<'s> PullSession<'s> {
    pub(super) async fn new(share: &'s Share, info: ConsumerInfo) -> Result<Self> {
        let subscription = &share.subscription;
        let client = subscription.session.client().await?;
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(format!("{inbox}.*")).await;
        let subscriber = subscriber.map_err(|e| unavailable(format!("subscribing to deliveries: {e}")))?;
        let mut keep_alive = interval(subscription.session.options.ack_wait / 3);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let keeps_order = subscription.ledger.lock().keeps_order();
        Ok(Self {
            share,
            subscriber,
            inbox,
            pulls: 0,
            pull: None,
            expected: keeps_order.then_some(info.delivered.consumer_seq + 1),
            gap: Gap::None,
            keep_alive,
            silent_since: Instant::now(),
        })
    }

    /// Until something is wrong with it, or it is stopped and nothing more can come.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        loop {
            let is_stopped = *stop.borrow();
            if is_stopped && self.pull.is_none() {
                return Ok(());
            }
            let wants_pull = !is_stopped && self.pull.is_none() && !matches!(self.gap, Gap::Waiting(_));
            let deadline = self.pull.as_ref().map(|pull| pull.deadline);
            let gap_until = match self.gap {
                Gap::Waiting(until) => Some(until),
                _ => None,
            };
            let window = self.share.subscription.window.clone();
            tokio::select! {
                message = self.subscriber.next() => match message {
                    Some(message) => self.take(message).await?,
                    None => return Err(unavailable("the subscription to deliveries has ended")),
                },
                permit = window.acquire_owned(), if wants_pull => {
                    let permit = permit.map_err(|_| unavailable("the consumer is closed"))?;
                    self.ask(permit).await?;
                }
                () = at(deadline) => {
                    self.pull = None;
                    self.check_consumer().await?;
                }
                () = at(gap_until) => self.gap = Gap::Pulling,
                () = raised(&mut stop), if !is_stopped => {}
                _ = self.keep_alive.tick() => {
                    self.share.work_in_progress().await;
                    self.watch_standstill().await?;
                }
            }
        }
    }

    /// Pulls as many messages as there is room for.
    async fn ask(&mut self, mut permits: OwnedSemaphorePermit) -> Result<()> {
        let subscription = &self.share.subscription;
        let options = &subscription.options;
        let most = options
            .unacknowledged_max
            .div_ceil(self.share.shares)
            .clamp(1, PULL_MESSAGES_MAX);
        let more = subscription.window.available_permits().min(most - 1);
        let more = u32::try_from(more).unwrap_or(0);
        if let Ok(more) = subscription.window.clone().try_acquire_many_owned(more) {
            permits.merge(more);
        }
        let batch = permits.num_permits();
        let is_owned = self.expected.is_some();
        let expires = if is_owned { OWNED_PULL } else { SHARED_PULL };
        self.pulls += 1;
        let reply = format!("{}.{}", self.inbox, self.pulls);
        let mut body = json!({"batch": batch, "max_bytes": PULL_BYTES_MAX, "expires": nanos(expires)});
        if !is_owned {
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
        let deadline = Instant::now()
            + if is_owned {
                OWNED_PULL + RETRY_CEILING
            } else {
                SHARED_PULL / 2
            };
        self.pull = Some(Pull {
            reply,
            left: batch,
            permits,
            deadline,
        });
        Ok(())
    }

    async fn take(&mut self, message: Message) -> Result<()> {
        match message.status {
            Some(status) => self.status(status, &message).await,
            None => {
                self.deliver(message);
                Ok(())
            }
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
        if matches!(self.gap, Gap::Pulling) {
            self.close_gap();
        }
    }

    fn close_gap(&mut self) {
        self.gap = Gap::None;
        self.share.subscription.ledger.lock().withhold(self.share.index, false);
        self.share.subscription.changed.notify_waiters();
    }

    fn deliver(&mut self, message: Message) {
        let subscription = &self.share.subscription;
        let Some(reply) = message.reply.as_ref().map(ToString::to_string) else {
            return;
        };
        let Some(delivery) = DeliverySubject::parse(&reply) else {
            tracing::warn!(
                reply,
                "a message was delivered in a form that this program does not know"
            );
            return;
        };
        self.silent_since = Instant::now();
        self.note_gap(&delivery);
        let permit = self.pull.as_mut().and_then(|pull| {
            pull.left -= 1;
            pull.permits.split(1)
        });
        let message = wire::read(message, &delivery, &subscription.topic.name, &subscription.topic.stream);
        subscription
            .ledger
            .lock()
            .insert(self.share.index, reply, message, permit);
        if matches!(self.gap, Gap::Pulling) && delivery.deliveries == 1 {
            // What is given again comes before what is new.
            self.close_gap();
        }
        if self.pull.as_ref().is_some_and(|pull| pull.left == 0) {
            self.end_pull();
        }
        subscription.changed.notify_waiters();
    }

    fn note_gap(&mut self, delivery: &DeliverySubject) {
        let Some(expected) = self.expected else { return };
        let subscription = &self.share.subscription;
        self.expected = Some(delivery.consumer_sequence + 1);
        if delivery.consumer_sequence < expected {
            // The position was moved: what was given before does not count any more.
            subscription.ledger.lock().drain(self.share.index);
        } else if delivery.consumer_sequence > expected {
            tracing::debug!(
                consumer = self.share.name,
                "messages were lost on the way; they come again"
            );
            let again = subscription.session.options.ack_wait + Duration::from_millis(500);
            self.gap = Gap::Waiting(Instant::now() + again);
            subscription.ledger.lock().withhold(self.share.index, true);
        }
    }

    /// An error if it is gone; then pulling begins anew.
    async fn check_consumer(&mut self) -> Result<()> {
        let durables = self.share.subscription.durables();
        durables
            .info(&self.share.name)
            .await
            .map_err(|error| self.share.gone(error))?;
        Ok(())
    }

    /// A consumer that has messages and delivers none gets another leader.
    async fn watch_standstill(&mut self) -> Result<()> {
        if self.pull.is_none() || self.silent_since.elapsed() < STANDSTILL_AFTER {
            return Ok(());
        }
        self.silent_since = Instant::now();
        let durables = self.share.subscription.durables();
        let info = durables
            .info(&self.share.name)
            .await
            .map_err(|error| self.share.gone(error))?;
        if info.num_pending > 0 {
            tracing::warn!(
                consumer = self.share.name,
                topic = %self.share.subscription.topic.name,
                pending = info.num_pending,
                "NATS has messages and delivers none: the consumer's leader is replaced"
            );
            // With one server there is no other.
            let _ = durables.step_down(&self.share.name).await;
            self.pull = None;
        }
        Ok(())
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
