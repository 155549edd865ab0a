//! What is known of ids, within limits.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use super::Entry;
use crate::limits::{REGISTRY_UNKNOWN_FOR, SCHEMAS_MAX};

/// The oldest goes first.
#[derive(Default)]
pub(super) struct Kept {
    entries: HashMap<u32, One>,
    by_age: VecDeque<u32>,
}

struct One {
    entry: Arc<Entry>,
    /// None stays.
    until: Option<Instant>,
}

impl Kept {
    pub(super) fn get(&self, id: u32, now: Instant) -> Option<Arc<Entry>> {
        let one = self.entries.get(&id)?;
        one.until.is_none_or(|until| now < until).then(|| one.entry.clone())
    }

    pub(super) fn put(&mut self, id: u32, entry: Entry, is_final: bool, now: Instant) {
        let until = (!is_final).then(|| now + REGISTRY_UNKNOWN_FOR);
        let entry = Arc::new(entry);
        if self.entries.insert(id, One { entry, until }).is_none() {
            self.by_age.push_back(id);
        }
        if self.entries.len() > SCHEMAS_MAX
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_the_registry_did_not_know_is_asked_again_and_the_oldest_goes_first() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        let unfit = || Entry::Unfit("no".to_owned());
        kept.put(0, unfit(), true, now);
        kept.put(1, unfit(), false, now);
        let later = now + REGISTRY_UNKNOWN_FOR;
        assert!(kept.get(1, later - Duration::from_millis(1)).is_some());
        assert!(kept.get(1, later).is_none() && kept.get(0, later).is_some());
        for id in 2..=u32::try_from(SCHEMAS_MAX).expect("a number") {
            kept.put(id, unfit(), true, now);
        }
        assert!(kept.get(0, now).is_none() && kept.get(1, now).is_some());
        assert_eq!(kept.entries.len(), SCHEMAS_MAX);
    }
}
