//! Spools at the start and stop of a process: records that were answered 200 must not be forgotten silently.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use danube_wasm_broker::{Broker, BrokerError, ErrorKind};
use danube_wasm_broker_spool::{Spool, SpoolStatus, count_records};
use danube_wasm_codes::Code;
use danube_wasm_config::Pipeline;
use danube_wasm_model::ConnectorId;
use tokio::time::Instant;

use crate::Failure;

/// How often to check a spool while it empties.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// How long the broker must be unavailable before the stop does not wait for it: it may just have returned.
const UNAVAILABLE_MIN: Duration = Duration::from_secs(2);

/// A spool with records that belongs to no connector, so that its records would never be published.
pub struct OrphanedSpool {
    connector: String,
    directory: PathBuf,
    why: Problem,
}

enum Problem {
    Holds(u64),
    /// Another process has it open and continues with it.
    InUse,
    Unreadable(String),
}

impl OrphanedSpool {
    /// Whether a running pipeline has the spool open.
    pub fn is_in_use(&self) -> bool {
        matches!(self.why, Problem::InUse)
    }
}

impl fmt::Display for OrphanedSpool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connector,
            directory,
            why,
        } = self;
        let directory = directory.display();
        match why {
            Problem::Holds(records) => write!(
                f,
                "the spool in {directory} holds {records} records that connector `{connector}` has confirmed and that nobody \
                 publishes or processes any more: no connector of that name has a buffer in front of a Danube broker. \
                 Configure `{connector}` on its Danube broker with `buffer = {{ type = \"disk\", max_bytes = … }}` again \
                 until its metric danube_wasm_spool_records is 0, or move the directory away to give them up"
            ),
            Problem::InUse => write!(
                f,
                "the spool of connector `{connector}` in {directory} is open in another process, and no connector of that \
                 name has a buffer here: what it holds when that process has ended must be taken care of before this \
                 configuration runs"
            ),
            Problem::Unreadable(why) => write!(
                f,
                "the spool of connector `{connector}` in {directory}, of which no connector has a buffer any more, cannot be \
                 looked at: {why}. If it may be given up, move the directory away"
            ),
        }
    }
}

/// Refuses to start if there are orphaned spools.
pub(crate) async fn refuse_orphaned(pipeline: &Pipeline) -> Result<(), Failure> {
    refuse(&find_orphaned(pipeline).await?)
}

/// Returns an error that names all spools, if there are any.
pub fn refuse(orphaned: &[OrphanedSpool]) -> Result<(), Failure> {
    let lines: Vec<_> = orphaned.iter().map(ToString::to_string).collect();
    match lines.is_empty() {
        true => Ok(()),
        false => Err(Failure::configuration(lines.join("\n")).coded(Code::OrphanedBuffer)),
    }
}

/// Returns the spools with records that belong to no connector of the pipeline.
pub async fn find_orphaned(pipeline: &Pipeline) -> Result<Vec<OrphanedSpool>, Failure> {
    let place = pipeline.spools_dir();
    let unreadable = |e: io::Error| Failure::configuration(format!("{} cannot be read: {e}", place.display()));
    let mut found = Vec::new();
    for (connector, directory) in unowned(pipeline, &place).map_err(unreadable)? {
        let why = match count_records(&directory).await {
            Ok(0) => continue,
            Ok(records) => Problem::Holds(records),
            Err(error) if error.kind == ErrorKind::Conflict => Problem::InUse,
            Err(error) => Problem::Unreadable(error.message),
        };
        found.push(OrphanedSpool {
            connector,
            directory,
            why,
        });
    }
    Ok(found)
}

