//! A running pipeline, from start to stop.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;
use danube_wasm_connector::{Notices, Registry, States};
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::supervisor::{Applied, Refused, Supervisor};
use danube_wasm_sandbox::Sandbox;
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{Health, Metrics, Tracing};
use tokio::{sync::watch, time::Instant};

use crate::{
    Failure, FailureKind, assemble,
    background::{self, Background},
    brokers::Brokers,
    control::{self, ControlSocket, Request, Response},
    dead_letters::DeadLetters,
    launcher::{self, ConnectorLauncher, Locations, Services, with_name},
    operations,
    query::{self, QueryRequest, QueryServices},
    spools, unused,
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
}

impl PipelineHost {
    /// Loads and checks every component, then opens the pipeline's brokers and its control socket. No connector starts
    /// before [`PipelineHost::apply`].
    pub async fn open(pipeline: Pipeline, options: HostOptions) -> Result<Self, Failure> {
        // All errors of components are found before a file or a socket is opened.
        launcher::load_components(&options.sandbox, &pipeline).await?;
        spools::refuse_orphaned(&pipeline).await?;
        let brokers = Arc::new(Brokers::open(&pipeline).await?);
        let dead_letters = DeadLetters::open(&pipeline, &brokers).await?;
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
        let handler = ControlHandler {
            pipeline: current.subscribe(),
            broker: brokers.main().clone(),
            dead_letters: dead_letters.clone(),
            query_services: QueryServices {
                states: states.clone(),
                metrics: metrics.clone(),
                tracing: tracing.clone(),
            },
        };
        let control = ControlSocket::bind(&pipeline.data_dir, Arc::new(handler))
            .map_err(|e| Failure::configuration(format!("cannot listen in {}: {e}", pipeline.data_dir.display())))?;
        let mut background = Background::new(health.clone());
        background.spawn("watch", {
            let (brokers, metrics, health) = (brokers.clone(), metrics.clone(), health.clone());
            let current = current.subscribe();
            move || crate::watch::watch(brokers.clone(), metrics.clone(), health.clone(), current.clone())
        });
        background.spawn("workers", {
            let (sandbox, health) = (sandbox.clone(), health.clone());
            move || background::watch_workers(sandbox.clone(), health.clone())
        });
        let launcher = ConnectorLauncher::new(Services {
            schemas: Arc::new(Schemas::new(brokers.main().registry())),
            locations: Locations::default(),
            states,
            sandbox,
            brokers,
            dead_letters,
            metrics,
            tracing,
            health,
        });
        Ok(Self {
            supervisor: Supervisor::new(launcher, pipeline.shutdown.grace),
            first: pipeline,
            current,
            control,
            background,
            name,
            registry,
        })
    }

    /// Returns the current pipeline.
    pub fn pipeline(&self) -> Arc<Pipeline> {
        self.current.borrow().clone()
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
        let desired = assemble::desired(&pipeline)?;
        let pipeline = Arc::new(pipeline);
        let applying = self.supervisor.dispatch(desired).await.map_err(failure)?;
        self.current.send_replace(pipeline.clone());
        self.services().health.all_known();
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

/// Handles requests to the running pipeline.
struct ControlHandler {
    pipeline: watch::Receiver<Arc<Pipeline>>,
    broker: Arc<dyn Broker>,
    dead_letters: Arc<DeadLetters>,
    query_services: QueryServices,
}

#[async_trait]
impl control::Handler for ControlHandler {
    async fn handle(&self, request: Request) -> Response {
        let answer = match request {
            Request::Query {
                sink,
                statements,
                write,
            } => {
                let pipeline = self.pipeline.borrow().clone();
                let notices = Notices::new(|sentence| tracing::warn!("{sentence}"));
                let query = QueryRequest {
                    sink,
                    statements,
                    write,
                };
                query::execute_here(&pipeline, &query, &self.query_services, notices).await
            }
            Request::Operate(operation) => operations::perform(&*self.broker, &operation).await,
            Request::DeadLetters(request) => self.dead_letters.execute(&request).await,
        };
        match answer {
            Ok(values) => Response::Values(values),
            Err(failure) => Response::Error(failure.message),
        }
    }
}

/// Combines the failures of several connectors, each with its name.
fn failure(refused: Refused<Failure>) -> Failure {
    let first = refused.0.first().map(|(_, first)| first.kind);
    let each = refused.0.iter().map(|(id, why)| with_name(id, why));
    Failure {
        kind: first.unwrap_or(FailureKind::Internal),
        message: each.collect::<Vec<_>>().join("\n"),
    }
}
