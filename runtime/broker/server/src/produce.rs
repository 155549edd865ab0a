//! Producers: opened by name, each on one place.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Published, Publisher};
use danube_wasm_model::TopicName;
use danube_wasm_proto::{
    OWN_BROKER_METADATA,
    api::{
        MessageResponse, ProducerAccessMode, ProducerRequest, ProducerResponse, StreamMessage,
        producer_service_server::ProducerService,
    },
};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::time::Instant;
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::{
    core::Core,
    limits::{ENVELOPE_BYTES, IDLE_MAX, PRODUCERS_MAX},
    names::{self, Place},
    registry::bind_topic,
    status, wire,
};

/// See the module.
pub(crate) struct ProducerRoom(pub(crate) Arc<Core>);

#[tonic::async_trait]
impl ProducerService for ProducerRoom {
    async fn create_producer(&self, request: Request<ProducerRequest>) -> Result<Response<ProducerResponse>, Status> {
        let request = request.into_inner();
        let core = &self.0;
        status::check_name("producer", &request.producer_name)?;
        if request.producer_access_mode != ProducerAccessMode::Shared as i32 {
            return Err(Status::unimplemented(
                "this broker has no exclusive producers: use the access mode Shared, or a Danube cluster",
            ));
        }
        let place = names::make(&core.broker, &request.topic_name).await?;
        if let Some(schema) = &request.schema_ref {
            bind_topic(core, &place.topic, schema).await?;
        }
        let producer_id = core.producers.open(core, place, &request.producer_name)?;
        let mut answer = Response::new(ProducerResponse {
            request_id: request.request_id,
            producer_id,
            producer_name: request.producer_name,
        });
        answer
            .metadata_mut()
            .insert(OWN_BROKER_METADATA, MetadataValue::from_static("1"));
        Ok(answer)
    }

    async fn send_message(&self, request: Request<StreamMessage>) -> Result<Response<MessageResponse>, Status> {
        let core = &self.0;
        let message = request.into_inner();
        let request_id = message.request_id;
        let place = message.msg_id.as_ref().ok_or_else(|| status::missing("message id"))?;
        let producer = core.producers.get(place.producer_id)?;
        if place.topic_name != producer.place.name.as_str() {
            return Err(Status::invalid_argument(format!(
                "producer {} publishes to {} and the message is for {}: open a producer on each topic or partition",
                place.producer_id, producer.place.name, place.topic_name
            )));
        }
        let bytes = message.encoded_len() + ENVELOPE_BYTES;
        let bytes_max = core.options.message_bytes_max;
        if bytes > bytes_max {
            return Err(Status::invalid_argument(format!(
                "the message has {bytes} bytes with its key, attributes and names, which exceeds maximum allowed \
                 {bytes_max}: make it smaller, or put what is large elsewhere and publish where it is"
            )));
        }
        let group = vec![wire::record(&producer.place, message)];
        let fate = producer.publisher.publish(vec![group]).await.pop();
        match fate.unwrap_or_else(no_fate) {
            Ok(_) => Ok(Response::new(MessageResponse { request_id })),
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    core.producers.forget(producer.id);
                }
                Err(status::of(error))
            }
        }
    }
}

/// One group has one result; anything else is a defect of the log.
fn no_fate() -> Result<Published, BrokerError> {
    let message = "the log did not say what became of the message";
    Err(BrokerError::new(ErrorKind::Unavailable, message))
}

/// A producer that is open.
pub(crate) struct Producer {
    id: u64,
    place: Place,
    name: String,
    publisher: Arc<dyn Publisher>,
    seen: Mutex<Instant>,
}

/// All that are open.
pub(crate) struct Producers {
    next_id: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<u64, Arc<Producer>>,
    by_name: HashMap<(TopicName, String), u64>,
}

impl Producers {
    pub(crate) fn new(first_id: u64) -> Self {
        Self {
            next_id: AtomicU64::new(first_id),
            known: Mutex::default(),
        }
    }

    /// The id of the producer of that name on that place; the same one each time it is asked for.
    fn open(&self, core: &Core, place: Place, name: &str) -> Result<u64, Status> {
        let mut known = self.known.lock();
        let key = (place.name.clone(), name.to_owned());
        if let Some(producer) = known.by_name.get(&key).and_then(|id| known.by_id.get(id)) {
            *producer.seen.lock() = Instant::now();
            return Ok(producer.id);
        }
        known.make_room()?;
        let publisher = core.broker.partition_publisher(name, place.partition);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let producer = Producer {
            id,
            place,
            name: name.to_owned(),
            publisher: publisher.map_err(status::of)?,
            seen: Mutex::new(Instant::now()),
        };
        known.by_name.insert(key, id);
        known.by_id.insert(id, Arc::new(producer));
        Ok(id)
    }

    fn get(&self, id: u64) -> Result<Arc<Producer>, Status> {
        let found = self.known.lock().by_id.get(&id).cloned();
        let producer = found.ok_or_else(|| {
            Status::not_found(format!(
                "there is no producer {id}: the broker was restarted, or forgot it; create it again"
            ))
        })?;
        *producer.seen.lock() = Instant::now();
        Ok(producer)
    }

    /// Whether a producer is open, and its topic there.
    pub(crate) fn is_alive(&self, core: &Core, id: u64) -> bool {
        let there = |producer: Arc<Producer>| names::find(&core.broker, producer.place.name.as_str()).is_ok();
        self.get(id).is_ok_and(there)
    }

    fn forget(&self, id: u64) {
        self.known.lock().remove(id);
    }
}

impl Known {
    fn make_room(&mut self) -> Result<(), Status> {
        if self.by_id.len() < PRODUCERS_MAX {
            return Ok(());
        }
        let idle: Vec<u64> = self
            .by_id
            .values()
            .filter(|producer| producer.seen.lock().elapsed() > IDLE_MAX)
            .map(|producer| producer.id)
            .collect();
        if idle.is_empty() {
            return Err(Status::resource_exhausted(format!(
                "{PRODUCERS_MAX} producers are open, the most this broker keeps: use fewer names"
            )));
        }
        idle.into_iter().for_each(|id| self.remove(id));
        Ok(())
    }

    fn remove(&mut self, id: u64) {
        if let Some(producer) = self.by_id.remove(&id) {
            self.by_name
                .remove(&(producer.place.name.clone(), producer.name.clone()));
        }
    }
}
