//! The kind of source that reads changes of PostgreSQL's tables.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, Flow, Ingress, Pipeline, ProbeContext, SourceConnector, StartError};
use danube_wasm_egress_dial::{DialPolicy, Dialer};
use danube_wasm_model::Route;
use serde_json::{Map, Value, json};

use crate::{
    client::Client,
    config::{Envelope, Postgres, claim},
    counters::Counters,
    probe,
};

/// Reads changes of PostgreSQL's tables: `[sources.postgres]`.
pub struct PostgresSource;

#[async_trait]
impl SourceConnector for PostgresSource {
    const KIND: &'static str = "postgres";

    type Config = Postgres;
    type Shared = ();

    fn routes(postgres: &Postgres) -> Vec<Route> {
        let tables = postgres.tables.iter().map(|route| route.route.clone());
        let messages = postgres.messages.iter().map(|route| route.route.clone());
        tables.chain(messages).collect()
    }

    /// A slot has one reader.
    fn claims(postgres: &Postgres) -> Vec<String> {
        vec![claim(&postgres.url, &postgres.slot)]
    }

    /// Transactions are confirmed in the order of their commits, so the slot is one stream.
    fn flow(_: &Postgres) -> Flow {
        Flow::Pull {
            independent_keys: false,
        }
    }

    fn guest_settings(postgres: &Postgres) -> Map<String, Value> {
        let tables = postgres.tables.iter().map(crate::TableRoute::settings);
        let messages = postgres.messages.iter().map(crate::MessageRoute::settings);
        let endpoints: Vec<_> = tables.chain(messages).collect();
        let envelope = match postgres.envelope {
            Envelope::Row => "row",
            Envelope::Debezium => "debezium",
        };
        Map::from_iter([
            ("endpoints".to_owned(), json!(endpoints)),
            ("envelope".to_owned(), json!(envelope)),
        ])
    }

    fn location(postgres: &Postgres, endpoint: &str) -> String {
        format!("{}/{endpoint}", postgres.url)
    }

    async fn probe(postgres: &Postgres, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(postgres, &dialer(), context.id.as_str(), context.is_running).await
    }

    async fn start(
        postgres: &Postgres,
        context: Context<()>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError> {
        let counters = Counters::new(context.metrics, context.id.clone());
        let client = Client::new(
            context.id,
            postgres.clone(),
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
