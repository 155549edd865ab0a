//! Turns a pipeline file into the desired state: for each connector everything that determines how it runs, so that two
//! readings can be compared.

use std::{path::Path, sync::Arc};

use danube_wasm_broker::TopicSpec;
use danube_wasm_config::{self as config, Component, Diagnostics, Loaded, Loader, Pipeline, ProcessEnvironment};
use danube_wasm_model::{ConnectorId, TopicName};
use danube_wasm_oci::ComponentStore;
use danube_wasm_sandbox::CompileLimits;

use crate::{Failure, connectors, lock, settings};

/// Everything that determines how a connector runs. Connectors with equal specs need no restart.
#[derive(Clone, PartialEq)]
pub(crate) enum Spec {
    Source(SourceSpec),
    Sink(SinkSpec),
}

/// A source, the bytes of its component and the schemas of its topics.
#[derive(Clone, PartialEq)]
pub(crate) struct SourceSpec {
    pub(crate) config: config::Source,
    pub(crate) component: Bytes,
    pub(crate) schemas: Vec<config::Schema>,
}

/// A sink, the bytes of its component, the topics that sources of the same pipeline publish to, and their schemas.
#[derive(Clone, PartialEq)]
pub(crate) struct SinkSpec {
    pub(crate) config: config::Sink,
    pub(crate) component: Bytes,
    pub(crate) topics: Vec<(TopicName, TopicSpec)>,
    pub(crate) schemas: Vec<config::Schema>,
}

impl Spec {
    /// Returns the bytes of its component.
    fn component(&self) -> &Bytes {
        match self {
            Self::Source(source) => &source.component,
            Self::Sink(sink) => &sink.component,
        }
    }

    /// Returns the resources that no other connector can use at the same time.
    pub(crate) fn claims(&self) -> Vec<String> {
        match self {
            Self::Source(source) => {
                let connector = &source.config.connector;
                let mut claims = connector.claims();
                if connector.fetches() {
                    // What it remembers is one connector's, and one instance's at a time.
                    claims.push(format!("state of {}", source.config.id));
                }
                claims
            }
            Self::Sink(sink) => {
                let consumers = sink.config.mappings().into_iter().map(|mapping| mapping.consumer);
                consumers
                    .map(|consumer| format!("{} of {}", consumer.subscription, consumer.topic))
                    .collect()
            }
        }
    }
}

/// The bytes of a component.
pub(crate) type Bytes = Arc<[u8]>;

/// Returns a loader with the connectors of this program.
pub fn loader() -> Loader<'static> {
    Loader::new(connectors::registry(), &ProcessEnvironment)
}

/// Reads the files of a pipeline and checks their schemas.
pub fn read<P: AsRef<Path>>(files: &[P]) -> Result<Loaded, Diagnostics> {
    let loaded = loader().load_all(files)?;
    let examine = |schema: &config::Schema| {
        let examined = settings::declaration(schema).and_then(|declared| {
            let examined = declared.examine_blocking();
            examined.map_err(Failure::configuration)
        });
        examined.err().map(|failure| (schema.topic.clone(), failure.message))
    };
    let wrong = loaded.pipeline.schemas.iter().filter_map(examine).collect();
    match loaded.schema_errors(wrong) {
        Some(errors) => Err(errors),
        None => Ok(loaded),
    }
}

/// Reads a file for a verb that needs only a part of what the environment gives. The functions below check the needed
/// parts.
pub fn read_lazily(file: &Path) -> Result<Loaded, Failure> {
    loader().load_lazily(file).map_err(Failure::configuration)
}

/// Checks that the environment gives what is needed to connect to the broker.
pub(crate) fn require_broker(loaded: &Loaded) -> Result<(), Failure> {
    let needed = |key: &str| key.starts_with("danube") || key.starts_with("nats.") || key == "broker_url";
    loaded.require(needed).map_err(Failure::configuration)
}

/// Checks that the environment gives what is needed to connect to the database of a sink.
pub(crate) fn require_database(loaded: &Loaded, sink: &ConnectorId) -> Result<(), Failure> {
    let place = loaded.pipeline.sinks.iter().position(|found| found.id == *sink);
    let place = place.unwrap_or_default();
    let Some(sink) = loaded.pipeline.sinks.get(place) else {
        return Ok(());
    };
    let kind = sink.connector.kind();
    let (table, alone) = (format!("sinks[{place}].{kind}."), format!("{kind}."));
    // A file of Danube Connect has one sink, whose table is at the top of the file.
    let needed = |key: &str| key.starts_with(&table) || key.starts_with(&alone);
    loaded.require(needed).map_err(Failure::configuration)
}

