//! The keys of the open objects, to find duplicates.

use std::{borrow::Cow, collections::HashSet};

/// Up to this many keys are compared one by one, which is faster than hashing them. Beyond it a set keeps the whole
/// linear in the length of the document, whatever its keys are.
const COMPARED_MAX: usize = 24;

/// Keys of all open objects, outermost first, without escapes.
#[derive(Default)]
pub(super) struct Keys<'a> {
    stack: Vec<Cow<'a, [u8]>>,
    /// For open objects of many keys: where the object's keys begin, and what they are.
    sets: Vec<(usize, HashSet<Cow<'a, [u8]>>)>,
}

impl<'a> Keys<'a> {
    pub(super) fn len(&self) -> usize {
        self.stack.len()
    }

    /// Adds a key of the innermost object, whose keys begin at `from`. False if it is there already.
    pub(super) fn push(&mut self, from: usize, key: Cow<'a, [u8]>) -> bool {
        let own = &self.stack[from..];
        let fresh = if own.len() < COMPARED_MAX {
            !own.contains(&key)
        } else {
            if self.sets.last().is_none_or(|(set_from, _)| *set_from != from) {
                self.sets.push((from, own.iter().cloned().collect()));
            }
            self.sets.last_mut().is_some_and(|(_, set)| set.insert(key.clone()))
        };
        self.stack.push(key);
        fresh
    }

    /// The innermost object is closed.
    pub(super) fn close(&mut self, from: usize) {
        self.stack.truncate(from);
        if self.sets.last().is_some_and(|(set_from, _)| *set_from == from) {
            self.sets.pop();
        }
    }

    /// The key at the end of the first `n`.
    pub(super) fn last_before(&self, n: usize) -> Option<&[u8]> {
        self.stack.get(n.checked_sub(1)?).map(|key| &**key)
    }
}
