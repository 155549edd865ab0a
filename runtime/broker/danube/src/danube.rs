//! The client: what its rooms share, and the [`Broker`] it is.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Gap, Lag, Publisher, Registry, Result, TopicSpec,
};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{
    HealthCheckRequest, health_check_client::HealthCheckClient, health_check_request::ClientType,
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::DanubeAdmin,
    consume,
    fault::Fault,
    flow::PartitionFlow,
    health::Health,
    limits::READY_FRESH,
    lookup::Seeds,
    missing::Missing,
    options::DanubeOptions,
    partitions::Layout,
    publish::{DanubePublisher, Sessions},
    registry::DanubeRegistry,
    topics::{self, Topics},
    wire::{Address, Route, Wire},
};

/// A Danube cluster.
///
/// * It needs no broker to be up: connections are made when they are used, and sessions that are lost are rebuilt
///   through the seeds for as long as they are wanted. Meanwhile [`Broker::ready`] is an error that says why.
/// * [`Broker::lag`] is empty: Danube's client API has no call that tells it.
/// * [`danube_wasm_broker::StartAt::Earliest`] is not to be had from Danube's brokers: a new
///   subscription begins at the topic's end. danube-wasm's own broker honours it.
/// * Two [types of subscription](danube_wasm_model::SubscriptionType) are not on Danube's brokers (0.15) what they are
///   elsewhere: `Failover` does not fail over, so that nobody gets the messages when its active consumer is gone, and
///   `KeyShared` hands out at most one message in half a second. `Exclusive` keeps order without either; a consumer that
///   meets such a broker warns once. danube-wasm's own broker, which says so in its answers, has neither limit.
/// * [`Broker::admin`] is there when [`DanubeOptions::admin_url`] is: Danube's admin API is another service on another
///   port. It moves no subscription, and does not tell what a topic holds.
pub struct Danube {
    pub(crate) shared: Arc<Shared>,
}

/// What its rooms share.
pub(crate) struct Shared {
    pub(crate) options: Arc<DanubeOptions>,
    pub(crate) wire: Wire,
    pub(crate) seeds: Seeds,
    /// Where the admin API is, if that is known.
    pub(crate) admin: Option<Address>,
    pub(crate) topics: Topics,
    pub(crate) health: Health,
    pub(crate) sessions: Sessions,
    /// What consumers were not given.
    pub(crate) missing: Missing,
    /// Where its tasks run: they outlive callers and their runtimes.
    pub(crate) runtime: Handle,
    /// Cancelled by [`Broker::close`].
    pub(crate) closed: CancellationToken,
    /// Numbers of the partitions that are consumed.
    numbers: Mutex<HashMap<TopicName, u32>>,
    /// When a broker answered last.
    answered: Mutex<Option<Instant>>,
}

impl Danube {
    /// A client of this cluster. Connects to nothing yet.
    ///
    /// # Errors
    /// Options that cannot be meant, with the cure; and a call from outside a tokio runtime.
    pub fn open(options: DanubeOptions) -> Result<Arc<Self>> {
        let (addresses, admin) = (options.addresses()?, options.admin_address()?);
        let runtime = Handle::try_current()
            .map_err(|e| BrokerError::new(ErrorKind::Closed, format!("a Danube client needs a runtime: {e}")))?;
        if options.token.is_some() && addresses.iter().chain(&admin).any(|address| !address.tls) {
            tracing::warn!(
                "the token goes to Danube unencrypted: whoever sees the traffic can use it; write `https://`"
            );
        }
        let options = Arc::new(options);
        Ok(Arc::new(Self {
            shared: Arc::new(Shared {
                wire: Wire::new(options.clone(), runtime.clone()),
                options,
                seeds: Seeds::new(addresses),
                admin,
                topics: Topics::default(),
                health: Health::default(),
                sessions: Sessions::default(),
                missing: Missing::default(),
                runtime,
                closed: CancellationToken::new(),
                numbers: Mutex::default(),
                answered: Mutex::default(),
            }),
        }))
    }
}

impl Shared {
    /// An error once it is closed.
    pub(crate) fn open(&self) -> Result<()> {
        match self.closed.is_cancelled() {
            false => Ok(()),
            true => Err(closed()),
        }
    }

    /// Which broker serves a topic.
    pub(crate) async fn route(&self, topic: &TopicName) -> Result<Option<Route>, Fault> {
        self.seeds.route(&self.wire, &self.options, topic).await
    }

    /// What goes through a partition in this process.
    pub(crate) fn flow(&self, partition: &TopicName) -> Arc<PartitionFlow> {
        let in_flight_max = self.options.in_flight_at(false);
        self.options.flow_control.partition(partition, in_flight_max)
    }

    /// What of a topic is in the cluster.
    pub(crate) async fn layout(&self, topic: &TopicName) -> Result<Layout, Fault> {
        self.seeds.layout(&self.wire, &self.options, topic).await
    }

    /// A number for a partition, the same as long as this client lives.
    pub(crate) fn number(&self, partition: &TopicName) -> u32 {
        let mut numbers = self.numbers.lock();
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(partition.clone()).or_insert(next)
    }

    /// Asks a broker about a producer that nobody has: it needs no permission, and any answer tells that broker, TLS
    /// and token are in order.
    async fn ping(&self, route: &Route, within: Duration) -> Result<(), Fault> {
        let request = HealthCheckRequest {
            request_id: self.wire.number(),
            client: ClientType::Producer.into(),
            id: 0,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        match self
            .wire
            .call(route, within, "asking whether the broker is there", request, call)
            .await
        {
            Ok(_) | Err(Fault::Missing(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    pub(crate) async fn reach(&self, seed: &Address) -> Result<()> {
        self.open()?;
        self.wire.diagnose(seed, self.options.request_timeout).await?;
        let route = Route::direct(seed.clone());
        self.ping(&route, self.options.request_timeout)
            .await
            .map_err(Fault::into_error)
    }

    async fn ready(&self) -> Result<()> {
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
                .ping(&Route::direct(seed.clone()), self.options.connect_timeout)
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

#[async_trait]
impl Broker for Danube {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.shared.open()?;
        topics::create(&self.shared, topic, spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.shared.open()?;
        Ok(Arc::new(DanubePublisher::new(self.shared.clone(), producer)))
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        self.shared.open()?;
        consume::subscribe(self.shared.clone(), options).await
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(DanubeRegistry(self.shared.clone()))
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        self.shared.open()?;
        Ok(Vec::new())
    }

    async fn ready(&self) -> Result<()> {
        self.shared.ready().await
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.shared.sessions.watch()
    }

    async fn check_sessions(&self) -> Result<()> {
        self.shared.open()?;
        self.shared
            .sessions
            .check(&self.shared)
            .await
            .map_err(Fault::into_error)
    }

    fn gaps(&self) -> Vec<Gap> {
        self.shared.missing.all()
    }

    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        self.shared.missing.acknowledge(topic, subscription)
    }

    /// Known once a topic was created: Danube's brokers answer before their disk has a message; danube-wasm's own syncs it.
    fn is_durable(&self, _: &TopicName) -> Option<bool> {
        self.shared.sessions.are_at_own_broker()
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        DanubeAdmin::of(&self.shared).map(|admin| Arc::new(admin) as Arc<dyn Admin>)
    }

    async fn close(&self) -> Result<()> {
        self.shared.closed.cancel();
        Ok(())
    }
}

pub(crate) fn closed() -> BrokerError {
    BrokerError::new(ErrorKind::Closed, "this Danube client is closed")
}
