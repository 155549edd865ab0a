//! The client: [`Broker`] over Danube.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{
    Admin, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Gap, Lag, Publisher, Registry, Result, TopicSpec,
};
use danube_wasm_model::TopicName;
use tokio::{runtime::Handle, sync::watch};

use crate::{
    admin::DanubeAdmin, consume, fault::Fault, options::DanubeOptions, publish::DanubePublisher,
    registry::DanubeRegistry, shared::Shared, topics,
};

/// A Danube cluster.
///
/// * No broker needs to be up: connections are made when they are used, and lost sessions are rebuilt through the seeds
///   for as long as they are wanted. Meanwhile [`Broker::ready`] returns an error with the reason.
/// * [`Broker::lag`] is empty: Danube's client API has no call for it.
/// * Danube's brokers do not support [`danube_wasm_broker::StartAt::Earliest`]: a new subscription starts at the
///   topic's end. danube-wasm's own broker supports it.
/// * Two [types of subscription](danube_wasm_model::SubscriptionType) differ on Danube's brokers (0.15): `Failover`
///   does not fail over, so no consumer gets the messages when the active one is gone, and `KeyShared` delivers at most
///   one message in half a second. `Exclusive` keeps order without either limit. A consumer on such a broker logs one
///   warning. danube-wasm's own broker, which identifies itself in its answers, has neither limit.
/// * [`Broker::admin`] is available if [`DanubeOptions::admin_url`] is set: Danube's admin API is a separate service on
///   its own port. It cannot move a subscription, and does not report what a topic holds.
pub struct Danube {
    pub(crate) shared: Arc<Shared>,
}

impl Danube {
    /// A client of this cluster. It does not connect yet.
    ///
    /// Invalid options, with the cure; and a call from outside a tokio runtime.
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
            shared: Arc::new(Shared::new(options, addresses, admin, runtime)),
        }))
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
        self.shared.gaps.all()
    }

    fn acknowledge_gaps(&self, topic: &TopicName, subscription: &str) -> Vec<Gap> {
        self.shared.gaps.acknowledge(topic, subscription)
    }

    /// Known once a topic was created: Danube's brokers confirm before a message is on their disk; danube-wasm's own
    /// broker syncs first.
    fn is_durable(&self, _: &TopicName) -> Option<bool> {
        self.shared.sessions.is_own_broker()
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        DanubeAdmin::of(&self.shared).map(|admin| Arc::new(admin) as Arc<dyn Admin>)
    }

    async fn close(&self) -> Result<()> {
        self.shared.closed.cancel();
        Ok(())
    }
}
