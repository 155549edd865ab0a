//! From what a sink component returned to what is written and what is acknowledged: no I/O; yields while
//! there is much of it.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::Message;
use danube_wasm_model::{
    FieldTypes, RecordId, SubscriptionType, Targets,
    columns::{Ordinals, PayloadAt},
    door::{Egress, Write},
    event::Interests,
    identity::{MergeDigest, ORDER_ATTRIBUTE},
    message::{MessageBatch, Operation, WriteBatch},
};
use tokio::task::coop::consume_budget;

use super::refusals::{Refusals, merged_with_rejected};
use crate::mutants::{self, Mutant};

/// A message with its payload as components see it.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    pub(crate) message: Message,
    pub(crate) payload: Bytes,
    /// `subject@version`, empty without a schema.
    pub(crate) schema: Arc<str>,
    /// What its fields are by its schema, where the target is to know.
    pub(crate) types: Option<Arc<FieldTypes>>,
    /// Whether it may have been delivered before.
    pub(crate) redelivered: bool,
}

/// What a sink may write, and in which order.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) targets: &'a Targets,
    /// Says which operations a target does, if it is known.
    pub(crate) egress: Option<&'a dyn Egress>,
    pub(crate) subscription_type: SubscriptionType,
}

impl Rules<'_> {
    /// Whether a target can do an operation at all.
    pub(super) fn accepts(self, target: &str, operation: Operation) -> bool {
        self.egress.is_none_or(|egress| egress.accepts(target, operation))
    }

    /// What the order of this message is kept by, if it is kept.
    pub(crate) fn order_key(self, message: &Message) -> Option<Bytes> {
        match (self.subscription_type, &message.key) {
            (SubscriptionType::Shared, _) | (SubscriptionType::KeyShared, None) => None,
            (_, Some(key)) => Some(key.clone()),
            // Only the order of the whole partition.
            (_, None) => Some(Bytes::copy_from_slice(&message.message_id.partition.to_le_bytes())),
        }
    }
}

