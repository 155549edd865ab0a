//! What a connector asks for: its component, what that imports, and what the pipeline file grants.

use std::{collections::BTreeSet, path::Path};

use danube_wasm_config::{Component, Pipeline};
use danube_wasm_grants::Grants;
use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::CompileLimits;
use serde::{Deserialize, Serialize};

/// An entry of the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `PIPELINE/CONNECTOR`.
    pub connector: String,
    /// As the pipeline file names it; a file from its directory.
    pub component: String,
    /// SHA-256 of the component, `sha256:` and hex digits; `None` for a built-in one in a lock of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The contract that it was built against, such as `danube:connector@0.1.0`; `None` in a lock of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// What it imports that must be granted.
    pub capabilities: BTreeSet<String>,
    /// The hosts that the pipeline file grants it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Each credential that it may name, with a host that it is sent to: `NAME to HOST`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub credentials: BTreeSet<String>,
}

impl Asked {
    /// What a connector of the pipeline asks for; `None` if its bytes are no component.
    pub(super) fn of(pipeline: &Pipeline, id: &ConnectorId, bytes: &[u8]) -> Option<Self> {
        let (component, grants) = configured(pipeline, id)?;
        let name = component.to_string();
        let info = danube_wasm_sandbox::inspect(&name, bytes, CompileLimits::default().component_bytes_max).ok()?;
        let capabilities = info
            .needs()
            .into_iter()
            .map(|capability| format!("{capability:?}").to_lowercase());
        let http = grants.http.iter();
        Some(Self {
            connector: id.to_string(),
            component: shown(component, &pipeline.dir),
            digest: Some(format!("sha256:{}", info.digest)),
            contract: Some(format!("danube:connector@{}", info.contract_version)),
            capabilities: capabilities.collect(),
            hosts: http
                .clone()
                .flat_map(|http| &http.hosts)
                .map(ToString::to_string)
                .collect(),
            credentials: http
                .flat_map(|http| &http.credentials)
                .flat_map(|credential| {
                    credential
                        .hosts
                        .iter()
                        .map(|host| format!("{} to {host}", credential.name))
                })
                .collect(),
        })
    }

    /// Whether it is built into the program.
    pub(super) fn is_builtin(&self) -> bool {
        self.component.starts_with("builtin:")
    }
}

fn configured<'p>(pipeline: &'p Pipeline, id: &ConnectorId) -> Option<(&'p Component, &'p Grants)> {
    let source = pipeline.sources.iter().find(|source| source.id == *id);
    let sink = pipeline.sinks.iter().find(|sink| sink.id == *id);
    match (source, sink) {
        (Some(source), _) => Some((&source.component, &source.grants)),
        (_, Some(sink)) => Some((&sink.component, &sink.grants)),
        (None, None) => None,
    }
}

/// The lock is kept with the pipeline file, so a path must mean the same elsewhere.
fn shown(component: &Component, dir: &Path) -> String {
    match component {
        Component::File(path) => path.strip_prefix(dir).unwrap_or(path).display().to_string(),
        Component::Builtin(_) | Component::Registry(_) => component.to_string(),
    }
}
