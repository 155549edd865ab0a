//! What waits in spools when a process starts and when it stops: records that were answered 200 must not be forgotten with
//! nobody told.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use danube_wasm_broker::{Broker, BrokerError, ErrorKind};
use danube_wasm_broker_spool::{Spool, SpoolStatus, count_records};
use danube_wasm_config::Pipeline;
use danube_wasm_model::ConnectorId;
use tokio::time::Instant;

use crate::Failure;

/// How often a spool is looked at while it empties.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the broker must be away before it is not waited for: it may have come back a moment ago, unnoticed.
const AWAY_MIN: Duration = Duration::from_secs(2);

/// A spool that holds records and that no connector owns: nothing would ever publish them.
pub struct Stranded {
    connector: String,
    directory: PathBuf,
    why: Why,
}

enum Why {
    Holds(u64),
    /// It is open in another process, which goes on with it.
    InUse,
    Unreadable(String),
}

impl Stranded {
    /// Whether a pipeline that runs takes care of it for now.
    pub fn is_in_use(&self) -> bool {
        matches!(self.why, Why::InUse)
    }
}

impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connector,
            directory,
            why,
        } = self;
        let directory = directory.display();
        match why {
            Why::Holds(records) => write!(
                f,
                "the spool in {directory} holds {records} records that connector `{connector}` has confirmed and that nobody \
                 publishes or processes any more: no connector of that name has a buffer in front of a Danube broker. \
                 Configure `{connector}` on its Danube broker with `buffer = {{ type = \"disk\", max_bytes = … }}` again \
                 until its metric danube_wasm_spool_records is 0, or move the directory away to give them up"
            ),
            Why::InUse => write!(
                f,
                "the spool of connector `{connector}` in {directory} is open in another process, and no connector of that \
                 name has a buffer here: what it holds when that process has ended must be taken care of before this \
                 configuration runs"
            ),
            Why::Unreadable(why) => write!(
                f,
                "the spool of connector `{connector}` in {directory}, of which no connector has a buffer any more, cannot be \
                 looked at: {why}. If it may be given up, move the directory away"
            ),
        }
    }
}

/// Refuses to start beside spools that nobody empties.
pub(crate) async fn refuse_stranded(pipeline: &Pipeline) -> Result<(), Failure> {
    refuse(&stranded(pipeline).await?)
}

/// An error that names all of them, if there are any.
pub fn refuse(stranded: &[Stranded]) -> Result<(), Failure> {
    let lines: Vec<_> = stranded.iter().map(ToString::to_string).collect();
    match lines.is_empty() {
        true => Ok(()),
        false => Err(Failure::configuration(lines.join("\n"))),
    }
}

/// Spools that hold something and that no connector of the pipeline owns.
pub async fn stranded(pipeline: &Pipeline) -> Result<Vec<Stranded>, Failure> {
    let place = pipeline.spools_dir();
    let unreadable = |e: io::Error| Failure::configuration(format!("{} cannot be read: {e}", place.display()));
    let mut found = Vec::new();
    for (connector, directory) in unowned(pipeline, &place).map_err(unreadable)? {
        let why = match count_records(&directory).await {
            Ok(0) => continue,
            Ok(records) => Why::Holds(records),
            Err(error) if error.kind == ErrorKind::Conflict => Why::InUse,
            Err(error) => Why::Unreadable(error.message),
        };
        found.push(Stranded {
            connector,
            directory,
            why,
        });
    }
    Ok(found)
}

/// The directories of connectors that have no buffer, by name.
fn unowned(pipeline: &Pipeline, place: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let sources = pipeline.sources.iter().filter(|source| source.buffer.is_some());
    let sinks = pipeline.sinks.iter().filter(|sink| sink.buffer.is_some());
    let owners: Vec<_> = (sources.map(|source| &source.id))
        .chain(sinks.map(|sink| &sink.id))
        .collect();
    let is_owned = |name: &str| {
        owners
            .iter()
            .any(|id| id.directory() == name || (former(id) == name && !place.join(id.directory()).exists()))
    };
    let entries = match fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // An empty directory has no log, and looking does not make one.
        let is_used = path.is_dir() && fs::read_dir(&path)?.next().is_some();
        if is_used && !is_owned(&name) {
            found.push((connector(pipeline, &name), path));
        }
    }
    found.sort();
    Ok(found)
}

/// What a directory's owner is called in this pipeline, or elsewhere.
fn connector(pipeline: &Pipeline, directory: &str) -> String {
    let id = directory.replace('@', "/");
    let own = id.strip_prefix(&format!("{}/", pipeline.name)).map(str::to_owned);
    own.unwrap_or(id)
}

/// The name of a connector's directory before it carried the pipeline's.
fn former(id: &ConnectorId) -> &str {
    id.connector()
}

/// A spool in a directory of the former name is this connector's, as it was for the version that made it.
pub(crate) fn adopt_former(id: &ConnectorId, place: &Path) -> io::Result<()> {
    let (from, to) = (place.join(former(id)), place.join(id.directory()));
    if !from.is_dir() || to.exists() {
        return Ok(());
    }
    tracing::info!(connector = %id, from = %from.display(), to = %to.display(), "the spool's directory gets its present name");
    fs::rename(from, to)
}

/// At a stop: waits until the broker has accepted what a source's spool holds, as long as it is there and time is left, and
/// says what stays behind.
pub(crate) async fn hand_over(id: &ConnectorId, spool: &Spool, broker: &dyn Broker, deadline: Instant) {
    match wait(id, spool, broker, deadline).await {
        Ok((left, why)) => tell(id, &left, &why),
        Err(error) => {
            tracing::warn!(connector = %id, %error, "what the spool holds is not known; it is published after the next start");
        }
    }
}

/// Until it is over: what is left, and why, if the broker has not accepted it.
async fn wait(
    id: &ConnectorId,
    spool: &Spool,
    broker: &dyn Broker,
    deadline: Instant,
) -> Result<(SpoolStatus, String), BrokerError> {
    let (mut seen_empty, mut said, mut there) = (0, false, Instant::now());
    loop {
        let left = spool.measure().await?;
        // A part of the spool says how it is a step after it has done something.
        seen_empty = if waiting(&left) == 0 { seen_empty + 1 } else { 0 };
        if seen_empty == 2 {
            return Ok((left, String::new()));
        }
        if waiting(&left) > 0 && !std::mem::replace(&mut said, true) {
            tracing::info!(connector = %id, records = waiting(&left), "the broker is given what waits in the spool");
        }
        match broker.ready().await {
            Ok(()) => there = Instant::now(),
            Err(away) if there.elapsed() >= AWAY_MIN => return Ok((left, format!("the broker is away: {away}"))),
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            let trouble = left.troubles.values().next().cloned();
            return Ok((left, trouble.unwrap_or_else(|| "the grace time is over".to_owned())));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn tell(id: &ConnectorId, left: &SpoolStatus, why: &str) {
    if waiting(left) > 0 {
        tracing::warn!(connector = %id, records = waiting(left), why, "records stay in the spool: they are published after the next start on this disk, and not before");
    } else if left.records > 0 {
        tracing::info!(connector = %id, records = left.records, "the broker has accepted all records; the last ones stay in the spool, and are published again after the next start, in case the broker loses them");
    }
    if left.refused > 0 {
        tracing::warn!(connector = %id, records = left.refused, "records that the broker will never accept stay in the spool: they become dead letters after the next start");
    }
}

/// Records that the broker has not accepted.
fn waiting(status: &SpoolStatus) -> u64 {
    status.records.saturating_sub(status.unconfirmed)
}
