//! Writes for one call of the target.

use std::sync::Arc;

use danube_wasm_model::door::Write;

use super::outstanding::Id;
use crate::{
    backoff::Backoff,
    mutants::{self, Mutant},
};

/// Writes in their order, each with what the lane knows of it.
#[derive(Default)]
pub(super) struct WriteList {
    pub(super) writes: Vec<Write>,
    pub(super) tags: Vec<Tag>,
}

/// What a lane knows of a write.
pub(super) struct Tag {
    /// Higher than that of any write that was made before.
    pub(super) number: u64,
    /// The messages that it was made of.
    pub(super) origins: Vec<Id>,
    /// Its waits, if the target has put it off.
    pub(super) backoff: Option<Backoff>,
}

impl WriteList {
    pub(super) fn push(&mut self, write: Write, tag: Tag) {
        self.writes.push(write);
        self.tags.push(tag);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = (Write, Tag)> {
        self.writes.into_iter().zip(self.tags)
    }

    /// Each target once.
    pub(super) fn targets(&self) -> Vec<Arc<str>> {
        let mut targets: Vec<Arc<str>> = Vec::new();
        for write in &self.writes {
            if !targets.iter().any(|known| **known == *write.target) {
                targets.push(write.target.clone());
            }
        }
        targets
    }

    /// The messages, each once where its writes stand together.
    pub(super) fn origins(&self) -> impl Iterator<Item = Id> {
        let mut last = None;
        let ids = self.tags.iter().flat_map(|tag| tag.origins.iter().copied());
        ids.filter(move |id| last.replace(*id) != Some(*id))
    }

    /// A call with them gave no certain answer: each may be done.
    pub(super) fn maybe_written(&mut self) {
        let redelivered = !mutants::is(Mutant::ForgetRedelivered);
        self.writes.iter_mut().for_each(|write| write.redelivered = redelivered);
    }
}
