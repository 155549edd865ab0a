//! Capability `state`: a connector's own values, during a fetch.
//!
//! The values come with the call and its changes go with what it returns: nothing is kept here between calls, so that a call that
//! fails has changed nothing.

use bytes::Bytes;
use danube_wasm_model::poller::{StateChanges, StateValues};

use crate::bindings::danube::connector::state::{Host, Refusal};

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// Bytes of a value.
pub const VALUE_BYTES_MAX: usize = 64 << 10;
/// Keys of a connector.
pub const KEYS_MAX: usize = 256;
/// Bytes of all keys and values of a connector: half of what a notebook takes at once.
pub const BYTES_MAX: usize = 512 << 10;

/// One instance's end of its connector's values.
#[derive(Default)]
pub(crate) struct State(Option<Fetching>);

/// The values during one fetch.
#[derive(Default)]
struct Fetching {
    before: StateValues,
    changes: StateChanges,
    /// Number and bytes of keys and values as they are now.
    keys: usize,
    bytes: usize,
}

impl State {
    /// A fetch begins with these values.
    pub(crate) fn begin(&mut self, before: StateValues) {
        self.0 = Some(Fetching {
            keys: before.len(),
            bytes: before.iter().map(|(key, value)| key.len() + value.len()).sum(),
            before,
            changes: StateChanges::new(),
        });
    }

    /// The fetch has ended: what it changed.
    pub(crate) fn end(&mut self) -> StateChanges {
        self.0.take().map(|fetching| fetching.changes).unwrap_or_default()
    }
}

impl Fetching {
    fn get(&self, key: &str) -> Option<&Bytes> {
        match self.changes.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.before.get(key),
        }
    }

    /// Changes a value, if that is within the limits.
    fn put(&mut self, key: String, value: Option<Bytes>) -> Result<(), Refusal> {
        let size = |value: &Bytes| key.len() + value.len();
        let (old, new) = (self.get(&key).map(size), value.as_ref().map(size));
        let keys = self.keys - usize::from(old.is_some()) + usize::from(new.is_some());
        let bytes = self.bytes - old.unwrap_or(0) + new.unwrap_or(0);
        if new.is_some() && (keys > KEYS_MAX || bytes > BYTES_MAX) {
            return Err(Refusal::Full);
        }
        (self.keys, self.bytes) = (keys, bytes);
        match value.is_none() && !self.before.contains_key(&key) {
            true => self.changes.remove(&key),
            false => self.changes.insert(key, value),
        };
        Ok(())
    }
}

impl Host for State {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.0.as_ref()?.get(&key).map(|value| value.to_vec())
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Refusal> {
        let fetching = self.0.as_mut().ok_or(Refusal::Unavailable)?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Refusal::Key);
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(Refusal::Value);
        }
        fetching.put(key, Some(value.into()))
    }

    fn delete(&mut self, key: String) -> Result<(), Refusal> {
        let fetching = self.0.as_mut().ok_or(Refusal::Unavailable)?;
        fetching.put(key, None)
    }

    fn keys(&mut self) -> Vec<String> {
        let Some(fetching) = &self.0 else { return Vec::new() };
        let unchanged = fetching
            .before
            .keys()
            .filter(|key| !fetching.changes.contains_key(*key));
        let changed = fetching.changes.iter().filter(|(_, value)| value.is_some());
        let mut keys: Vec<_> = unchanged.chain(changed.map(|(key, _)| key)).cloned().collect();
        keys.sort();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(before: &[(&str, &str)]) -> State {
        let before = before
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Bytes::copy_from_slice(value.as_bytes())));
        let mut state = State::default();
        state.begin(std::sync::Arc::new(before.collect()));
        state
    }

    #[test]
    fn a_call_sees_its_own_changes_and_gives_them_back() {
        let mut state = begun(&[("cursor", "7"), ("old", "x")]);
        assert_eq!(state.get("cursor".into()), Some(b"7".to_vec()));
        state.set("cursor".into(), b"8".to_vec()).expect("set");
        state.set("new".into(), b"y".to_vec()).expect("set");
        state.set("brief".into(), b"z".to_vec()).expect("set");
        state.delete("brief".into()).expect("deleted");
        state.delete("old".into()).expect("deleted");
        assert_eq!(state.keys(), ["cursor", "new"]);
        assert_eq!(state.get("old".into()), None);
        let changes: Vec<_> = state.end().into_iter().collect();
        let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            changes,
            [
                ("cursor".into(), value("8")),
                ("new".into(), value("y")),
                ("old".into(), None)
            ]
        );
    }

    #[test]
    fn each_limit_is_kept_and_said() {
        let mut state = begun(&[]);
        state.set("k".repeat(KEY_BYTES_MAX), Vec::new()).expect("at the limit");
        assert_eq!(state.set("k".repeat(KEY_BYTES_MAX + 1), Vec::new()), Err(Refusal::Key));
        assert_eq!(state.set(String::new(), Vec::new()), Err(Refusal::Key));
        assert_eq!(state.set("v".into(), vec![0; VALUE_BYTES_MAX + 1]), Err(Refusal::Value));
        for n in 1..KEYS_MAX {
            state.set(n.to_string(), vec![0; 8]).expect("within the limit");
        }
        assert_eq!(state.set("more".into(), Vec::new()), Err(Refusal::Full));
        state.set("1".into(), vec![0; 9]).expect("a key that is there");
        state.delete("2".into()).expect("deleted");
        state.set("more".into(), Vec::new()).expect("there is room again");

        let mut state = begun(&[]);
        for n in 0..7 {
            state
                .set(n.to_string(), vec![0; VALUE_BYTES_MAX])
                .expect("within the limit");
        }
        assert_eq!(state.set("7".into(), vec![0; VALUE_BYTES_MAX]), Err(Refusal::Full));
        state.set("0".into(), Vec::new()).expect("smaller than before");
    }

    #[test]
    fn outside_of_a_fetch_there_is_nothing() {
        let mut state = State::default();
        assert_eq!(state.get("cursor".into()), None);
        assert_eq!(state.set("cursor".into(), Vec::new()), Err(Refusal::Unavailable));
        assert_eq!(state.delete("cursor".into()), Err(Refusal::Unavailable));
        assert!(state.keys().is_empty());
    }
}
