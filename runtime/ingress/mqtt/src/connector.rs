//! The kind of source that reads from MQTT brokers.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, Flow, Ingress, Pipeline, ProbeContext, SourceConnector, StartError};
use danube_wasm_egress_dial::{DialPolicy, Dialer};
use danube_wasm_model::Route;
use serde_json::{Map, Value, json};

use crate::{client::Client, config::Mqtt, counters::Counters, probe};

/// Reads from MQTT brokers: `[sources.mqtt]`.
pub struct MqttSource;

#[async_trait]
impl SourceConnector for MqttSource {
    const KIND: &'static str = "mqtt";

    type Config = Mqtt;
    type Shared = ();

    fn routes(mqtt: &Mqtt) -> Vec<Route> {
        mqtt.routes.iter().map(|route| route.route.clone()).collect()
    }

    /// The broker gives a session to one client at a time, and the newest takes it from the others.
    fn claims(mqtt: &Mqtt) -> Vec<String> {
        vec![format!("mqtt client {} at {}", mqtt.client_id, mqtt.url.address())]
    }

    /// Acknowledgements go out in the order of the messages, so the session is one stream.
    fn flow(_: &Mqtt) -> Flow {
        Flow::Pull {
            independent_keys: false,
        }
    }

    fn guest_settings(mqtt: &Mqtt) -> Map<String, Value> {
        let endpoints: Vec<_> = mqtt.routes.iter().map(crate::RouteConfig::settings).collect();
        Map::from_iter([("endpoints".to_owned(), json!(endpoints))])
    }

    fn event_bytes_max(mqtt: &Mqtt) -> Option<usize> {
        Some(mqtt.max_packet_bytes)
    }

    fn location(mqtt: &Mqtt, endpoint: &str) -> String {
        format!("{}/{endpoint}", mqtt.url)
    }

    async fn probe(mqtt: &Mqtt, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(mqtt, &dialer(), context.id.as_str()).await
    }

    async fn start(mqtt: &Mqtt, context: Context<()>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError> {
        let counters = Counters::new(context.metrics, context.id.clone());
        let client = Client::new(
            context.id,
            mqtt.clone(),
            pipeline.interests,
            dialer(),
            pipeline.notebook(),
            counters,
        );
        pipeline.read(Arc::new(client))
    }
}

/// The file is the operator's own: only what hands out a cloud's credentials is out of reach.
fn dialer() -> Dialer {
    Dialer::new(DialPolicy::everything_but_metadata())
}