/// Columns for what the component wants of these messages.
pub(crate) fn columns(messages: &[Decoded], wants: &Interests) -> MessageBatch {
    let mut batch = MessageBatch::default();
    for Decoded {
        message,
        payload,
        schema,
        types: _,
        redelivered: _,
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
            // The order has a column of its own.
            let own = message.attributes.iter().filter(|(name, _)| name != ORDER_ATTRIBUTE);
            batch.attributes.push(own.map(|(n, v)| (n.as_str(), v.as_str())));
        }
        if wants.orders {
            batch.orders.push(message.order());
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
    /// Writes to what is not a target of this sink.
    pub(crate) foreign: usize,
}

impl Plan {
    /// A plan for `batch`, which has passed its check for `messages`.
    pub(crate) async fn make(messages: &[Decoded], batch: &WriteBatch, rules: Rules<'_>) -> Self {
        let Refusals { refused, foreign } = Refusals::of(messages.len(), batch, rules).await;
        let mut plan = Self {
            refused,
            foreign,
            ..Self::default()
        };
        if !mutants::is(Mutant::ForgetMergedWithRejected) {
            plan.again = merged_with_rejected(messages.len(), batch, &plan.refused).await;
        }
        let mut dropped = vec![false; messages.len()];
        plan.refused
            .iter()
            .map(|(at, _)| *at)
            .chain(plan.again.iter().copied())
            .for_each(|at| dropped[at] = true);

        let names: Vec<Arc<str>> = batch
            .targets
            .names
            .iter()
            .map(|name| Arc::from(name.as_str()))
            .collect();
        let mut ordinals = Ordinals::default();
        for (i, place) in batch.payloads.places().enumerate() {
            let own_id = batch.ids.text(i);
            let mut origins = Vec::with_capacity(batch.origins.of(i).len());
            let mut others = MergeDigest::default();
            let mut is_dropped = false;
            for (nth, origin) in batch.origins.of(i).enumerate() {
                consume_budget().await;
                is_dropped |= dropped[origin];
                if nth > 0 && own_id.is_empty() {
                    others.add(messages[origin].message.id.as_str());
                }
                origins.push(origin);
            }
            let Some(first) = origins.first().copied().filter(|_| !is_dropped) else {
                continue;
            };
            // Counted for every write, so that a derived id does not depend on which of the others has its own.
            let ordinal = ordinals.next(first);
            let id = if own_id.is_empty() {
                let again = match mutants::is(Mutant::NewIdOnRedelivery) {
                    true => messages[first].message.redeliveries,
                    false => 0,
                };
                others.merge_into(messages[first].message.id.write(ordinal + again))
            } else {
                own_id.to_owned()
            };
            let code = batch.operations.get(i).copied().unwrap_or_default();
            let order = batch.orders.get(i).copied().unwrap_or_default();
            plan.writes.push(Write {
                target: names[batch.targets.index[i] as usize].clone(),
                id,
                operation: Operation::from_code(code).unwrap_or_default(),
                order,
                record: record_of(order, &origins, messages).await,
                body: match place {
                    PayloadAt::Input(k) => messages[k].payload.clone(),
                    PayloadAt::New(k) => Bytes::copy_from_slice(batch.payloads.bytes.get(k)),
                },
                types: types_of(messages, &origins).await,
                key: rules.order_key(&messages[first].message),
                redelivered: !mutants::is(Mutant::ForgetRedelivered)
                    && origins.iter().any(|at| messages[*at].redelivered),
            });
            plan.origins.push(origins);
        }
        plan
    }
}

/// The record, among those that a write came from, whose order the write has.
async fn record_of(order: u64, origins: &[usize], messages: &[Decoded]) -> Option<RecordId> {
    if order == 0 {
        return None;
    }
    for at in origins {
        consume_budget().await;
        let message = &messages[*at].message;
        if message.order() == order {
            return Some(message.id.clone());
        }
    }
    None
}

/// What the schema of a write's messages says, where they have one schema.
async fn types_of(messages: &[Decoded], origins: &[usize]) -> Option<Arc<FieldTypes>> {
    let first = messages[*origins.first()?].types.as_ref()?;
    for at in origins {
        consume_budget().await;
        let types = messages[*at].types.as_ref()?;
        if !Arc::ptr_eq(first, types) {
            return None;
        }
    }
    Some(first.clone())
}

#[cfg(test)]
mod tests {
    use danube_wasm_broker::MessageId;
    use danube_wasm_model::columns::{Rejection, RejectionKind};

    use super::*;
    use crate::yields::yields_during;

    fn messages(count: usize) -> Vec<Decoded> {
        let message = |n: usize| Message {
            message_id: MessageId {
                partition: 0,
                offset: n as u64,
            },
            topic: "/default/in".parse().expect("a topic"),
            key: None,
            payload: Bytes::new(),
            attributes: Vec::new(),
            id: RecordId::from_broker(format!("a/b:{n}.0")),
            publish_time_ms: 0,
            producer: "p".into(),
            schema: None,
            redeliveries: 0,
        };
        let decoded = |n| Decoded {
            message: message(n),
            payload: Bytes::new(),
            schema: "".into(),
            types: None,
            redelivered: false,
        };
        (0..count).map(decoded).collect()
    }

    /// A write for each of these, from these messages.
    fn writes(origins: &[&[u32]]) -> WriteBatch {
        let mut batch = WriteBatch::default();
        for origins in origins {
            batch.targets.push("t");
            batch.payloads.push(b"{}");
            batch.origins.push(origins);
        }
        batch
    }

    fn targets() -> Targets {
        Targets::from_iter(["t"])
    }

    fn rules(targets: &Targets) -> Rules<'_> {
        Rules {
            targets,
            egress: None,
            subscription_type: SubscriptionType::Exclusive,
        }
    }

    #[tokio::test]
    async fn a_write_to_what_is_no_target_refuses_its_messages_and_no_others() {
        let mut batch = writes(&[&[0], &[1]]);
        batch.targets.push("t; REMOVE TABLE t\n");
        batch.payloads.push(b"{}");
        batch.origins.push(&[2]);
        let plan = Plan::make(&messages(3), &batch, rules(&targets())).await;
        assert_eq!(plan.foreign, 1);
        let why = "the component wrote to \"t; REMOVE TABLE t\\n\", which is not a target of this sink: its configuration \
                   names `t`";
        assert_eq!(plan.refused, [(2, why.to_owned())]);
        assert_eq!(plan.origins, [[0], [1]]);
    }

    #[tokio::test]
    async fn what_shares_a_write_with_a_refused_one_through_others_is_processed_again() {
        let mut batch = writes(&[&[0, 1], &[3], &[1, 4], &[4, 2], &[5]]);
        batch.rejected.push(Rejection {
            origin: 2,
            kind: RejectionKind::InvalidData,
            message: "no".to_owned(),
        });
        let plan = Plan::make(&messages(6), &batch, rules(&targets())).await;
        assert_eq!(plan.refused, [(2, "no".to_owned())]);
        assert_eq!(plan.again, [0, 1, 4]);
        assert_eq!(plan.origins, [[3], [5]]);
    }

    #[tokio::test]
    async fn others_run_while_many_writes_are_planned() {
        let (messages, batch, targets) = (messages(1), writes(&[&[0][..]; 1_280]), targets());
        let yields = yields_during(Plan::make(&messages, &batch, rules(&targets))).await;
        assert!(yields >= 9, "{yields}");
    }

    #[tokio::test]
    async fn others_run_while_a_write_of_many_origins_is_planned() {
        let (messages, mut batch, targets) = (messages(1), writes(&[&[0; 1_280]]), targets());
        let yields = yields_during(Plan::make(&messages, &batch, rules(&targets))).await;
        assert!(yields >= 9, "{yields}");
        // Refused: once to say why, once to find what belongs to it, and once to leave it out.
        batch.operations.push(77);
        let yields = yields_during(Plan::make(&messages, &batch, rules(&targets))).await;
        assert!(yields >= 27, "{yields}");
    }
}
