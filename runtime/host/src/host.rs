//! A running pipeline, from start to stop.

use std::{path::PathBuf, sync::Arc};

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;
use danube_wasm_connector::{Registry, States};
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::supervisor::{Applied, Refused, Supervisor};
use danube_wasm_sandbox::Sandbox;
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{Health, Metrics, Tracing, health::State};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    Failure, FailureKind, assemble,
    background::{self, Background},
    brokers::Brokers,
    components::Components,
    control::{ControlHandler, ControlSocket, ReloadRequest},
    dead_letters::DeadLetters,
    launcher::{self, ConnectorLauncher, Locations, Services, with_name},
    lock,
    pauses::Pauses,
    rates::Rates,
    spools, tail, unused,
};

/// What a pipeline needs to run.
pub struct HostOptions {
    /// The kinds of connectors that the pipeline may use.
    pub registry: Registry,
    /// Runs its components; several pipelines can share a sandbox.
    pub sandbox: Arc<Sandbox>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Traces.
    pub tracing: Tracing,
    /// Health of its parts, as from [`Health::starting`].
    pub health: Health,
    /// The file of the pipeline, as users name it in commands.
    pub name: PathBuf,
}

/// A running pipeline. [`PipelineHost::shutdown`] stops it gracefully; dropping it aborts everything.
pub struct PipelineHost {
    /// The pipeline at the start, which settings that need a restart still have.
    first: Pipeline,
    /// The current pipeline.
    current: watch::Sender<Arc<Pipeline>>,
    supervisor: Supervisor<ConnectorLauncher>,
    control: ControlSocket,
    background: Background,
    name: PathBuf,
    registry: Registry,
    reload_requests: Mutex<Option<mpsc::Receiver<ReloadRequest>>>,
}

/// Most reloads that wait for one that is under way.
const RELOADS_MAX: usize = 4;

impl PipelineHost {
    /// Loads and checks every component, then opens the pipeline's brokers and its control socket. No connector starts
    /// before [`PipelineHost::apply`].
    pub async fn open(pipeline: Pipeline, options: HostOptions) -> Result<Self, Failure> {
        // All errors of components are found before a file or a socket is opened.
        let components = options.health.part("components");
        components.set(State::Degraded("components are being compiled and checked".to_owned()));
        launcher::load_components(&options.sandbox, &pipeline).await?;
        drop(components);
        spools::refuse_orphaned(&pipeline).await?;
        let brokers = Arc::new(Brokers::open(&pipeline).await?);
        let dead_letters = DeadLetters::open(&pipeline, &brokers).await?;
        if let Some(log) = brokers.log() {
            tail::sweep(&**log).await;
        }
        let HostOptions {
            registry,
            sandbox,
            metrics,
            tracing,
            health,
            name,
        } = options;
        let states = Arc::new(States::default());
        let current = watch::Sender::new(Arc::new(pipeline.clone()));
        let launcher = ConnectorLauncher::new(Services {
            schemas: Arc::new(Schemas::new(brokers.main().registry())),
            locations: Locations::default(),
            states,
            sandbox: sandbox.clone(),
            brokers: brokers.clone(),
            dead_letters,
            metrics: metrics.clone(),
            tracing,
            health: health.clone(),
            pauses: Pauses::open(&pipeline.data_dir, pipeline.connectors())?,
            taps: Arc::default(),
            shadows: Arc::default(),
            components: Components::default(),
            rates: Rates::default(),
            changes: watch::Sender::default(),
        });
        let (reloads, reload_requests) = mpsc::channel(RELOADS_MAX);
        let handler = ControlHandler {
            pipeline: current.subscribe(),
            launcher: launcher.clone(),
            reloads,
        };
        let control = ControlSocket::bind(&pipeline.data_dir, Arc::new(handler))
            .map_err(|e| Failure::configuration(format!("cannot listen in {}: {e}", pipeline.data_dir.display())))?;
        let mut background = Background::new(health.clone());
        background.spawn("watch", {
            let (launcher, current) = (launcher.clone(), current.subscribe());
            move || crate::watch::watch(launcher.clone(), current.clone())
        });
        background.spawn("workers", {
            let (sandbox, health) = (sandbox.clone(), health.clone());
            move || background::watch_workers(sandbox.clone(), health.clone())
        });
        Ok(Self {
            supervisor: Supervisor::new(launcher, pipeline.shutdown.grace),
            first: pipeline,
            current,
            control,
            background,
            name,
            registry,
            reload_requests: Mutex::new(Some(reload_requests)),
        })
    }

