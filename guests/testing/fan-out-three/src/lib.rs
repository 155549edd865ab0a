//! Makes three records of each event: its object with `"part": 1`, `2` and `3`, to the topic of the first endpoint. An
//! event that is no JSON object is refused.

use danube_connector::{
    Config, Event, ProducerConfig, Records, Result, SourceConnector, SourceRecord, SourceSettings, export_source,
};
use serde_json::{Map, Value};

struct FanOutThree {
    settings: SourceSettings,
}

impl SourceConnector for FanOutThree {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        self.settings.producer_configs()
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let mut object: Map<String, Value> = event.as_type()?;
        let topic = self.settings.endpoints[0].danube_topic.as_str();
        let part = |part: u32| {
            object.insert("part".to_owned(), part.into());
            SourceRecord::from_json(topic, &object)
        };
        let records: Vec<_> = (1..=3).map(part).collect::<Result<_>>()?;
        Ok(records.into())
    }
}

export_source!(FanOutThree);
