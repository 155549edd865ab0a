//! Sets `"touched": true` in each document and inserts it into the table of the first mapping. A message that is no
//! JSON object is refused.

use danube_connector::{
    Config, ConsumerConfig, Nothing, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes, export_sink,
};
use serde::Deserialize;
use serde_json::{Map, Value};

struct ChangeOneField {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

impl SinkConnector for ChangeOneField {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let mut document: Map<String, Value> = record.as_type()?;
        document.insert("touched".to_owned(), Value::Bool(true));
        Ok(Write::insert(&self.settings.topic_mappings[0].more.table, &document)?.into())
    }
}

export_sink!(ChangeOneField);