    /// Requests to read the pipeline's files again, for whoever does that; `None` if somebody has them already.
    pub fn reload_requests(&self) -> Option<mpsc::Receiver<ReloadRequest>> {
        self.reload_requests.lock().take()
    }

    /// Returns the current pipeline.
    pub fn pipeline(&self) -> Arc<Pipeline> {
        self.current.borrow().clone()
    }

    /// Returns what gives the current pipeline, for a task that outlives a borrow of this.
    pub fn pipelines(&self) -> impl Fn() -> Arc<Pipeline> + Send + Sync + use<> {
        let current = self.current.subscribe();
        move || current.borrow().clone()
    }

    /// Returns the pipeline's broker.
    pub fn broker(&self) -> &Arc<dyn Broker> {
        self.services().brokers.main()
    }

    /// Applies a pipeline: starts connectors that are new or have changed, and stops removed ones. Returns when each
    /// start was tried once. Settings that need a restart ([`PipelineHost::needs_restart`]) keep their values. A
    /// second call replaces what an earlier call that is still running applies.
    pub async fn apply(&self, mut pipeline: Pipeline) -> Result<Applied, Failure> {
        // Another name would leave subscriptions and files behind, which contain the name.
        pipeline.rename(&self.first.name);
        let desired = assemble::desired(&pipeline).await?;
        if let Err(why) = lock::follow(&pipeline, assemble::components_of(&desired)) {
            // It approves what runs, so nothing waits for it: the directory may be read-only.
            tracing::warn!("{why}; `danube-wasm approve` where it can be written brings it up to date");
        }
        let connectors: Vec<_> = desired.iter().map(|(id, _)| id.to_string()).collect();
        let pipeline = Arc::new(pipeline);
        let applying = self.supervisor.dispatch(desired).await.map_err(failure)?;
        self.services().pauses.retain(&pipeline.connectors().collect());
        self.current.send_replace(pipeline.clone());
        self.services().health.all_known(connectors);
        let applied = applying.settled().await.map_err(failure)?;
        unused::warn(&pipeline, &self.name, &**self.broker()).await;
        Ok(applied)
    }

    /// Returns the settings of `pipeline` that differ from the running ones and that only a restart changes.
    pub fn needs_restart(&self, pipeline: &Pipeline) -> Vec<&'static str> {
        self.first.difference(pipeline).settings
    }

    /// Reloads the files that connectors read while they run, such as certificates.
    pub async fn reload_files(&self) {
        self.registry.reload(&self.services().states).await;
    }

    /// Returns the state that the connectors of a kind share in this host: see `SourceConnector::Shared`.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.services().states.get()
    }

    /// Returns the address of an endpoint of a source, if the source runs.
    pub fn location(&self, source: &ConnectorId, endpoint: &str) -> Option<String> {
        self.services().locations.get(source, endpoint)
    }

    /// Stops taking events, finishes calls and batches in flight until the deadline, gives the broker what sources
    /// have confirmed, and closes everything. Unfinished messages stay in the broker.
    pub async fn shutdown(self, deadline: Instant) -> Result<(), Failure> {
        self.services().health.set_draining();
        self.supervisor.shutdown().await;
        let Services {
            brokers, dead_letters, ..
        } = self.services();
        let (brokers, dead_letters) = (brokers.clone(), dead_letters.clone());
        brokers.hand_over(deadline).await;
        drop(self.background);
        drop(self.control);
        dead_letters.close().await?;
        brokers.close().await
    }

    fn services(&self) -> &Services {
        self.supervisor.launcher().services()
    }
}

/// Combines the failures of several connectors, each with its name.
fn failure(refused: Refused<Failure>) -> Failure {
    let first = refused.0.first().map(|(_, first)| first.kind);
    let each = refused.0.iter().map(|(id, why)| with_name(id, why));
    Failure {
        kind: first.unwrap_or(FailureKind::Internal),
        code: None,
        message: each.collect::<Vec<_>>().join("\n"),
    }
}
