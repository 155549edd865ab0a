//! HTTP requests become records: the body as it was sent, to the topic of its endpoint.
//!
//! Keys of an endpoint, beside those that every source has:
//!
//! * `key_pointer`: a JSON pointer into the body. What it points at, a string or a number, is the key of the event, and
//!   here becomes the record's routing key, so that records of one customer or one device keep their order. The host
//!   follows the pointer, before it gives the event to a lane. A body in which it points at nothing, or that is not JSON, is
//!   published without a key.
//!
//! Keys of `config`:
//!
//! * `include_metadata` (default true): adds the attributes `webhook.source` (the connector's name),
//!   `webhook.endpoint`, `webhook.timestamp` (arrival, RFC 3339), `webhook.ip` (of the client), `webhook.user_agent`
//!   and `webhook.content_type`. Those that a request does not have are left out.
//!
//! Bodies are not looked into here: whether they are JSON, and valid, is for the topic's schema.

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, Error, Event, ProducerConfig, Records, Result, SourceConnector, SourceRecord, SourceSettings,
    export_source, rfc3339,
};
use serde::Deserialize;

/// The connector.
#[derive(Debug)]
pub struct WebhookSource {
    name: String,
    include_metadata: bool,
    producer_configs: Vec<ProducerConfig>,
    topics: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct OwnConfig {
    #[serde(default = "yes")]
    include_metadata: bool,
}

impl Default for OwnConfig {
    fn default() -> Self {
        Self { include_metadata: true }
    }
}

fn yes() -> bool {
    true
}

impl SourceConnector for WebhookSource {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SourceSettings<OwnConfig> = config.settings()?;
        let producer_configs = settings.producer_configs()?;
        let topics = settings.endpoints.into_iter();
        Ok(Self {
            name: config.connector().to_owned(),
            include_metadata: settings.config.include_metadata,
            producer_configs,
            topics: topics.map(|endpoint| (endpoint.path, endpoint.danube_topic)).collect(),
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        if self.include_metadata {
            vec![
                Column::Keys,
                Column::Attributes,
                Column::Headers,
                Column::ContentTypes,
                Column::Received,
            ]
        } else {
            vec![Column::Keys]
        }
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let endpoint = event.endpoint();
        let unknown = || Error::invalid_data(format!("endpoint `{endpoint}` is not one of this connector's"));
        let topic = self.topics.get(endpoint).ok_or_else(unknown)?;
        let mut record = SourceRecord::forward(topic, event);
        if let Some(key) = event.key() {
            record = record.with_key(key);
        }
        if self.include_metadata {
            record = record
                .with_attribute("webhook.source", &self.name)
                .with_attribute("webhook.endpoint", endpoint)
                .with_attribute("webhook.timestamp", rfc3339(event.received()))
                .with_attributes(claimed_by(event));
        }
        Ok(record.into())
    }
}

/// What only some requests have.
fn claimed_by<'a>(event: Event<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let content_type = Some(event.content_type()).filter(|text| !text.is_empty());
    let pairs = [
        ("webhook.ip", event.attribute("client-ip")),
        ("webhook.user_agent", event.header("user-agent")),
        ("webhook.content_type", content_type),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
}

export_source!(WebhookSource);
