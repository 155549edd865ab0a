//! `danube-wasm run FILE`: the story of the process.
//!
//! Read the file (all mistakes at once) → load and check the components → open the log → start sinks, then sources →
//! say where everything is → wait for signals → drain, and say how it went.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::Broker;
use danube_wasm_config::{LogFormat, Pipeline};
use danube_wasm_pipeline::supervisor::Supervisor;
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{AdminServer, Health, Metrics, OtlpOptions, Tracing, logging};
use tokio::time::Instant;

use crate::{
    args, assemble,
    brokers::Brokers,
    control::{self, ControlSocket, Request, Response},
    exit::Failure,
    launcher::{Listeners, Tools, Workshop},
    letters::Letters,
    operate, settings,
    signals::{self, Signals},
    spools,
    terminal::{self, Live},
    unused,
    verbs::query,
    watch,
};

/// Runs until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Result<(), Failure> {
    let loaded = assemble::read_to_run(&args.files).map_err(Failure::configuration)?;
    let pipeline = &loaded.pipeline;
    let format = log_format(pipeline);
    logging::init(format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let tracing = Tracing::new(otlp(pipeline).as_ref()).map_err(Failure::configuration)?;
    let runtime = crate::runtime()?;
    let outcome = runtime.block_on(serve(&args.files, pipeline, tracing.clone(), format.is_text()));
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing.shutdown();
    outcome
}

async fn serve(files: &[PathBuf], pipeline: &Pipeline, tracing: Tracing, is_text: bool) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(Failure::internal)?;
    let metrics = Metrics::new().map_err(Failure::internal)?;
    let health = Health::default();
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
        sandbox,
        brokers: brokers.clone(),
        letters: letters.clone(),
        metrics: metrics.clone(),
        tracing,
        health: health.clone(),
    });
    let supervisor = Arc::new(Supervisor::new(workshop, pipeline.shutdown.grace));
    let control = ControlSocket::bind(
        &pipeline.data_dir,
        Arc::new(Answers {
            pipeline: pipeline.clone(),
            broker: broker.clone(),
            letters: letters.clone(),
        }),
    );
    let control = control
        .map_err(|e| Failure::configuration(format!("cannot listen in {}: {e}", pipeline.data_dir.display())))?;
    let watching = tokio::spawn(watch::watch(
        brokers.clone(),
        metrics.clone(),
        health.clone(),
        is_buffered(pipeline),
    ));

    let started = tokio::select! {
        applied = supervisor.apply(desired) => Some(applied.map_err(first_failure)),
        () = signals.stop() => None,
    };
    let ended = match started {
        None => {
            tracing::info!("told to stop before everything had started");
            Ok(())
        }
        Some(Err(failure)) => Err(failure),
        Some(Ok(_)) => {
            let live = is_text
                .then(|| Live::start(metrics.clone(), broker.clone(), health.clone()))
                .flatten();
            if is_text {
                terminal::announce(
                    pipeline,
                    &supervisor.launcher().tools().listeners.addresses().await,
                    admin.local_addr(),
                );
            }
            tracing::info!(pipeline = %pipeline.name, connectors = pipeline.connectors().count(), admin = %admin.local_addr(), "running");
            unused::warn(pipeline, files, &*broker).await;
            until_stopped(files, pipeline, &supervisor, &mut signals).await;
            drop(live);
            Ok(())
        }
    };
    health.set_draining();
    tracing::info!("stopping: finishing what is under way");
    let deadline = Instant::now() + pipeline.shutdown.grace;
    let draining = async {
        supervisor.shutdown().await;
        brokers.hand_over(deadline).await;
    };
    tokio::select! {
        () = draining => {}
        () = signals.stop() => {
            tracing::warn!("told to stop a second time: ending at once; what is unfinished stays in the broker");
            std::process::exit(1);
        }
    }
    watching.abort();
    drop(control);
    drop(admin);
    letters.close().await?;
    brokers.close().await?;
    tracing::info!("stopped");
    ended
}

/// Whether every connector can do without the broker for a while.
fn is_buffered(pipeline: &Pipeline) -> bool {
    pipeline.sources.iter().all(|source| source.buffer.is_some())
        && pipeline.sinks.iter().all(|sink| sink.buffer.is_some())
}

/// Reloads at SIGHUP, returns at SIGTERM or SIGINT.
async fn until_stopped(files: &[PathBuf], first: &Pipeline, supervisor: &Supervisor<Workshop>, signals: &mut Signals) {
    while signals.next().await == signals::Request::Reload {
        let reloading = reload(files, first, supervisor);
        tokio::select! {
            () = reloading => {}
            () = signals.stop() => return,
        }
    }
}

/// Applies the file again. A file with a mistake changes nothing.
async fn reload(files: &[PathBuf], first: &Pipeline, supervisor: &Supervisor<Workshop>) {
    let loaded = match assemble::read_to_run(files) {
        Ok(loaded) => loaded,
        Err(errors) => {
            tracing::error!("the file was not applied, everything goes on as it was:\n{errors}");
            return;
        }
    };
    for setting in first.difference(&loaded.pipeline).settings {
        tracing::warn!(setting, "this changed in the file, and needs a restart");
    }
    supervisor.launcher().tools().listeners.reload_tls().await;
    let applied = match assemble::desired(&loaded.pipeline) {
        Ok(desired) => supervisor.apply(desired).await.map_err(|refused| refused.to_string()),
        Err(failure) => Err(failure.message),
    };
    match applied {
        Ok(applied) => {
            tracing::info!(
                started = applied.started.len(),
                changed = applied.changed.len(),
                stopped = applied.stopped.len(),
                unchanged = applied.unchanged.len(),
                "the file was applied again"
            );
            unused::warn(&loaded.pipeline, files, &**supervisor.launcher().tools().brokers.main()).await;
        }
        Err(why) => tracing::error!("the file was not applied as a whole:\n{why}"),
    }
}

async fn admin(pipeline: &Pipeline, metrics: &Arc<Metrics>, health: &Health) -> Result<AdminServer, Failure> {
    let listen = &pipeline.admin.listen;
    let refused = |e: std::io::Error| Failure::configuration(format!("admin: cannot listen on {listen}: {e}"));
    let address: SocketAddr = settings::resolve(listen).await.map_err(refused)?;
    AdminServer::bind(address, metrics.clone(), health.clone())
        .await
        .map_err(refused)
}

/// What can be asked of the running pipeline.
struct Answers {
    pipeline: Pipeline,
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
            } => query::answer(&self.pipeline, sink.as_deref(), &statements, write).await,
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

fn first_failure(refused: danube_wasm_pipeline::supervisor::Refused<Failure>) -> Failure {
    let code = refused
        .0
        .first()
        .map_or(crate::exit::INTERNAL, |(_, failure)| failure.code);
    let message = refused
        .0
        .into_iter()
        .map(|(_, failure)| failure.message)
        .collect::<Vec<_>>()
        .join("\n");
    Failure { code, message }
}
