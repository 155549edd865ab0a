//! Opens the broker that a pipeline names, and gives each connector its view of it.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use danube_wasm_broker::{
    Admin, Broker, BrokerError, ErrorKind,
    embedded::{EmbeddedBroker, EmbeddedOptions, Notebooks, RetentionOptions},
};
use danube_wasm_broker_spool::{Spool, SpoolOptions, SpoolStatus};
use danube_wasm_config::{self as config, Pipeline, Retention, ServiceUrl};
use danube_wasm_model::{ConnectorId, clock::OrderClock};
use danube_wasm_schema::Schemas;
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use crate::{Failure, danube::Cluster, nats, spools};

/// The broker of a pipeline, and the spools in front of it.
pub(crate) struct Brokers {
    main: Arc<dyn Broker>,
    /// The same, where it is a log in this process.
    log: Option<Arc<EmbeddedBroker>>,
    /// The cluster, where it is one.
    cluster: Option<Cluster>,
    /// How that is spoken to.
    danube: Option<config::Danube>,
    /// How NATS is spoken to, where the broker is that.
    nats: Option<config::Nats>,
    /// The cluster as spools publish to it, from the first one on.
    behind_spools: OnceCell<Arc<dyn Broker>>,
    /// What gives records their order, whatever in this process publishes them.
    clock: Arc<OrderClock>,
    /// What connectors note: in the log in this process, else in a log of their own.
    notebooks: Notebooks,
    /// Where spools are.
    spools_dir: PathBuf,
    /// By connector. One that is open stays so while its connector is wanted, and until its records are in the cluster.
    spools: Mutex<HashMap<ConnectorId, Spooled>>,
    /// Connectors that are gone.
    unwanted: std::sync::Mutex<HashSet<ConnectorId>>,
}

/// A connector's view of the broker.
pub(crate) struct View {
    pub(crate) broker: Arc<dyn Broker>,
    /// The same, where it is a spool.
    pub(crate) spool: Option<Arc<Spool>>,
    /// Over the registry of `broker`.
    pub(crate) schemas: Arc<Schemas>,
}

struct Spooled {
    spool: Arc<Spool>,
    schemas: Arc<Schemas>,
    /// Its records are a source's, which has confirmed them.
    is_source: bool,
}

impl Spooled {
    fn view(&self) -> View {
        View {
            broker: self.spool.clone(),
            spool: Some(self.spool.clone()),
            schemas: self.schemas.clone(),
        }
    }
}

impl Brokers {
    /// Opens it. An embedded log is opened now, and what is wrong with it is said; a Danube cluster may come later.
    pub(crate) async fn open(pipeline: &Pipeline) -> Result<Self, Failure> {
        let clock = OrderClock::system();
        let (mut log, mut cluster) = (None, None);
        let main: Arc<dyn Broker> = match &pipeline.service_url {
            ServiceUrl::Embedded { dir } => {
                let retention = retention(&pipeline.retention);
                log.insert(open_own_log(dir, retention, clock.clone()).await?).clone()
            }
            ServiceUrl::Danube { .. } => cluster.insert(Cluster::open(pipeline)?).client().clone(),
            ServiceUrl::Nats { .. } => nats::open(pipeline)?,
            other => {
                let message = format!("this program does not know the broker {other}");
                return Err(Failure::internal(message));
            }
        };
        let notebooks = match &log {
            Some(log) => Notebooks::of_log(log.clone()),
            None => Notebooks::in_directory(pipeline.notebooks_dir()),
        };
        Ok(Self {
            main,
            log,
            notebooks,
            danube: cluster.is_some().then(|| pipeline.danube.clone()),
            nats: (!pipeline.service_url.nats_servers().is_empty()).then(|| pipeline.nats.clone()),
            cluster,
            behind_spools: OnceCell::new(),
            clock,
            spools_dir: pipeline.spools_dir(),
            spools: Mutex::default(),
            unwanted: std::sync::Mutex::default(),
        })
    }

    /// The broker itself.
    pub(crate) fn main(&self) -> &Arc<dyn Broker> {
        &self.main
    }

    /// What gives records their order.
    pub(crate) fn clock(&self) -> &Arc<OrderClock> {
        &self.clock
    }

