//! Merges each ten messages of a batch, and what is left over, into one document `{"count": n, "ids": [record ids]}` in
//! the table of the first mapping.

use danube_connector::{
    Batch, Column, Config, ConsumerConfig, Nothing, Result, SinkConnector, SinkRecord, SinkSettings, Write,
    WriteBuilder, export_sink,
};
use serde::Deserialize;
use serde_json::json;

struct MergeTen {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

impl SinkConnector for MergeTen {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Ids]
    }

    fn process_batch(&mut self, batch: Batch<'_>, writes: &mut WriteBuilder) -> Result<()> {
        let table = &self.settings.topic_mappings[0].more.table;
        let records: Vec<SinkRecord<'_>> = batch.iter().collect();
        for ten in records.chunks(10) {
            let ids: Vec<_> = ten.iter().map(|record| record.id()).collect();
            let document = json!({ "count": ten.len(), "ids": ids });
            writes.push_from(ten.iter().copied(), Write::insert(table, &document)?)?;
        }
        Ok(())
    }
}

export_sink!(MergeTen);
