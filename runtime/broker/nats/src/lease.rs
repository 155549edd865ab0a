//! Leases in a bucket: who owns an Exclusive or Failover subscription, or a bucket of a KeyShared one.
//!
//! An owner writes its entry every two seconds by compare-and-set. Whoever has seen an entry unchanged for
//! [`LEASE_TIME`] by its own clock may replace it, so that clocks of machines are never compared; an owner that has not
//! written for [`LEASE_TRUSTED_FOR`], which is shorter, stops by itself. A consumer of the same name takes over sooner:
//! it is what its predecessor was restarted as.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::Result;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    error::unavailable,
    kv::Bucket,
    limits::{LEASE_TIME, LEASE_TRUSTED_FOR, TAKE_OVER_AFTER},
    names,
};

/// How often one renewal is written: see [`Contender::renew`].
const RENEWALS_MAX: usize = 3;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The consumer's name.
    holder: String,
    /// Unique for each consumer, so that a write without an answer is recognised.
    session: String,
    /// It has let go: everything that it had was handed back.
    released: bool,
}

/// Somebody who wants a lease.
pub(crate) struct Contender {
    leases: Arc<Bucket>,
    key: String,
    holder: String,
    session: String,
    /// The newest entry of another, and since when it is unchanged.
    seen: Option<(u64, Instant)>,
    since: Option<Instant>,
    /// How often another has written its entry meanwhile.
    signs_of_life: u32,
}

/// A lease that is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    revision: u64,
    /// Its owner acts on it until then.
    pub(crate) trusted_until: Instant,
    /// The owner before it handed everything back, or there was none.
    pub(crate) is_clean: bool,
}

/// What renewing has led to.
pub(crate) enum Renewal {
    Held(Lease),
    /// Another has it.
    Lost,
}

impl Contender {
    pub(crate) fn new(leases: Arc<Bucket>, key: String, holder: &str) -> Self {
        Self {
            leases,
            key,
            holder: holder.to_owned(),
            session: names::unique(),
            seen: None,
            since: None,
            signs_of_life: 0,
        }
    }

    /// Whether another consumer is known to be alive and to hold it.
    pub(crate) fn is_taken(&self) -> bool {
        self.signs_of_life > 0
    }

    /// Takes the lease if it is free.
    pub(crate) async fn poll(&mut self) -> Result<Option<Lease>> {
        let Some(entry) = self.leases.get(&self.key).await? else {
            return self.write(0, true, false).await;
        };
        let record: Option<Record> = serde_json::from_slice(&entry.value).ok();
        let Some(record) = record.filter(|record| !record.released) else {
            return self.write(entry.revision, true, false).await;
        };
        if record.session == self.session {
            return self.write(entry.revision, true, false).await;
        }
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let unchanged_since = match self.seen {
            Some((revision, since)) if revision == entry.revision => since,
            before => {
                self.signs_of_life += u32::from(before.is_some() && record.holder != self.holder);
                self.seen = Some((entry.revision, now));
                now
            }
        };
        let is_successor = record.holder == self.holder && since.elapsed() >= TAKE_OVER_AFTER;
        match is_successor || unchanged_since.elapsed() >= LEASE_TIME {
            true => self.write(entry.revision, false, false).await,
            false => Ok(None),
        }
    }

    /// Shows that the owner is alive.
    pub(crate) async fn renew(&mut self, lease: Lease) -> Result<Renewal> {
        let mut revision = lease.revision;
        // Earlier writes may have had no answer, and one more may arrive in between.
        for _ in 0..RENEWALS_MAX {
            if let Some(renewed) = self.write(revision, lease.is_clean, false).await? {
                return Ok(Renewal::Held(renewed));
            }
            let entry = self.leases.get(&self.key).await?;
            let own = entry.filter(|entry| self.is_own(&entry.value));
            let Some(entry) = own else { return Ok(Renewal::Lost) };
            revision = entry.revision;
        }
        Err(unavailable(
            "the lease is written by this process, and cannot be renewed now",
        ))
    }

    fn is_own(&self, value: &[u8]) -> bool {
        let record: Option<Record> = serde_json::from_slice(value).ok();
        record.is_some_and(|record| record.session == self.session && !record.released)
    }

    /// Lets go. If that fails, others wait for [`LEASE_TIME`].
    pub(crate) async fn release(&mut self, lease: Lease) {
        let _ = self.write(lease.revision, true, true).await;
        self.reset();
    }

    /// It begins anew.
    pub(crate) fn reset(&mut self) {
        (self.seen, self.since, self.signs_of_life) = (None, None, 0);
    }

    async fn write(&mut self, revision: u64, is_clean: bool, released: bool) -> Result<Option<Lease>> {
        let record = Record {
            holder: self.holder.clone(),
            session: self.session.clone(),
            released,
        };
        let value = Bytes::from(serde_json::to_vec(&record).unwrap_or_default());
        let asked = Instant::now();
        let written = self.leases.put(&self.key, value, revision).await?;
        Ok(written.map(|revision| {
            self.reset();
            Lease {
                revision,
                trusted_until: asked + LEASE_TRUSTED_FOR,
                is_clean,
            }
        }))
    }
}
