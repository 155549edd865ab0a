//! The source on a free port, its table read from a file's text.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use danube_wasm_config::Loader;
use danube_wasm_connector::{
    Builtin, Context, Feed, Finding, Ingress, Notices, Pipeline, ProbeContext, Registry, SourceConfig, StartError,
    States,
};
use danube_wasm_ingress_otlp::OtlpSource;
use danube_wasm_model::{ConnectorId, door::Intake, event::Interests, upstream::MemoryNotebook};
use danube_wasm_telemetry::{Metrics, Tracing};
use tokio::time::Instant;

use super::inbox::Inbox;

/// All signals on one free port.
pub(crate) const TABLE: &str = "port = 0\nanswer_timeout_ms = 60000\ntraces = { danube_topic = \"/otel/traces\" }\n\
    metrics = { danube_topic = \"/otel/metrics\" }\nlogs = { danube_topic = \"/otel/logs\" }\n";

/// The table of a source, or everything that is wrong with it.
pub(crate) fn load(table: &str) -> Result<SourceConfig, Vec<String>> {
    let registry = Registry::default().with_source::<OtlpSource>(Builtin {
        name: "record-source",
        component: b"",
    });
    let text = format!("[[sources]]\nname = \"otel\"\ncomponent = \"builtin:record-source\"\n[sources.otlp]\n{table}");
    let environment = BTreeMap::from([("TOKEN".to_owned(), "t0ken".to_owned())]);
    let loaded = Loader::new(&registry, &environment).load_text(Path::new("pipeline.toml"), text);
    match loaded {
        Ok(loaded) => Ok(loaded.pipeline.sources[0].connector.clone()),
        Err(found) => Err(found.iter().map(ToString::to_string).collect()),
    }
}

/// The table of a source.
pub(crate) fn config(table: &str) -> SourceConfig {
    load(table).unwrap_or_else(|found| panic!("{found:#?}"))
}

pub(crate) fn id() -> ConnectorId {
    ConnectorId::try_new("test", "otel").expect("a name")
}

/// What `check --connect` finds.
pub(crate) async fn probe(table: &str) -> Vec<Finding> {
    let context = ProbeContext {
        id: id(),
        shared: Arc::new(States::default()),
        is_builtin: true,
        is_running: false,
    };
    config(table).probe(context).await
}

/// What sources of one host share.
#[derive(Default)]
pub(crate) struct Host {
    shared: Arc<States>,
}

impl Host {
    pub(crate) async fn start(&self, table: &str, intake: Arc<dyn Intake>) -> Result<Receiver, StartError> {
        let metrics = Metrics::new().expect("metrics");
        let context = Context {
            id: id(),
            shared: self.shared.clone(),
            tracing: Tracing::new(None, &metrics).expect("no traces"),
            metrics: metrics.clone(),
            notices: Notices::new(drop),
            may_create: true,
            consumer: id().to_string(),
        };
        let pipeline = Pipeline {
            feed: Feed::Push(intake),
            interests: Interests::from_names(["ids", "keys", "attributes", "headers", "content-types"]),
            notebook: Arc::new(MemoryNotebook::default()),
            poller: None,
        };
        let ingress = config(table).start(context, pipeline).await?;
        Ok(Receiver { ingress, metrics })
    }
}

/// A running source.
pub(crate) struct Receiver {
    ingress: Box<dyn Ingress>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Receiver {
    /// Where traces are sent over HTTP: `http://127.0.0.1:PORT/v1/traces`.
    fn location(&self) -> String {
        self.ingress.location("/v1/traces")
    }

    pub(crate) fn url(&self) -> String {
        self.location().replace("/v1/traces", "")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.url();
        let (_, address) = url.split_once("://").expect("a URL");
        address.parse().expect("an address")
    }

    pub(crate) async fn close(&self) {
        self.ingress.close(Instant::now() + Duration::from_secs(10)).await;
    }
}

/// The usual source, with these lines in its table, and an inbox behind it.
pub(crate) async fn start_with(more: &str) -> (Receiver, Arc<Inbox>) {
    let inbox = Inbox::new();
    let table = format!("{more}\n{TABLE}");
    let receiver = Host::default().start(&table, inbox.clone()).await;
    (receiver.unwrap_or_else(|error| panic!("{error}")), inbox)
}

/// The usual source, and an inbox behind it.
pub(crate) async fn start() -> (Receiver, Arc<Inbox>) {
    start_with("").await
}
