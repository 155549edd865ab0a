//! Forwards each payload, untouched, to the topic of its endpoint.

use danube_connector::{
    Config, Error, Event, ProducerConfig, Records, Result, SourceConnector, SourceRecord, SourceSettings, export_source,
};

struct ForwardPayload {
    settings: SourceSettings,
}

impl SourceConnector for ForwardPayload {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        self.settings.producer_configs()
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let mut endpoints = self.settings.endpoints.iter();
        let endpoint = endpoints
            .find(|endpoint| endpoint.path == event.endpoint())
            .ok_or_else(|| Error::invalid_data("an endpoint that is not in the settings"))?;
        Ok(SourceRecord::forward(&endpoint.danube_topic, event).into())
    }
}

export_source!(ForwardPayload);
