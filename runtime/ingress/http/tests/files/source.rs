//! The source as a host reads and starts it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Context, Feed, Ingress, Notices, Pipeline, Registry, SourceConfig, States};
use danube_wasm_ingress_http::WebhookSource;
use danube_wasm_model::{ConnectorId, event::Interests, upstream::MemoryNotebook};
use danube_wasm_telemetry::{Metrics, Tracing};

use crate::support::Inbox;

pub(crate) type Environment = BTreeMap<String, String>;

/// What a text says: its sources and the warnings, or what is wrong with it.
pub(crate) fn load(path: &Path, text: String, env: &Environment) -> Result<(Vec<SourceConfig>, Vec<String>), String> {
    let registry = Registry::default().with_source::<WebhookSource>(Builtin {
        name: "webhook-source",
        component: b"",
    });
    let loaded = Loader::new(&registry, env).load_text(path, text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    let sources = loaded.pipeline.sources.iter().map(|source| source.connector.clone());
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    Ok((sources.collect(), warnings.collect()))
}

/// Runs a source whose events go to the inbox.
pub(crate) async fn start(config: &SourceConfig, inbox: Arc<Inbox>) -> Box<dyn Ingress> {
    let metrics = Metrics::new().unwrap();
    let context = Context {
        id: ConnectorId::try_new("files", "webhook").unwrap(),
        shared: Arc::new(States::default()),
        tracing: Tracing::new(None, &metrics).unwrap(),
        metrics,
        notices: Notices::new(drop),
        may_create: true,
        consumer: "files/webhook".to_owned(),
    };
    let pipeline = Pipeline {
        feed: Feed::Push(inbox),
        interests: Interests::default(),
        notebook: Arc::new(MemoryNotebook::default()),
        poller: None,
    };
    config.start(context, pipeline).await.expect("it starts")
}
