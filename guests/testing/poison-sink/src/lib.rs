//! Inserts each payload into the table of the first mapping, but traps on a message with `"poison": true`.

use danube_connector::{
    Config, ConsumerConfig, Nothing, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes, export_sink,
};
use serde::Deserialize;
use serde_json::Value;

struct PoisonSink {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

impl SinkConnector for PoisonSink {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let document: Value = record.payload()?;
        assert_ne!(document["poison"], true, "a poisonous message");
        Ok(Write::forward(&self.settings.topic_mappings[0].more.table, record).into())
    }
}

export_sink!(PoisonSink);
