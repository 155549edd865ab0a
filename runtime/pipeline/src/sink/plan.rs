//! From what a sink component returned to what is written and what is acknowledged: pure, no I/O.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::{
    columns::{Ordinals, PayloadAt},
    door::Write,
    event::Interests,
    identity::merged,
    message::{MessageBatch, Operation, WriteBatch},
};

use crate::mutants::{self, Mutant};

/// A message with its payload as components see it.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    pub(crate) message: Message,
    pub(crate) payload: Bytes,
    /// `subject@version`, empty without a schema.
    pub(crate) schema: Arc<str>,
}

/// Columns for what the component wants of these messages.
pub(crate) fn columns(messages: &[Decoded], wants: &Interests) -> MessageBatch {
    let mut batch = MessageBatch::default();
    for Decoded {
        message,
        payload,
        schema,
    } in messages
    {
        batch.topics.push(message.topic.as_str());
        batch.payloads.push(payload);
        if wants.ids {
            batch.ids.push(message.id.as_str().as_bytes());
        }
        if wants.keys {
            batch.keys.push(message.key.as_deref().unwrap_or_default());
        }
        if wants.times {
            batch.publish_times_ms.push(message.publish_time_ms);
        }
        if wants.producers {
            batch.producers.push(&message.producer);
        }
        if wants.schemas {
            batch.schemas.push(schema);
        }
        if wants.attributes {
            batch
                .attributes
                .push(message.attributes.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        }
    }
    batch
}

/// What to do with each message of a batch. Every message is in exactly one of: `refused`, `again`, or finished once
/// the writes are.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What to write, in order.
    pub(crate) writes: Vec<Write>,
    /// For each write, the messages it came from.
    pub(crate) origins: Vec<Vec<usize>>,
    /// Messages that the component refused, with its reason.
    pub(crate) refused: Vec<(usize, String)>,
    /// Messages whose writes were made together with a refused one: to be processed again without it.
    pub(crate) again: Vec<usize>,
}

impl Plan {
    /// A plan for `batch`, which has passed its check for `messages`.
    pub(crate) fn make(messages: &[Decoded], batch: &WriteBatch) -> Self {
        let mut plan = Self {
            refused: refusals(messages.len(), batch),
            ..Self::default()
        };
        if !mutants::is(Mutant::ForgetEntangled) {
            plan.again = entangled(messages.len(), batch, &plan.refused);
        }
        let mut dropped = vec![false; messages.len()];
        plan.refused
            .iter()
            .map(|(at, _)| *at)
            .chain(plan.again.iter().copied())
            .for_each(|at| dropped[at] = true);

        let targets: Vec<Arc<str>> = batch
            .targets
            .names
            .iter()
            .map(|name| Arc::from(name.as_str()))
            .collect();
        let mut ordinals = Ordinals::default();
        for (i, place) in batch.payloads.places().enumerate() {
            let origins: Vec<usize> = batch.origins.of(i).collect();
            let Some(first) = origins.first().copied() else {
                continue;
            };
            if origins.iter().any(|at| dropped[*at]) {
                continue;
            }
            // Counted for every write, so that a derived id does not depend on which of the others has its own.
            let ordinal = ordinals.next(first);
            let own_id = batch.ids.text(i);
            let id = if own_id.is_empty() {
                let again = match mutants::is(Mutant::NewIdOnRedelivery) {
                    true => messages[first].message.redeliveries,
                    false => 0,
                };
                let others = origins.iter().skip(1).map(|at| messages[*at].message.id.as_str());
                merged(messages[first].message.id.write(ordinal + again), others)
            } else {
                own_id.to_owned()
            };
            let code = batch.operations.get(i).copied().unwrap_or_default();
            plan.writes.push(Write {
                target: targets[batch.targets.index[i] as usize].clone(),
                id,
                operation: Operation::from_code(code).unwrap_or_default(),
                order: batch.orders.get(i).copied().unwrap_or_default(),
                body: match place {
                    PayloadAt::Input(k) => messages[k].payload.clone(),
                    PayloadAt::New(k) => Bytes::copy_from_slice(batch.payloads.bytes.get(k)),
                },
            });
            plan.origins.push(origins);
        }
        plan
    }
}

/// Rejections, and origins of writes with an operation that this host does not know. The first reason counts.
fn refusals(messages: usize, batch: &WriteBatch) -> Vec<(usize, String)> {
    let mut reasons: HashMap<usize, String> = HashMap::new();
    for rejection in &batch.rejected {
        reasons
            .entry(rejection.origin as usize)
            .or_insert_with(|| rejection.message.clone());
    }
    for (i, code) in batch.operations.iter().enumerate() {
        if Operation::from_code(*code).is_none() {
            for origin in batch.origins.of(i) {
                reasons.entry(origin).or_insert_with(|| {
                    format!("the component asked for operation {code}, which this host does not know")
                });
            }
        }
    }
    let mut refused: Vec<_> = reasons.into_iter().filter(|(at, _)| *at < messages).collect();
    refused.sort_unstable_by_key(|(at, _)| *at);
    refused
}

/// Messages that share a write with a refused message, directly or through others: all their writes are dropped, and made
/// again when they are processed again.
fn entangled(messages: usize, batch: &WriteBatch, refused: &[(usize, String)]) -> Vec<usize> {
    if refused.is_empty() || batch.origins.ends.is_empty() {
        return Vec::new();
    }
    let mut out = vec![false; messages];
    refused.iter().for_each(|(at, _)| out[*at] = true);
    let mut again = vec![false; messages];
    loop {
        let mut grew = false;
        for i in 0..batch.len() {
            if batch.origins.of(i).any(|at| out[at] || again[at]) {
                for at in batch.origins.of(i) {
                    grew |= !out[at] && !std::mem::replace(&mut again[at], true);
                }
            }
        }
        if !grew {
            break;
        }
    }
    (0..messages).filter(|at| again[*at]).collect()
}
