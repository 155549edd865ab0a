//! Inserts each payload, untouched, into the table of its topic's mapping, under an id of the host's.

use danube_connector::{
    Config, ConsumerConfig, Error, Nothing, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes, export_sink,
};
use serde::Deserialize;

struct InsertPayload {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

impl SinkConnector for InsertPayload {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let mut mappings = self.settings.topic_mappings.iter();
        let mapping = mappings
            .find(|mapping| mapping.topic == record.topic())
            .ok_or_else(|| Error::invalid_data("a topic that is not in the settings"))?;
        Ok(Write::forward(&mapping.more.table, record).into())
    }
}

export_sink!(InsertPayload);
