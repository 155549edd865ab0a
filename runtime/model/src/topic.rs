//! Topics, partitions and subscriptions, named as Danube names them.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// How the names of topics for dead letters begin.
const DEAD_LETTERS_PREFIX: &str = "dlq-";

/// `/namespace/name`, each of ASCII letters, digits, `_` and `-`: what Danube accepts. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

/// Why a text is no topic name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a topic name: write `/namespace/name`, each of a-z, A-Z, 0-9, `_`, `-`, at most 200 characters in all, of \
     which 128 are the namespace's"
)]
pub struct InvalidTopic(String);

impl TopicName {
    /// Longest accepted name, in bytes.
    pub const BYTES_MAX: usize = 200;
    /// Longest accepted namespace, in bytes: the dead-letter topic of any connector is a topic, too.
    pub const NAMESPACE_BYTES_MAX: usize = 128;

    /// The text, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part between the slashes.
    pub fn namespace(&self) -> &str {
        self.split().0
    }

    /// The part after the second slash.
    pub fn name(&self) -> &str {
        self.split().1
    }

    /// Partition `n` of this topic as Danube spells it: `/namespace/name-part-n`.
    pub fn partition(&self, n: u32) -> Self {
        Self(format!("{}-part-{n}", self.0).into())
    }

    /// The dead-letter topic of a connector in this topic's namespace: `/namespace/dlq-<connector>`. Its name does not
    /// begin with another topic's, because Danube's own clients find partitions by prefix. A `.` in the connector's
    /// name becomes `-`.
    pub fn dead_letters_of(&self, connector: &str) -> Self {
        let (namespace, connector) = (self.namespace(), connector.replace('.', "-"));
        Self(format!("/{namespace}/{DEAD_LETTERS_PREFIX}{connector}").into())
    }

    /// Whether it is named as [`Self::dead_letters_of`] names topics.
    pub fn is_for_dead_letters(&self) -> bool {
        self.name().starts_with(DEAD_LETTERS_PREFIX)
    }

    fn split(&self) -> (&str, &str) {
        self.0[1..].split_once('/').unwrap_or((&self.0[1..], ""))
    }
}

impl FromStr for TopicName {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let parts = text.strip_prefix('/').and_then(|rest| rest.split_once('/'));
        match parts {
            Some((namespace, name))
                if text.len() <= Self::BYTES_MAX
                    && namespace.len() <= Self::NAMESPACE_BYTES_MAX
                    && legal(namespace)
                    && legal(name) =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidTopic(text.chars().take(240).collect())),
        }
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the consumers of one subscription share its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum SubscriptionType {
    /// One consumer; order is kept.
    Exclusive,
    /// Any number of consumers; no order.
    #[default]
    Shared,
    /// One active consumer, others stand by; order is kept.
    #[serde(alias = "FailOver")]
    Failover,
    /// Any number of consumers; messages of one key go to one of them, in order.
    KeyShared,
}

impl SubscriptionType {
    /// Whether first deliveries of one key keep their order.
    pub fn keeps_order(self) -> bool {
        !matches!(self, Self::Shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_danube_accepts() {
        let topic: TopicName = "/stripe/payments-v1_x".parse().expect("valid");
        assert_eq!((topic.namespace(), topic.name()), ("stripe", "payments-v1_x"));
        assert_eq!(topic.partition(3).as_str(), "/stripe/payments-v1_x-part-3");
        assert_eq!(topic.dead_letters_of("sink.a").as_str(), "/stripe/dlq-sink-a");
    }

    #[test]
    fn refuses_everything_else() {
        let long = format!("/a/{}", "b".repeat(198));
        let long_namespace = format!("/{}/b", "a".repeat(129));
        for text in [
            "",
            "/",
            "/a",
            "a/b",
            "/a/",
            "//b",
            "/a/b/c",
            "/a/b.c",
            "/a/../b",
            "/a/b\n",
            "/ä/b",
            long.as_str(),
            long_namespace.as_str(),
        ] {
            assert!(text.parse::<TopicName>().is_err(), "{text:?}");
        }
    }

    /// The embedded log refuses to open with a topic whose name is none.
    #[test]
    fn the_dead_letter_topic_of_any_connector_is_a_topic() {
        let longest: TopicName = format!("/{}/b", "a".repeat(128)).parse().expect("valid");
        let letters = longest.dead_letters_of(&"c".repeat(64));
        assert!(letters.is_for_dead_letters() && !longest.is_for_dead_letters());
        assert_eq!(letters.as_str().parse(), Ok(letters));
    }
}
