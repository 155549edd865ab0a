//! Writes each payload wherever it says: `{"target": …, "id": …, "operation": …}`. Without a target it goes to the table
//! of the first mapping, without an operation (`upsert`, `merge`, `delete`) it is inserted.

use danube_connector::{
    Config, ConsumerConfig, Nothing, Operation, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes,
    export_sink,
};
use serde::Deserialize;

struct WriteAnywhere {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

#[derive(Deserialize)]
struct Wish {
    target: Option<String>,
    id: Option<String>,
    operation: Option<String>,
}

impl SinkConnector for WriteAnywhere {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let wish: Wish = record.as_type()?;
        let target = wish
            .target
            .unwrap_or_else(|| self.settings.topic_mappings[0].more.table.clone());
        let write = Write::insert_bytes(target, record.bytes().to_vec());
        let write = match wish.id {
            Some(id) => write.with_id(id),
            None => write,
        };
        Ok(match wish.operation.as_deref() {
            Some("upsert") => write.with_operation(Operation::Upsert),
            Some("merge") => write.with_operation(Operation::Merge),
            Some("delete") => write.with_operation(Operation::Delete),
            _ => write,
        }
        .into())
    }
}

export_sink!(WriteAnywhere);
