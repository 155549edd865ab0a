//! `danube-wasm run FILE`: the story of the process.
//!
//! Read the file (all mistakes at once) → open the admin port → load and check the components → open the log → start every
//! connector → say where everything is → wait for signals → drain, and say how it went.

mod dev;
mod life;

use std::{sync::Arc, time::Duration};

use danube_wasm_config::{Listen, LogFormat, Pipeline};
use danube_wasm_host::{HostOptions, PipelineHost, connectors::registry};
use danube_wasm_sandbox::CompileTier;
use danube_wasm_telemetry::{AdminServer, Health, Metrics, OtlpOptions, Tracing, logging};
use tokio::{sync::Mutex, time::Instant};

use self::{dev::Dev, life::Life};
use crate::{args, exit::Failure, panics, signals::Signals};

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
    let outcome = runtime.block_on(serve(args, pipeline, metrics, tracing.clone(), format.is_text()));
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing.shutdown();
    outcome
}

async fn serve(
    args: &args::Run,
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
        sandbox: crate::sandbox_of(tier(args), &pipeline.data_dir.join("components"))?,
        metrics: metrics.clone(),
        tracing,
        health: health.clone(),
        name: args.files.first().cloned().unwrap_or_default(),
    };
    // First of all, so that it can be seen to live while components are compiled, which takes a language runtime seconds.
    let admin = admin(&pipeline.admin.listen, &metrics, &health).await?;
    let host = tokio::select! {
        opened = PipelineHost::open(pipeline.clone(), options) => opened?,
        () = signals.stop() => {
            tracing::info!("told to stop before everything had started");
            return Ok(());
        }
    };
    let life = Life {
        files: &args.files,
        dev: Dev::start(args, &host).map(Mutex::new),
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

async fn admin(listen: &Listen, metrics: &Arc<Metrics>, health: &Health) -> Result<AdminServer, Failure> {
    let refused = |e: std::io::Error| {
        let message = format!("cannot listen on {listen} for health, metrics and `status`: {e}");
        let help = "set `[admin] port` to another port, or to 0 for any free one; DANUBE_WASM_ADMIN_PORT does the same";
        Failure::configuration(format!("{}: {message}\n  help: {help}", listen.line))
    };
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

/// While a component is being written, a change must be seen at once; in production its code must be quick.
fn tier(args: &args::Run) -> CompileTier {
    match args.dev {
        true => CompileTier::Baseline,
        false => CompileTier::Optimized,
    }
}
