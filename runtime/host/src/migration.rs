//! Copying a pipeline's log, with the positions of its subscriptions, to the broker that another file names, while nothing
//! runs.

mod side;

use danube_wasm_broker::BrokerError;
use danube_wasm_broker_migrate::{self as copying, MigrationOptions, MigrationReport};
use serde::Serialize;

use crate::Failure;

pub use copying::{MigrationOptions as Options, SubscriptionReport, TopicReport, TopicState};
pub(crate) use side::Copyable;
#[cfg(feature = "nats")]
pub(crate) use side::Notes;

/// What was copied, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Topics, with their subscriptions, and schemas.
    #[serde(flatten)]
    pub log: MigrationReport,
    /// What connectors have noted.
    pub notes: usize,
    /// What is not carried, each with what to do.
    pub warnings: Vec<String>,
}

/// Copies from one place to another: a pipeline file, the data directory of `danube-wasm broker`, `embedded://DIR` or
/// `nats://HOST:PORT`. `progress` is told what is done now, for people.
pub async fn migrate(
    from: &str,
    to: &str,
    options: MigrationOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Report, Failure> {
    let source = side::open(from, true).await?;
    let opened = side::open(to, false).await;
    let copied = match opened {
        Ok(target) if target.place == source.place => Err(Failure::usage(format!(
            "{from} and {to} are the same place, {}: change `broker_url` of the pipeline file, and name the place before as FROM, \
             for example `danube-wasm migrate-log embedded://DIR {to}`",
            source.place
        ))),
        Ok(target) => {
            let copied = copy(&source, &target, options, progress).await;
            let closed = target.close().await;
            copied.and_then(|report| closed.map(|()| report))
        }
        Err(failure) => Err(failure),
    };
    let closed = source.close().await;
    copied.and_then(|report| closed.map(|()| report))
}

async fn copy(
    source: &Copyable,
    target: &Copyable,
    options: MigrationOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Report, Failure> {
    let noted = source.notes.open().await?;
    let notes = match &noted {
        Some(log) => log.all_notebooks().await.map_err(failed)?.len(),
        None => 0,
    };
    if notes > 0 {
        target.notes.admit(options.resume, &target.place).await?;
    }
    let log = copying::migrate(&*source.source, &*target.target, options, progress);
    let log = log.await.map_err(failed)?;
    if let (Some(from), false, true) = (&noted, options.dry_run, notes > 0) {
        let to = target.notes.make().await?;
        let copied = copying::copy_notes(from, &to).await;
        target.notes.close(&to).await?;
        copied.map_err(failed)?;
    }
    if let Some(from) = &noted {
        source.notes.close(from).await?;
    }
    let warnings = warnings(source, target, &log);
    Ok(Report { log, notes, warnings })
}

fn warnings(source: &Copyable, target: &Copyable, log: &MigrationReport) -> Vec<String> {
    let mut warnings = Vec::new();
    if log.notes_left_out > 0 {
        warnings.push(format!(
            "{} notes of `danube-wasm broker` (how compatible versions of a schema must be, who registered them) have no place in \
             {} and were not copied",
            log.notes_left_out, target.place
        ));
    }
    for (topic, subscription) in log
        .topics
        .iter()
        .flat_map(|topic| topic.subscriptions.iter().map(move |s| (topic, s)))
    {
        if subscription.again > 0 {
            warnings.push(format!(
                "subscription {} of {} gets {} messages again that it had acknowledged: they are behind more unread messages than a \
                 position in {} can have",
                subscription.subscription, topic.topic, subscription.again, target.place
            ));
        }
    }
    if let (Some(from), true) = (&source.spools, source.spools != target.spools) {
        warnings.push(format!(
            "buffers in {} are not part of the log: what waits there is sent when a pipeline with this `data_dir` runs",
            from.display()
        ));
    }
    warnings
}

/// What can come right by itself is not the caller's fault.
pub(crate) fn failed(error: BrokerError) -> Failure {
    match error.is_transient() {
        true => Failure::internal(error),
        false => Failure::usage(error),
    }
}
