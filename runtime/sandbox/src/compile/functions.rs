//! Functions that were compiled before: most of an interpreter is the same in every component that carries it.
//!
//! The child gets what earlier compilations left behind, looks each function up by the hash of its code and of all
//! settings, and compiles only the others. What it compiled it hands back; the parent keeps that in a file beside the
//! component's artifact. The child opens no file and does not have the installation's key, so it can only add to what
//! its own compilation leaves.
//!
//! A pack is entries one after another: the key's length (one byte), the key, the value's length (four bytes, least
//! first), the value.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use wasmtime::CacheStore;

/// Components smaller than this are compiled without: looking functions up would take longer than compiling them.
pub(crate) const COMPONENT_BYTES_MIN: usize = 1 << 20;
/// Bytes of packs that a child is given: two interpreters and what was added to them.
pub(crate) const GIVEN_BYTES_MAX: usize = 192 << 20;
/// Bytes of the pack that a child hands back.
pub(crate) const MADE_BYTES_MAX: usize = 192 << 20;

/// What a child was given, and what it adds.
pub(crate) struct FunctionStore {
    given: Vec<u8>,
    known: HashMap<Vec<u8>, Range<usize>>,
    made: Mutex<Vec<u8>>,
    reused: AtomicU64,
    compiled: AtomicU64,
}

impl FunctionStore {
    /// From packs, one after another. What is cut short ends them.
    pub(crate) fn new(given: Vec<u8>) -> Self {
        let known = entries(&given)
            .map(|(key, value)| (given[key].to_vec(), value))
            .collect();
        Self {
            known,
            given,
            made: Mutex::default(),
            reused: AtomicU64::new(0),
            compiled: AtomicU64::new(0),
        }
    }

    /// The functions that were added, as a pack.
    pub(crate) fn take_made(&self) -> Vec<u8> {
        std::mem::take(&mut *self.made.lock())
    }

    /// How many functions were looked up and found, and how many were compiled.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.reused.load(Relaxed), self.compiled.load(Relaxed))
    }
}

impl CacheStore for FunctionStore {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let value = self.known.get(key)?;
        self.reused.fetch_add(1, Relaxed);
        Some(Cow::Borrowed(&self.given[value.clone()]))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        self.compiled.fetch_add(1, Relaxed);
        let (Ok(key_len), Ok(value_len)) = (u8::try_from(key.len()), u32::try_from(value.len())) else {
            return false;
        };
        let mut made = self.made.lock();
        if made.len() + key.len() + value.len() + 5 > MADE_BYTES_MAX {
            return false;
        }
        made.push(key_len);
        made.extend_from_slice(key);
        made.extend_from_slice(&value_len.to_le_bytes());
        made.extend_from_slice(&value);
        true
    }
}

impl fmt::Debug for FunctionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionStore")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

/// Where the keys and values of packs are, up to what is cut short.
fn entries(packs: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let key = at + 1..at + 1 + usize::from(*packs.get(at)?);
        let value_len: [u8; 4] = packs.get(key.end..key.end + 4)?.try_into().ok()?;
        let start = key.end + 4;
        let value = start..start.checked_add(usize::try_from(u32::from_le_bytes(value_len)).ok()?)?;
        packs.get(value.clone())?;
        at = value.end;
        Some((key, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_child_added_the_next_one_finds() {
        let first = FunctionStore::new(Vec::new());
        assert!(first.get(b"a").is_none());
        assert!(first.insert(b"a", vec![1; 300]));
        assert!(first.insert(b"key", Vec::new()));
        assert_eq!(first.counts(), (0, 2));
        let mut packs = first.take_made();
        packs.extend(packs.clone());

        let second = FunctionStore::new(packs.clone());
        assert_eq!(second.get(b"a").as_deref(), Some(&[1; 300][..]));
        assert_eq!(second.get(b"key").as_deref(), Some(&[][..]));
        assert_eq!(second.counts(), (2, 0));
        assert!(second.take_made().is_empty(), "nothing is handed back twice");
        for cut in 0..packs.len() {
            let _ = FunctionStore::new(packs[..cut].to_vec());
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let store = FunctionStore::new(Vec::new());
        assert!(!store.insert(&[0; 256], Vec::new()), "a key that is too long");
        assert!(!store.insert(b"a", vec![0; MADE_BYTES_MAX]));
        assert!(store.take_made().is_empty());
    }
}
