//! The door to a component that asks for its events itself: what it is told, and what it fetched.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    ConnectorId,
    columns::{Attributes, Blobs, ColumnError},
    door::GuestError,
    identity::EVENT_ID_BYTES_MAX,
    upstream::Room,
};

/// The values that a component keeps, by key, as `state` of `wit/poller.wit` has them. Cheap to clone.
pub type StateValues = Arc<BTreeMap<String, Bytes>>;

/// What a call changed of them: `None` took a key out.
pub type StateChanges = BTreeMap<String, Option<Bytes>>;

/// A component that fetches, ready to be called. Calls run one after the other.
#[async_trait]
pub trait PollerGuest: Send + Sync + 'static {
    /// Who it belongs to.
    fn id(&self) -> &ConnectorId;

    /// Fetches the next events. What returns has passed [`Page::check`]. Dropping the future ends the call, and nothing
    /// that it did took effect.
    async fn fetch(&self, fetch: Fetch) -> Result<Fetched, GuestError>;
}

/// What a call is given.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// What may be fetched.
    pub room: Room,
    /// What the calls before have left.
    pub state: StateValues,
}

/// What a call gave.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// The events.
    pub page: Page,
    /// What it changed.
    pub changes: StateChanges,
}

/// n events that were fetched, as columns.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Payload of each.
    pub payloads: Blobs,
    /// Id of each, or empty; zero bytes where the host makes it.
    pub ids: Blobs,
    /// Key of each, or empty.
    pub keys: Blobs,
    /// Attributes of each, or empty.
    pub attributes: Attributes,
    /// When to fetch again; `None` after the interval of the pipeline file.
    pub again_after: Option<Duration>,
}

impl Page {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every rule of `wit/poller.wit` that the types do not carry. After `Ok`, every accessor of every column is in range.
    pub fn check(&self) -> Result<(), ColumnError> {
        self.payloads.check("payloads")?;
        let n = self.payloads.len();
        self.ids.check_optional_text("ids", n, EVENT_ID_BYTES_MAX)?;
        let has_control = |id: &[u8]| str::from_utf8(id).is_ok_and(|id| id.chars().any(char::is_control));
        let bad = self.ids.iter().position(has_control);
        if let Some(at) = bad {
            return Err(ColumnError::new("ids", format!("id {at} has a control character")));
        }
        self.keys.check_optional("keys", n)?;
        self.attributes.check_optional("attributes", n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(values: &[&str]) -> Blobs {
        let mut blobs = Blobs::default();
        values.iter().for_each(|value| blobs.push(value.as_bytes()));
        blobs
    }

    #[test]
    fn ids_are_as_many_as_payloads_or_none_and_have_no_control_characters() {
        let page = |ids: &[&str]| Page {
            payloads: blobs(&["{}", "[]"]),
            ids: blobs(ids),
            ..Page::default()
        };
        page(&[]).check().expect("none");
        page(&["a", ""]).check().expect("one, and one that the host makes");
        page(&[&"x".repeat(256), "b"]).check().expect("at the limit");
        for bad in [&["a"][..], &["a", "b", "c"], &["a\n", "b"], &[&"x".repeat(257), "b"]] {
            assert_eq!(page(bad).check().expect_err("refused").column, "ids", "{bad:?}");
        }
    }
}
