//! A share of a subscription: one durable consumer in the server, pulled from by this process alone or, where the
//! subscription is Shared, beside others.
//!
//! Where order is kept, its owner has a lease. One that follows an owner that did not let go waits until the server gives
//! what that one had again, so that nothing newer comes first.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use tokio::{sync::watch, time::Instant};

use super::{Balance, Subscription, durable::ConsumerInfo, pull::PullSession};
use crate::{
    error::{conflict, not_found},
    lease::{Contender, Lease, Renewal},
    limits::{LEASE_RENEWED_EVERY, RETRY_CEILING, RETRY_FLOOR},
    members,
    session::raised,
};

/// See the module.
pub(super) struct Share {
    pub(super) subscription: Arc<Subscription>,
    pub(super) index: usize,
    /// The durable consumer.
    pub(super) name: String,
    /// How many shares the subscription has, which share its window.
    pub(super) shares: usize,
}

/// Why pulling has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The consumer was dropped.
    Closed,
    /// The lease was lost.
    Lost,
    /// The bucket is to be another's.
    NotMine,
}

/// The name of the durable consumer in a reply subject.
pub(super) fn consumer_of(reply: &str) -> Option<&str> {
    let tokens: Vec<&str> = reply.split('.').collect();
    match tokens.len() {
        9 => tokens.get(3).copied(),
        11.. => tokens.get(5).copied(),
        _ => None,
    }
}

impl Share {
    pub(super) fn new(subscription: Arc<Subscription>, index: usize, name: String, shares: usize) -> Self {
        Self {
            subscription,
            index,
            name,
            shares,
        }
    }

    fn closed(&self) -> watch::Receiver<bool> {
        self.subscription.closed.subscribe()
    }

    fn is_closed(&self) -> bool {
        *self.subscription.closed.borrow() || *self.subscription.session.closing().borrow()
    }

    /// Pulls until the consumer is dropped.
    pub(super) async fn run(self) {
        let _work = self.subscription.session.work();
        let (_go_on, stop) = watch::channel(false);
        let mut closed = self.closed();
        let mut closing = self.subscription.session.closing();
        tokio::select! {
            () = self.pull_until(stop, false) => {}
            () = raised(&mut closed) => {}
            () = raised(&mut closing) => {}
        }
        // Its pull ended with its inbox: what is handed back now is not given to that.
        self.hand_back().await;
    }

    /// Contends for the lease, and pulls while it is held.
    pub(super) async fn run_owned(
        self,
        mut contender: Contender,
        mut lease: Option<Lease>,
        mut balance: Option<Balance>,
    ) {
        let _work = self.subscription.session.work();
        while !self.is_closed() {
            let held = match lease.take() {
                Some(held) => held,
                None => match self.contend(&mut contender, balance.as_mut()).await {
                    Some(held) => held,
                    None => continue,
                },
            };
            if let Some(balance) = &balance {
                balance.owned.send_modify(|owned| *owned += 1);
            }
            let ended = self.own(&mut contender, held, balance.as_mut()).await;
            if let Some(balance) = &balance {
                balance.owned.send_modify(|owned| *owned -= 1);
            }
            if ended == Ended::Lost && self.is_exclusive() {
                let message = format!(
                    "another consumer named {} has taken the subscription {} over",
                    self.subscription.options.consumer, self.subscription.options.subscription
                );
                self.subscription.fail(conflict(message));
                return;
            }
        }
    }

    fn is_exclusive(&self) -> bool {
        self.subscription.options.subscription_type == danube_wasm_model::SubscriptionType::Exclusive
    }

