//! Readings become the state of devices: the sink that every SDK ships and the conformance suite runs. See docs/testing.md.
//!
//! Key of `config`, others are refused: `id_field` (default `device`), the field of a message that names its device.

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, ConsumerConfig, Error, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes, export_sink,
    info, metrics,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    id_field: String,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            id_field: "device".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Table {
    table: String,
}

#[derive(Debug)]
struct DeviceState {
    own: Own,
    consumer_configs: Vec<ConsumerConfig>,
    /// Tables by topic.
    tables: BTreeMap<String, String>,
}

impl SinkConnector for DeviceState {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SinkSettings<Own, Table> = config.settings()?;
        let consumer_configs = settings.consumer_configs()?;
        let mappings = settings.topic_mappings.into_iter();
        Ok(Self {
            own: settings.config,
            consumer_configs,
            tables: mappings.map(|mapping| (mapping.topic, mapping.more.table)).collect(),
        })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        Ok(self.consumer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Attributes, Column::Orders]
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let topic = record.topic();
        let unknown = || Error::invalid_data(format!("topic `{topic}` is not one of this connector's"));
        let table = self.tables.get(topic).ok_or_else(unknown)?;
        let mut document = read(record)?;
        if has(&document, "fatal") {
            return Err(Error::fatal("told to stop"));
        }
        if has(&document, "retry") {
            return Err(Error::retryable("told to wait").with_retry_after(Duration::from_millis(50)));
        }
        let field = &self.own.id_field;
        let device = match document.remove(field) {
            Some(Value::String(device)) if !device.is_empty() => device,
            _ => return Err(Error::invalid_data(format!("no {field}"))),
        };
        // Not an error of the SDK: what an author did not think of.
        assert!(!has(&document, "panic"), "device {device} panics");
        let (is_gone, is_merge) = (has(&document, "gone"), has(&document, "merge"));
        document.remove("gone");
        document.remove("merge");
        count(&device, &document, is_gone, is_merge);
        if let Some(site) = record.attribute("site") {
            document.insert("site".to_owned(), site.into());
        }
        let write = match (is_gone, is_merge) {
            (true, _) => Write::delete(table, device),
            (_, true) => Write::merge(table, device, &document)?,
            _ => Write::upsert(table, device, &document)?,
        };
        Ok(write.with_order(record.order()).into())
    }
}

fn read(record: SinkRecord<'_>) -> Result<Map<String, Value>> {
    let not_json = |error: Error| Error::invalid_data(format!("not JSON: {error}"));
    match record.payload().map_err(not_json)? {
        Value::Object(document) => Ok(document),
        _ => Err(Error::invalid_data("a message is a JSON object")),
    }
}

fn has(document: &Map<String, Value>, field: &str) -> bool {
    document.get(field) == Some(&Value::Bool(true))
}

fn count(device: &str, document: &Map<String, Value>, is_gone: bool, is_merge: bool) {
    let operation = match (is_gone, is_merge) {
        (true, _) => "delete",
        (_, true) => "merge",
        _ => "upsert",
    };
    info!("device {device}: {operation}");
    metrics::counter("writes", 1);
    if let Some(celsius) = document.get("celsius").and_then(Value::as_f64) {
        metrics::gauge("celsius", celsius);
    }
}

export_sink!(DeviceState);
