//! Orders become their lines: the source that every SDK ships and the conformance suite runs. See docs/testing.md.
//!
//! Keys of `config`, others are refused: `key_field` (default `id`), the field of an order that is the routing key of its
//! lines; `forward` (default false) makes one record of each event, unchanged.

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, Error, Event, ProducerConfig, Records, Reply, Result, SourceConnector, SourceRecord,
    SourceSettings, export_source, info, metrics,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    key_field: String,
    forward: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            key_field: "id".to_owned(),
            forward: false,
        }
    }
}

#[derive(Debug)]
struct OrderLines {
    own: Own,
    producer_configs: Vec<ProducerConfig>,
    /// Topics by endpoint.
    topics: BTreeMap<String, String>,
}

impl SourceConnector for OrderLines {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SourceSettings<Own> = config.settings()?;
        let producer_configs = settings.producer_configs()?;
        let endpoints = settings.endpoints.into_iter();
        Ok(Self {
            own: settings.config,
            producer_configs,
            topics: endpoints
                .map(|endpoint| (endpoint.path, endpoint.danube_topic))
                .collect(),
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Headers]
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let endpoint = event.endpoint();
        let unknown = || Error::invalid_data(format!("endpoint `{endpoint}` is not one of this connector's"));
        let topic = self.topics.get(endpoint).ok_or_else(unknown)?;
        if self.own.forward {
            metrics::counter("orders", 1);
            return Ok(tagged(SourceRecord::forward(topic, event), event).into());
        }
        let order = Order::read(event)?;
        info!("order {}: {} lines", order.id, order.lines.len());
        metrics::counter("orders", 1);
        let key = order.key(&self.own.key_field);
        let records = order.lines.iter().enumerate().map(|(place, line)| {
            let payload = json!({"order": order.id, "line": place, "item": line});
            let record = SourceRecord::new(topic, &payload).with_id(format!("{}:{place}", order.id));
            tagged(record.with_key(key.clone()), event)
        });
        let records = Records::from(records.collect::<Vec<_>>());
        match order.is_asked {
            true => {
                let told = format!("order {}: {} lines", order.id, order.lines.len());
                Ok(records.with_reply(Reply::try_new(202, "text/plain", told)?))
            }
            false => Ok(records),
        }
    }
}

/// With its event's tenant.
fn tagged<'a>(record: SourceRecord<'a>, event: Event<'a>) -> SourceRecord<'a> {
    match event.header("x-tenant") {
        Some(tenant) => record.with_attribute("tenant", tenant),
        None => record,
    }
}

/// An order that has lines.
struct Order {
    id: String,
    lines: Vec<Value>,
    is_asked: bool,
    fields: Map<String, Value>,
}

impl Order {
    fn read(event: Event<'_>) -> Result<Self> {
        let read = event
            .json()
            .map_err(|error| Error::invalid_data(format!("not JSON: {error}")))?;
        let Value::Object(mut fields) = read else {
            return Err(Error::invalid_data("an order is a JSON object"));
        };
        let id = match fields.get("id").and_then(Value::as_str) {
            None | Some("") => return Err(Error::invalid_data("an order needs an id")),
            Some(id) => id.to_owned(),
        };
        // Not an error of the SDK: what an author did not think of.
        assert!(fields.get("panic") != Some(&Value::Bool(true)), "order {id} panics");
        let lines = match fields.remove("lines") {
            Some(Value::Array(lines)) if !lines.is_empty() => lines,
            _ => return Err(Error::invalid_data(format!("order {id} has no lines"))),
        };
        Ok(Self {
            id,
            lines,
            is_asked: fields.get("ask") == Some(&Value::Bool(true)),
            fields,
        })
    }

    /// Its routing key; empty for none.
    fn key(&self, field: &str) -> String {
        match self.fields.get(field) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}

export_source!(OrderLines);
