//! A source that counts: `[sources.ticker]`. Its upstream is the number up to which everything is confirmed,
//! which it notes.

mod config;
mod upstream;

use std::sync::{Arc, atomic::AtomicU64};

use async_trait::async_trait;
use danube_wasm_connector::{Context, Flow, Ingress, Pipeline, SourceConnector, StartError};
use danube_wasm_model::Route;
use serde_json::{Map, Value, json};

pub use config::Ticker;
use upstream::Session;

/// Counts from 1.
pub struct TickerSource;

/// The number up to which everything is confirmed, and noted.
#[derive(Default)]
pub struct Confirmed(pub AtomicU64);

#[async_trait]
impl SourceConnector for TickerSource {
    const KIND: &'static str = "ticker";

    type Config = Ticker;
    type Shared = Confirmed;

    fn routes(config: &Ticker) -> Vec<Route> {
        vec![config.route.clone()]
    }

    fn flow(_: &Ticker) -> Flow {
        Flow::Pull {
            independent_keys: false,
        }
    }

    fn guest_settings(config: &Ticker) -> Map<String, Value> {
        let endpoint = json!({ "path": config::ENDPOINT, "danube_topic": config.route.topic.as_str() });
        Map::from_iter([("endpoints".to_owned(), json!([endpoint]))])
    }

    async fn start(
        config: &Ticker,
        context: Context<Confirmed>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError> {
        let (count, confirmed) = (config.count, context.shared);
        let session = Arc::new(Session {
            count,
            confirmed,
            next: 1,
            notebook: pipeline.notebook(),
        });
        pipeline.read(session)
    }
}
