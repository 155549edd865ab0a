//! `danube-wasm.lock`: which components a pipeline's owner has approved, and what they are granted.
//!
//! The file stands beside the pipeline file, and nothing is locked until `danube-wasm approve` has written it. From then on a connector
//! starts, also after a reload, only with the component of that digest, and only if neither the component nor the pipeline file asks for
//! more. What is built in has no digest here: it comes with the program.

mod asked;
mod difference;
mod file;

use std::{fmt, sync::Arc};

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
        let more: Vec<_> = changes
            .iter()
            .filter(|change| change.is_more())
            .map(ToString::to_string)
            .collect();
        if !more.is_empty() {
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
