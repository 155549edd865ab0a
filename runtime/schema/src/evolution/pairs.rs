//! Pairs of an older and a new type under comparison.
//!
//! Types refer to themselves, so a pair that is met again while it is being compared is taken to be fine. If it then turns
//! out not to be, what was built on it is in doubt: the whole is compared again, with that pair known to be a break, until
//! nothing new is found. Breaks only add up, so this ends.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::Break;
use crate::limits::COMPARE_STEPS_MAX;

/// The comparison took more steps than it may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooMuch;

impl From<TooMuch> for Break {
    fn from(TooMuch: TooMuch) -> Self {
        Self::new(
            "#",
            "the versions are too large, or refer to themselves too often, to be compared",
        )
    }
}

/// What is known of the pairs so far.
pub(crate) struct Pairs<K> {
    assumed: HashSet<K>,
    broken: HashMap<K, Break>,
    in_doubt: bool,
    steps: usize,
}

impl<K: Eq + Hash + Clone> Pairs<K> {
    /// Compares until nothing is in doubt.
    pub(crate) fn settle(mut compare: impl FnMut(&mut Self) -> Result<(), Break>) -> Result<(), Break> {
        let mut pairs = Self {
            assumed: HashSet::new(),
            broken: HashMap::new(),
            in_doubt: false,
            steps: 0,
        };
        loop {
            pairs.assumed.clear();
            pairs.in_doubt = false;
            compare(&mut pairs)?;
            if !pairs.in_doubt {
                return Ok(());
            }
        }
    }

    /// One step of the comparison.
    pub(crate) fn step(&mut self) -> Result<(), TooMuch> {
        self.steps += 1;
        if self.steps > COMPARE_STEPS_MAX {
            Err(TooMuch)
        } else {
            Ok(())
        }
    }

    /// Whether there is any step left.
    pub(crate) fn is_over(&self) -> bool {
        self.steps > COMPARE_STEPS_MAX
    }

    /// What is known of a pair; `None` if it must be compared now, and [`Self::found`] be told.
    pub(crate) fn known(&mut self, pair: &K) -> Option<Result<(), Break>> {
        if let Some(broken) = self.broken.get(pair) {
            return Some(Err(broken.clone()));
        }
        (!self.assumed.insert(pair.clone())).then_some(Ok(()))
    }

    /// What came out.
    pub(crate) fn found(&mut self, pair: K, result: Result<(), Break>) -> Result<(), Break> {
        if let Err(broken) = &result {
            self.broken.insert(pair, broken.clone());
            self.in_doubt = true;
        }
        result
    }
}
