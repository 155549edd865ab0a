//! A few values of the connector's own that outlive the process, such as a cursor. They are there during
//! [`PollingSource::fetch`](crate::PollingSource::fetch) alone. What a call changes is durable once every event that it fetched is.
//!
//! In a native test they are the thread's.

use crate::{Error, Result};

/// The value of this key.
pub fn get(key: &str) -> Option<Vec<u8>> {
    imp::get(key)
}

/// The value of this key, if it is text.
pub fn get_text(key: &str) -> Option<String> {
    get(key).and_then(|value| String::from_utf8(value).ok())
}

/// Sets the value of a key of 1 to 128 bytes: at most 64 KiB, of all together 512 KiB and 256 keys.
pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<()> {
    imp::set(key, value.as_ref()).map_err(|refusal| Error::fatal(format!("the state `{key}` was not set: {refusal}")))
}

/// Takes a key out.
pub fn delete(key: &str) -> Result<()> {
    imp::delete(key).map_err(|refusal| Error::fatal(format!("the state `{key}` was not deleted: {refusal}")))
}

/// The keys that have a value.
pub fn keys() -> Vec<String> {
    imp::keys()
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use crate::bindings::state::{self, Refusal};

    pub(super) use state::{get, keys};

    pub(super) fn set(key: &str, value: &[u8]) -> Result<(), &'static str> {
        state::set(key, value).map_err(sentence)
    }

    pub(super) fn delete(key: &str) -> Result<(), &'static str> {
        state::delete(key).map_err(sentence)
    }

    fn sentence(refusal: Refusal) -> &'static str {
        match refusal {
            Refusal::Key => "a key has 1 to 128 bytes",
            Refusal::Value => "a value has at most 64 KiB",
            Refusal::Full => "all keys and values together have at most 512 KiB, and there are at most 256 keys",
            Refusal::Unavailable => "state is there while `fetch` runs, and at no other time",
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::{cell::RefCell, collections::BTreeMap};

    thread_local! {
        static VALUES: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn get(key: &str) -> Option<Vec<u8>> {
        VALUES.with_borrow(|values| values.get(key).cloned())
    }

    pub(super) fn set(key: &str, value: &[u8]) -> Result<(), &'static str> {
        VALUES.with_borrow_mut(|values| values.insert(key.to_owned(), value.to_owned()));
        Ok(())
    }

    pub(super) fn delete(key: &str) -> Result<(), &'static str> {
        VALUES.with_borrow_mut(|values| values.remove(key));
        Ok(())
    }

    pub(super) fn keys() -> Vec<String> {
        VALUES.with_borrow(|values| values.keys().cloned().collect())
    }
}
