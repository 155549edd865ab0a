//! A changed copy of each event, written as a connector author writes it: one event at a time, no column in sight.

use danube_connector::{
    Column, Config, Event, ProducerConfig, Records, Result, SourceConnector, SourceRecord, export_source,
};

/// Where the copies go.
const TOPIC: &str = "/bench/copies";

/// The connector.
#[derive(Debug)]
pub struct Author;

impl SourceConnector for Author {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(vec![ProducerConfig::new(TOPIC)])
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Keys, Column::Received, Column::Attributes]
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let mut payload = event.payload().to_vec();
        if let Some(last) = payload.last_mut() {
            *last ^= (event.received() & 1) as u8 | 2;
        }
        let record = SourceRecord::from_bytes(TOPIC, payload).with_key(event.key().unwrap_or_default());
        Ok(record.with_attributes(event.attributes()).into())
    }
}

export_source!(Author);
