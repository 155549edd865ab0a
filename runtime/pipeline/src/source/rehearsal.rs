//! One event through a component, and what the loop would make of it; nothing is published.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::Outgoing;
use danube_wasm_model::{
    TopicName,
    door::{GuestError, Reply, SourceGuest, Violation},
    event::{Event, EventBatch},
};
use danube_wasm_schema::Validator;

use super::{
    plan::{GroupOutcome, Plan},
    topics::Topics,
};

/// What became of it.
#[derive(Debug)]
pub enum Rehearsed {
    /// What would be published, if anything, and the answer to its sender.
    Records(Vec<Outgoing>, Option<Reply>),
    /// It is refused, or a record made from it is: why, and each rule that was broken.
    Refused(String, Vec<Violation>),
}

/// Calls the component with this event alone. Records of a topic without a validator are not checked.
pub async fn rehearse(
    guest: &dyn SourceGuest,
    lane: usize,
    event: &Event,
    validators: &HashMap<TopicName, Arc<Validator>>,
) -> Result<Rehearsed, GuestError> {
    let mut topics = Topics::default();
    for config in guest.producer_configs() {
        topics.insert(config.topic.clone(), validators.get(&config.topic).cloned());
    }
    let batch = EventBatch::from_events([event], &guest.interests());
    let records = guest.poll(lane, Arc::new(batch)).await?;
    let plan = Plan::make(guest.id(), &[event], &records, &topics).await;
    let outcome = plan.groups.into_iter().next().map(|group| group.outcome);
    Ok(match outcome {
        None => Rehearsed::Records(Vec::new(), None),
        Some(GroupOutcome::Publish { records, mut replies }) => {
            Rehearsed::Records(records, replies.pop().map(|(_, reply)| reply))
        }
        Some(GroupOutcome::Invalid { refusal, .. }) => Rehearsed::Refused(refusal.error, refusal.violations),
    })
}