    /// Whether it is a log in this process, that no other process uses.
    pub(crate) fn is_embedded(&self) -> bool {
        self.log.is_some()
    }

    /// The log in this process that it is, if it is one.
    pub(crate) fn log(&self) -> Option<&Arc<EmbeddedBroker>> {
        self.log.as_ref()
    }

    /// What connectors note.
    pub(crate) fn notebooks(&self) -> &Notebooks {
        &self.notebooks
    }

    /// The cluster's admin API, where the file says where it is.
    pub(crate) fn danube_admin(&self) -> Option<Arc<dyn Admin>> {
        self.danube.as_ref().and_then(|_| self.main.admin())
    }

    /// Longest that a message may wait for its batch: well inside the time after which the broker gives it again.
    pub(crate) fn linger_max(&self) -> Duration {
        self.danube
            .as_ref()
            .map_or(Duration::MAX, |danube| danube.ack_timeout / 4)
    }

    /// A sink's name as a consumer.
    pub(crate) fn consumer_name(&self, id: &ConnectorId) -> String {
        match (&self.danube, &self.nats) {
            (Some(danube), _) => danube.instance.consumer_name(id),
            (None, Some(nats)) => nats.instance.consumer_name(id),
            (None, None) => id.to_string(),
        }
    }

    /// The broker as a source sees it. `schemas` are those over the broker itself.
    pub(crate) async fn of_source(&self, source: &config::Source, schemas: &Arc<Schemas>) -> Result<View, Failure> {
        let Some(buffer) = &source.buffer else {
            return Ok(self.view(schemas));
        };
        let mut options = self.spool_options(&source.id);
        options.bytes_max = buffer.max_bytes;
        options.flush = buffer.broker_flush;
        options.orders = Some(self.clock.clone());
        let broker = self.behind_spools().await?;
        self.spool(&source.id, true, broker, options, schemas).await
    }

    /// The broker as a sink sees it. `schemas` are those over the broker itself.
    pub(crate) async fn of_sink(&self, sink: &config::Sink, schemas: &Arc<Schemas>) -> Result<View, Failure> {
        let Some(buffer) = &sink.buffer else {
            return Ok(self.view(schemas));
        };
        let mut options = self.spool_options(&sink.id);
        options.bytes_max = buffer.max_bytes;
        options.hold_max = self.danube.as_ref().map_or(options.hold_max, |d| d.ack_timeout / 2);
        self.spool(&sink.id, false, self.main.clone(), options, schemas).await
    }

    fn view(&self, schemas: &Arc<Schemas>) -> View {
        View {
            broker: self.main.clone(),
            spool: None,
            schemas: schemas.clone(),
        }
    }

    async fn behind_spools(&self) -> Result<Arc<dyn Broker>, Failure> {
        let open = || async {
            match &self.cluster {
                None => Ok(self.main.clone()),
                Some(cluster) => cluster.open_for_spools(),
            }
        };
        self.behind_spools.get_or_try_init(open).await.cloned()
    }

    fn spool_options(&self, id: &ConnectorId) -> SpoolOptions {
        SpoolOptions::new(self.spools_dir.join(id.directory()))
    }

    async fn spool(
        &self,
        id: &ConnectorId,
        is_source: bool,
        broker: Arc<dyn Broker>,
        options: SpoolOptions,
        schemas: &Schemas,
    ) -> Result<View, Failure> {
        let mut spools = self.spools.lock().await;
        self.of_unwanted(|unwanted| unwanted.remove(id));
        if let Some(open) = spools.get(id) {
            return Ok(open.view());
        }
        let directory = options.directory.display().to_string();
        spools::adopt_former(id, &self.spools_dir)
            .map_err(|e| Failure::configuration(format!("the spool in {directory}: {e}")))?;
        let spool = Spool::open(broker, options)
            .await
            .map_err(|e| Failure::configuration(format!("the spool in {directory}: {e}")))?;
        tracing::info!(connector = %id, directory, "records and messages wait here while the other side is away");
        let schemas = Arc::new(schemas.remembering(spool.registry(), spool.last_seen()));
        let spooled = Spooled {
            spool,
            schemas,
            is_source,
        };
        let view = spooled.view();
        spools.insert(id.clone(), spooled);
        Ok(view)
    }

