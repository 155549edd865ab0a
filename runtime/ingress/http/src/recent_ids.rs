//! The ids of an endpoint's recent events, each with a digest of its body. An id that is reused for another body is counted
//! and can be refused: the pipeline would take the event for a retry and not store the second body.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use parking_lot::Mutex;

use crate::limits::RECENT_IDS_MAX;

/// The recent ids that senders gave, with digests of the bodies. The digests are keyed, so senders cannot construct
/// collisions.
pub(crate) struct RecentIds {
    keys: [RandomState; 2],
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    bodies: HashMap<IdDigest, BodyDigest>,
    /// The oldest first.
    order: VecDeque<IdDigest>,
}

type IdDigest = (u64, u64);

/// Digest of a body; comparable within one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyDigest(u64);

/// Makes digests of bodies on any thread. See [`RecentIds::digester`].
#[derive(Clone)]
pub(crate) struct Digester(RandomState);

impl Digester {
    pub(crate) fn digest(&self, body: &[u8]) -> BodyDigest {
        BodyDigest(self.0.hash_one(body))
    }
}

impl RecentIds {
    pub(crate) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            inner: Mutex::default(),
        }
    }

    /// Returns a digester for this endpoint.
    pub(crate) fn digester(&self) -> Digester {
        Digester(self.keys[0].clone())
    }

    /// Whether an earlier event with this id had another body.
    pub(crate) fn has_other_body(&self, id: &str, body: BodyDigest) -> bool {
        let known = self.inner.lock().bodies.get(&self.digest(id)).copied();
        known.is_some_and(|known| known != body)
    }

    /// Records an accepted event. The first body of an id stays.
    pub(crate) fn remember(&self, id: &str, body: BodyDigest) {
        let id = self.digest(id);
        let mut inner = self.inner.lock();
        let Inner { bodies, order } = &mut *inner;
        if bodies.contains_key(&id) {
            return;
        }
        if order.len() >= RECENT_IDS_MAX
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
    fn another_body_with_the_same_id_is_detected_and_the_first_stays() {
        let recent = RecentIds::new();
        let [one, two] = [b"1", b"2"].map(|body| recent.digester().digest(body));
        assert!(!recent.has_other_body("a", one));
        recent.remember("a", one);
        recent.remember("a", two);
        assert!(
            !recent.has_other_body("a", one) && recent.has_other_body("a", two) && !recent.has_other_body("b", two)
        );
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let recent = RecentIds::new();
        let [one, two] = [b"1", b"2"].map(|body| recent.digester().digest(body));
        (0..RECENT_IDS_MAX).for_each(|n| recent.remember(&n.to_string(), one));
        assert!(recent.has_other_body("0", two));
        recent.remember("one more", one);
        assert!(!recent.has_other_body("0", two) && recent.has_other_body("1", two));
        assert_eq!(recent.inner.lock().bodies.len(), RECENT_IDS_MAX);
    }
}
