//! From what a source component returned to what is published: no I/O; yields while there is much of it.
//!
//! Events that share a record share a fate, so the plan is made of *groups*: the events that are connected by records,
//! and all their records. A group is published in one transaction or not at all; one invalid record or rejected event
//! cancels its group. Without merging components (the usual case) a group is one event.

use bytes::Bytes;
use danube_wasm_broker::Outgoing;
use danube_wasm_model::{
    ConnectorId, RecordId,
    columns::{Ordinals, PayloadAt, RejectionKind},
    door::{Reply, Violation},
    event::{Event, RecordBatch},
    identity::{HOST_ATTRIBUTE_PREFIX, MergeDigest, ORDER_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE, TRACE_ATTRIBUTE},
};
use tokio::task::coop::consume_budget;

use super::{
    refuse::Refusal,
    topics::{Maker, Refused, Topics},
};
use crate::{
    connected::Connected,
    mutants::{self, Mutant},
};

/// What to do with each event of a batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In the order of their first event.
    pub(crate) groups: Vec<Group>,
}

/// Events with one fate.
#[derive(Debug)]
pub(crate) struct Group {
    /// Places of the events in their batch.
    pub(crate) events: Vec<usize>,
    /// Their records, or why there are none.
    pub(crate) outcome: GroupOutcome,
}

/// The fate of a group.
#[derive(Debug)]
pub(crate) enum GroupOutcome {
    /// Publish these, if any, then answer the events at these places so.
    Publish {
        records: Vec<Outgoing>,
        replies: Vec<(usize, Reply)>,
    },
    /// The event is refused, by the component or by a schema.
    Invalid {
        refusal: Refusal,
        schema: Option<SchemaViolation>,
    },
}

/// The schema that was violated, for metrics.
#[derive(Debug)]
pub(crate) struct SchemaViolation {
    pub(crate) topic: String,
    pub(crate) subject: String,
    /// By a payload that the component made, not by the body as it came.
    pub(crate) is_made: bool,
}

impl Plan {
    /// A plan for `batch`, which has passed its check for `events`.
    pub(crate) async fn make(scope: &ConnectorId, events: &[&Event], batch: &RecordBatch, topics: &Topics) -> Self {
        let mut groups = Groups::of(events.len(), batch).await;
        let mut ordinals = Ordinals::default();
        for (i, place) in batch.payloads.places().enumerate() {
            consume_budget().await;
            let Some(first) = batch.origins.of(i).next() else {
                continue;
            };
            let group = groups.index_of(first);
            let event = events[first];
            let own_id = batch.ids.text(i);
            let event_id = if own_id.is_empty() { event.id.as_str() } else { own_id };
            let mut id = RecordId::derive(scope, &event.endpoint, event_id, ordinals.next((first, event_id)));
            if own_id.is_empty() {
                let mut others = MergeDigest::default();
                for other in batch.origins.of(i).skip(1) {
                    consume_budget().await;
                    others.add(&events[other].id);
                }
                id = id.merged_with(others);
            }
            let (payload, maker) = match place {
                PayloadAt::Input(k) => (events[k].payload.clone(), Maker::Sender(&events[k].content_type)),
                PayloadAt::New(k) => (Bytes::copy_from_slice(batch.payloads.bytes.get(k)), Maker::Component),
            };
            let attributes = attributes(event, batch, i);
            let key = Some(batch.keys.get(i))
                .filter(|key| !key.is_empty())
                .map(Bytes::copy_from_slice);
            let made = topics
                .encode(batch.topics.get(i), payload, maker)
                .map(|encoded| Outgoing {
                    topic: encoded.topic,
                    key,
                    payload: encoded.payload,
                    attributes,
                    id,
                    schema: encoded.schema,
                });
            let outcome = &mut groups.list[group].outcome;
            match (made, outcome) {
                (Ok(record), GroupOutcome::Publish { records, .. }) => records.push(record),
                (Err(refused), outcome @ GroupOutcome::Publish { .. }) => *outcome = invalid(refused, place),
                (_, GroupOutcome::Invalid { .. }) => {}
            }
        }
        for answer in &batch.answers {
            let at = answer.origin as usize;
            let group = groups.index_of(at);
            if let GroupOutcome::Publish { replies, .. } = &mut groups.list[group].outcome {
                let reply = Reply {
                    status: answer.status,
                    content_type: answer.content_type.clone(),
                    body: Bytes::copy_from_slice(&answer.body),
                };
                replies.push((at, reply));
            }
        }
        // Rejections last: the sender should see them first among everything that is wrong with the group.
        for rejection in &batch.rejected {
            let group = groups.index_of(rejection.origin as usize);
            let error = match rejection.kind {
                RejectionKind::InvalidData => format!("refused: {}", rejection.message),
                RejectionKind::Unsupported => format!("unsupported: {}", rejection.message),
            };
            groups.list[group].outcome = GroupOutcome::Invalid {
                refusal: Refusal::new(error),
                schema: None,
            };
        }
        Self { groups: groups.list }
    }
}

