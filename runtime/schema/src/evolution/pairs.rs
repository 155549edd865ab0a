//! Pairs of an older and a new type that are compared.
//!
//! Types may refer to themselves, so a pair that is met again while it is being compared is assumed to be compatible.
//! If it then is not, the whole comparison is repeated with that pair known to be incompatible, until nothing new is
//! found. Incompatibilities only accumulate, so this ends.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::Incompatibility;
use crate::limits::COMPARE_STEPS_MAX;

/// The comparison took too many steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooManySteps;

impl From<TooManySteps> for Incompatibility {
    fn from(TooManySteps: TooManySteps) -> Self {
        Self::new(
            "#",
            "the versions are too large, or refer to themselves too often, to be compared",
        )
    }
}

/// The results of pairs so far.
pub(crate) struct ComparedPairs<K> {
    assumed: HashSet<K>,
    incompatibility: HashMap<K, Incompatibility>,
    needs_another_pass: bool,
    steps: usize,
}

impl<K: Eq + Hash + Clone> ComparedPairs<K> {
    /// Compares until no further pass is needed.
    pub(crate) fn compare_all(
        mut compare: impl FnMut(&mut Self) -> Result<(), Incompatibility>,
    ) -> Result<(), Incompatibility> {
        let mut pairs = Self {
            assumed: HashSet::new(),
            incompatibility: HashMap::new(),
            needs_another_pass: false,
            steps: 0,
        };
        loop {
            pairs.assumed.clear();
            pairs.needs_another_pass = false;
            compare(&mut pairs)?;
            if !pairs.needs_another_pass {
                return Ok(());
            }
        }
    }

    /// One step of the comparison.
    pub(crate) fn step(&mut self) -> Result<(), TooManySteps> {
        self.steps += 1;
        if self.steps > COMPARE_STEPS_MAX {
            Err(TooManySteps)
        } else {
            Ok(())
        }
    }

    /// Whether the steps are used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps > COMPARE_STEPS_MAX
    }

    /// The result of a pair; `None` if it must be compared now, and the result recorded with [`Self::record_result`].
    pub(crate) fn known_result(&mut self, pair: &K) -> Option<Result<(), Incompatibility>> {
        if let Some(incompatibility) = self.incompatibility.get(pair) {
            return Some(Err(incompatibility.clone()));
        }
        (!self.assumed.insert(pair.clone())).then_some(Ok(()))
    }

    /// Records the result of a pair.
    pub(crate) fn record_result(
        &mut self,
        pair: K,
        result: Result<(), Incompatibility>,
    ) -> Result<(), Incompatibility> {
        if let Err(incompatibility) = &result {
            self.incompatibility.insert(pair, incompatibility.clone());
            self.needs_another_pass = true;
        }
        result
    }
}
