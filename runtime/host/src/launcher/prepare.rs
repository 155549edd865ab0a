//! Loads and checks components without binding, subscribing or writing anything.

use std::{fmt, sync::Arc};

use danube_wasm_config::Pipeline;
use danube_wasm_model::{
    ConnectorId,
    door::{SinkGuest, SourceGuest},
    poller::PollerGuest,
};
use danube_wasm_sandbox::{GuestHost, LoadSpec, Sandbox, SinkComponent, SourceComponent, TracingHost};
use serde::Serialize;

use super::outgoing;
use crate::{
    Failure,
    assemble::{self, SinkSpec, SourceSpec, Spec},
    settings,
};

/// A loaded and checked component.
pub(crate) enum Prepared {
    Source {
        spec: SourceSpec,
        guest: Arc<SourceComponent>,
        /// Its instance that fetches, of a source that does.
        poller: Option<Arc<dyn PollerGuest>>,
    },
    Sink {
        spec: SinkSpec,
        guest: Arc<SinkComponent>,
    },
}

/// A loaded component, as `check` prints it.
#[derive(Debug, Serialize)]
pub struct LoadedComponent {
    connector: String,
    component: String,
    digest: String,
    direction: &'static str,
    topics: Vec<String>,
    grants: Vec<String>,
}

impl fmt::Display for LoadedComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connector,
            component,
            digest,
            direction,
            topics,
            grants,
        } = self;
        let topics: Vec<_> = topics
            .iter()
            .map(|topic| match *direction {
                "source" => format!("→ {topic}"),
                _ => format!("{topic} →"),
            })
            .collect();
        write!(
            f,
            "{connector}: {component}, sha256:{digest}, {}, granted {}",
            topics.join(", "),
            grants.join(", ")
        )
    }
}

/// Loads every component of a pipeline without starting it, and reports all errors at once.
pub async fn load_components(sandbox: &Arc<Sandbox>, pipeline: &Pipeline) -> Result<Vec<LoadedComponent>, Failure> {
    let desired = &assemble::desired(pipeline).await?;
    let mut components = Vec::new();
    let mut refused = Vec::new();
    for (id, spec) in desired {
        match prepare(sandbox, spec, Arc::new(TracingHost)).await {
            Ok(prepared) => components.push(prepared.component()),
            Err(failure) => refused.push(with_name(id, &failure)),
        }
    }
    if refused.is_empty() {
        Ok(components)
    } else {
        Err(Failure::configuration(refused.join("\n")))
    }
}

/// Returns a connector's failure with the connector's name, unless the message contains it.
pub(crate) fn with_name(id: &ConnectorId, failure: &Failure) -> String {
    match failure.message.contains(id.as_str()) {
        true => failure.to_string(),
        false => format!("connector {id}: {failure}"),
    }
}

/// Loads one component.
pub(crate) async fn prepare(
    sandbox: &Arc<Sandbox>,
    spec: &Spec,
    host: Arc<dyn GuestHost>,
) -> Result<Prepared, Failure> {
    match spec {
        Spec::Source(spec) => {
            let load = source_load(spec)?;
            let poller: Option<Arc<dyn PollerGuest>> = match spec.config.connector.fetches() {
                false => None,
                true => Some(sandbox.load_poller(load.clone(), Arc::clone(&host)).await?),
            };
            let guest = sandbox.load_source(load, host).await?;
            let valid = spec.config.connector.validate(guest.interests());
            valid.map_err(Failure::configuration)?;
            Ok(Prepared::Source {
                spec: spec.clone(),
                guest,
                poller,
            })
        }
        Spec::Sink(spec) => {
            let guest = sandbox.load_sink(sink_load(spec)?, host).await?;
            spec.config.connector.validate().map_err(Failure::configuration)?;
            Ok(Prepared::Sink {
                spec: spec.clone(),
                guest,
            })
        }
    }
}

impl Prepared {
    fn component(&self) -> LoadedComponent {
        let (direction, id, component, digest, topics, grants): (_, _, _, _, Vec<_>, _) = match self {
            Self::Source { spec, guest, .. } => {
                let topics = guest.producer_configs().iter().map(|c| c.topic.to_string());
                let config = &spec.config;
                (
                    "source",
                    &config.id,
                    &config.component,
                    guest.digest(),
                    topics.collect(),
                    outgoing::shown(&config.grants, config.connector.fetches()),
                )
            }
            Self::Sink { spec, guest } => {
                let topics = guest.consumer_configs().iter().map(|c| c.topic.to_string());
                let config = &spec.config;
                (
                    "sink",
                    &config.id,
                    &config.component,
                    guest.digest(),
                    topics.collect(),
                    outgoing::shown(&config.grants, false),
                )
            }
        };
        LoadedComponent {
            connector: id.to_string(),
            component: component.to_string(),
            digest: digest.to_owned(),
            direction,
            topics,
            grants,
        }
    }
}

fn source_load(spec: &SourceSpec) -> Result<LoadSpec, Failure> {
    let config = &spec.config;
    let load = LoadSpec::new(config.id.clone(), config.component.to_string(), spec.component.clone());
    let http = outgoing::access(&config.id, &config.grants)?;
    Ok(LoadSpec {
        grants: outgoing::capabilities(&config.grants, config.connector.fetches()),
        http,
        settings: config.settings_json(),
        settings_kept: Some(config.settings_kept()),
        limits: settings::guest_limits(&config.limits, load.limits),
        lanes: config.lanes,
        topics: config.routes().into_iter().map(|route| route.topic).collect(),
        ..load
    })
}

fn sink_load(spec: &SinkSpec) -> Result<LoadSpec, Failure> {
    let config = &spec.config;
    let load = LoadSpec::new(config.id.clone(), config.component.to_string(), spec.component.clone());
    let http = outgoing::access(&config.id, &config.grants)?;
    Ok(LoadSpec {
        grants: outgoing::capabilities(&config.grants, false),
        http,
        settings: config.settings_json(),
        settings_kept: Some(config.settings_kept()),
        limits: settings::guest_limits(&config.limits, load.limits),
        lanes: config.lanes,
        topics: (config.mappings().into_iter())
            .map(|mapping| mapping.consumer.topic)
            .collect(),
        ..load
    })
}
