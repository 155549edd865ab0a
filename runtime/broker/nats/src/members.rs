//! The consumers of a KeyShared subscription: each shows every two seconds that it is alive, and from who is alive follows
//! whose bucket is whose. This only balances; that a bucket has one owner is the business of leases.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::Result;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    kv::Bucket,
    limits::{LEASE_RENEWED_EVERY, LEASE_TIME},
    names,
    session::raised,
};

/// A member, and whom it knows.
pub(crate) struct Members {
    bucket: Arc<Bucket>,
    /// Of the subscription.
    beginning: String,
    name: String,
    revision: u64,
    /// The newest entry of each, and since when it is unchanged.
    seen: BTreeMap<String, (u64, Instant)>,
}

/// Who is alive, by name.
pub(crate) type Alive = watch::Receiver<Vec<String>>;

/// Whether this bucket is this member's. Buckets go round the members, so that each has as many as the others or one more.
pub(crate) fn is_owner(alive: &[String], name: &str, bucket: u32) -> bool {
    let Some(last) = u32::try_from(alive.len()).ok().filter(|n| *n > 0) else {
        return false;
    };
    let index = usize::try_from(bucket % last).unwrap_or(0);
    alive.get(index).is_some_and(|owner| owner == name)
}

impl Members {
    pub(crate) fn new(bucket: Arc<Bucket>, stream: &str, subscription: &str, consumer: &str) -> Self {
        Self {
            bucket,
            beginning: format!("member.{stream}.{}", names::escape(subscription)),
            name: names::escape(consumer),
            revision: 0,
            seen: BTreeMap::new(),
        }
    }

    /// As it is known in [`Alive`].
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Shows that this one is alive, and finds out who else is.
    pub(crate) async fn round(&mut self) -> Result<Vec<String>> {
        self.write(Bytes::from_static(b"alive")).await?;
        let now = Instant::now();
        let mut alive = Vec::new();
        for name in self.bucket.keys(&self.beginning).await? {
            let key = format!("{}.{name}", self.beginning);
            let Some(entry) = self.bucket.get(&key).await?.filter(|entry| !entry.value.is_empty()) else {
                continue;
            };
            let unchanged = self.seen.entry(name.clone()).or_insert((entry.revision, now));
            if unchanged.0 != entry.revision {
                *unchanged = (entry.revision, now);
            }
            if name == self.name || unchanged.1.elapsed() < LEASE_TIME {
                alive.push(name);
            }
        }
        alive.sort();
        Ok(alive)
    }

    /// Goes on until `closed`, then says that this one is gone.
    pub(crate) async fn run(mut self, alive: watch::Sender<Vec<String>>, mut closed: watch::Receiver<bool>) {
        let mut ticks = interval(LEASE_RENEWED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = raised(&mut closed) => break,
            }
            match self.round().await {
                Ok(found) => {
                    alive.send_if_modified(|known| {
                        let differs = *known != found;
                        known.clone_from(&found);
                        differs
                    });
                }
                // The owners of leases notice by themselves.
                Err(error) => tracing::debug!(%error, "the members of a subscription are not known now"),
            }
        }
        let _ = self.write(Bytes::new()).await;
    }

    async fn write(&mut self, value: Bytes) -> Result<()> {
        let key = format!("{}.{}", self.beginning, self.name);
        match self.bucket.put(&key, value.clone(), self.revision).await? {
            Some(revision) => self.revision = revision,
            None => {
                let newest = self.bucket.get(&key).await?.map_or(0, |entry| entry.revision);
                self.revision = self.bucket.put(&key, value, newest).await?.unwrap_or(newest);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_has_one_owner_and_shares_are_even() {
        for number in 1..=10_usize {
            let alive: Vec<String> = (0..number).map(|n| format!("m{n}")).collect();
            let shares: Vec<usize> = alive
                .iter()
                .map(|name| (0..8).filter(|bucket| is_owner(&alive, name, *bucket)).count())
                .collect();
            assert_eq!(shares.iter().sum::<usize>(), 8);
            let (most, least) = (shares.iter().max(), shares.iter().min());
            assert!(
                most.zip(least).is_some_and(|(most, least)| most - least <= 1),
                "{shares:?}"
            );
        }
        assert!(!is_owner(&[], "m0", 0));
    }
}
