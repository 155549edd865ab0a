//! Keys that an issuer publishes at a URL (RFC 7517): fetched when the first token needs them, kept, and fetched anew now and then.
//!
//! * Keys older than [`JWKS_REFRESH_SECS`] are used while newer ones are fetched, and for [`JWKS_STALE_SECS_MAX`] when that fails.
//! * A token that names an unknown key makes them fetched, at most each [`JWKS_UNKNOWN_SECS_MIN`], because anybody can name one.
//! * One fetch at a time; tokens that need it wait for it.

use std::{sync::Arc, time::Duration};

use http::Uri;
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::keys::{KeySet, PublishedKey};
use crate::{
    fetch::Fetcher,
    limits::{JWKS_BYTES_MAX, JWKS_KEYS_MAX, JWKS_REFRESH_SECS, JWKS_STALE_SECS_MAX, JWKS_UNKNOWN_SECS_MIN},
    refusal::Refusal,
};

/// The keys at a URL. Clones share them.
#[derive(Clone)]
pub struct Jwks(Arc<Inner>);

/// How often keys are fetched.
#[derive(Debug, Clone, Copy)]
pub struct JwksTimes {
    /// How long keys are used before newer ones are fetched.
    pub refresh_after: Duration,
    /// How long nothing is fetched after a fetch, whatever keys tokens name.
    pub ask_again_after: Duration,
}

impl Default for JwksTimes {
    fn default() -> Self {
        Self {
            refresh_after: Duration::from_secs(JWKS_REFRESH_SECS),
            ask_again_after: Duration::from_secs(JWKS_UNKNOWN_SECS_MIN),
        }
    }
}

struct Inner {
    uri: Uri,
    fetcher: Fetcher,
    times: JwksTimes,
    kept: RwLock<Kept>,
    /// Held while keys are fetched.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Kept {
    keys: Arc<KeySet>,
    /// When they were fetched.
    fetched: Option<Instant>,
    /// When a fetch ended last, whatever came of it.
    tried: Option<Instant>,
}

/// What an issuer publishes. A key that cannot be read is left out: others are used.
#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

const UNAVAILABLE: &str = "the keys of the token's issuer cannot be fetched now: send the request again later";

impl Jwks {
    /// The keys at this URL.
    pub fn new(uri: Uri, fetcher: Fetcher, times: JwksTimes) -> Self {
        Self(Arc::new(Inner {
            uri,
            fetcher,
            times,
            kept: RwLock::default(),
            fetching: Mutex::new(()),
        }))
    }

    /// Those that may have signed a token of this algorithm that names this key.
    pub(super) async fn keys(&self, algorithm: Algorithm, id: Option<&str>) -> Result<Vec<DecodingKey>, Refusal> {
        let found = self.0.known(algorithm, id);
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            if self.0.is_old() {
                self.fetch_meanwhile();
            }
            return Ok(found);
        }
        if self.0.may_ask() {
            let is_known = |inner: &Inner| inner.known(algorithm, id).is_some_and(|found| !found.is_empty());
            self.0.fetch(|inner| is_known(inner) || !inner.may_ask()).await;
        }
        self.0.known(algorithm, id).ok_or(Refusal::Unavailable(UNAVAILABLE))
    }

    fn fetch_meanwhile(&self) {
        let inner = self.0.clone();
        // Whoever fetches already will do.
        if inner.fetching.try_lock().is_ok() {
            tokio::spawn(async move { inner.fetch(|inner| !inner.is_old()).await });
        }
    }
}

impl Inner {
    /// `None` before any are known, and when they are too old.
    fn known(&self, algorithm: Algorithm, id: Option<&str>) -> Option<Vec<DecodingKey>> {
        let kept = self.kept.read();
        let age = kept.fetched?.elapsed();
        let is_usable = age <= Duration::from_secs(JWKS_STALE_SECS_MAX).max(self.times.refresh_after);
        is_usable.then(|| kept.keys.of(algorithm, id))
    }

    /// Whether newer keys should be fetched. A failed fetch is not repeated at once.
    fn is_old(&self) -> bool {
        let kept = self.kept.read();
        let is_old = kept
            .fetched
            .is_none_or(|fetched| fetched.elapsed() > self.times.refresh_after);
        is_old && self.may_ask_after(&kept)
    }

    fn may_ask(&self) -> bool {
        self.may_ask_after(&self.kept.read())
    }

    fn may_ask_after(&self, kept: &Kept) -> bool {
        let waited = kept.tried.map(|tried| tried.elapsed());
        waited.is_none_or(|waited| waited >= self.times.ask_again_after)
    }

    /// Fetches, unless that was done while this waited for its turn.
    async fn fetch(&self, is_done: impl Fn(&Self) -> bool) {
        let _turn = self.fetching.lock().await;
        if is_done(self) {
            return;
        }
        let fetched = self.fetcher.get(&self.uri, JWKS_BYTES_MAX).await;
        let read = fetched.and_then(|text| read(&text));
        let mut kept = self.kept.write();
        kept.tried = Some(Instant::now());
        match read {
            Ok(keys) => {
                kept.keys = Arc::new(keys);
                kept.fetched = kept.tried;
            }
            Err(why) => {
                tracing::warn!(url = %self.uri, why, "the keys of an issuer of tokens cannot be fetched: check its `jwks_url`");
            }
        }
    }
}

fn read(text: &[u8]) -> Result<KeySet, String> {
    let published: Published =
        serde_json::from_slice(text).map_err(|_| "what it answers is no set of keys, `{\"keys\": […]}`".to_owned())?;
    let jwks = published
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value(key).ok());
    let keys: Vec<_> = jwks
        .filter_map(|jwk| PublishedKey::of(&jwk))
        .take(JWKS_KEYS_MAX)
        .collect();
    match keys.is_empty() {
        true => Err("none of its keys verifies signatures of an algorithm that is known here".to_owned()),
        false => Ok(KeySet(keys)),
    }
}

impl std::fmt::Debug for Jwks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.uri)
    }
}
