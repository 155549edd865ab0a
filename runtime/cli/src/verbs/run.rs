//! `danube-wasm run FILE`: the story of the process.
//!
//! Read the file (all mistakes at once) → load and check the components → open the log → start every connector → say where
//! everything is → wait for signals → drain, and say how it went.

use std::{future::pending, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use danube_wasm_config::{Listen, LogFormat, Pipeline};
use danube_wasm_host::{HostOptions, PipelineHost, connectors::registry};
use danube_wasm_pipeline::supervisor::Applied;
use danube_wasm_telemetry::{AdminServer, Health, Metrics, OtlpOptions, Tracing, logging};
use tokio::time::Instant;

use crate::{
    args,
    exit::Failure,
    panics,
    signals::{self, Signals},
    terminal::{self, Live},
};

/// Runs until it is told to stop.
pub(crate) fn run(args: &args::Run) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read(&args.files).map_err(Failure::configuration)?;
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
    panics::log(metrics.clone());
    let health = Health::starting();
    let options = HostOptions {
        registry: registry().clone(),
        sandbox: crate::sandbox(&pipeline.data_dir.join("components"))?,
        metrics: metrics.clone(),
        tracing,
        health: health.clone(),
        name: files.first().cloned().unwrap_or_default(),
    };
    let host = PipelineHost::open(pipeline.clone(), options).await?;
    let admin = admin(&pipeline.admin.listen, &metrics, &health).await?;
    let life = Life {
        files,
        first: pipeline,
        host: &host,
        admin: admin.local_addr(),
        watched: is_text.then(|| (metrics.clone(), health.clone())),
    };
    let ended = life.until_stopped(&mut signals).await;
    tracing::info!("stopping: finishing what is under way");
    let deadline = Instant::now() + pipeline.shutdown.grace;
    tokio::select! {
        closed = host.shutdown(deadline) => closed?,
        () = signals.stop() => {
            tracing::warn!("told to stop a second time: ending at once; what is unfinished stays in the broker");
            std::process::exit(1);
        }
    }
    drop(admin);
    tracing::info!("stopped");
    ended
}

/// A pipeline from its first start to its stop.
struct Life<'a> {
    files: &'a [PathBuf],
    first: &'a Pipeline,
    host: &'a PipelineHost,
    admin: SocketAddr,
    /// Where a person watches.
    watched: Option<(Arc<Metrics>, Health)>,
}

/// A change that is under way.
type Change<'a> = Pin<Box<dyn Future<Output = Result<Applied, Failure>> + Send + 'a>>;

impl<'a> Life<'a> {
    /// Starts everything; reloads at SIGHUP, also while something starts; returns at SIGTERM or SIGINT, or when the first
    /// start is refused.
    async fn until_stopped(&self, signals: &mut Signals) -> Result<(), Failure> {
        let mut change: Option<Change<'_>> = Some(self.apply(self.first.clone()));
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
                            live = self.announce(&applied);
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

    fn apply(&self, pipeline: Pipeline) -> Change<'a> {
        let host = self.host;
        Box::pin(async move { Ok(host.apply(pipeline).await?) })
    }

    /// Reads the file again. A file with a mistake changes nothing.
    async fn reload(&self) -> Option<Change<'a>> {
        let pipeline = match danube_wasm_host::read(self.files) {
            Ok(loaded) => loaded.pipeline,
            Err(errors) => {
                tracing::error!("the file was not applied, everything goes on as it was:\n{errors}");
                return None;
            }
        };
        for setting in self.host.needs_restart(&pipeline) {
            tracing::warn!(setting, "this changed in the file, and needs a restart");
        }
        self.host.reload_files().await;
        Some(self.apply(pipeline))
    }

    /// Says that it runs, and where everything is.
    fn announce(&self, applied: &Applied) -> Option<Live> {
        if self.watched.is_some() {
            terminal::announce(self.first, self.host, self.admin);
        }
        let connectors = self.host.pipeline().connectors().count();
        tracing::info!(pipeline = %self.first.name, connectors, waiting = applied.waiting.len(), admin = %self.admin, "running");
        let (metrics, health) = self.watched.clone()?;
        Live::start(metrics, self.host.broker().clone(), health)
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

async fn admin(listen: &Listen, metrics: &Arc<Metrics>, health: &Health) -> Result<AdminServer, Failure> {
    let refused =
        |e: std::io::Error| Failure::configuration(format!("{}: admin: cannot listen on {listen}: {e}", listen.line));
    let address = listen.resolve().await.map_err(refused)?;
    AdminServer::bind(address, metrics.clone(), health.clone())
        .await
        .map_err(refused)
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