/// Returns the directories of connectors that have no buffer, with their names.
fn unowned(pipeline: &Pipeline, place: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let sources = pipeline.sources.iter().filter(|source| source.buffer.is_some());
    let sinks = pipeline.sinks.iter().filter(|sink| sink.buffer.is_some());
    let owners: Vec<_> = (sources.map(|source| &source.id))
        .chain(sinks.map(|sink| &sink.id))
        .collect();
    let is_owned = |name: &str| {
        owners
            .iter()
            .any(|id| id.directory() == name || (legacy_name(id) == name && !place.join(id.directory()).exists()))
    };
    let entries = match fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // An empty directory has no log, and checking must not create one.
        let is_used = path.is_dir() && fs::read_dir(&path)?.next().is_some();
        if is_used && !is_owned(&name) {
            found.push((connector(pipeline, &name), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the name of a directory's owner, in this pipeline or in another.
fn connector(pipeline: &Pipeline, directory: &str) -> String {
    let id = directory.replace('@', "/");
    let own = id.strip_prefix(&format!("{}/", pipeline.name)).map(str::to_owned);
    own.unwrap_or(id)
}

/// Returns the legacy name of a connector's directory, which did not contain the pipeline's name.
fn legacy_name(id: &ConnectorId) -> &str {
    id.connector()
}

/// Renames a directory with the legacy name, which belongs to this connector as it did in the version that created it.
pub(crate) fn adopt_former(id: &ConnectorId, place: &Path) -> io::Result<()> {
    let (from, to) = (place.join(legacy_name(id)), place.join(id.directory()));
    if !from.is_dir() || to.exists() {
        return Ok(());
    }
    tracing::info!(connector = %id, from = %from.display(), to = %to.display(), "the spool's directory gets its present name");
    fs::rename(from, to)
}

/// At a stop, waits until the broker has accepted what a source's spool holds, while the broker is available and until
/// the deadline, and logs what remains.
pub(crate) async fn hand_over(id: &ConnectorId, spool: &Spool, broker: &dyn Broker, deadline: Instant) {
    match wait_until_empty(id, spool, broker, deadline).await {
        Ok((left, why)) => log_remaining(id, &left, &why),
        Err(error) => {
            tracing::warn!(connector = %id, %error, "what the spool holds is not known; it is published after the next start");
        }
    }
}

/// Waits, and returns what remains, with the reason if the broker has not accepted it.
async fn wait_until_empty(
    id: &ConnectorId,
    spool: &Spool,
    broker: &dyn Broker,
    deadline: Instant,
) -> Result<(SpoolStatus, String), BrokerError> {
    let (mut seen_empty, mut said, mut there) = (0, false, Instant::now());
    loop {
        let left = spool.measure().await?;
        // The spool updates its counts shortly after its actions, so it must be empty twice.
        seen_empty = if unaccepted(&left) == 0 { seen_empty + 1 } else { 0 };
        if seen_empty == 2 {
            return Ok((left, String::new()));
        }
        if unaccepted(&left) > 0 && !std::mem::replace(&mut said, true) {
            tracing::info!(connector = %id, records = unaccepted(&left), "the broker is given what waits in the spool");
        }
        match broker.ready().await {
            Ok(()) => there = Instant::now(),
            Err(away) if there.elapsed() >= UNAVAILABLE_MIN => {
                return Ok((left, format!("the broker is away: {away}")));
            }
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            let trouble = left.troubles.values().next().cloned();
            return Ok((left, trouble.unwrap_or_else(|| "the grace time is over".to_owned())));
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

fn log_remaining(id: &ConnectorId, left: &SpoolStatus, why: &str) {
    if unaccepted(left) > 0 {
        tracing::warn!(connector = %id, records = unaccepted(left), why, "records stay in the spool: they are published after the next start on this disk, and not before");
    } else if left.records > 0 {
        tracing::info!(connector = %id, records = left.records, "the broker has accepted all records; the last ones stay in the spool, and are published again after the next start, in case the broker loses them");
    }
    if left.refused > 0 {
        tracing::warn!(connector = %id, records = left.refused, "records that the broker will never accept stay in the spool: they become dead letters after the next start");
    }
}

/// Returns the number of records that the broker has not accepted.
fn unaccepted(status: &SpoolStatus) -> u64 {
    status.records.saturating_sub(status.unconfirmed)
}
