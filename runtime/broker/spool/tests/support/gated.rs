//! A broker that is asked about its sessions only when a test lets it.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{Broker, Consumer, ConsumerOptions, Lag, Publisher, Registry, Result, TopicSpec};
use danube_wasm_model::TopicName;
use tokio::sync::watch;

pub(crate) struct Gated {
    broker: Arc<dyn Broker>,
    is_open: watch::Sender<bool>,
}

impl Gated {
    /// Shut.
    pub(crate) fn new(broker: Arc<dyn Broker>) -> Arc<Self> {
        let is_open = watch::channel(false).0;
        Arc::new(Self { broker, is_open })
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

#[async_trait]
impl Broker for Gated {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.broker.create_topic(topic, spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.broker.publisher(producer).await
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        self.broker.subscribe(options).await
    }

    fn registry(&self) -> Arc<dyn Registry> {
        self.broker.registry()
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        self.broker.lag().await
    }

    async fn ready(&self) -> Result<()> {
        self.broker.ready().await
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        self.broker.sessions()
    }

    async fn check_sessions(&self) -> Result<()> {
        let mut is_open = self.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.expect("held here");
        self.broker.check_sessions().await
    }

    async fn close(&self) -> Result<()> {
        self.broker.close().await
    }
}