    /// This connector is gone: its spool closes as soon as nothing in it is to go to the broker.
    pub(crate) fn unwanted(&self, id: &ConnectorId) {
        self.of_unwanted(|unwanted| unwanted.insert(id.clone()));
    }

    fn of_unwanted<T>(&self, change: impl FnOnce(&mut HashSet<ConnectorId>) -> T) -> T {
        change(&mut self.unwanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes spools whose connectors are gone, and that have nothing which was confirmed to a sender.
    pub(crate) async fn close_unwanted(&self) {
        let mut spools = self.spools.lock().await;
        for id in self.of_unwanted(|unwanted| unwanted.clone()) {
            let waits = |spooled: &Spooled| spooled.is_source && spooled.spool.status().borrow().records > 0;
            if spools.get(&id).is_some_and(waits) {
                continue;
            }
            self.of_unwanted(|unwanted| unwanted.remove(&id));
            let Some(spooled) = spools.remove(&id) else { continue };
            if let Err(error) = spooled.spool.close().await {
                tracing::warn!(connector = %id, %error, "the spool was not closed cleanly; what it holds is there after the next start");
            }
        }
    }

    /// Each spool and how it is.
    pub(crate) async fn spools(&self) -> Vec<(ConnectorId, SpoolStatus)> {
        let spools = self.spools.lock().await;
        spools
            .iter()
            .map(|(id, spooled)| (id.clone(), spooled.spool.status().borrow().clone()))
            .collect()
    }

    /// Gives the broker what sources have confirmed, as long as it is there and time is left. Nothing is confirmed any more.
    pub(crate) async fn hand_over(&self, deadline: Instant) {
        let spools = self.spools.lock().await;
        let of_sources = spools.iter().filter(|(_, spooled)| spooled.is_source);
        let of_sources: Vec<_> = of_sources
            .map(|(id, spooled)| (id.clone(), spooled.spool.clone()))
            .collect();
        // Metrics are kept up to date meanwhile.
        drop(spools);
        for (id, spool) in of_sources {
            spools::hand_over(&id, &spool, &*self.main, deadline).await;
        }
    }

    /// Makes everything durable and lets go of it.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        for (id, spooled) in self.spools.lock().await.drain() {
            if let Err(error) = spooled.spool.close().await {
                tracing::warn!(connector = %id, %error, "the spool was not closed cleanly; what it holds is there after the next start");
            }
        }
        if let Some(client) = self.behind_spools.get() {
            client.close().await.map_err(Failure::internal)?;
        }
        if let Err(error) = self.notebooks.close().await {
            tracing::warn!(%error, "what connectors have noted was not closed cleanly; it is there after the next start");
        }
        self.main.close().await.map_err(Failure::internal)
    }
}

/// An embedded log.
pub async fn open_log(dir: &Path, retention: RetentionOptions) -> Result<Arc<EmbeddedBroker>, Failure> {
    let options = EmbeddedOptions {
        retention,
        ..EmbeddedOptions::default()
    };
    open(dir, options).await
}

/// An embedded log of a pipeline, whose records this clock orders.
async fn open_own_log(
    dir: &Path,
    retention: RetentionOptions,
    clock: Arc<OrderClock>,
) -> Result<Arc<EmbeddedBroker>, Failure> {
    let options = EmbeddedOptions {
        retention,
        orders: Some(clock),
        ..EmbeddedOptions::default()
    };
    open(dir, options).await
}

async fn open(dir: &Path, options: EmbeddedOptions) -> Result<Arc<EmbeddedBroker>, Failure> {
    let dir = dir.to_path_buf();
    let opened = tokio::task::spawn_blocking(move || EmbeddedBroker::open(&dir, options)).await;
    let opened = opened.unwrap_or_else(|e| Err(BrokerError::new(ErrorKind::Closed, e.to_string())));
    opened.map_err(Failure::configuration)
}

/// Where `danube-wasm broker` keeps its log.
pub fn log_in(data_dir: &Path) -> PathBuf {
    data_dir.join("log")
}

fn retention(retention: &Retention) -> RetentionOptions {
    RetentionOptions {
        keep: retention.keep,
        keep_bytes: retention.keep_bytes,
        age: retention.age,
        bytes: retention.bytes,
        ..RetentionOptions::default()
    }
}
