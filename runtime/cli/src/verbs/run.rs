//! `danube-wasm run FILE`: the story of the process.
//!
//! Read the file (all mistakes at once) → load and check the components → open the log → start every connector → say where
//! everything is → wait for signals → drain, and say how it went.

use std::{future::pending, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::Broker;
use danube_wasm_config::{LogFormat, Pipeline};
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::supervisor::{Applied, Refused, Supervisor};
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{AdminServer, Health, Metrics, OtlpOptions, Tracing, logging};
use tokio::{sync::watch, time::Instant};

use crate::{
    args,
    assemble::{self, Spec},
    background::{self, Background},
    brokers::Brokers,
    control::{self, ControlSocket, Request, Response},
    exit::Failure,
    launcher::{Listeners, Tools, Workshop, named},
    letters::Letters,
    operate, settings,
    signals::{self, Signals},
    spools,
    terminal::{self, Live},
    unused,
    verbs::query,
};

/// Every connector that is to run.
type Desired = Vec<(ConnectorId, Spec)>;

/// Runs until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Result<(), Failure> {
    let loaded = assemble::read_to_run(&args.files).map_err(Failure::configuration)?;
    let pipeline = &loaded.pipeline;
    let format = log_format(pipeline);
    logging::init(format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let metrics = Metrics::new().map_err(Failure::internal)?;
    let tracing = Tracing::new(otlp(pipeline).as_ref(), &metrics).map_err(Failure::configuration)?;
    let runtime = crate::runtime()?;
    let outcome = runtime.block_on(serve(&args.files, pipeline, metrics, tracing.clone(), format.is_text()));
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing.shutdown();
    outcome
}

async fn serve(
    files: &[PathBuf],
    pipeline: &Pipeline,
    metrics: Arc<Metrics>,
    tracing: Tracing,
    is_text: bool,
) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(Failure::internal)?;
    background::log_panics(metrics.clone());
    let health = Health::starting();
    let desired = assemble::desired(pipeline)?;
    // Everything that can be wrong with a component is found out before a file or a socket is opened.
    let sandbox = crate::sandbox(&pipeline.data_dir.join("components"))?;
    crate::launcher::admit(&sandbox, &desired).await?;

    spools::refuse_stranded(pipeline).await?;
    let brokers = Arc::new(Brokers::open(pipeline).await?);
    let broker = brokers.main().clone();
    let letters = Letters::open(pipeline, &brokers).await?;
    let admin = admin(pipeline, &metrics, &health).await?;
    let workshop = Workshop::new(Tools {
        schemas: Arc::new(Schemas::new(broker.registry())),
        listeners: Listeners::new(metrics.clone(), tracing.clone()),
        sandbox: sandbox.clone(),
        brokers: brokers.clone(),
        letters: letters.clone(),
        metrics: metrics.clone(),
        tracing,
        health: health.clone(),
    });
    let current = watch::Sender::new(Arc::new(pipeline.clone()));
    let control = ControlSocket::bind(
        &pipeline.data_dir,
        Arc::new(Answers {
            pipeline: current.subscribe(),
            broker: broker.clone(),
            letters: letters.clone(),
        }),
    );
    let control = control
        .map_err(|e| Failure::configuration(format!("cannot listen in {}: {e}", pipeline.data_dir.display())))?;
    let mut background = Background::new(health.clone());
    background.spawn("watch", {
        let (brokers, metrics, health) = (brokers.clone(), metrics.clone(), health.clone());
        let current = current.subscribe();
        move || crate::watch::watch(brokers.clone(), metrics.clone(), health.clone(), current.clone())
    });
    background.spawn("workers", {
        let health = health.clone();
        move || background::watch_workers(sandbox.clone(), health.clone())
    });

    let life = Life {
        files,
        first: pipeline,
        current,
        supervisor: Supervisor::new(workshop, pipeline.shutdown.grace),
        admin: admin.local_addr(),
        live: is_text.then(|| (metrics.clone(), broker.clone())),
    };
    let ended = life.until_stopped(desired, &mut signals).await;
    health.set_draining();
    tracing::info!("stopping: finishing what is under way");
    let deadline = Instant::now() + pipeline.shutdown.grace;
    let draining = async {
        life.supervisor.shutdown().await;
        brokers.hand_over(deadline).await;
    };
    tokio::select! {
        () = draining => {}
        () = signals.stop() => {
            tracing::warn!("told to stop a second time: ending at once; what is unfinished stays in the broker");
            std::process::exit(1);
        }
    }
    drop(background);
    drop(control);
    drop(admin);
    letters.close().await?;
    brokers.close().await?;
    tracing::info!("stopped");
    ended
}

/// A pipeline from its first start to its stop.
struct Life<'a> {
    files: &'a [PathBuf],
    /// As it was when the process began: what needs a restart is as it is here.
    first: &'a Pipeline,
    /// As it is to run now.
    current: watch::Sender<Arc<Pipeline>>,
    supervisor: Supervisor<Workshop>,
    admin: SocketAddr,
    /// Where a person watches.
    live: Option<(Arc<Metrics>, Arc<dyn Broker>)>,
}

/// A change that is under way.
type Change<'a> = Pin<Box<dyn Future<Output = Result<Applied, Failure>> + Send + 'a>>;

