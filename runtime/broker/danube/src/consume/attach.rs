//! Starts to consume one partition.

use std::sync::Arc;

use danube_wasm_broker::Result;
use danube_wasm_model::TopicName;

use super::{acks, partition::Partition, session, shared::Core};
use crate::fault::Fault;

/// Subscribes to a partition and starts its tasks.
pub(super) async fn add_partition(core: Arc<Core>, name: TopicName) -> Result<()> {
    let number = core.shared.number(&name);
    let (partition, task) = Partition::new(&core.shared, &core.options, name);
    let partition = Arc::new(partition);
    let first = session::open(&core, &partition).await;
    let first = match first {
        Err(Fault::Refused(error)) => return Err(error),
        other => other,
    };
    core.partitions.write().insert(number, partition.clone());
    let acks = acks::run(
        core.shared.clone(),
        core.options.subscription.clone(),
        Arc::downgrade(&partition),
        task,
    );
    core.shared.runtime.spawn(acks);
    core.shared.runtime.spawn(session::run(core.clone(), partition, first));
    Ok(())
}
