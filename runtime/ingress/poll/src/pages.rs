//! Which changes of state belong to which page, and which of them are durable. Without I/O.

use std::{collections::VecDeque, sync::Arc};

use danube_wasm_model::poller::{StateChanges, StateValues};

/// The pages of a session, in their order.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The state as the last page left it.
    state: StateValues,
    /// Number of the last page.
    last: u64,
    /// Changes that are not durable yet, with the number of their page. Pages that changed nothing are not among them.
    staged: VecDeque<(u64, StateChanges)>,
}

impl Pages {
    /// Begins with the state that is durable.
    pub(crate) fn new(state: StateValues) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// The state for the next fetch.
    pub(crate) fn state(&self) -> StateValues {
        Arc::clone(&self.state)
    }

    /// One more page, which changed this. Returns its number.
    pub(crate) fn stage(&mut self, changes: StateChanges) -> u64 {
        self.last += 1;
        if !changes.is_empty() {
            let state = Arc::make_mut(&mut self.state);
            for (key, value) in &changes {
                match value {
                    Some(value) => state.insert(key.clone(), value.clone()),
                    None => state.remove(key),
                };
            }
            self.staged.push_back((self.last, changes));
        }
        self.last
    }

    /// What is to be made durable when everything up to this page is.
    pub(crate) fn changes_until(&self, page: u64) -> StateChanges {
        let due = self.staged.iter().take_while(|(number, _)| *number <= page);
        let mut merged = StateChanges::new();
        for (_, changes) in due {
            merged.extend(changes.clone());
        }
        merged
    }

    /// The changes up to this page are durable.
    pub(crate) fn settle(&mut self, page: u64) {
        while self.staged.front().is_some_and(|(number, _)| *number <= page) {
            self.staged.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn changes(of: &[(&str, Option<&'static str>)]) -> StateChanges {
        let value = |text: &'static str| Bytes::from_static(text.as_bytes());
        of.iter()
            .map(|(key, text)| ((*key).to_owned(), text.map(value)))
            .collect()
    }

    #[test]
    fn the_next_fetch_sees_what_is_staged_and_the_disk_what_is_confirmed() {
        let mut pages = Pages::new(Arc::new([("old".to_owned(), Bytes::from_static(b"x"))].into()));
        assert_eq!(pages.stage(changes(&[("cursor", Some("1"))])), 1);
        assert_eq!(pages.stage(changes(&[])), 2);
        assert_eq!(pages.stage(changes(&[("cursor", Some("3")), ("old", None)])), 3);
        let state = pages.state();
        assert_eq!((state.len(), &state["cursor"][..]), (1, &b"3"[..]));

        assert_eq!(pages.changes_until(0), changes(&[]));
        assert_eq!(pages.changes_until(2), changes(&[("cursor", Some("1"))]));
        pages.settle(2);
        assert_eq!(pages.changes_until(2), changes(&[]));
        assert_eq!(pages.changes_until(9), changes(&[("cursor", Some("3")), ("old", None)]));
    }
}
