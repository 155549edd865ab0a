//! The shape that the host gives a connector's settings: its endpoints or topic mappings, and a table of its own.
//!
//! Both take the connector's own keys as type parameters: `more` those of each endpoint or mapping, `config` those of
//! the connector. Keys that no type names are ignored, because the pipeline file's reader has refused the misspelt.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{ConsumerConfig, Error, ProducerConfig, Result, SubscriptionType};

/// No keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Nothing {}

/// Settings of a source.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(bound(deserialize = "C: DeserializeOwned + Default, E: DeserializeOwned"))]
pub struct SourceSettings<C = Nothing, E = Nothing> {
    /// Where events come in.
    #[serde(default)]
    pub endpoints: Vec<Endpoint<E>>,
    /// The connector's own keys.
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: C,
}

/// One way in, and the topic behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoint<E = Nothing> {
    /// As [`Event::endpoint`](crate::Event::endpoint) gives it.
    pub path: String,
    /// `/namespace/name`.
    pub danube_topic: String,
    /// Partitions to create the topic with; 0 for a topic without.
    #[serde(default)]
    pub partitions: u32,
    /// Keep each message until every subscription has acknowledged it.
    #[serde(default = "yes")]
    pub reliable_dispatch: bool,
    /// The connector's own keys of an endpoint.
    #[serde(flatten)]
    pub more: E,
}

impl<C, E> SourceSettings<C, E> {
    /// The topics of the endpoints, each once. Endpoints of one topic must agree on how it is made.
    pub fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        let mut configs: Vec<ProducerConfig> = Vec::new();
        for endpoint in &self.endpoints {
            let config = ProducerConfig {
                topic: endpoint.danube_topic.clone(),
                partitions: endpoint.partitions,
                reliable_dispatch: endpoint.reliable_dispatch,
            };
            match configs.iter().find(|other| other.topic == config.topic) {
                None => configs.push(config),
                Some(other) if *other == config => {}
                Some(_) => {
                    return Err(Error::configuration(format!(
                        "endpoint `{}` and another one publish to `{}` with different `partitions` or \
                         `reliable_dispatch`: give both the same",
                        endpoint.path, endpoint.danube_topic
                    )));
                }
            }
        }
        Ok(configs)
    }
}

/// Settings of a sink.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(bound(deserialize = "C: DeserializeOwned + Default, M: DeserializeOwned"))]
pub struct SinkSettings<C = Nothing, M = Nothing> {
    /// What is consumed.
    #[serde(default)]
    pub topic_mappings: Vec<TopicMapping<M>>,
    /// The connector's own keys.
    #[serde(default, deserialize_with = "null_is_default")]
    pub config: C,
}

/// One topic that is consumed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TopicMapping<M = Nothing> {
    /// `/namespace/name`.
    pub topic: String,
    /// Name of the subscription, which holds the position.
    pub subscription: String,
    /// How its messages are shared.
    #[serde(default)]
    pub subscription_type: SubscriptionType,
    /// Refuse messages whose schema is of another subject.
    #[serde(default)]
    pub expected_schema_subject: Option<String>,
    /// The connector's own keys of a mapping, such as `table`.
    #[serde(flatten)]
    pub more: M,
}

impl<C, M> SinkSettings<C, M> {
    /// The topics of the mappings. A topic may have one mapping only: a message says which topic it came from, not
    /// which subscription.
    pub fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        let mut configs: Vec<ConsumerConfig> = Vec::new();
        for mapping in &self.topic_mappings {
            if configs.iter().any(|other| other.topic == mapping.topic) {
                return Err(Error::configuration(format!(
                    "topic `{}` has two mappings: use a second sink, with a subscription of its own",
                    mapping.topic
                )));
            }
            configs.push(ConsumerConfig {
                topic: mapping.topic.clone(),
                subscription: mapping.subscription.clone(),
                subscription_type: mapping.subscription_type,
                expected_schema_subject: mapping.expected_schema_subject.clone(),
            });
        }
        Ok(configs)
    }
}

fn yes() -> bool {
    true
}

fn null_is_default<'de, D: Deserializer<'de>, C: Deserialize<'de> + Default>(deserializer: D) -> Result<C, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[derive(Debug, Default, Deserialize)]
    struct Own {
        #[serde(default)]
        loud: bool,
    }

    #[derive(Debug, Deserialize)]
    struct Table {
        table: String,
    }

    #[test]
    fn endpoints_of_one_topic_make_it_once() {
        let config = Config::new(
            "hooks",
            r#"{"endpoints": [{"path": "/a", "danube_topic": "/n/t", "partitions": 4, "auth": {"x": 1}},
                {"path": "/b", "danube_topic": "/n/t", "partitions": 4}], "config": {"loud": true}}"#,
        );
        let settings: SourceSettings<Own> = config.settings().expect("valid");
        assert!(settings.config.loud);
        let configs = settings.producer_configs().expect("they agree");
        assert_eq!(configs, [ProducerConfig::new("/n/t").with_partitions(4)]);
    }

    #[test]
    fn endpoints_that_make_a_topic_differently_are_refused() {
        let config = Config::new(
            "hooks",
            r#"{"endpoints": [{"path": "/a", "danube_topic": "/n/t", "partitions": 4},
                {"path": "/b", "danube_topic": "/n/t"}], "config": null}"#,
        );
        let settings: SourceSettings = config.settings().expect("valid");
        let error = settings.producer_configs().expect_err("they differ");
        assert!(
            matches!(&error, Error::Configuration { message, .. } if message.contains("`/b`")),
            "{error}"
        );
    }

    #[test]
    fn mappings_carry_the_connectors_own_keys() {
        let config = Config::new(
            "rows",
            r#"{"topic_mappings": [{"topic": "/n/t", "subscription": "s", "subscription_type": "FailOver",
                "table": "rows"}]}"#,
        );
        let settings: SinkSettings<Nothing, Table> = config.settings().expect("valid");
        assert_eq!(settings.topic_mappings[0].more.table, "rows");
        let configs = settings.consumer_configs().expect("valid");
        assert_eq!(
            configs,
            [ConsumerConfig::new("/n/t", "s").with_subscription_type(SubscriptionType::Failover)]
        );
    }

    #[test]
    fn a_topic_with_two_mappings_is_refused() {
        let config = Config::new(
            "rows",
            r#"{"topic_mappings": [{"topic": "/n/t", "subscription": "a"}, {"topic": "/n/t", "subscription": "b"}]}"#,
        );
        let settings: SinkSettings = config.settings().expect("valid");
        assert!(matches!(settings.consumer_configs(), Err(Error::Configuration { .. })));
    }

    #[test]
    fn settings_that_do_not_fit_name_the_connector() {
        let error = Config::new("rows", r#"{"topic_mappings": 1}"#)
            .settings::<SinkSettings>()
            .expect_err("not a list");
        assert!(
            matches!(&error, Error::Configuration { message, .. } if message.contains("`rows`, at `topic_mappings`: ")),
            "{error}"
        );
    }
}
