//! Hands a topic's messages over.

use danube_wasm_broker::{
    BrokerError, ErrorKind, Result,
    copying::{Copied, CopyRecord, CopySource, CopyTarget},
};

use crate::{
    merge::{Merge, Next},
    plan::{Plan, prepared},
    schemas::Schemas,
};

/// Copies a topic with its positions.
pub(crate) async fn copy(
    from: &dyn CopySource,
    to: &dyn CopyTarget,
    plan: &Plan,
    schemas: &Schemas,
    place: &str,
) -> Result<Copied> {
    let mut merge = Merge::new(from, &plan.topic, plan.phases.clone()).await?;
    let mut writer = to.fill(&plan.topic, place).await?;
    while let Some(next) = merge.next().await? {
        let Next {
            partition,
            stored,
            newest_ms,
        } = next;
        let mut message = prepared(stored.message);
        schemas.renumber(&mut message);
        let record = CopyRecord {
            partition,
            message,
            newest_ms,
            acknowledged: stored.acknowledged,
        };
        writer.push(record).await?;
    }
    let copied = writer.close().await?;
    match copied.had + copied.written == plan.messages {
        true => Ok(copied),
        false => Err(BrokerError::new(
            ErrorKind::Conflict,
            format!(
                "the topic {} had {} messages when it was read first, and has another number now: is something using it?",
                plan.topic.topic, plan.messages
            ),
        )),
    }
}
