//! Keeps records in order: of one order key, only one record is in flight.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// Records with the same order key are sent in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum OrderKey {
    /// Records of one key.
    Key(Bytes),
    /// All records of an ordered topic's partition.
    Partition,
}

/// Records that wait for an earlier one, by order key. A key is here while one of its records is in flight.
#[derive(Debug)]
pub(super) struct OrderQueues<T>(HashMap<OrderKey, VecDeque<T>>);

impl<T> Default for OrderQueues<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> OrderQueues<T> {
    /// Returns the record if it may be sent now, and queues it otherwise.
    pub(super) fn admit(&mut self, order_key: Option<&OrderKey>, record: T) -> Option<T> {
        let Some(order_key) = order_key else {
            return Some(record);
        };
        match self.0.get_mut(order_key) {
            Some(waiting) => {
                waiting.push_back(record);
                None
            }
            None => {
                self.0.insert(order_key.clone(), VecDeque::new());
                Some(record)
            }
        }
    }

    /// Call it when the record in flight is confirmed: returns the next one, which may be sent now.
    pub(super) fn advance(&mut self, order_key: Option<&OrderKey>) -> Option<T> {
        let order_key = order_key?;
        let next = self.0.get_mut(order_key)?.pop_front();
        if next.is_none() {
            self.0.remove(order_key);
        }
        next
    }

    /// Call it when the record in flight failed: returns all records that must not overtake it.
    pub(super) fn fail(&mut self, order_key: Option<&OrderKey>) -> VecDeque<T> {
        order_key
            .and_then(|order_key| self.0.remove(order_key))
            .unwrap_or_default()
    }

    /// All queued records.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.0.drain().flat_map(|(_, waiting)| waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_key_at_a_time_and_others_beside_it() {
        let mut order_queues = OrderQueues::default();
        let (a, b) = (OrderKey::Key("a".into()), OrderKey::Key("b".into()));
        assert_eq!(order_queues.admit(Some(&a), 1), Some(1));
        assert_eq!(order_queues.admit(Some(&a), 2), None);
        assert_eq!(order_queues.admit(Some(&b), 3), Some(3));
        assert_eq!(order_queues.admit(None, 4), Some(4));
        assert_eq!(order_queues.admit(Some(&a), 5), None);
        assert_eq!(order_queues.advance(Some(&a)), Some(2));
        assert_eq!(order_queues.fail(Some(&a)), [5]);
        assert_eq!(order_queues.admit(Some(&a), 6), Some(6));
        assert_eq!(order_queues.advance(Some(&a)), None);
        assert_eq!(order_queues.admit(Some(&a), 7), Some(7));
    }
}