/// What a schema refuses is the data's fault, also where the component made the payload.
fn invalid(refused: Refused, place: PayloadAt) -> GroupOutcome {
    let is_made = matches!(place, PayloadAt::New(_));
    let (rule, topic) = (refused.rule(), &refused.topic);
    let error = match is_made {
        false => format!("the body violates {rule}"),
        true => format!("the record that the component made of it for {topic} violates {rule}"),
    };
    let Refused {
        topic,
        subject,
        violations,
    } = refused;
    GroupOutcome::Invalid {
        refusal: Refusal::by_schema(error, violations),
        schema: Some(SchemaViolation {
            topic,
            subject,
            is_made,
        }),
    }
}

/// What the component set, without the host's own names, and the host's.
fn attributes(event: &Event, batch: &RecordBatch, i: usize) -> Vec<(String, String)> {
    let own = batch
        .attributes
        .get(i)
        .filter(|(name, _)| !name.starts_with(HOST_ATTRIBUTE_PREFIX));
    let trace = event
        .traceparent
        .iter()
        .map(|value| (TRACE_ATTRIBUTE.to_owned(), value.clone()));
    // Of an event that is offered again, and of one whose upstream has an order.
    let given = event
        .attributes
        .iter()
        .filter(|(name, _)| name == PUBLISH_TIME_ATTRIBUTE || name == ORDER_ATTRIBUTE)
        .cloned();
    own.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(trace)
        .chain(given)
        .collect()
}

/// The first of them, for a log line.
pub(super) fn list(violations: &[Violation]) -> String {
    let shown: Vec<_> = violations
        .iter()
        .take(3)
        .map(|v| format!("`{}` {}", v.path, v.message))
        .collect();
    shown.join("; ")
}

/// A list of groups, and the place in it of each event's.
struct Groups {
    list: Vec<Group>,
    of_event: Vec<usize>,
}

impl Groups {
    async fn of(events: usize, batch: &RecordBatch) -> Self {
        let mut connected = Connected::new(events);
        if !mutants::is(Mutant::ForgetOrigin) {
            connected.join_all(&batch.origins, batch.len()).await;
        }
        let mut list: Vec<Group> = Vec::new();
        let mut of_event = vec![0; events];
        for event in 0..events {
            let first = connected.first(event);
            if first == event {
                of_event[event] = list.len();
                let outcome = GroupOutcome::Publish {
                    records: Vec::new(),
                    replies: Vec::new(),
                };
                list.push(Group {
                    events: Vec::new(),
                    outcome,
                });
            } else {
                of_event[event] = of_event[first];
            }
            list[of_event[event]].events.push(event);
        }
        Self { list, of_event }
    }

    fn index_of(&self, event: usize) -> usize {
        self.of_event[event]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yields::yields_during;

    fn event() -> Event {
        Event {
            endpoint: "/in".into(),
            id: "e".to_owned(),
            payload: Bytes::new(),
            content_type: String::new(),
            key: None,
            received_ms: 0,
            attributes: Vec::new(),
            headers: Vec::new(),
            traceparent: None,
            refusal: None,
        }
    }

    /// Turns that others have while records of these origins are planned.
    async fn yields_of(records: usize, origins: &[u32]) -> usize {
        let mut topics = Topics::default();
        topics.insert("/default/out".parse().expect("a topic"), None);
        let mut batch = RecordBatch::default();
        for _ in 0..records {
            batch.topics.push("/default/out");
            batch.payloads.push(b"{}");
            batch.origins.push(origins);
        }
        let scope = ConnectorId::try_new("p", "c").expect("valid");
        yields_during(Plan::make(&scope, &[&event()], &batch, &topics)).await
    }

    #[tokio::test]
    async fn others_run_while_many_records_are_planned() {
        let yields = yields_of(1_280, &[0]).await;
        assert!(yields >= 9, "{yields}");
    }

    #[tokio::test]
    async fn others_run_while_a_record_of_many_origins_is_planned() {
        // Once to find what belongs together, and once to make its id.
        let yields = yields_of(1, &[0; 1_280]).await;
        assert!(yields >= 18, "{yields}");
    }
}