impl Life<'_> {
    /// Starts everything; reloads at SIGHUP, also while something starts; returns at SIGTERM or SIGINT, or when the first
    /// start is refused.
    async fn until_stopped(&self, desired: Desired, signals: &mut Signals) -> Result<(), Failure> {
        let mut change: Option<Change<'_>> = Some(Box::pin(self.apply(Arc::new(self.first.clone()), desired)));
        let mut live = None;
        let mut is_running = false;
        loop {
            let changed = async {
                match &mut change {
                    Some(change) => change.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                request = signals.next() => match request {
                    signals::Request::Stop if !is_running => {
                        tracing::info!("told to stop before everything had started");
                        break;
                    }
                    signals::Request::Stop => break,
                    // What is under way goes on without being waited for, or is replaced.
                    signals::Request::Reload => change = self.reload().await.or(change),
                },
                changed = changed => {
                    change = None;
                    match changed {
                        Ok(applied) if is_running => tell(&applied),
                        Ok(applied) => {
                            is_running = true;
                            live = self.announce(&applied).await;
                        }
                        Err(failure) if is_running => {
                            tracing::error!("the file was not applied as a whole:\n{failure}");
                        }
                        Err(failure) => return Err(failure),
                    }
                }
            }
        }
        drop(live);
        Ok(())
    }

    async fn apply(&self, pipeline: Arc<Pipeline>, desired: Desired) -> Result<Applied, Failure> {
        let applying = self.supervisor.dispatch(desired).await.map_err(failure)?;
        self.current.send_replace(pipeline.clone());
        let tools = self.supervisor.launcher().tools();
        tools.health.all_known();
        let applied = applying.settled().await.map_err(failure)?;
        unused::warn(&pipeline, self.files, &**tools.brokers.main()).await;
        Ok(applied)
    }

    /// Reads the file again. A file with a mistake changes nothing.
    async fn reload(&self) -> Option<Change<'_>> {
        let mut pipeline = match assemble::read_to_run(self.files) {
            Ok(loaded) => loaded.pipeline,
            Err(errors) => {
                tracing::error!("the file was not applied, everything goes on as it was:\n{errors}");
                return None;
            }
        };
        for setting in self.first.difference(&pipeline).settings {
            tracing::warn!(setting, "this changed in the file, and needs a restart");
        }
        self.supervisor.launcher().tools().listeners.reload_tls().await;
        // What carries the name in the broker and on the disk would be left behind.
        pipeline.rename(&self.first.name);
        match assemble::desired(&pipeline) {
            Ok(desired) => Some(Box::pin(self.apply(Arc::new(pipeline), desired))),
            Err(failure) => {
                tracing::error!("the file was not applied, everything goes on as it was:\n{failure}");
                None
            }
        }
    }

    /// Says that it runs, and where everything is.
    async fn announce(&self, applied: &Applied) -> Option<Live> {
        let tools = self.supervisor.launcher().tools();
        let live = self.live.clone();
        if live.is_some() {
            terminal::announce(self.first, &tools.listeners.addresses().await, self.admin);
        }
        let connectors = self.current.borrow().connectors().count();
        tracing::info!(pipeline = %self.first.name, connectors, waiting = applied.waiting.len(), admin = %self.admin, "running");
        live.and_then(|(metrics, broker)| Live::start(metrics, broker, tools.health.clone()))
    }
}

/// How a reload went.
fn tell(applied: &Applied) {
    tracing::info!(
        started = applied.started.len(),
        changed = applied.changed.len(),
        stopped = applied.stopped.len(),
        unchanged = applied.unchanged.len(),
        waiting = applied.waiting.len(),
        "the file was applied again"
    );
}

async fn admin(pipeline: &Pipeline, metrics: &Arc<Metrics>, health: &Health) -> Result<AdminServer, Failure> {
    let listen = &pipeline.admin.listen;
    let refused =
        |e: std::io::Error| Failure::configuration(format!("{}: admin: cannot listen on {listen}: {e}", listen.line));
    let address: SocketAddr = settings::resolve(listen).await.map_err(refused)?;
    AdminServer::bind(address, metrics.clone(), health.clone())
        .await
        .map_err(refused)
}

/// What can be asked of the running pipeline.
struct Answers {
    pipeline: watch::Receiver<Arc<Pipeline>>,
    broker: Arc<dyn Broker>,
    letters: Arc<Letters>,
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
                query::answer(&pipeline, sink.as_deref(), &statements, write).await
            }
            Request::Operate(operation) => operate::perform(&*self.broker, &operation).await,
            Request::Letters(request) => self.letters.answer(&request).await,
        };
        match answer {
            Ok(values) => Response::Values(values),
            Err(failure) => Response::Error(failure.message),
        }
    }
}

fn otlp(pipeline: &Pipeline) -> Option<OtlpOptions> {
    let endpoint = pipeline.telemetry.otlp_endpoint.as_ref()?;
    Some(OtlpOptions {
        endpoint: endpoint.as_str().to_owned(),
        sample_ratio: pipeline.telemetry.sample_ratio,
        service_name: format!("danube-wasm/{}", pipeline.name),
    })
}

fn log_format(pipeline: &Pipeline) -> logging::LogFormat {
    match pipeline.telemetry.log_format {
        LogFormat::Auto => logging::LogFormat::Auto,
        LogFormat::Json => logging::LogFormat::Json,
        LogFormat::Text => logging::LogFormat::Text,
    }
}

/// Connectors that were refused, each by its name.
fn failure(refused: Refused<Failure>) -> Failure {
    let code = refused.0.first().map_or(crate::exit::INTERNAL, |(_, first)| first.code);
    let each = refused.0.iter().map(|(id, why)| named(id, why));
    Failure {
        code,
        message: each.collect::<Vec<_>>().join("\n"),
    }
}
