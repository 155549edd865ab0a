//! Copies a log to another broker while nothing runs: topics with their partitions and messages, ids, keys, attributes,
//! orders and publish times, the position of each subscription with what is acknowledged behind it, schemas, and what
//! connectors have noted.
//!
//! The source is read three times and never changed: to plan (what there is, and whether the target would take it), to copy,
//! and to compare. Records are handed over in an order that follows from the source alone (`merge.rs`), so a copy that was
//! interrupted goes on by the number of records that are there. Until everything is compared, the target's topics are
//! marked, and no pipeline can use them.

mod admission;
mod copy;
mod merge;
mod notes;
mod plan;
mod report;
mod schemas;
mod verify;

use danube_wasm_broker::{
    Result,
    copying::{CopySource, CopyTarget},
};

pub use notes::copy_notes;
pub use report::{MigrationReport, SubscriptionReport, TopicReport, TopicState};

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MigrationOptions {
    /// A copy that was interrupted goes on.
    pub resume: bool,
    /// Nothing is written: everything is read, and it is said what would be copied and what the target would not take.
    pub dry_run: bool,
}

/// Copies everything. `progress` is told what is done now, for people.
///
/// # Errors
///
/// [`danube_wasm_broker::ErrorKind::Conflict`] where a side is in use, where the target is not empty, or where what is there
/// is not this copy; otherwise what the brokers say. What was copied stays, and `resume` goes on with it.
pub async fn migrate(
    from: &dyn CopySource,
    to: &dyn CopyTarget,
    options: MigrationOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<MigrationReport> {
    let place = from.place();
    let topics = from.topics().await?;
    let done = admission::admit(to, &topics, &place, options.resume).await?;
    let mut report = MigrationReport::default();
    let mut plans = Vec::new();
    for topic in topics {
        let is_done = done.contains(&topic.topic);
        if is_done {
            report.topics.push(TopicReport::done(&topic));
            continue;
        }
        progress(&format!("reading {} of {place}", topic.topic));
        let plan = plan::plan(from, to, topic).await?;
        report.topics.push(TopicReport::planned(&plan));
        plans.push(plan);
    }
    let versions = from.schemas().await?;
    report.schemas = versions.iter().map(Vec::len).sum();
    let notes = from.notes().await?;
    if options.dry_run {
        return Ok(report);
    }
    let schemas = schemas::copy(&versions, to).await?;
    for plan in &plans {
        progress(&format!("copying {} to {}", plan.topic.topic, to.place()));
        let copied = copy::copy(from, to, plan, &schemas, &place).await?;
        from.check_unchanged(&plan.topic).await?;
        progress(&format!("comparing {}", plan.topic.topic));
        verify::compare(from, to, plan, &schemas, &copied).await?;
        report.is_copied(plan, &copied);
    }
    report.notes_left_out = to.keep_notes(notes).await?;
    for plan in &plans {
        to.finish(&plan.topic, &place).await?;
    }
    Ok(report)
}
