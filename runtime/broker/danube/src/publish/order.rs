//! Which records wait for which: of one chain, a key or a whole ordered partition, only one is under way.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// What has to keep an order among itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Chain {
    /// Records of one key.
    Key(Bytes),
    /// All records of an ordered topic's partition.
    Partition,
}

/// Records that wait for their predecessors, by chain. A chain is here as long as one of its records is under way.
#[derive(Debug)]
pub(super) struct Chains<T>(HashMap<Chain, VecDeque<T>>);

impl<T> Default for Chains<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Chains<T> {
    /// Gives the record back if it may go now, and keeps it if it has to wait.
    pub(super) fn admit(&mut self, chain: Option<&Chain>, record: T) -> Option<T> {
        let Some(chain) = chain else {
            return Some(record);
        };
        match self.0.get_mut(chain) {
            Some(waiting) => {
                waiting.push_back(record);
                None
            }
            None => {
                self.0.insert(chain.clone(), VecDeque::new());
                Some(record)
            }
        }
    }

    /// The one under way is done: the next one, which may go now.
    pub(super) fn advance(&mut self, chain: Option<&Chain>) -> Option<T> {
        let chain = chain?;
        let next = self.0.get_mut(chain)?.pop_front();
        if next.is_none() {
            self.0.remove(chain);
        }
        next
    }

    /// The one under way failed: all that must not overtake it.
    pub(super) fn fail(&mut self, chain: Option<&Chain>) -> VecDeque<T> {
        chain.and_then(|chain| self.0.remove(chain)).unwrap_or_default()
    }

    /// Everything that waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.0.drain().flat_map(|(_, waiting)| waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_key_at_a_time_and_others_beside_it() {
        let mut chains = Chains::default();
        let (a, b) = (Chain::Key("a".into()), Chain::Key("b".into()));
        assert_eq!(chains.admit(Some(&a), 1), Some(1));
        assert_eq!(chains.admit(Some(&a), 2), None);
        assert_eq!(chains.admit(Some(&b), 3), Some(3));
        assert_eq!(chains.admit(None, 4), Some(4));
        assert_eq!(chains.admit(Some(&a), 5), None);
        assert_eq!(chains.advance(Some(&a)), Some(2));
        assert_eq!(chains.fail(Some(&a)), [5]);
        assert_eq!(chains.admit(Some(&a), 6), Some(6));
        assert_eq!(chains.advance(Some(&a)), None);
        assert_eq!(chains.admit(Some(&a), 7), Some(7));
    }
}
