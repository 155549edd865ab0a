//! `danube-wasm.lock`: which components a pipeline's owner has approved, and what they are granted.
//!
//! The file stands beside the pipeline file, and nothing is locked until `danube-wasm approve` has written it. From then on a connector
//! starts, also after a reload, only with the component of that digest, and only if neither the component nor the pipeline file asks for
//! more. What is built in comes with the program: another version of the program may bring another digest, which the lock follows.

mod asked;
mod difference;
mod file;

use std::{collections::BTreeSet, fmt, sync::Arc};

use danube_wasm_config::{LOCK_FILE, Pipeline};
use danube_wasm_model::ConnectorId;

use crate::{Failure, assemble};
pub use asked::Asked;
pub use difference::Change;
use file::LockFile;

/// What `approve` wrote of one connector.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Approved {
    /// What the connector has now.
    #[serde(flatten)]
    pub asked: Asked,
    /// What is new, or no longer there.
    pub changes: Vec<Change>,
}

impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.asked.connector, self.asked.component)?;
        match self.changes.is_empty() {
            true => f.write_str(", as before"),
            false => self.changes.iter().try_for_each(|change| write!(f, "\n  {change}")),
        }
    }
}

/// Refuses the connectors of a pipeline that has a lock and asks for more than it approves.
pub(crate) fn check<'a>(
    pipeline: &Pipeline,
    connectors: impl Iterator<Item = (&'a ConnectorId, &'a Arc<[u8]>)>,
) -> Result<(), Failure> {
    let Some(lock) = LockFile::read(pipeline)? else {
        return Ok(());
    };
    let mut refused = Vec::new();
    for (id, bytes) in connectors {
        // What is no component is refused where it is loaded, with a sentence of its own.
        let Some(asked) = Asked::of(pipeline, id, bytes) else {
            continue;
        };
        let changes = difference::between(lock.find(id), &asked);
        if changes.iter().any(Change::is_more) {
            let more: Vec<_> = changes
                .iter()
                .filter(|change| !matches!(change, Change::Less { .. }))
                .map(ToString::to_string)
                .collect();
            refused.push(format!(
                "connector {id} asks for what `{LOCK_FILE}` does not approve: {}; look at it, then run `danube-wasm approve` with the \
                 pipeline file",
                more.join(", ")
            ));
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(Failure::configuration(refused.join("\n"))),
    }
}

/// Has the lock of a pipeline that [`check`] found in order name the components that run now: those of this version of the program, and
/// what locks of version 1 did not say.
pub(crate) fn follow<'a>(
    pipeline: &Pipeline,
    connectors: impl Iterator<Item = (&'a ConnectorId, &'a Arc<[u8]>)>,
) -> Result<(), Failure> {
    let Some(mut lock) = LockFile::read(pipeline)? else {
        return Ok(());
    };
    let mut changed = false;
    let mut others = BTreeSet::new();
    for (id, bytes) in connectors {
        let Some(asked) = Asked::of(pipeline, id, bytes) else {
            continue;
        };
        let changes = difference::between(lock.find(id), &asked);
        if changes.iter().any(|change| matches!(change, Change::Builtin { .. })) {
            others.insert(asked.component.clone());
        }
        changed |= lock.follow(&asked);
    }
    if !changed {
        return Ok(());
    }
    lock.write(pipeline)?;
    for component in others {
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!("danube-wasm {version} brings another {component}; `{LOCK_FILE}` now names it");
    }
    Ok(())
}

/// Approves what the connectors of a pipeline ask for now: writes the lock, and returns what changed.
///
/// # Errors
///
/// A component cannot be read or is none, or the lock cannot be read or written.
pub async fn approve(pipeline: &Pipeline) -> Result<Vec<Approved>, Failure> {
    let components = assemble::components(pipeline).await?;
    let mut lock = LockFile::read(pipeline)?.unwrap_or_default();
    let mut approved = Vec::new();
    for (id, bytes) in &components {
        let asked = Asked::of(pipeline, id, bytes).ok_or_else(|| {
            Failure::configuration(format!(
                "connector {id}: its component is none; `danube-wasm check` says why"
            ))
        })?;
        let changes = difference::between(lock.find(id), &asked);
        approved.push(Approved { asked, changes });
    }
    lock.replace(
        &pipeline.name,
        approved.iter().map(|approved| approved.asked.clone()).collect(),
    );
    lock.write(pipeline)?;
    Ok(approved)
}
