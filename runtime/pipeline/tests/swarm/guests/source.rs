//! The source component.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    columns::{Rejection, RejectionKind},
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{Answer, EventBatch, Interests, RecordBatch},
};

use super::{GuestCore, InputFault};
use crate::{
    rng::{Rng, mix},
    test_event::{AtSource, TestEvent, merge_events},
    world::{World, source_id, topic},
};

/// See the module.
pub struct SimSource {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    core: GuestCore,
}

/// A record before it is encoded.
struct Output<'a> {
    origins: Vec<u32>,
    payload: String,
    key: &'a [u8],
    number: u64,
    id: String,
}

impl SimSource {
    pub fn new(world: &Arc<World>, rng: Rng) -> Arc<Self> {
        let config = ProducerConfig {
            topic: topic(),
            partitions: world.scenario.partitions,
            reliable_dispatch: true,
        };
        Arc::new(Self {
            id: source_id(),
            configs: vec![config],
            core: GuestCore::new(world, rng, world.scenario.source_lanes),
        })
    }

    /// Parses the events. Checks that they are what was sent.
    fn read(&self, events: &EventBatch) -> Vec<TestEvent> {
        let test_events = (0..events.len()).filter_map(|i| {
            let test_event = TestEvent::parse(events.payloads.text(i));
            let id = test_event.map(|test_event| test_event.id());
            if id.as_deref() != Some(events.ids.text(i)) {
                let text = format!("the component saw {:?} as {}", id, events.ids.text(i));
                self.core.world.oracle.violation(text);
            }
            test_event
        });
        test_events.collect()
    }

    fn outputs<'a>(&self, events: &'a EventBatch, test_events: &[TestEvent]) -> Vec<Output<'a>> {
        let mut outputs: Vec<Output> = Vec::new();
        for (i, test_event) in (0..).zip(test_events) {
            let key = events.keys.get(i as usize);
            let output = |payload| Output {
                origins: vec![i],
                payload,
                key,
                number: test_event.number,
                id: String::new(),
            };
            match test_event.at_source {
                AtSource::Merge => {
                    let mate = outputs.iter_mut().find(|other| {
                        let merges = other.payload.starts_with("M+");
                        merges && other.key == key && other.origins.len() < 4
                    });
                    match mate {
                        Some(mate) => {
                            mate.origins.push(i);
                            mate.payload = format!("{}+{}", mate.payload, test_event.payload());
                        }
                        None => outputs.push(output(merge_events(&[&test_event.payload()]))),
                    }
                }
                AtSource::TooLarge => outputs.push(output(test_event.payload())),
                _ => outputs.extend(test_event.records().unwrap_or_default().into_iter().map(output)),
            }
        }
        if self.core.world.scenario.own_merge_ids {
            for output in outputs.iter_mut().filter(|output| output.payload.starts_with("M+")) {
                let parts: Vec<_> = output.origins.iter().map(|i| test_events[*i as usize].id()).collect();
                output.id = parts.join("+");
            }
        }
        // Order is promised for each key, not for the batch: sometimes the keys are reordered.
        if self
            .core
            .rng
            .chance(self.core.world.scenario.keys_change_places_percent)
        {
            outputs.sort_by_key(|output| output.key.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte))));
        }
        outputs
    }
}

#[async_trait]
impl SourceGuest for SimSource {
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
        Interests::from_names(["ids", "keys"])
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, lane: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let world = &self.core.world;
        let test_events = self.read(&events);
        let numbers: Vec<_> = test_events.iter().map(|test_event| test_event.number).collect();
        let input_faults: Vec<_> = test_events
            .iter()
            .filter_map(|p| Some((p.number, input_fault(p.at_source)?)))
            .collect();
        let result = self.core.call(lane, &input_faults).await;
        let outcome_kind = result.as_ref().err().map_or("ok", GuestError::kind);
        world.note(format_args!(
            "source component, lane {lane}: {numbers:?} {outcome_kind}"
        ));
        result?;
        let mut records = RecordBatch::default();
        for output in self.outputs(&events, &test_events) {
            records.topics.push(topic().as_str());
            match &output.origins[..] {
                // The same bytes: refers to the input.
                [i] if output.payload == test_events[*i as usize].payload() => records.payloads.push_input(*i),
                _ => records.payloads.push(output.payload.as_bytes()),
            }
            records.origins.push(&output.origins);
            records.ids.push(output.id.as_bytes());
            records.keys.push(output.key);
            let number = output.number.to_string();
            records
                .attributes
                .push([("n", number.as_str()), ("x-danube-wasm-id", "forged")]);
        }
        for (origin, test_event) in (0..).zip(&test_events) {
            match test_event.at_source {
                AtSource::Reject => records.rejected.push(Rejection {
                    origin,
                    kind: RejectionKind::InvalidData,
                    message: "is bad".into(),
                }),
                AtSource::Answered => records.answers.push(Answer {
                    origin,
                    status: 202,
                    content_type: "text/plain".into(),
                    body: test_event.id().into_bytes(),
                }),
                // An input that does not exist.
                AtSource::Malformed => records.origins.push(&[u32::MAX]),
                _ => {}
            }
        }
        let checked = records.check(events.len());
        self.core.lanes[lane].lock().failed = checked.is_err();
        checked?;
        Ok(records)
    }
}

fn input_fault(kind: AtSource) -> Option<InputFault> {
    match kind {
        AtSource::Invalid => Some(InputFault::Invalid),
        AtSource::Trap => Some(InputFault::Trap),
        AtSource::Flaky => Some(InputFault::Flaky),
        AtSource::Later => Some(InputFault::Later),
        _ => None,
    }
}
