//! One pipeline, from its start to its stop.

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
    launcher::{self, ConnectorLauncher, Locations, Services, named},
    operations,
    query::{self, Asking, Question},
    spools, unused,
};

/// What a pipeline runs with.
pub struct HostOptions {
    /// The kinds of connectors that it may have.
    pub registry: Registry,
    /// Runs its components; several pipelines can share one.
    pub sandbox: Arc<Sandbox>,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Traces.
    pub tracing: Tracing,
    /// How its parts are: [`Health::starting`].
    pub health: Health,
    /// How people name the pipeline in commands: its file.
    pub name: PathBuf,
}

/// A pipeline that runs. [`PipelineHost::shutdown`] ends it; dropping it cuts everything off.
pub struct PipelineHost {
    /// As it was when it was opened: what needs a restart is as it is here.
    first: Pipeline,
    /// As it is to run now.
    current: watch::Sender<Arc<Pipeline>>,
    supervisor: Supervisor<ConnectorLauncher>,
    control: ControlSocket,
    background: Background,
    name: PathBuf,
    registry: Registry,
}

impl PipelineHost {
    /// Loads and checks every component, then opens the pipeline's brokers and its control socket. No connector starts before
    /// [`PipelineHost::apply`].
    pub async fn open(pipeline: Pipeline, options: HostOptions) -> Result<Self, Failure> {
        // Everything that can be wrong with a component is found out before a file or a socket is opened.
        launcher::admit(&options.sandbox, &pipeline).await?;
        spools::refuse_stranded(&pipeline).await?;
        let brokers = Arc::new(Brokers::open(&pipeline).await?);
        let letters = DeadLetters::open(&pipeline, &brokers).await?;
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
        let answers = Answers {
            pipeline: current.subscribe(),
            broker: brokers.main().clone(),
            letters: letters.clone(),
            asking: Asking {
                states: states.clone(),
                metrics: metrics.clone(),
                tracing: tracing.clone(),
            },
        };
        let control = ControlSocket::bind(&pipeline.data_dir, Arc::new(answers))
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
        let workshop = ConnectorLauncher::new(Services {
            schemas: Arc::new(Schemas::new(brokers.main().registry())),
            locations: Locations::default(),
            states,
            sandbox,
            brokers,
            letters,
            metrics,
            tracing,
            health,
        });
        Ok(Self {
            supervisor: Supervisor::new(workshop, pipeline.shutdown.grace),
            first: pipeline,
            current,
            control,
            background,
            name,
            registry,
        })
    }

    /// The pipeline as it is to run now.
    pub fn pipeline(&self) -> Arc<Pipeline> {
        self.current.borrow().clone()
    }

    /// Its broker.
    pub fn broker(&self) -> &Arc<dyn Broker> {
        self.services().brokers.main()
    }

    /// Makes this pipeline what runs: connectors that are new or have changed are started, those that are gone are stopped.
    /// Returns when each has been tried once. What needs a restart ([`PipelineHost::needs_restart`]) stays as it was. Calling
    /// it again while it runs replaces what is desired; the earlier call need not be waited for.
    pub async fn apply(&self, mut pipeline: Pipeline) -> Result<Applied, Failure> {
        // What carries the name in the broker and on the disk would be left behind.
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

    /// The settings of this pipeline that differ from what runs, and that only a restart changes.
    pub fn needs_restart(&self, pipeline: &Pipeline) -> Vec<&'static str> {
        self.first.difference(pipeline).settings
    }

    /// Reads files again that connectors read while they run: certificates.
    pub async fn reload_files(&self) {
        self.registry.reload(&self.services().states).await;
    }

    /// What the connectors of a kind share in this host: see `SourceConnector::Shared`.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.services().states.get()
    }

    /// Where an endpoint of a source is reached, if it runs.
    pub fn location(&self, source: &ConnectorId, endpoint: &str) -> Option<String> {
        self.services().locations.of(source, endpoint)
    }

    /// Stops taking in, finishes what is under way until the deadline, gives the broker what sources have confirmed, and closes
    /// everything. What is unfinished stays in the broker.
    pub async fn shutdown(self, deadline: Instant) -> Result<(), Failure> {
        self.services().health.set_draining();
        self.supervisor.shutdown().await;
        let Services { brokers, letters, .. } = self.services();
        let (brokers, letters) = (brokers.clone(), letters.clone());
        brokers.hand_over(deadline).await;
        drop(self.background);
        drop(self.control);
        letters.close().await?;
        brokers.close().await
    }

    fn services(&self) -> &Services {
        self.supervisor.launcher().services()
    }
}

/// What can be asked of the running pipeline.
struct Answers {
    pipeline: watch::Receiver<Arc<Pipeline>>,
    broker: Arc<dyn Broker>,
    letters: Arc<DeadLetters>,
    asking: Asking,
}

#[async_trait]
impl control::Handler for Answers {
    async fn handle(&self, request: Request) -> Response {
        let answer = match request {
            Request::Query {
                sink,
                statements,
                write,
            } => {
                let pipeline = self.pipeline.borrow().clone();
                let notices = Notices::new(|sentence| tracing::warn!("{sentence}"));
                let question = Question {
                    sink,
                    statements,
                    write,
                };
                query::answer(&pipeline, &question, &self.asking, notices).await
            }
            Request::Operate(operation) => operations::perform(&*self.broker, &operation).await,
            Request::DeadLetters(request) => self.letters.answer(&request).await,
        };
        match answer {
            Ok(values) => Response::Values(values),
            Err(failure) => Response::Error(failure.message),
        }
    }
}

/// Connectors that were refused, each by its name.
fn failure(refused: Refused<Failure>) -> Failure {
    let first = refused.0.first().map(|(_, first)| first.kind);
    let each = refused.0.iter().map(|(id, why)| named(id, why));
    Failure {
        kind: first.unwrap_or(FailureKind::Internal),
        message: each.collect::<Vec<_>>().join("\n"),
    }
}
