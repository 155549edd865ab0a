//! A broker in memory that promises what [`danube_wasm_broker::Broker`] does and uses every freedom that this leaves.
//!
//! One task commits what was published, call by call. A client is a [`Session`]: cutting it simulates a crash of the
//! client's process.

mod consumer;
mod publisher;
mod registry;
mod subscription;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Lag, Message, MessageId, Outgoing, Publisher, Registry,
    Result, TopicSpec,
};
use danube_wasm_model::{TopicName, clock::order_ms};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

pub use self::registry::NoSchemas;
use self::{consumer::SimConsumer, publisher::Call, subscription::Subscription};
use super::{
    faults::Fault,
    rng::{Rng, mix},
    scenario::EarlierOrders,
    world::{World, topic},
};

/// The server. It outlives every crash of the pipeline.
pub struct Server {
    world: Arc<World>,
    rng: Rng,
    log: Mutex<Log>,
    subscription: Mutex<Subscription>,
    /// There may be something to deliver.
    changes: Notify,
    calls: mpsc::UnboundedSender<Call>,
    processes: AtomicU64,
    members: AtomicU64,
    /// The newest order that was handed over, in milliseconds since 1970-01-01 UTC, whether it was committed or not.
    handed_over_ms: AtomicU64,
    deliveries: AtomicU64,
}

/// The topic's partitions.
struct Log {
    partitions: Vec<Vec<Message>>,
    turn: usize,
    newest_ms: u64,
}

impl Server {
    pub fn start(world: &Arc<World>, rng: Rng) -> Arc<Self> {
        let (calls, waiting) = mpsc::unbounded_channel();
        let scenario = &world.scenario;
        let server = Arc::new(Self {
            world: world.clone(),
            log: Mutex::new(Log {
                partitions: vec![Vec::new(); scenario.partitions.max(1) as usize],
                turn: 0,
                newest_ms: 0,
            }),
            subscription: Mutex::new(Subscription::new(scenario.subscription, scenario.ack_timeout)),
            changes: Notify::new(),
            calls,
            processes: AtomicU64::new(0),
            members: AtomicU64::new(0),
            handed_over_ms: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            rng,
        });
        tokio::spawn(publisher::serve(server.clone(), waiting));
        server
    }

    pub fn connect(self: &Arc<Self>) -> Session {
        Session {
            server: self.clone(),
            wire: Arc::new(Wire {
                process: self.processes.fetch_add(1, Ordering::Relaxed),
                cut: AtomicBool::new(false),
                lost: AtomicBool::new(false),
            }),
        }
    }

    /// Messages that are not acknowledged.
    pub fn lag(&self) -> usize {
        self.subscription.lock().lag()
    }

    /// What a process that begins now knows of earlier orders, in milliseconds since 1970-01-01 UTC; 0 for nothing.
    ///
    /// What is known includes what is on its way: the log of an ended process gets no more, and a buffer has held what the
    /// process before is still publishing.
    pub fn known_ms(&self) -> u64 {
        match self.world.scenario.earlier_orders {
            EarlierOrders::Known => self.handed_over_ms.load(Ordering::Relaxed),
            EarlierOrders::Unknown => 0,
        }
    }

    /// Total number of deliveries.
    pub fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Unacknowledged messages that were delivered once, to the newest consumer.
    pub fn delivered_once(&self) -> Vec<MessageId> {
        self.subscription
            .lock()
            .delivered_once(self.members.load(Ordering::Relaxed))
    }

    fn strikes(&self, fault: Fault) -> bool {
        self.world.strikes(fault, &self.rng)
    }

    /// Fails if the broker is down or this fault is active.
    fn check_available(&self, fault: Fault) -> Result<()> {
        let why = match () {
            () if self.strikes(Fault::BrokerDown) => "connection refused",
            () if self.strikes(fault) => "the session was lost",
            () => return Ok(()),
        };
        Err(BrokerError::new(ErrorKind::Unavailable, why))
    }

    /// Appends the records of one group, all or none.
    fn append(&self, group: &[Outgoing], process: u64) {
        let mut log = self.log.lock();
        log.turn += 1;
        for record in group {
            if record.topic != topic() {
                self.world.note(format_args!("broker: {} {}", record.topic, record.id));
                self.world.oracle.letter(record);
                continue;
            }
            let n = log.partitions.len();
            let index = match &record.key {
                Some(key) => key.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte))) as usize % n,
                None => log.turn % n,
            };
            let mut message = Message {
                message_id: MessageId {
                    partition: index as u64,
                    offset: log.partitions[index].len() as u64,
                },
                topic: record.topic.clone(),
                key: record.key.clone(),
                payload: record.payload.clone(),
                attributes: record.attributes.clone(),
                id: record.id.clone(),
                publish_time_ms: 0,
                producer: "swarm/source".into(),
                schema: None,
                redeliveries: 0,
            };
            log.newest_ms = log.newest_ms.max(order_ms(message.order()));
            message.publish_time_ms = log.newest_ms;
            let id = message.message_id;
            self.world
                .note(format_args!("broker: {} at {}/{}", record.id, id.partition, id.offset));
            self.world.oracle.committed(id, record, process);
            self.subscription.lock().add(&message);
            log.partitions[index].push(message);
        }
        drop(log);
        self.changes.notify_waiters();
    }

    fn message(&self, id: MessageId) -> Message {
        self.log.lock().partitions[id.partition as usize][id.offset as usize].clone()
    }
}

/// A client's connection.
#[derive(Clone)]
pub struct Session {
    server: Arc<Server>,
    wire: Arc<Wire>,
}

struct Wire {
    /// Its number among all.
    process: u64,
    cut: AtomicBool,
    lost: AtomicBool,
}

impl Wire {
    /// Whether a call never left the client's machine because it crashed. All later calls are lost, too.
    fn loses(&self, rng: &Rng) -> bool {
        if self.cut.load(Ordering::Relaxed) && rng.chance(70) {
            self.lost.store(true, Ordering::Relaxed);
        }
        self.lost.load(Ordering::Relaxed)
    }
}

impl Session {
    /// The number of its client's process among all.
    pub fn process(&self) -> u64 {
        self.wire.process
    }

    /// The client's process has crashed.
    pub fn cut(&self) {
        self.wire.cut.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Broker for Session {
    async fn create_topic(&self, _: &TopicName, _: TopicSpec) -> Result<()> {
        self.server.check_available(Fault::SubscribeFails)
    }

    async fn publisher(&self, _: &str) -> Result<Arc<dyn Publisher>> {
        self.server.check_available(Fault::SubscribeFails)?;
        Ok(Arc::new(self.clone()))
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        self.server.world.pause(Fault::BrokerSlow, &self.server.rng).await;
        self.server.check_available(Fault::SubscribeFails)?;
        let member = self.server.members.fetch_add(1, Ordering::Relaxed) + 1;
        self.server
            .subscription
            .lock()
            .attach(member, options.unacknowledged_max);
        self.server.world.note(format_args!("broker: consumer {member}"));
        self.server.changes.notify_waiters();
        Ok(Box::new(SimConsumer::new(self.server.clone(), member)))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(NoSchemas)
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        Ok(Vec::new())
    }

    async fn ready(&self) -> Result<()> {
        self.server.check_available(Fault::BrokerDown)
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Kept out of `Server` so that no lock is held across a wait.
async fn wait_for_change(changed: impl Future<Output = ()>, due: Option<Instant>) {
    match due {
        Some(due) => {
            let _ = tokio::time::timeout_at(due, changed).await;
        }
        None => changed.await,
    }
}
