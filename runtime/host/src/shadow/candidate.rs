//! Loads a candidate as the connector's own component was loaded, with one instance and a host that keeps nothing.

use std::{path::Path, sync::Arc};

use danube_wasm_config::{Component, Pipeline};
use danube_wasm_model::{
    ConnectorId,
    door::{SinkGuest as _, SourceGuest as _},
    event::Interests,
};
use danube_wasm_sandbox::{GuestHost, LogLevel, Secrets, SinkComponent, SourceComponent};

use crate::{
    Failure,
    assemble::{SinkSpec, SourceSpec, Spec},
    launcher::{Prepared, Services, prepare},
};

/// A component that is called beside the one that runs.
pub(crate) struct Candidate {
    pub(super) guest: CandidateGuest,
    /// Values of its settings that nobody may see.
    pub(super) secrets: Arc<Secrets>,
}

pub(super) enum CandidateGuest {
    Source(Arc<SourceComponent>),
    Sink(Arc<SinkComponent>),
}

impl Candidate {
    pub(super) fn connector(&self) -> &ConnectorId {
        match &self.guest {
            CandidateGuest::Source(guest) => guest.id(),
            CandidateGuest::Sink(guest) => guest.id(),
        }
    }

    pub(super) fn interests(&self) -> Interests {
        match &self.guest {
            CandidateGuest::Source(guest) => guest.interests(),
            CandidateGuest::Sink(guest) => guest.interests(),
        }
    }

    pub(super) fn digest(&self) -> &str {
        match &self.guest {
            CandidateGuest::Source(guest) => guest.digest(),
            CandidateGuest::Sink(guest) => guest.digest(),
        }
    }
}

/// Loads the candidate for a connector of a running pipeline.
pub(crate) async fn load(
    services: &Services,
    pipeline: &Pipeline,
    id: &ConnectorId,
    file: &Path,
) -> Result<Candidate, Failure> {
    if services.components.facts(id).is_none() {
        return Err(Failure::usage(format!(
            "connector {id} is not running: there are no batches to compare on"
        )));
    }
    let bytes = tokio::fs::read(file).await;
    let bytes = bytes.map_err(|error| {
        Failure::usage(format!(
            "the candidate {} cannot be read by the process that runs the pipeline: {error}",
            file.display()
        ))
    })?;
    let spec = spec(pipeline, id, file, bytes.into())?;
    let secrets = match &spec {
        Spec::Source(spec) => Secrets::from_settings(&spec.config.settings_json(), Some(&spec.config.settings_kept())),
        Spec::Sink(spec) => Secrets::from_settings(&spec.config.settings_json(), Some(&spec.config.settings_kept())),
    };
    let guest = match prepare(&services.sandbox, &spec, Arc::new(SilentHost)).await? {
        Prepared::Source { guest, .. } => CandidateGuest::Source(guest),
        Prepared::Sink { guest, .. } => CandidateGuest::Sink(guest),
    };
    Ok(Candidate {
        guest,
        secrets: Arc::new(secrets),
    })
}

/// The connector as it is configured, with the candidate in place of its component.
fn spec(pipeline: &Pipeline, id: &ConnectorId, file: &Path, component: Arc<[u8]>) -> Result<Spec, Failure> {
    let source = pipeline.sources.iter().find(|source| source.id == *id);
    let sink = pipeline.sinks.iter().find(|sink| sink.id == *id);
    let named = Component::File(file.to_owned());
    if let Some(source) = source {
        let mut config = source.clone();
        (config.component, config.lanes) = (named, 1);
        return Ok(Spec::Source(SourceSpec {
            config,
            component,
            schemas: Vec::new(),
        }));
    }
    if let Some(sink) = sink {
        let mut config = sink.clone();
        (config.component, config.lanes) = (named, 1);
        return Ok(Spec::Sink(SinkSpec {
            config,
            component,
            topics: Vec::new(),
            schemas: Vec::new(),
        }));
    }
    Err(Failure::internal(format!("connector {id} has gone meanwhile")))
}

/// Keeps nothing of what the candidate says.
struct SilentHost;

impl GuestHost for SilentHost {
    fn log_enabled(&self, _: &ConnectorId, _: LogLevel) -> bool {
        false
    }

    fn log(&self, _: &ConnectorId, _: LogLevel, _: &str) {}

    fn counter_add(&self, _: &ConnectorId, _: &str, _: u64) {}

    fn gauge_set(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn observe(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn dropped(&self, _: &ConnectorId, _: &'static str, _: u64) {}
}
