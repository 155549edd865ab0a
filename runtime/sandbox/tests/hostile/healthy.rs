//! The healthy connector, as a source and as a sink: what it is given, it gives back.

use std::{path::Path, sync::Arc};

use danube_wasm_model::{
    ConnectorId,
    columns::{Blobs, PayloadAt, Payloads},
    door::{SinkGuest, SourceGuest},
    event::EventBatch,
    message::MessageBatch,
};
use danube_wasm_sandbox::{LoadSpec, Role, SinkComponent, SourceComponent};

use super::{component::component, manifest::Behaviour};
use crate::support::{Bench, events, messages, spec};

/// A healthy connector, and the batch that it is called with.
pub enum Healthy {
    Source(Arc<SourceComponent>, Arc<EventBatch>),
    Sink(Arc<SinkComponent>, Arc<MessageBatch>),
}

impl Healthy {
    /// Loads it, and calls it once on each lane, so that all its instances are there.
    pub async fn load(bench: &Bench, role: Role, lanes: usize) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/healthy.wat");
        let healthy = Behaviour::read(&path);
        let spec = LoadSpec {
            id: ConnectorId::try_new("healthy", role.as_str()).expect("a name"),
            lanes,
            ..spec(component(&healthy, role))
        };
        let payloads: Vec<String> = (0..64).map(|i| format!("payload {i:0>120}")).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let guest = match role {
            Role::Source => Self::Source(bench.source(spec).await.expect("it loads"), events(&payloads)),
            Role::Sink => Self::Sink(bench.sink(spec).await.expect("it loads"), messages(&payloads)),
        };
        for lane in 0..lanes {
            guest.call(lane).await.expect("a healthy connector");
        }
        guest
    }

    /// One call; why its answer is wrong.
    pub async fn call(&self, lane: usize) -> Result<(), String> {
        let (given, payloads) = match self {
            Self::Source(guest, events) => {
                let records = guest
                    .poll(lane, Arc::clone(events))
                    .await
                    .map_err(|error| error.to_string())?;
                (&events.payloads, records.payloads)
            }
            Self::Sink(guest, messages) => {
                let writes = guest.process_batch(lane, Arc::clone(messages)).await;
                (&messages.payloads, writes.map_err(|error| error.to_string())?.payloads)
            }
        };
        match given_back(given, &payloads) {
            true => Ok(()),
            false => Err("its payloads are not what it was given".into()),
        }
    }
}

fn given_back(given: &Blobs, payloads: &Payloads) -> bool {
    let same = |(i, place)| matches!(place, PayloadAt::New(at) if payloads.bytes.get(at) == given.get(i));
    payloads.places().count() == given.len() && payloads.places().enumerate().all(same)
}
