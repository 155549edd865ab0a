//! The producers that are open: by id, and by topic and name.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use danube_wasm_broker::{Publisher, embedded::EmbeddedBroker};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::Status;

use crate::{
    limits::{IDLE_MAX, PRODUCERS_MAX},
    names::{self, TopicPartition},
    status,
};

/// An open producer.
pub(crate) struct Producer {
    pub(crate) id: u64,
    pub(crate) target: TopicPartition,
    name: String,
    pub(crate) publisher: Arc<dyn Publisher>,
    last_used: Mutex<Instant>,
}

/// All open producers.
pub(crate) struct Producers {
    next_id: AtomicU64,
    table: Mutex<ProducerTable>,
}

#[derive(Default)]
struct ProducerTable {
    by_id: HashMap<u64, Arc<Producer>>,
    by_name: HashMap<(TopicName, String), u64>,
}

impl Producers {
    pub(crate) fn new(first_id: u64) -> Self {
        Self {
            next_id: AtomicU64::new(first_id),
            table: Mutex::default(),
        }
    }

    /// The id of the producer of that name on that topic or partition; the same one at each call.
    pub(crate) fn get_or_open(
        &self,
        broker: &EmbeddedBroker,
        target: TopicPartition,
        name: &str,
    ) -> Result<u64, Status> {
        let mut table = self.table.lock();
        let key = (target.name.clone(), name.to_owned());
        if let Some(producer) = table.by_name.get(&key).and_then(|id| table.by_id.get(id)) {
            *producer.last_used.lock() = Instant::now();
            return Ok(producer.id);
        }
        table.evict_idle()?;
        let publisher = broker.partition_publisher(name, target.partition);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let producer = Producer {
            id,
            target,
            name: name.to_owned(),
            publisher: publisher.map_err(status::from_error)?,
            last_used: Mutex::new(Instant::now()),
        };
        table.by_name.insert(key, id);
        table.by_id.insert(id, Arc::new(producer));
        Ok(id)
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<Producer>, Status> {
        let found = self.table.lock().by_id.get(&id).cloned();
        let producer = found.ok_or_else(|| {
            Status::not_found(format!(
                "there is no producer {id}: the broker was restarted, or forgot it; create it again"
            ))
        })?;
        *producer.last_used.lock() = Instant::now();
        Ok(producer)
    }

    /// Whether a producer is open, and its topic exists.
    pub(crate) fn is_alive(&self, broker: &EmbeddedBroker, id: u64) -> bool {
        let there = |producer: Arc<Producer>| names::find_existing(broker, producer.target.name.as_str()).is_ok();
        self.get(id).is_ok_and(there)
    }

    pub(crate) fn remove(&self, id: u64) {
        self.table.lock().remove(id);
    }
}

impl ProducerTable {
    fn evict_idle(&mut self) -> Result<(), Status> {
        if self.by_id.len() < PRODUCERS_MAX {
            return Ok(());
        }
        let idle: Vec<u64> = self
            .by_id
            .values()
            .filter(|producer| producer.last_used.lock().elapsed() > IDLE_MAX)
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
                .remove(&(producer.target.name.clone(), producer.name.clone()));
        }
    }
}
