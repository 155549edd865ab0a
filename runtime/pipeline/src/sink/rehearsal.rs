//! One message through a component, and what the loop would make of it; nothing is written or acknowledged.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::{
    SubscriptionType, Targets,
    door::{GuestError, SinkGuest, Write},
};

use super::plan::{Decoded, Plan, Rules, columns};

/// A message as the component is to see it.
#[derive(Debug, Clone)]
pub struct Part {
    /// The message as it came from the broker.
    pub message: Message,
    /// Its payload, decoded.
    pub payload: Bytes,
    /// `subject@version`, empty without a schema.
    pub schema: Arc<str>,
}

/// What became of it.
#[derive(Debug)]
pub enum Rehearsed {
    /// What would be written, if anything.
    Writes(Vec<Write>),
    /// It is refused, and why.
    Refused(String),
}

/// Calls the component with this message alone, in a sink with these targets; `None` if nobody knows which it has.
pub async fn rehearse(
    guest: &dyn SinkGuest,
    lane: usize,
    part: Part,
    targets: Option<&Targets>,
) -> Result<Rehearsed, GuestError> {
    let Part {
        message,
        payload,
        schema,
    } = part;
    let messages = [Decoded {
        message,
        payload,
        schema,
        // Nothing is written.
        types: None,
        redelivered: true,
    }];
    let batch = Arc::new(columns(&messages, &guest.interests()));
    let writes = guest.process_batch(lane, batch).await?;
    let named = || writes.targets.names.iter().map(String::as_str).collect();
    let targets = targets.cloned().unwrap_or_else(named);
    let rules = Rules {
        targets: &targets,
        egress: None,
        subscription_type: SubscriptionType::Shared,
    };
    let mut plan = Plan::make(&messages, &writes, rules).await;
    Ok(match plan.refused.pop() {
        Some((_, why)) => Rehearsed::Refused(why),
        None => Rehearsed::Writes(plan.writes),
    })
}
