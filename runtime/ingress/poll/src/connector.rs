//! The kind of source that fetches.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Flow, Ingress, Pipeline, SourceConnector, StartError};
use danube_wasm_model::Route;
use serde_json::{Map, Value, json};

use crate::{Poll, session::Sessions};

/// Fetches by a component: `[sources.poll]`.
pub struct PollSource;

#[async_trait]
impl SourceConnector for PollSource {
    const KIND: &'static str = "poll";

    type Config = Poll;
    type Shared = ();

    fn routes(poll: &Poll) -> Vec<Route> {
        vec![poll.route.clone()]
    }

    /// What is fetched is one stream: its state becomes durable in its order.
    fn flow(_: &Poll) -> Flow {
        Flow::Pull {
            independent_keys: false,
        }
    }

    fn fetches(_: &Poll) -> bool {
        true
    }

    fn guest_settings(poll: &Poll) -> Map<String, Value> {
        Map::from_iter([("endpoints".to_owned(), json!([poll.settings()]))])
    }

    async fn start(poll: &Poll, _: Context<()>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError> {
        let sessions = Sessions {
            interval: poll.interval,
            poller: pipeline.poller()?,
            notebook: pipeline.notebook(),
        };
        pipeline.read(Arc::new(sessions))
    }
}
