//! State shared by everything of a client: its options, connections, sessions and health.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{
    HealthCheckRequest, health_check_client::HealthCheckClient, health_check_request::ClientType,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    fault::Fault,
    flow::PartitionFlow,
    gap_registry::GapRegistry,
    health::Health,
    limits::READY_FRESH,
    lookup::Seeds,
    options::DanubeOptions,
    partitions::Layout,
    publish::Sessions,
    topics::Topics,
    wire::{Address, BrokerEndpoint, Wire},
};

/// See the module.
pub(crate) struct Shared {
    pub(crate) options: Arc<DanubeOptions>,
    pub(crate) wire: Wire,
    pub(crate) seeds: Seeds,
    /// Address of the admin API, if it is configured.
    pub(crate) admin: Option<Address>,
    pub(crate) topics: Topics,
    pub(crate) health: Health,
    pub(crate) sessions: Sessions,
    /// Messages that Danube skipped.
    pub(crate) gaps: GapRegistry,
    /// Runs its tasks, which outlive callers and their runtimes.
    pub(crate) runtime: Handle,
    /// Cancelled by [`Broker::close`].
    pub(crate) closed: CancellationToken,
    /// Numbers of the consumed partitions.
    numbers: Mutex<HashMap<TopicName, u32>>,
    /// When a broker last answered.
    answered: Mutex<Option<Instant>>,
}

impl Shared {
    /// State of a client that is not connected to any broker yet.
    pub(crate) fn new(
        options: Arc<DanubeOptions>,
        seeds: Vec<Address>,
        admin: Option<Address>,
        runtime: Handle,
    ) -> Self {
        Self {
            wire: Wire::new(options.clone(), runtime.clone()),
            options,
            seeds: Seeds::new(seeds),
            admin,
            topics: Topics::default(),
            health: Health::default(),
            sessions: Sessions::default(),
            gaps: GapRegistry::default(),
            runtime,
            closed: CancellationToken::new(),
            numbers: Mutex::default(),
            answered: Mutex::default(),
        }
    }

    /// Fails once the client is closed.
    pub(crate) fn open(&self) -> Result<()> {
        match self.closed.is_cancelled() {
            false => Ok(()),
            true => Err(closed()),
        }
    }

    /// The broker that serves a topic.
    pub(crate) async fn locate(&self, topic: &TopicName) -> Result<Option<BrokerEndpoint>, Fault> {
        self.seeds.locate(&self.wire, &self.options, topic).await
    }

    /// The flow control of a partition in this process.
    pub(crate) fn flow(&self, partition: &TopicName) -> Arc<PartitionFlow> {
        let in_flight_max = self.options.in_flight_at(false);
        self.options.flow_control.partition(partition, in_flight_max)
    }

    /// Which partitions of a topic exist.
    pub(crate) async fn layout(&self, topic: &TopicName) -> Result<Layout, Fault> {
        self.seeds.layout(&self.wire, &self.options, topic).await
    }

    /// A number for a partition, the same for the life of this client.
    pub(crate) fn number(&self, partition: &TopicName) -> u32 {
        let mut numbers = self.numbers.lock();
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(partition.clone()).or_insert(next)
    }

    /// Asks a broker about a producer that does not exist: that needs no permission, and any answer shows that broker,
    /// TLS and token work.
    async fn ping(&self, endpoint: &BrokerEndpoint, within: Duration) -> Result<(), Fault> {
        let request = HealthCheckRequest {
            request_id: self.wire.number(),
            client: ClientType::Producer.into(),
            id: 0,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        match self
            .wire
            .call(endpoint, within, "asking whether the broker is there", request, call)
            .await
        {
            Ok(_) | Err(Fault::Missing(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    pub(crate) async fn reach(&self, seed: &Address) -> Result<()> {
        self.open()?;
        self.wire.diagnose(seed, self.options.request_timeout).await?;
        let endpoint = BrokerEndpoint::direct(seed.clone());
        self.ping(&endpoint, self.options.request_timeout)
            .await
            .map_err(Fault::into_error)
    }

    pub(crate) async fn ready(&self) -> Result<()> {
        self.open()?;
        if let Some(why) = self.health.reason() {
            return Err(why);
        }
        if self.answered.lock().is_some_and(|at| at.elapsed() < READY_FRESH) {
            return Ok(());
        }
        let mut last = Err(Fault::Lost(closed()));
        for seed in &self.seeds.addresses {
            // A seed that hangs must not hide one that answers.
            last = self
                .ping(&BrokerEndpoint::direct(seed.clone()), self.options.connect_timeout)
                .await;
            if last.is_ok() {
                *self.answered.lock() = Some(Instant::now());
                return Ok(());
            }
        }
        last.map_err(|fault| {
            let error = fault.into_error();
            BrokerError::new(ErrorKind::Unavailable, error.message)
        })
    }
}

pub(crate) fn closed() -> BrokerError {
    BrokerError::new(ErrorKind::Closed, "this Danube client is closed")
}
