//! What a connector is configured with, and the topics it asks for.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Error, Result, bindings::types};

/// A connector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    connector: String,
    settings: String,
}

impl Config {
    /// A configuration as the host would give it: the connector's name and its settings as JSON text.
    pub fn new(connector: impl Into<String>, settings: impl Into<String>) -> Self {
        Self {
            connector: connector.into(),
            settings: settings.into(),
        }
    }

    /// The connector's name in its pipeline.
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// The settings, for example as [`SourceSettings`](crate::SourceSettings) or
    /// [`SinkSettings`](crate::SinkSettings). Settings that do not fit are [`Error::Configuration`].
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.settings).map_err(|error| {
            let at = key_before(&self.settings, &error).map_or_else(String::new, |key| format!(", at `{key}`"));
            Error::configuration(format!("the settings of `{}`{at}: {error}", self.connector))
        })
    }

    /// The settings as JSON text.
    pub fn settings_json(&self) -> &str {
        &self.settings
    }
}

/// The last key before the place of an error: a value of the wrong type is its value, an unknown key is in it. The host writes
/// settings on one line, so columns are enough.
fn key_before<'a>(settings: &'a str, error: &serde_json::Error) -> Option<&'a str> {
    let before = settings.get(..error.column())?;
    let key = &before[..before.rfind("\":")?];
    key.rfind('"').map(|start| &key[start + 1..])
}

impl From<types::Configuration> for Config {
    fn from(config: types::Configuration) -> Self {
        Self::new(config.connector, config.settings)
    }
}

/// A topic that a source publishes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// `/namespace/name`. The host refuses topics that the pipeline file does not grant.
    pub topic: String,
    /// Partitions to create it with; 0 for a topic without.
    pub partitions: u32,
    /// Ask the broker to keep each message until every subscription has acknowledged it.
    pub reliable_dispatch: bool,
}

impl ProducerConfig {
    /// A topic without partitions, dispatched reliably.
    pub fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            partitions: 0,
            reliable_dispatch: true,
        }
    }

    /// With so many partitions.
    pub fn with_partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions;
        self
    }
}

impl From<ProducerConfig> for types::ProducerConfig {
    fn from(config: ProducerConfig) -> Self {
        Self {
            topic: config.topic,
            partitions: config.partitions,
            reliable_dispatch: config.reliable_dispatch,
            options: Vec::new(),
        }
    }
}

/// How consumers of one subscription share its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
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

/// A topic that a sink consumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// `/namespace/name`. The host refuses topics that the pipeline file does not grant.
    pub topic: String,
    /// Name of the subscription, which holds the position.
    pub subscription: String,
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
    /// Refuse messages whose schema is of another subject.
    pub expected_schema_subject: Option<String>,
}

impl ConsumerConfig {
    /// A shared subscription to a topic, whatever the schema of its messages.
    pub fn new(topic: impl Into<String>, subscription: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            subscription: subscription.into(),
            subscription_type: SubscriptionType::Shared,
            expected_schema_subject: None,
        }
    }

    /// Shared in another way.
    pub fn with_subscription_type(mut self, subscription_type: SubscriptionType) -> Self {
        self.subscription_type = subscription_type;
        self
    }
}

impl From<ConsumerConfig> for types::ConsumerConfig {
    fn from(config: ConsumerConfig) -> Self {
        Self {
            topic: config.topic,
            subscription: config.subscription,
            subscription_type: match config.subscription_type {
                SubscriptionType::Exclusive => types::SubscriptionType::Exclusive,
                SubscriptionType::Shared => types::SubscriptionType::Shared,
                SubscriptionType::Failover => types::SubscriptionType::Failover,
                SubscriptionType::KeyShared => types::SubscriptionType::KeyShared,
            },
            expected_schema_subject: config.expected_schema_subject,
            options: Vec::new(),
        }
    }
}
