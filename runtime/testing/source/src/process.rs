use std::{fmt, sync::Arc, time::Duration};

use danube_wasm_broker::embedded::Notebooks;
use danube_wasm_connector::{Context, Feed, Ingress, Notices, Pipeline, SourceConfig, States};
use danube_wasm_pipeline::{Instruments, PullParts, PullSource, Status};
use danube_wasm_telemetry::{Metrics, Tracing};
use tokio::{
    runtime::{self, Runtime},
    sync::watch,
    time::Instant,
};

use crate::{Forward, Log, source_parts};

/// How long a test waits for a status.
const WAITS_FOR: Duration = Duration::from_secs(60);
/// How long a stop may take.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const IN_FLIGHT_BYTES_MAX: usize = 32 << 20;

/// A process with a source in it that reads: a runtime of its own, which ends with it.
pub struct Process {
    runtime: Option<Runtime>,
    source: Arc<PullSource>,
    ingress: Arc<dyn Ingress>,
    gate: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Process {
    /// The source with this table runs on the log.
    ///
    /// # Panics
    ///
    /// If the table is wrong, or it does not start.
    pub async fn start(log: &Log, table: &str) -> Self {
        Self::start_with(log, log.source.config(table)).await
    }

    /// As [`Self::start`], with a table that was read already.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start_with(log: &Log, config: SourceConfig) -> Self {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let id = log.source.id();
        let (gate, open) = watch::channel(true);
        let metrics = Metrics::new().expect("metrics");
        let guest = Forward::new(id.clone(), &config, open);
        let instruments = Instruments::new(metrics.connector(&id), Tracing::default());
        let parts = PullParts {
            source: source_parts(&config, guest, log, instruments),
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            independent_keys: false,
        };
        let notebook = Notebooks::of_log(log.broker.clone()).of(&id);
        let context = Context {
            consumer: id.to_string(),
            id,
            shared: Arc::new(States::default()),
            tracing: Tracing::new(None, &metrics).expect("no traces"),
            metrics: metrics.clone(),
            notices: Notices::new(drop),
            may_create: true,
        };
        let starting = runtime.spawn(async move {
            let source = PullSource::start(parts).await.expect("it starts");
            let pipeline = Pipeline {
                feed: Feed::Pull(source.driver()),
                interests: Forward::interests_of_all(),
                notebook,
                poller: None,
            };
            let ingress = config.start(context, pipeline).await.expect("it starts");
            (source, Arc::from(ingress))
        });
        let (source, ingress) = starting.await.expect("no panic");
        Self {
            runtime: Some(runtime),
            source,
            ingress,
            gate,
            metrics,
        }
    }

    /// The component takes nothing any more, so nothing gets durable.
    pub fn shut(&self) {
        self.gate.send_replace(false);
    }

    /// It takes events again.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// It ends as it does when the operator stops it.
    pub async fn stop(mut self) {
        let deadline = Instant::now() + ENDS_WITHIN;
        self.source.drain(deadline).await;
        self.ingress.close(deadline).await;
        self.end().await;
    }

    /// It ends as by `kill -9`: its sockets are closed, and nothing is said or written any more.
    pub async fn kill(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(ENDS_WITHIN));
            ended.await.expect("it ends");
        }
    }

    /// Its status now.
    pub fn now(&self) -> Status {
        self.source.status().borrow().clone()
    }

    /// Waits until its status is as it should be.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub async fn status(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.source.status();
        let waited = tokio::time::timeout(WAITS_FOR, status.wait_for(|status| holds(status))).await;
        let found = waited.unwrap_or_else(|_| panic!("waited in vain until {what}: {:?}", self.now()));
        found.expect("the source lives").clone()
    }

    /// Waits until it has stopped by itself, and gives the reason.
    ///
    /// # Panics
    ///
    /// If it never does.
    pub async fn failed(&self) -> String {
        let is_failed = |status: &Status| matches!(status, Status::Failed(_));
        let status = self.status("it stops", is_failed).await;
        status.reason().expect("a reason").to_owned()
    }

    /// Waits until it waits for something, and gives the reason.
    ///
    /// # Panics
    ///
    /// If it never does.
    pub async fn waits(&self) -> String {
        let status = self.status("it waits", |status| status.reason().is_some()).await;
        assert!(matches!(status, Status::Degraded(_)), "{status:?}");
        status.reason().expect("a reason").to_owned()
    }

    /// Waits until a metric, summed over the rows that have this in their labels, is as it should be.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub async fn until_sum(&self, what: &str, name: &str, labels: &str, holds: impl Fn(usize) -> bool) {
        danube_wasm_testkit::until(what, || holds(self.sum(name, labels)).then_some(())).await;
    }

    /// A metric, summed over the rows that have this in their labels.
    pub fn sum(&self, name: &str, labels: &str) -> usize {
        let text = self.metrics.render();
        let rows = text.lines().filter(|row| row.starts_with(name) && row.contains(labels));
        let values = rows.filter_map(|row| row.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>() as usize
    }

    /// Whether a metric has a row.
    pub fn measures(&self, name: &str) -> bool {
        self.metrics.render().lines().any(|line| line.starts_with(name))
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("status", &self.now())
            .finish_non_exhaustive()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
