//! Identity: what makes a sender's retry, a replay after a crash and a redelivery meet the same row.
//!
//! * An **event id** is the sender's where an endpoint says where to find it, the source component's where its `ids`
//!   column gives one, else minted at ingress.
//! * A **record id** is `connector place:event.ordinal`: the source connector and the endpoint in it that the event came
//!   through, the event's id, and the record's number among the records of that event. The ordinal is always there, so
//!   event `a.1`'s first record (`a.1.0`) is never event `a`'s second (`a.1`). Nothing before the colon has one (in a
//!   place it is written `%3A`, and `%` itself `%25`), so no event id can aim at another connector's or another endpoint's
//!   records: two senders that both count from 1 stay apart. Outside the default tenant it begins with a slash, which no
//!   name does, and a place that does not begin with one has a `%` before it, which no name has, so a place can never be
//!   taken for the end of a longer connector.
//! * A **write id** is its record's id and the write's place among the writes of that record, likewise.
//! * What is made of **several** inputs has the first one's id, as above, and a digest of the others': `+` and 16 hex
//!   digits. Inputs that come again may be grouped otherwise, and a document with other contents must not meet the first
//!   one and be taken for it.

use std::fmt;

use crate::{ConnectorId, connector_id::DEFAULT_TENANT, hash::Fnv1a};

/// Attribute that carries a record's id through the broker.
pub const ID_ATTRIBUTE: &str = "x-danube-wasm-id";
/// Attribute that carries the W3C trace context of a record's event.
pub const TRACE_ATTRIBUTE: &str = "x-danube-wasm-traceparent";
/// Attribute of a message that was published again for one connector: its id. Others acknowledge it unseen.
pub const ONLY_ATTRIBUTE: &str = "x-danube-wasm-only";
/// Attribute of a message that was published again: when it was published first, in milliseconds since 1970-01-01 UTC.
/// It counts as the message's publish time, so that an old message does not overwrite what newer ones wrote.
pub const PUBLISH_TIME_ATTRIBUTE: &str = "x-danube-wasm-publish-time-ms";
/// Attribute that carries a record's order: see [`OrderClock`](crate::clock::OrderClock). A record that is published again
/// keeps the order that it had.
pub const ORDER_ATTRIBUTE: &str = "x-danube-wasm-order";
/// Attributes with this prefix are the host's; what a component writes there is dropped.
pub const HOST_ATTRIBUTE_PREFIX: &str = "x-danube-wasm-";

/// Longest event id accepted from a sender or a component, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 256;

/// Id of a record, unique among all connectors, the same at every retry of its event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(String);

impl RecordId {
    /// The record that is number `ordinal` of the records that `connector` made from event `event_id`, which came
    /// through `place`: an endpoint's path or name, or nothing.
    pub fn derive(connector: &ConnectorId, place: &str, event_id: &str, ordinal: u32) -> Self {
        let mark = if connector.tenant() == DEFAULT_TENANT { "" } else { "/" };
        let between = if place.is_empty() || place.starts_with('/') {
            ""
        } else {
            "%"
        };
        let place = place.replace('%', "%25").replace(':', "%3A");
        Self(format!("{mark}{connector}{between}{place}:{event_id}.{ordinal}"))
    }

    /// An id as it was read back from a broker, or as a foreign producer's message gets one from its place.
    pub fn from_broker(text: String) -> Self {
        Self(text)
    }

    /// The id of write number `ordinal` of this record's writes.
    pub fn write(&self, ordinal: u32) -> String {
        format!("{}.{ordinal}", self.0)
    }

    /// The same record, made of these events, too.
    pub fn merged_with(self, others: MergeDigest) -> Self {
        Self(others.merge_into(self.0))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The other inputs that something was made of, in their order. There may be many, so they are added one by one: whoever
/// does it can let others have a turn in between.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeDigest(Option<Fnv1a>);

impl MergeDigest {
    /// Adds the next one's id.
    pub fn add(&mut self, id: &str) {
        // No id contains the separator.
        self.0.get_or_insert_default().write(id.bytes().chain([0]));
    }

    /// The id of what was made of `first` and of these; `first` itself if there are none.
    pub fn merge_into(self, first: String) -> String {
        match self.0 {
            Some(digest) => format!("{first}+{:016x}", digest.finish()),
            None => first,
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text may be an event id: 1 to 256 bytes, no control characters.
pub fn is_event_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= EVENT_ID_BYTES_MAX && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ordinals_never_collide_with_ids_that_look_like_them() {
        let scope = ConnectorId::try_new("p", "c").expect("valid");
        assert_ne!(
            RecordId::derive(&scope, "/x", "a", 1),
            RecordId::derive(&scope, "/x", "a.1", 0)
        );
        assert_eq!(RecordId::derive(&scope, "/x", "a", 0).write(2), "p/c/x:a.0.2");
    }

    #[test]
    fn senders_at_two_endpoints_that_use_the_same_id_stay_apart() {
        let connector = ConnectorId::try_new("p", "c").expect("valid");
        let id = |place, event| RecordId::derive(&connector, place, event, 0);
        assert_ne!(id("/x", "1"), id("/y", "1"));
        assert_ne!(id("/x", "y:1"), id("/x:y", "1"));
        assert_ne!(id("/x:y", "1"), id("/x%3Ay", "1"));
    }

    #[test]
    fn a_place_is_not_the_end_of_another_tenants_connector() {
        let plain = ConnectorId::try_new("p", "c").expect("valid");
        let tenant = ConnectorId::try_with_tenant("p", "c", "x").expect("valid");
        assert_ne!(
            RecordId::derive(&plain, "/x/y", "e", 0),
            RecordId::derive(&tenant, "/y", "e", 0)
        );
        assert_eq!(RecordId::derive(&tenant, "/y", "e", 0).as_str(), "/p/c/x/y:e.0");
    }

    /// Two Kafka sources, whose events have the same ids: partition and offset.
    #[test]
    fn a_topics_name_is_not_the_end_of_another_connector() {
        let id = |connector, place| {
            let connector = ConnectorId::try_new("p", connector).expect("valid");
            RecordId::derive(&connector, place, "0-17", 0)
        };
        let ids = [
            id("k", "1orders"),
            id("k1", "orders"),
            id("k1orders", ""),
            id("k", "%1orders"),
            id("k", "/1orders"),
        ];
        assert_eq!(BTreeSet::from(ids.clone()).len(), ids.len(), "{ids:?}");
        assert_eq!(ids[1].as_str(), "p/k1%orders:0-17.0");
    }

    #[test]
    fn what_is_merged_with_others_is_something_else() {
        let id = |others: &[&str]| {
            let mut digest = MergeDigest::default();
            others.iter().for_each(|other| digest.add(other));
            digest.merge_into("a.0".to_owned())
        };
        assert_eq!(id(&[]), "a.0");
        assert_eq!(id(&["b"]), "a.0+08a61407b54d9b5f");
        for others in [&["c"][..], &["b", "c"], &["c", "b"], &["bc"], &["b", ""]] {
            assert_ne!(id(others), id(&["b"]), "{others:?}");
        }
        assert_ne!(id(&["b", "c"]), id(&["bc"]));
    }

    #[test]
    fn event_ids_are_bounded_and_printable() {
        assert!(is_event_id("evt_1"));
        assert!(!is_event_id(""));
        assert!(!is_event_id("a\nb"));
        assert!(!is_event_id(&"a".repeat(257)));
    }
}
