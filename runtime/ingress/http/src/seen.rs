//! The ids of an endpoint's last events, each with a digest of its body: a sender that uses an id again for something else
//! is told, or at least counted. Whatever comes of it, nothing behind this would store the second body.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use parking_lot::Mutex;

use crate::limits::IDS_SEEN_MAX;

/// What has been taken in under the sender's own ids. Senders cannot make two ids look the same: the digests are keyed.
pub(crate) struct Seen {
    keys: [RandomState; 2],
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    bodies: HashMap<IdDigest, BodyDigest>,
    /// The longest known first.
    order: VecDeque<IdDigest>,
}

type IdDigest = (u64, u64);

/// Tells bodies of one endpoint apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyDigest(u64);

/// See [`Seen::digester`].
#[derive(Clone)]
pub(crate) struct Digester(RandomState);

impl Digester {
    pub(crate) fn digest(&self, body: &[u8]) -> BodyDigest {
        BodyDigest(self.0.hash_one(body))
    }
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            inner: Mutex::default(),
        }
    }

    /// Makes digests of bodies, wherever they are worked on.
    pub(crate) fn digester(&self) -> Digester {
        Digester(self.keys[0].clone())
    }

    /// Whether this id came with another body before.
    pub(crate) fn differs(&self, id: &str, body: BodyDigest) -> bool {
        let known = self.inner.lock().bodies.get(&self.digest(id)).copied();
        known.is_some_and(|known| known != body)
    }

    /// An event was taken in. The first body of an id is the one that counts.
    pub(crate) fn remember(&self, id: &str, body: BodyDigest) {
        let id = self.digest(id);
        let mut inner = self.inner.lock();
        let Inner { bodies, order } = &mut *inner;
        if bodies.contains_key(&id) {
            return;
        }
        if order.len() >= IDS_SEEN_MAX
            && let Some(oldest) = order.pop_front()
        {
            bodies.remove(&oldest);
        }
        bodies.insert(id, body);
        order.push_back(id);
    }

    fn digest(&self, id: &str) -> IdDigest {
        (self.keys[0].hash_one(id), self.keys[1].hash_one(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_body_under_the_same_id_is_seen_and_the_first_counts() {
        let seen = Seen::new();
        let [one, two] = [b"1", b"2"].map(|body| seen.digester().digest(body));
        assert!(!seen.differs("a", one));
        seen.remember("a", one);
        seen.remember("a", two);
        assert!(!seen.differs("a", one) && seen.differs("a", two) && !seen.differs("b", two));
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let seen = Seen::new();
        let [one, two] = [b"1", b"2"].map(|body| seen.digester().digest(body));
        (0..IDS_SEEN_MAX).for_each(|n| seen.remember(&n.to_string(), one));
        assert!(seen.differs("0", two));
        seen.remember("one more", one);
        assert!(!seen.differs("0", two) && seen.differs("1", two));
        assert_eq!(seen.inner.lock().bodies.len(), IDS_SEEN_MAX);
    }
}
