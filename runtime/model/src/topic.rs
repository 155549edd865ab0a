//! Topics, partitions and subscriptions, named as Danube names them.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{ConnectorId, connector_id::DEFAULT_TENANT};

/// How the names of topics for dead letters begin.
const DEAD_LETTERS_PREFIX: &str = "dlq-";
/// Most of the names in a [`digested`] one, in bytes: what is left of a topic in the longest namespace, beside two slashes,
/// the prefix, two hyphens and 16 digits.
const DIGESTED_NAMES_BYTES_MAX: usize = TopicName::BYTES_MAX - TopicName::NAMESPACE_BYTES_MAX - 2 - 4 - 2 - 16;

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

    /// The dead-letter topic of a connector in this topic's namespace. No two connectors have the same one, whatever their
    /// tenants, pipelines and they themselves are called:
    ///
    /// * `/namespace/dlq-<pipeline>--<connector>`, where that can be read in one way only;
    /// * else `/namespace/dlq--<names>-<digest>`: for names with a `.` or too long together, for a pipeline's with `--` or
    ///   `-` at its end, for a connector's that looks like a partition's, and outside the default tenant. `<names>` are as
    ///   much of the names as there is room for, `<digest>` is the beginning of the SHA-256 of the connector's id.
    ///
    /// Its name does not begin with another topic's, because Danube's own clients find partitions by prefix.
    pub fn dead_letters_of(&self, connector: &ConnectorId) -> Self {
        let (pipeline, name) = (connector.pipeline(), connector.connector());
        let is_plain = connector.tenant() == DEFAULT_TENANT
            && !pipeline.contains("--")
            && !pipeline.ends_with('-')
            && !name.contains("-part-")
            && !connector.as_str().contains('.');
        let plain = self.beside(&format!("{DEAD_LETTERS_PREFIX}{pipeline}--{name}"));
        match is_plain && plain.0.len() <= Self::BYTES_MAX {
            true => plain,
            false => self.beside(&digested(connector)),
        }
    }

    /// What the dead-letter topic of a connector of this name was called before it carried the pipeline's, so that
    /// pipelines shared it: `/namespace/dlq-<connector>`, with `-` for `.`.
    pub fn former_dead_letters_of(&self, connector: &ConnectorId) -> Self {
        let connector = connector.connector().replace('.', "-");
        self.beside(&format!("{DEAD_LETTERS_PREFIX}{connector}"))
    }

    /// Whether it is named as [`Self::dead_letters_of`] names topics.
    pub fn is_for_dead_letters(&self) -> bool {
        self.name().starts_with(DEAD_LETTERS_PREFIX)
    }

    /// Another topic of this namespace.
    fn beside(&self, name: &str) -> Self {
        Self(format!("/{}/{name}", self.namespace()).into())
    }

    fn split(&self) -> (&str, &str) {
        self.0[1..].split_once('/').unwrap_or((&self.0[1..], ""))
    }
}

/// The name of a dead-letter topic that no readable one is unambiguous for. A readable one has no `-` after the prefix.
fn digested(connector: &ConnectorId) -> String {
    let id = connector.as_str();
    let mut names = id.replace(['/', '.'], "-");
    names.truncate(DIGESTED_NAMES_BYTES_MAX);
    let digest = Sha256::digest(id.as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{DEAD_LETTERS_PREFIX}-{names}-{digest}")
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

    fn id(tenant: &str, pipeline: &str, connector: &str) -> ConnectorId {
        ConnectorId::try_with_tenant(tenant, pipeline, connector).expect("valid")
    }

    #[test]
    fn dead_letters_are_named_by_pipeline_and_connector() {
        let topic: TopicName = "/stripe/payments".parse().expect("valid");
        for (pipeline, connector, name) in [
            ("eu", "surrealdb", "/stripe/dlq-eu--surrealdb"),
            ("stripe-payments", "sink-2", "/stripe/dlq-stripe-payments--sink-2"),
            ("eu", "sink.a", "/stripe/dlq--eu-sink-a-01eece8758ec2ea3"),
        ] {
            assert_eq!(
                topic.dead_letters_of(&id("default", pipeline, connector)).as_str(),
                name
            );
        }
        let former = topic.former_dead_letters_of(&id("default", "eu", "sink.a"));
        assert_eq!(
            (former.as_str(), former.is_for_dead_letters()),
            ("/stripe/dlq-sink-a", true)
        );
    }

    #[test]
    fn no_two_connectors_have_the_same_dead_letter_topic() {
        let names = [
            "a", "b", "a-b", "a--b", "a-", "a--", "b--", "a.b", "a.-b", "a-part-0", "a_b", "b-a", "a-b-a",
        ];
        let long = ["x".repeat(64), format!("{}y", "x".repeat(63))];
        let names: Vec<&str> = names.into_iter().chain(long.iter().map(|name| &**name)).collect();
        let longest: TopicName = format!("/{}/b", "n".repeat(128)).parse().expect("valid");
        for topic in [longest, "/a/b".parse().expect("valid")] {
            let mut found = std::collections::HashMap::new();
            for tenant in ["default", "a", "a-b"] {
                for (pipeline, connector) in names.iter().flat_map(|p| names.iter().map(move |c| (p, c))) {
                    let id = id(tenant, pipeline, connector);
                    let letters = topic.dead_letters_of(&id);
                    assert!(letters.is_for_dead_letters());
                    assert_eq!(letters.as_str().parse(), Ok(letters.clone()), "{id}");
                    if let Some(other) = found.insert(letters.clone(), id.clone()) {
                        panic!("{other} and {id} both have {letters}");
                    }
                    // None of them is taken for a partition of another.
                    assert!(
                        !letters
                            .name()
                            .trim_end_matches(|c: char| c.is_ascii_digit())
                            .ends_with("-part-")
                    );
                }
            }
        }
    }

    /// The embedded log refuses to open with a topic whose name is none.
    #[test]
    fn the_dead_letter_topic_of_any_connector_is_a_topic() {
        let longest: TopicName = format!("/{}/b", "a".repeat(128)).parse().expect("valid");
        let name = "c".repeat(64);
        let letters = longest.dead_letters_of(&id(&name, &name, &name));
        assert!(letters.is_for_dead_letters() && !longest.is_for_dead_letters());
        assert_eq!(letters.as_str().parse(), Ok(letters));
    }
}