/// Checks that the environment gives what is needed for the settings of a connector's component.
pub(crate) fn require_settings(loaded: &Loaded, connector: &ConnectorId) -> Result<(), Failure> {
    let pipeline = &loaded.pipeline;
    let source = pipeline.sources.iter().position(|found| found.id == *connector);
    let sink = pipeline.sinks.iter().position(|found| found.id == *connector);
    let table = match (source, sink) {
        (Some(place), _) => format!("sources[{place}].config"),
        (_, Some(place)) => format!("sinks[{place}].config"),
        (None, None) => return Ok(()),
    };
    let needed = |key: &str| key.starts_with(&table);
    loaded.require(needed).map_err(Failure::configuration)
}

/// Returns the bytes of each connector's component.
pub(crate) async fn components(pipeline: &Pipeline) -> Result<Vec<(ConnectorId, Bytes)>, Failure> {
    let store = &component_store(pipeline);
    let mut components = Vec::new();
    for source in &pipeline.sources {
        components.push((source.id.clone(), load(store, &source.id, &source.component).await?));
    }
    for sink in &pipeline.sinks {
        components.push((sink.id.clone(), load(store, &sink.id, &sink.component).await?));
    }
    Ok(components)
}

/// Returns the specs of all connectors of the pipeline, sinks first, if its lock approves them.
pub(crate) async fn desired(pipeline: &Pipeline) -> Result<Vec<(ConnectorId, Spec)>, Failure> {
    let store = &component_store(pipeline);
    let mut desired = Vec::new();
    for sink in &pipeline.sinks {
        let component = load(store, &sink.id, &sink.component).await?;
        let topics = topics_from_sources(pipeline, sink);
        let schemas = schemas_of(pipeline, topics.iter().map(|(topic, _)| topic));
        desired.push((
            sink.id.clone(),
            Spec::Sink(SinkSpec {
                config: sink.clone(),
                component,
                topics,
                schemas,
            }),
        ));
    }
    for source in &pipeline.sources {
        let component = load(store, &source.id, &source.component).await?;
        let routes = source.routes();
        let schemas = schemas_of(pipeline, routes.iter().map(|route| &route.topic));
        let spec = SourceSpec {
            config: source.clone(),
            component,
            schemas,
        };
        desired.push((source.id.clone(), Spec::Source(spec)));
    }
    lock::check(pipeline, components_of(&desired))?;
    Ok(desired)
}

/// Returns the component of each connector.
pub(crate) fn components_of(desired: &[(ConnectorId, Spec)]) -> impl Iterator<Item = (&ConnectorId, &Bytes)> {
    desired.iter().map(|(id, spec)| (id, spec.component()))
}

/// Returns the declared schemas of these topics.
fn schemas_of<'a>(pipeline: &Pipeline, topics: impl Iterator<Item = &'a TopicName>) -> Vec<config::Schema> {
    let topics: Vec<_> = topics.collect();
    let schemas = pipeline.schemas.iter();
    schemas
        .filter(|schema| topics.contains(&&schema.topic))
        .cloned()
        .collect()
}

/// Returns the topics of a sink that sources of this pipeline publish to, with the specs that the sources create them
/// with.
fn topics_from_sources(pipeline: &Pipeline, sink: &config::Sink) -> Vec<(TopicName, TopicSpec)> {
    let consumed: Vec<_> = (sink.mappings().into_iter())
        .map(|mapping| mapping.consumer.topic)
        .collect();
    let fed = pipeline.routes().filter(|route| consumed.contains(&route.topic));
    fed.map(|route| {
        let spec = TopicSpec {
            partitions: route.partitions,
            reliable_dispatch: route.reliable_dispatch,
            ordered: route.ordered,
            schema_subject: pipeline.schema_of(&route.topic).map(|schema| schema.subject.clone()),
        };
        (route.topic, spec)
    })
    .collect()
}

/// Returns the store of the components that the pipeline has from registries.
pub(crate) fn component_store(pipeline: &Pipeline) -> ComponentStore {
    let bytes_max = CompileLimits::default().component_bytes_max;
    ComponentStore::new(pipeline.data_dir.join("pulled"), bytes_max)
}

/// Reads the bytes of a component; one of a registry is pulled unless the store has it.
pub(crate) async fn load(store: &ComponentStore, id: &ConnectorId, component: &Component) -> Result<Bytes, Failure> {
    match component {
        Component::Registry(reference) => {
            let pulled = store.get(reference).await.map(Bytes::from);
            pulled.map_err(|e| Failure::configuration(format!("connector {id}: {e}")))
        }
        Component::Builtin(builtin) => Ok(Bytes::from(builtin.component)),
        Component::File(path) => std::fs::read(path).map(Bytes::from).map_err(|e| {
            Failure::configuration(format!(
                "connector {id}: the component {} cannot be read: {e}",
                path.display()
            ))
        }),
    }
}
