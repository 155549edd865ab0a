//! The sink component.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    columns::{Rejection, RejectionKind},
    door::{ConsumerConfig, GuestError, SinkGuest},
    event::Interests,
    message::{MessageBatch, WriteBatch},
};

use super::{GuestCore, InputFault};
use crate::{
    rng::Rng,
    test_event::{AtSink, at_sink, events_of, fan_rows, merge_rows, state_of},
    world::{World, sink_id, topic},
};

/// See the module.
pub struct SimSink {
    id: ConnectorId,
    configs: Vec<ConsumerConfig>,
    core: GuestCore,
}

/// An operation that no host knows.
const UNKNOWN_OPERATION: u8 = 9;

/// A write before it is encoded.
struct Output {
    target: &'static str,
    id: String,
    origins: Vec<u32>,
    body: String,
    operation: u8,
    order: u64,
}

/// The number of the operation `upsert`.
const UPSERT: u8 = 1;

impl SimSink {
    pub fn new(world: &Arc<World>, rng: Rng) -> Arc<Self> {
        let config = ConsumerConfig {
            topic: topic(),
            subscription: "sub".into(),
            subscription_type: world.scenario.subscription,
            expected_schema_subject: None,
        };
        Arc::new(Self {
            id: sink_id(),
            configs: vec![config],
            core: GuestCore::new(world, rng, world.scenario.sink_lanes),
        })
    }

    /// How each message is to be processed. Checks that its columns are what was published.
    fn read(&self, messages: &MessageBatch) -> Vec<(u64, AtSink)> {
        let mut kinds = Vec::with_capacity(messages.len());
        for i in 0..messages.len() {
            let text = messages.payloads.text(i);
            let number = events_of(text).map_or(0, |(events, _)| events[0].number);
            let attributes: Vec<_> = messages.attributes.get(i).collect();
            let expected_id = format!("swarm/source/in:e{number}");
            if attributes != [("n", number.to_string().as_str())] || !messages.ids.text(i).starts_with(&expected_id) {
                let text = format!(
                    "the component saw e{number} as {}, {attributes:?}",
                    messages.ids.text(i)
                );
                self.core.world.oracle.violation(text);
            }
            let kind = at_sink(text).unwrap_or(AtSink::Plain);
            let repaired = kind.is_poison() && self.core.world.is_repaired();
            kinds.push((number, if repaired { AtSink::Plain } else { kind }));
        }
        kinds
    }

    fn outputs(&self, messages: &MessageBatch, kinds: &[(u64, AtSink)]) -> Vec<Output> {
        let mut outputs: Vec<Output> = Vec::new();
        for (i, (_, kind)) in (0..).zip(kinds) {
            let text = messages.payloads.text(i as usize);
            let output = |body: String| Output {
                target: "table",
                id: String::new(),
                origins: vec![i],
                body,
                operation: 0,
                order: 0,
            };
            match kind {
                AtSink::Drop | AtSink::Reject => {}
                AtSink::Fan => outputs.extend(fan_rows(text).map(output)),
                AtSink::UnknownOp => outputs.push(Output {
                    operation: UNKNOWN_OPERATION,
                    ..output(text.to_owned())
                }),
                AtSink::Merge | AtSink::MergeRejected => {
                    match outputs
                        .iter_mut()
                        .find(|o| o.body.starts_with("W&") && o.origins.len() < 4)
                    {
                        Some(mate) => {
                            mate.origins.push(i);
                            mate.body = format!("{}&{text}", mate.body);
                        }
                        None => outputs.push(output(merge_rows(&[text]))),
                    }
                }
                _ => outputs.push(output(text.to_owned())),
            }
            if let Some(id) = state_of(text) {
                outputs.push(Output {
                    target: "state",
                    id,
                    operation: UPSERT,
                    order: messages.orders[i as usize],
                    ..output(text.to_owned())
                });
            }
        }
        outputs
    }

    fn own_id(&self, messages: &MessageBatch, output: &Output) -> String {
        if !self.core.world.scenario.own_merge_ids || output.origins.len() == 1 {
            return output.id.clone();
        }
        let ids: Vec<_> = output.origins.iter().map(|i| messages.ids.text(*i as usize)).collect();
        ids.join("+")
    }
}

#[async_trait]
impl SinkGuest for SimSink {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "digest"
    }

    fn lanes(&self) -> usize {
        self.core.lanes.len()
    }

    fn interests(&self) -> Interests {
        Interests::from_names(["ids", "keys", "attributes", "orders"])
    }

    fn consumer_configs(&self) -> &[ConsumerConfig] {
        &self.configs
    }

    async fn process_batch(&self, lane: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError> {
        let world = &self.core.world;
        let kinds = self.read(&messages);
        let numbers: Vec<_> = kinds.iter().map(|(number, _)| number).collect();
        let input_faults: Vec<_> = kinds
            .iter()
            .filter_map(|(n, kind)| Some((*n, input_fault(*kind)?)))
            .collect();
        let result = self.core.call(lane, &input_faults).await;
        let outcome_kind = result.as_ref().err().map_or("ok", GuestError::kind);
        world.note(format_args!("sink component, lane {lane}: {numbers:?} {outcome_kind}"));
        result?;
        let mut writes = WriteBatch::default();
        for output in self.outputs(&messages, &kinds) {
            writes.targets.push(output.target);
            match &output.origins[..] {
                // The same bytes: refers to the input.
                [i] if output.body == messages.payloads.text(*i as usize) => writes.payloads.push_input(*i),
                _ => writes.payloads.push(output.body.as_bytes()),
            }
            writes.origins.push(&output.origins);
            writes.operations.push(output.operation);
            writes.orders.push(output.order);
            writes.ids.push(self.own_id(&messages, &output).as_bytes());
        }
        for (origin, _) in (0..)
            .zip(&kinds)
            .filter(|(_, (_, k))| matches!(k, AtSink::Reject | AtSink::MergeRejected))
        {
            writes.rejected.push(Rejection {
                origin,
                kind: RejectionKind::InvalidData,
                message: "is bad".into(),
            });
        }
        writes.check(messages.len())?;
        Ok(writes)
    }
}

fn input_fault(kind: AtSink) -> Option<InputFault> {
    match kind {
        AtSink::Invalid => Some(InputFault::Invalid),
        AtSink::Trap => Some(InputFault::Trap),
        AtSink::Limit => Some(InputFault::Limit),
        AtSink::Never => Some(InputFault::Never),
        AtSink::Flaky => Some(InputFault::Flaky),
        AtSink::Later => Some(InputFault::Later),
        _ => None,
    }
}
