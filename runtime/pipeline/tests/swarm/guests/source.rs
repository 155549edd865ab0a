//! The source component.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    columns::{Rejection, RejectionKind},
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{Answer, EventBatch, Interests, RecordBatch},
};

use super::{Manners, Mood};
use crate::{
    dice::{Dice, mix},
    parcel::{AtSource, Parcel, merge_events},
    world::{World, source_id, topic},
};

/// See the module.
pub struct SimSource {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    manners: Manners,
}

/// A record in the making.
struct Output<'a> {
    origins: Vec<u32>,
    payload: String,
    key: &'a [u8],
    number: u64,
    id: String,
}

impl SimSource {
    pub fn new(world: &Arc<World>, dice: Dice) -> Arc<Self> {
        let config = ProducerConfig {
            topic: topic(),
            partitions: world.scenario.partitions,
            reliable_dispatch: true,
        };
        Arc::new(Self {
            id: source_id(),
            configs: vec![config],
            manners: Manners::new(world, dice, world.scenario.source_lanes),
        })
    }

    /// The events, which must be as they were sent.
    fn read(&self, events: &EventBatch) -> Vec<Parcel> {
        let parcels = (0..events.len()).filter_map(|i| {
            let parcel = Parcel::parse(events.payloads.text(i));
            let id = parcel.map(|parcel| parcel.id());
            if id.as_deref() != Some(events.ids.text(i)) {
                let text = format!("the component saw {:?} as {}", id, events.ids.text(i));
                self.manners.world.oracle.violation(text);
            }
            parcel
        });
        parcels.collect()
    }

    fn outputs<'a>(&self, events: &'a EventBatch, parcels: &[Parcel]) -> Vec<Output<'a>> {
        let mut outputs: Vec<Output> = Vec::new();
        for (i, parcel) in (0..).zip(parcels) {
            let key = events.keys.get(i as usize);
            let output = |payload| Output {
                origins: vec![i],
                payload,
                key,
                number: parcel.number,
                id: String::new(),
            };
            match parcel.at_source {
                AtSource::Merge => {
                    let mate = outputs.iter_mut().find(|other| {
                        let merges = other.payload.starts_with("M+");
                        merges && other.key == key && other.origins.len() < 4
                    });
                    match mate {
                        Some(mate) => {
                            mate.origins.push(i);
                            mate.payload = format!("{}+{}", mate.payload, parcel.payload());
                        }
                        None => outputs.push(output(merge_events(&[&parcel.payload()]))),
                    }
                }
                AtSource::TooLarge => outputs.push(output(parcel.payload())),
                _ => outputs.extend(parcel.records().unwrap_or_default().into_iter().map(output)),
            }
        }
        if self.manners.world.scenario.own_merge_ids {
            for output in outputs.iter_mut().filter(|output| output.payload.starts_with("M+")) {
                let parts: Vec<_> = output.origins.iter().map(|i| parcels[*i as usize].id()).collect();
                output.id = parts.join("+");
            }
        }
        // Order is a key's, not the batch's: now and then the keys change places.
        if self.manners.dice.chance(20) {
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
        self.manners.lanes.len()
    }

    fn interests(&self) -> Interests {
        Interests::from_names(["ids", "keys"])
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, lane: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let world = &self.manners.world;
        let parcels = self.read(&events);
        let numbers: Vec<_> = parcels.iter().map(|parcel| parcel.number).collect();
        let moods: Vec<_> = parcels
            .iter()
            .filter_map(|p| Some((p.number, mood(p.at_source)?)))
            .collect();
        let result = self.manners.call(lane, &moods).await;
        let said = result.as_ref().err().map_or("ok", GuestError::kind);
        world.note(format_args!("source component, lane {lane}: {numbers:?} {said}"));
        result?;
        let mut records = RecordBatch::default();
        for output in self.outputs(&events, &parcels) {
            records.topics.push(topic().as_str());
            match &output.origins[..] {
                // The same bytes, given by reference.
                [i] if output.payload == parcels[*i as usize].payload() => records.payloads.push_input(*i),
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
        for (origin, parcel) in (0..).zip(&parcels) {
            match parcel.at_source {
                AtSource::Reject => records.rejected.push(Rejection {
                    origin,
                    kind: RejectionKind::InvalidData,
                    message: "is bad".into(),
                }),
                AtSource::Answered => records.answers.push(Answer {
                    origin,
                    status: 202,
                    content_type: "text/plain".into(),
                    body: parcel.id().into_bytes(),
                }),
                // An input that was not given.
                AtSource::Malformed => records.origins.push(&[u32::MAX]),
                _ => {}
            }
        }
        let checked = records.check(events.len());
        self.manners.lanes[lane].lock().failed = checked.is_err();
        checked?;
        Ok(records)
    }
}

fn mood(kind: AtSource) -> Option<Mood> {
    match kind {
        AtSource::Invalid => Some(Mood::Invalid),
        AtSource::Trap => Some(Mood::Trap),
        AtSource::Flaky => Some(Mood::Flaky),
        AtSource::Later => Some(Mood::Later),
        _ => None,
    }
}