    /// One try, and a wait if it fails.
    async fn contend(&self, contender: &mut Contender, balance: Option<&mut Balance>) -> Option<Lease> {
        let mut closed = self.closed();
        if let Some(balance) = balance
            && !members::is_owner(
                &balance.alive.borrow_and_update().clone(),
                &balance.name,
                balance.bucket,
            )
        {
            contender.reset();
            tokio::select! {
                _ = balance.alive.changed() => {}
                () = raised(&mut closed) => {}
            }
            return None;
        }
        match contender.poll().await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the owner of a subscription is not known now"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY_FLOOR * 6) => {}
            () = raised(&mut closed) => {}
        }
        None
    }

    /// Pulls while the lease is held, then hands everything back and lets go.
    async fn own(&self, contender: &mut Contender, mut lease: Lease, balance: Option<&mut Balance>) -> Ended {
        self.trust(lease);
        let (stop, stopped) = watch::channel(false);
        let after_another = !lease.is_clean;
        let mut asked = None;
        let is_lost = {
            let pulling = async {
                self.pull_until(stopped, after_another).await;
            };
            let renewing = self.renew(contender, &mut lease);
            let reason = self.reason_to_stop(balance);
            tokio::pin!(pulling, renewing, reason);
            loop {
                tokio::select! {
                    () = &mut renewing => break true,
                    ended = &mut reason, if asked.is_none() => {
                        asked = Some(ended);
                        stop.send_replace(true);
                    }
                    // Nothing more comes: what is handed back after this stays in order.
                    () = &mut pulling => break false,
                }
            }
        };
        let ended = asked.unwrap_or(Ended::Closed);
        if is_lost {
            drop(self.subscription.in_flight.lock().drain(self.index));
            return Ended::Lost;
        }
        if ended == Ended::NotMine {
            let renewing = self.renew(contender, &mut lease);
            tokio::select! {
                () = renewing => {}
                () = self.finish_given() => {}
            }
        }
        self.hand_back().await;
        contender.release(lease).await;
        ended
    }

    async fn reason_to_stop(&self, balance: Option<&mut Balance>) -> Ended {
        let mut closed = self.closed();
        let mut closing = self.subscription.session.closing();
        tokio::select! {
            () = raised(&mut closed) => Ended::Closed,
            () = raised(&mut closing) => Ended::Closed,
            () = is_to_be_anothers(balance) => Ended::NotMine,
        }
    }

    fn trust(&self, lease: Lease) {
        self.subscription
            .in_flight
            .lock()
            .trust(self.index, lease.trusted_until);
        self.subscription.changed.notify_waiters();
    }

    /// Writes the lease; returns when it is lost.
    async fn renew(&self, contender: &mut Contender, lease: &mut Lease) {
        loop {
            tokio::time::sleep(LEASE_RENEWED_EVERY).await;
            match contender.renew(*lease).await {
                Ok(Renewal::Held(renewed)) => {
                    *lease = renewed;
                    self.trust(renewed);
                }
                Ok(Renewal::Lost) => return,
                // Nothing is given any more when it is not trusted; it may be renewed all the same, unless it is taken.
                Err(error) => tracing::debug!(%error, consumer = self.name, "the lease could not be renewed"),
            }
        }
    }

    /// Waits until what is given is acknowledged; nothing more is given meanwhile.
    async fn finish_given(&self) {
        self.subscription.in_flight.lock().withhold(self.index, true);
        let mut keep_alive = tokio::time::interval(self.subscription.session.options.ack_wait / 3);
        while self.subscription.in_flight.lock().has_given(self.index) {
            tokio::select! {
                _ = keep_alive.tick() => self.work_in_progress().await,
                () = tokio::time::sleep(RETRY_FLOOR) => {}
            }
        }
    }

    /// Gives everything back to the server, in order.
    async fn hand_back(&self) {
        let replies = {
            let mut in_flight = self.subscription.in_flight.lock();
            in_flight.withhold(self.index, false);
            in_flight.drain(self.index)
        };
        let Ok(client) = self.subscription.session.client().await else {
            return;
        };
        for reply in replies {
            // A lost one comes again after `ack_wait`.
            let _ = client.publish(reply, Bytes::from_static(b"-NAK")).await;
        }
        let _ = tokio::time::timeout(RETRY_CEILING, client.flush()).await;
    }

    /// Tells the server that everything that is here is being worked on.
    pub(super) async fn work_in_progress(&self) {
        let replies = self.subscription.in_flight.lock().replies(self.index);
        let Ok(client) = self.subscription.session.client().await else {
            return;
        };
        for reply in replies {
            let _ = client.publish(reply, Bytes::from_static(b"+WPI")).await;
        }
    }

    /// Pulls, in one session after the other. `after_another`: one that did not let go had the lease before.
    async fn pull_until(&self, mut stop: watch::Receiver<bool>, after_another: bool) {
        while !*stop.borrow() {
            if let Err(error) = self.try_pull(stop.clone(), after_another).await {
                match error.kind {
                    ErrorKind::NotFound if self.subscription.durables().is_gone(&self.name).await => {
                        self.subscription.fail(self.gone(error));
                    }
                    _ => tracing::debug!(%error, consumer = self.name, "messages cannot be pulled now"),
                }
                tokio::select! {
                    () = tokio::time::sleep(RETRY_FLOOR * 4) => {}
                    () = raised(&mut stop) => {}
                }
            }
        }
    }

    async fn try_pull(&self, mut stop: watch::Receiver<bool>, after_another: bool) -> Result<()> {
        let info = self.info().await?;
        if self.keeps_order() {
            let position = self.subscription.in_flight.lock().position(self.index).cloned();
            match position {
                None => {
                    let began = self.begin(info, after_another);
                    tokio::select! {
                        began = began => began?,
                        () = raised(&mut stop) => return Ok(()),
                    }
                }
                Some(position) if position.is_moved(&info) => self.follow_move(&info).await?,
                Some(position) if position.waits() => {
                    // Something of the owner before is still missing: all of it again.
                    self.hand_back().await;
                    let info = self.info().await?;
                    self.subscription.in_flight.lock().begin(self.index, &info);
                }
                Some(position) if position.is_in_step(&info) => {}
                Some(_) => self.set_back().await?,
            }
        }
        PullSession::new(self).await?.run(stop).await
    }

    fn keeps_order(&self) -> bool {
        self.subscription.in_flight.lock().keeps_order()
    }

    pub(super) async fn info(&self) -> Result<ConsumerInfo> {
        let info = self.subscription.durables().info(&self.name).await;
        info.map_err(|error| self.gone(error))
    }

    /// The first time that this owner pulls.
    async fn begin(&self, mut info: ConsumerInfo, after_another: bool) -> Result<()> {
        if after_another && info.num_ack_pending > 0 {
            self.wait_for_predecessor(Instant::now()).await?;
            info = self.info().await?;
        }
        self.subscription.in_flight.lock().begin(self.index, &info);
        Ok(())
    }

    /// Somebody has moved the position: what was given before does not count any more.
    async fn follow_move(&self, info: &ConsumerInfo) -> Result<()> {
        tracing::debug!(consumer = self.name, "the position was moved");
        let info = match info.num_ack_pending {
            0 => info.clone(),
            // Some was delivered since, and not taken here.
            _ => self.subscription.durables().set_back_to_floor(&self.name).await?,
        };
        let mut in_flight = self.subscription.in_flight.lock();
        drop(in_flight.drain(self.index));
        in_flight.begin(self.index, &info);
        Ok(())
    }

    /// Has the server deliver from its floor again, because something that it has delivered is not here.
    async fn set_back(&self) -> Result<()> {
        tracing::debug!(
            consumer = self.name,
            "messages were lost on the way; they are asked for again"
        );
        let info = self.subscription.durables().set_back_to_floor(&self.name).await?;
        self.subscription.in_flight.lock().set_back(self.index, &info);
        Ok(())
    }

    /// Until the server may give again what the owner before had, or nobody has anything.
    async fn wait_for_predecessor(&self, since: Instant) -> Result<()> {
        while since.elapsed() < self.subscription.session.options.ack_wait {
            tokio::time::sleep(RETRY_CEILING).await;
            if self.subscription.durables().info(&self.name).await?.num_ack_pending == 0 {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn gone(&self, error: BrokerError) -> BrokerError {
        let options = &self.subscription.options;
        match error.kind {
            ErrorKind::NotFound => not_found(format!(
                "the subscription {} of {} was deleted",
                options.subscription, options.topic
            )),
            _ => error,
        }
    }
}

async fn is_to_be_anothers(balance: Option<&mut Balance>) {
    match balance {
        None => std::future::pending().await,
        Some(Balance {
            alive, name, bucket, ..
        }) => {
            let is_over = alive
                .wait_for(|alive| !members::is_owner(alive, name, *bucket))
                .await
                .is_err();
            if is_over {
                std::future::pending::<()>().await;
            }
        }
    }
}
