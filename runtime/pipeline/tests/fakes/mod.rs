//! In-memory stand-ins for what the pipeline is given: a broker, components, a target. They do what the doors promise and
//! can be told to fail; everything else in these tests is the shipped crate, in virtual time.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod logs;
pub mod targets;
pub mod upstream;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_broker::{
    Acker, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Lag, Message, MessageId, Outgoing, Published,
    Publisher, RegisteredSchema, Registry, Result, SchemaRef, TopicSpec,
};
use danube_wasm_model::{
    ConnectorId, RecordId, SubscriptionType, Targets, TopicName,
    door::{
        ConsumerConfig, Egress, EgressError, GuestError, ProducerConfig, SinkGuest, SourceGuest, Write, WriteReport,
    },
    event::{Event, EventBatch, Interests, RecordBatch},
    message::{MessageBatch, WriteBatch},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub fn id(connector: &str) -> ConnectorId {
    ConnectorId::try_new("test", connector).expect("a valid name")
}

pub fn topic(name: &str) -> TopicName {
    name.parse().expect("a valid topic")
}

pub fn event(id: &str, payload: &str) -> Event {
    Event {
        endpoint: "/in".into(),
        id: id.into(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        content_type: "application/json".into(),
        key: None,
        received_ms: 1,
        attributes: Vec::new(),
        headers: Vec::new(),
        traceparent: None,
        refusal: None,
    }
}

/// A broker in memory. Publishing waits while the gate is closed and fails while a fault is set.
#[derive(Clone)]
pub struct MemoryBroker(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    news: Notify,
    gate: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    published: Vec<Outgoing>,
    inbox: VecDeque<Message>,
    acked: BTreeSet<u64>,
    acks_in_order: Vec<u64>,
    nacked: Vec<(u64, Duration)>,
    fault: Option<ErrorKind>,
    not_durable: bool,
    knows_sizes: bool,
    fault_of: Option<(&'static str, ErrorKind)>,
    group_max: Option<usize>,
    ack_fault: Option<ErrorKind>,
    commits: usize,
    refusals: usize,
}

impl State {
    fn fault_in(&self, group: &[Outgoing]) -> Option<ErrorKind> {
        if self.group_max.is_some_and(|max| group.len() > max) {
            return Some(ErrorKind::Storage);
        }
        group.iter().find_map(|record| self.fault_of(record))
    }

    fn fault_of(&self, record: &Outgoing) -> Option<ErrorKind> {
        let (part, kind) = self.fault_of?;
        let fails = record.id.as_str().contains(part) && !record.topic.is_for_dead_letters();
        fails.then_some(kind)
    }
}

impl MemoryBroker {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            news: Notify::new(),
            gate: watch::Sender::new(true),
        }))
    }

    pub fn open_gate(&self, open: bool) {
        self.0.gate.send_replace(open);
    }

    pub fn fail_with(&self, fault: Option<ErrorKind>) {
        self.0.state.lock().fault = fault;
    }

    /// Groups with a record of which the id contains this fail, but for dead letters.
    pub fn fail_records_with(&self, fault: Option<(&'static str, ErrorKind)>) {
        self.0.state.lock().fault_of = fault;
    }

    /// From now on it tells the size of a record without being asked to publish it.
    pub fn know_sizes(&self) {
        self.0.state.lock().knows_sizes = true;
    }

    /// There is room for groups of so many records.
    pub fn limit_groups(&self, records_max: usize) {
        self.0.state.lock().group_max = Some(records_max);
    }

    /// What is published from now on may be lost.
    pub fn promise_nothing(&self) {
        self.0.state.lock().not_durable = true;
    }

    pub fn fail_acks_with(&self, fault: Option<ErrorKind>) {
        self.0.state.lock().ack_fault = fault;
    }

    pub fn published(&self) -> Vec<Outgoing> {
        self.0.state.lock().published.clone()
    }

    pub fn commits(&self) -> usize {
        self.0.state.lock().commits
    }

    /// How often it was asked to publish and did not.
    pub fn refusals(&self) -> usize {
        self.0.state.lock().refusals
    }

    pub fn acked(&self) -> Vec<u64> {
        self.0.state.lock().acked.iter().copied().collect()
    }

    pub fn nacked(&self) -> Vec<(u64, Duration)> {
        self.0.state.lock().nacked.clone()
    }

    /// Puts messages into the subscription: offset, key, payload.
    pub fn deliver<'a>(&self, messages: impl IntoIterator<Item = (u64, Option<&'a str>, &'a str)>) {
        for (offset, key, payload) in messages {
            self.put(offset, key, payload, 0);
        }
        self.0.news.notify_waiters();
    }

    /// Puts a message into the subscription that was delivered before.
    pub fn redeliver(&self, offset: u64, key: Option<&str>, payload: &str) {
        self.put(offset, key, payload, 1);
        self.0.news.notify_waiters();
    }

    fn put(&self, offset: u64, key: Option<&str>, payload: &str, redeliveries: u32) {
        let message = Message {
            message_id: MessageId { partition: 0, offset },
            topic: topic("/test/in"),
            key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            attributes: Vec::new(),
            id: RecordId::derive(&id("source"), "/in", &format!("e{offset}"), 0),
            publish_time_ms: 1_000 + offset,
            producer: "test/source".into(),
            schema: None,
            redeliveries,
        };
        self.0.state.lock().inbox.push_back(message);
    }

    /// Waits until the condition holds; the test fails if it never does.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), waiting)
            .await
            .unwrap_or_else(|_| panic!("never happened: {what}"));
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn create_topic(&self, _: &TopicName, _: TopicSpec) -> Result<()> {
        Ok(())
    }

    async fn publisher(&self, _: &str) -> Result<Arc<dyn Publisher>> {
        Ok(Arc::new(self.clone()))
    }

    async fn subscribe(&self, _: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(self.clone()))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(MemoryRegistry::default())
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        Ok(Vec::new())
    }

    fn is_durable(&self, _: &TopicName) -> Option<bool> {
        Some(!self.0.state.lock().not_durable)
    }

    async fn ready(&self) -> Result<()> {
        match self.0.state.lock().fault {
            Some(kind) => Err(BrokerError::new(kind, "told to fail")),
            None => Ok(()),
        }
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

impl Publisher for MemoryBroker {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let inner = self.0.clone();
        Box::pin(async move {
            let mut gate = inner.gate.subscribe();
            gate.wait_for(|open| *open)
                .await
                .expect("the gate lives as long as the broker");
            let mut state = inner.state.lock();
            if let Some(kind) = state.fault {
                state.refusals += 1;
                return groups
                    .iter()
                    .map(|_| Err(BrokerError::new(kind, "told to fail")))
                    .collect();
            }
            state.commits += 1;
            let durable = !state.not_durable;
            groups
                .into_iter()
                .map(|group| {
                    if let Some(kind) = state.fault_in(&group) {
                        state.refusals += 1;
                        return Err(BrokerError::new(kind, "told to fail"));
                    }
                    state.published.extend(group);
                    Ok(Published { durable })
                })
                .collect()
        })
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        let state = self.0.state.lock();
        match state
            .fault_of(record)
            .filter(|kind| *kind == ErrorKind::TooLarge && state.knows_sizes)
        {
            Some(kind) => Err(BrokerError::new(
                kind,
                format!("record {} is over the limit of 9 bytes", record.id),
            )),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Consumer for MemoryBroker {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        loop {
            let news = self.0.news.notified();
            {
                let mut state = self.0.state.lock();
                if !state.inbox.is_empty() {
                    let n = max.min(state.inbox.len());
                    return Ok(state.inbox.drain(..n).collect());
                }
            }
            news.await;
        }
    }

    /// It knows of every delivery.
    fn is_first_delivery(&self, message: &Message) -> bool {
        message.redeliveries == 0
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Acker for MemoryBroker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        let mut state = self.0.state.lock();
        if let Some(kind) = state.ack_fault {
            state.refusals += 1;
            return Err(BrokerError::new(kind, "told to fail"));
        }
        for message in messages {
            assert!(
                state.acked.insert(message.offset),
                "message {} was acknowledged twice",
                message.offset
            );
            state.acks_in_order.push(message.offset);
        }
        Ok(())
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        let mut state = self.0.state.lock();
        state.nacked.extend(messages.iter().map(|m| (m.offset, delay)));
        Ok(())
    }
}

/// Subjects in memory.
#[derive(Default)]
pub struct MemoryRegistry(Mutex<BTreeMap<String, Vec<RegisteredSchema>>>);

#[async_trait]
impl Registry for MemoryRegistry {
    async fn latest(&self, subject: &str) -> Result<Option<RegisteredSchema>> {
        Ok(self.0.lock().get(subject).and_then(|versions| versions.last().cloned()))
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        Ok(self
            .0
            .lock()
            .values()
            .flatten()
            .find(|schema| schema.reference == reference)
            .cloned())
    }

    async fn versions(&self, subject: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(self.0.lock().get(subject).cloned().unwrap_or_default())
    }

    async fn register(&self, subject: &str, schema_type: &str, definition: &str) -> Result<RegisteredSchema> {
        let mut subjects = self.0.lock();
        let number = subjects.len() as u64 + 1;
        let versions = subjects.entry(subject.into()).or_default();
        let schema = RegisteredSchema {
            reference: SchemaRef {
                id: versions.first().map_or(number, |s| s.reference.id),
                version: versions.len() as u32 + 1,
            },
            subject: subject.into(),
            schema_type: schema_type.into(),
            definition: definition.into(),
        };
        versions.push(schema.clone());
        Ok(schema)
    }
}

type Poll = dyn Fn(&EventBatch) -> Result<RecordBatch, GuestError> + Send + Sync;

/// A source component that is a closure.
pub struct FakeSource {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    poll: Box<Poll>,
    pub calls: Arc<Mutex<Vec<usize>>>,
    pub lanes: usize,
}

impl FakeSource {
    pub fn new(poll: impl Fn(&EventBatch) -> Result<RecordBatch, GuestError> + Send + Sync + 'static) -> Self {
        let config = ProducerConfig {
            topic: topic("/test/out"),
            partitions: 0,
            reliable_dispatch: true,
        };
        Self {
            id: id("source"),
            configs: vec![config],
            poll: Box::new(poll),
            calls: Arc::default(),
            lanes: 1,
        }
    }
}

#[async_trait]
impl SourceGuest for FakeSource {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "digest"
    }

    fn lanes(&self) -> usize {
        self.lanes
    }

    fn interests(&self) -> Interests {
        Interests::from_names(["ids"])
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        self.calls.lock().push(events.len());
        let records = (self.poll)(&events)?;
        records.check(events.len())?;
        Ok(records)
    }
}

/// One record for each event, as it came.
pub fn forward(events: &EventBatch) -> RecordBatch {
    let mut records = RecordBatch::default();
    for i in 0..events.len() {
        records.topics.push("/test/out");
        records.payloads.push_input(i as u32);
    }
    records
}

type Process = dyn Fn(&MessageBatch) -> Result<WriteBatch, GuestError> + Send + Sync;

/// A sink component that is a closure.
pub struct FakeSink {
    id: ConnectorId,
    configs: Vec<ConsumerConfig>,
    process: Box<Process>,
    pub calls: Arc<Mutex<Vec<usize>>>,
    pub lanes: usize,
}

impl FakeSink {
    pub fn new(
        kind: SubscriptionType,
        process: impl Fn(&MessageBatch) -> Result<WriteBatch, GuestError> + Send + Sync + 'static,
    ) -> Self {
        let config = ConsumerConfig {
            topic: topic("/test/in"),
            subscription: "sub".into(),
            subscription_type: kind,
            expected_schema_subject: None,
        };
        Self {
            id: id("sink"),
            configs: vec![config],
            process: Box::new(process),
            calls: Arc::default(),
            lanes: 1,
        }
    }
}

#[async_trait]
impl SinkGuest for FakeSink {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "digest"
    }

    fn lanes(&self) -> usize {
        self.lanes
    }

    fn interests(&self) -> Interests {
        Interests::default()
    }

    fn consumer_configs(&self) -> &[ConsumerConfig] {
        &self.configs
    }

    async fn process_batch(&self, _: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError> {
        self.calls.lock().push(messages.len());
        let writes = (self.process)(&messages)?;
        writes.check(messages.len())?;
        Ok(writes)
    }
}

/// One insert for each message, as it came.
pub fn insert(messages: &MessageBatch) -> WriteBatch {
    let mut writes = WriteBatch::default();
    for i in 0..messages.len() {
        writes.targets.push("table");
        writes.payloads.push_input(i as u32);
    }
    writes
}

pub fn trap() -> GuestError {
    GuestError::Trap {
        message: "unreachable".into(),
        backtrace: vec!["poll".into()],
    }
}

/// A table in memory: insert-if-absent by id. Fails while told to; refuses bodies that contain a word.
#[derive(Default)]
pub struct MemoryTable {
    pub rows: Mutex<HashMap<String, Bytes>>,
    pub in_order: Mutex<Vec<String>>,
    pub fault: Mutex<Option<EgressError>>,
    pub refuses: Option<&'static str>,
    pub calls: Mutex<usize>,
}

/// What every sink of these tests may write to.
static TARGETS: LazyLock<Targets> = LazyLock::new(|| Targets::from_iter(["table"]));

impl MemoryTable {
    pub fn bodies(&self) -> Vec<String> {
        self.in_order.lock().clone()
    }

    pub fn ids(&self) -> BTreeSet<String> {
        self.rows.lock().keys().cloned().collect()
    }
}

#[async_trait]
impl Egress for MemoryTable {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        *self.calls.lock() += 1;
        if let Some(fault) = self.fault.lock().clone() {
            return Err(fault);
        }
        let mut report = WriteReport::default();
        for (i, write) in writes.iter().enumerate() {
            let body = String::from_utf8_lossy(&write.body).into_owned();
            if self.refuses.is_some_and(|word| body.contains(word)) {
                report.refused.push((i, format!("the table refuses {body}")));
            } else if self.rows.lock().insert(write.id.clone(), write.body.clone()).is_some() {
                report.unchanged += 1;
            } else {
                self.in_order.lock().push(body);
            }
        }
        Ok(report)
    }

    fn targets(&self) -> &Targets {
        &TARGETS
    }

    async fn ready(&self) -> Result<(), EgressError> {
        Ok(())
    }
}
