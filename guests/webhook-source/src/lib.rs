//! HTTP requests become records: the body as it was sent, to the topic of its endpoint.
//!
//! Keys of an endpoint, beside those that every source has:
//!
//! * `key_pointer`: a JSON pointer into the body. What it points at, a string or a number, is the key of the event, and
//!   here becomes the record's routing key, so that records of one customer or one device keep their order. The host
//!   follows the pointer, before it gives the event to a lane. A body in which it points at nothing, or that is not JSON, is
//!   published without a key.
//! * `route`: `topics`, a table of topics by the value of the header `header`, or of what the JSON pointer `pointer` points at: a
//!   string, a number or a boolean. `"*"` is the topic of all others; without it, they are refused. The endpoint's own topic is not
//!   used then.
//! * `include`: lists of names `headers`, `query` and `path`, whose values in the request each record is given: as attributes
//!   `webhook.header.NAME`, `webhook.query.NAME`, `webhook.path.NAME`, or in the body, which must be an object, at the JSON pointer
//!   `into`: as `{"headers": {…}, "query": {…}, "path": {…}}`. Those that a request does not have are left out.
//!
//! Keys of `config`:
//!
//! * `include_metadata` (default true): adds the attributes `webhook.source` (the connector's name),
//!   `webhook.endpoint`, `webhook.timestamp` (arrival, RFC 3339), `webhook.ip` (of the client), `webhook.user_agent`
//!   and `webhook.content_type`. Those that a request does not have are left out.
//!
//! Else bodies are not looked into here: whether they are JSON, and valid, is for the topic's schema.

mod include;
mod route;

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, Endpoint, Error, Event, ProducerConfig, Records, Result, SourceConnector, SourceSettings,
    export_source, rfc3339,
};
use include::Include;
use route::Route;
use serde::Deserialize;

/// The connector.
#[derive(Debug)]
pub struct WebhookSource {
    name: String,
    include_metadata: bool,
    producer_configs: Vec<ProducerConfig>,
    endpoints: BTreeMap<String, OwnEndpoint>,
}

/// What the events of an endpoint become.
#[derive(Debug)]
struct OwnEndpoint {
    topic: String,
    keys: OwnKeys,
}

/// Keys of its own in an endpoint.
#[derive(Debug, Clone, Deserialize)]
struct OwnKeys {
    route: Option<Route>,
    #[serde(default)]
    include: Include,
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
        let settings: SourceSettings<OwnConfig, OwnKeys> = config.settings()?;
        let each_topic = SourceSettings::<OwnConfig, OwnKeys> {
            endpoints: settings.endpoints.iter().flat_map(for_each_topic).collect(),
            config: OwnConfig::default(),
        };
        let own = |endpoint: Endpoint<OwnKeys>| {
            let (topic, keys) = (endpoint.danube_topic, endpoint.more);
            (endpoint.path, OwnEndpoint { topic, keys })
        };
        Ok(Self {
            name: config.connector().to_owned(),
            include_metadata: settings.config.include_metadata,
            producer_configs: each_topic.producer_configs()?,
            endpoints: settings.endpoints.into_iter().map(own).collect(),
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        let mut wants = vec![Column::Keys];
        if self.include_metadata {
            wants.extend([
                Column::Attributes,
                Column::Headers,
                Column::ContentTypes,
                Column::Received,
            ]);
        }
        let keys = || self.endpoints.values().map(|endpoint| &endpoint.keys);
        wants.extend(keys().flat_map(|keys| keys.include.wants()));
        wants.extend(keys().flat_map(|keys| keys.route.as_ref()?.wants()));
        wants.sort_unstable_by_key(|column| column.name());
        wants.dedup();
        wants
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let endpoint = event.endpoint();
        let unknown = || Error::invalid_data(format!("endpoint `{endpoint}` is not one of this connector's"));
        let OwnEndpoint { topic, keys } = self.endpoints.get(endpoint).ok_or_else(unknown)?;
        let topic = match &keys.route {
            Some(route) => route.topic(event)?,
            None => topic,
        };
        let mut record = keys.include.record(topic, event)?;
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

/// The endpoint, once for each topic that it has.
fn for_each_topic(endpoint: &Endpoint<OwnKeys>) -> Vec<Endpoint<OwnKeys>> {
    let Some(route) = &endpoint.more.route else {
        return vec![endpoint.clone()];
    };
    let to = |topic: &String| Endpoint {
        danube_topic: topic.clone(),
        ..endpoint.clone()
    };
    route.topics.values().map(to).collect()
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
