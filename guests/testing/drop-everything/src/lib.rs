//! Writes nothing, whatever comes: every message is done at once.

use danube_connector::{Config, ConsumerConfig, Result, SinkConnector, SinkRecord, SinkSettings, Writes, export_sink};

struct DropEverything {
    settings: SinkSettings,
}

impl SinkConnector for DropEverything {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, _: SinkRecord<'a>) -> Result<Writes<'a>> {
        Ok(Writes::NONE)
    }
}

export_sink!(DropEverything);
