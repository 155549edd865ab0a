//! `danube-wasm broker`: the embedded log served over Danube's wire API, until SIGTERM or SIGINT.

use std::{net::SocketAddr, path::Path, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{Broker, embedded::EmbeddedBroker, embedded::RetentionOptions};
use danube_wasm_broker_server::{Secret, ServerOptions, TlsIdentity, serve};
use danube_wasm_telemetry::logging;
use tokio::net::TcpListener;

use danube_wasm_host::{
    control::{self, Answer, ControlSocket, Request},
    log_in, open_log, operations, tail,
};

use crate::{args, exit::Failure, signals::Signals};

/// Serves until it is told to stop.
pub(crate) fn broker(args: &args::Broker) -> Result<(), Failure> {
    logging::init(logging::LogFormat::Auto);
    let runtime = crate::runtime()?;
    runtime.block_on(run(args))
}

async fn run(args: &args::Broker) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(Failure::internal)?;
    let options = options(args)?;
    std::fs::create_dir_all(&args.data_dir)
        .map_err(|e| Failure::configuration(format!("{} cannot be made: {e}", args.data_dir.display())))?;
    let retention = RetentionOptions {
        keep: std::time::Duration::from_secs(args.keep_secs),
        keep_bytes: args.keep_bytes,
        age: args.retention_secs.map(std::time::Duration::from_secs),
        bytes: args.retention_bytes,
        ..RetentionOptions::default()
    };
    let log = open_log(&log_in(&args.data_dir), retention).await?;
    let mut listeners = Vec::new();
    for address in &args.listen {
        listeners.push(listen(address).await?);
    }
    let control = ControlSocket::bind(&args.data_dir, Arc::new(Answers(log.clone())))
        .map_err(|e| Failure::configuration(format!("cannot listen in {}: {e}", args.data_dir.display())))?;
    for listener in &listeners {
        let address = listener.local_addr().map_err(Failure::internal)?;
        warn_if_open(args, address);
        tracing::info!(%address, data_dir = %args.data_dir.display(), "serving Danube's API from one node: what it confirms is on this disk");
    }
    let served = serve(log.clone(), listeners, options, async { signals.stop().await }).await;
    tracing::info!("stopping");
    drop(control);
    let closed = log.close().await;
    served.map_err(Failure::configuration)?;
    closed.map_err(Failure::internal)?;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|e| Failure::configuration(format!("--listen {address}: {e}")))
}

/// Whoever reaches the port can read and write everything.
fn warn_if_open(args: &args::Broker, address: SocketAddr) {
    if !address.ip().is_loopback() && args.token_file.is_none() {
        tracing::warn!(%address, "anybody who reaches this address can read and write every topic: add --token-file, and --tls-cert with --tls-key");
    }
}

fn options(args: &args::Broker) -> Result<ServerOptions, Failure> {
    let read = |flag: &str, path: &Path| {
        std::fs::read(path).map_err(|e| Failure::configuration(format!("{flag} {}: {e}", path.display())))
    };
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(TlsIdentity {
            certificate_pem: read("--tls-cert", cert)?,
            key_pem: read("--tls-key", key)?,
        }),
        _ => None,
    };
    let token = match &args.token_file {
        Some(path) => {
            let text = String::from_utf8(read("--token-file", path)?)
                .map_err(|_| Failure::configuration(format!("--token-file {}: not text", path.display())))?;
            Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
        None => None,
    };
    Ok(ServerOptions {
        advertised_url: args.advertise.clone(),
        tls,
        token,
        unacknowledged_max: args.window,
        ack_timeout: std::time::Duration::from_secs(args.ack_timeout_secs),
        ..ServerOptions::default()
    })
}

/// What can be asked of a running broker.
struct Answers(Arc<EmbeddedBroker>);

#[async_trait]
impl control::Handler for Answers {
    async fn handle(&self, request: Request) -> Answer {
        let refused = |why: &str| Err(danube_wasm_host::Failure::usage(format!("this is a broker: {why}")));
        if let Request::Tail(request) = &request {
            let broker: Arc<dyn Broker> = self.0.clone();
            return match tail::begin(&broker, request).await {
                Ok(values) => Answer::Stream(values),
                Err(failure) => Answer::Once(Err(failure)),
            };
        }
        Answer::Once(match request {
            Request::Operate(operation) => operations::perform(&*self.0, &operation).await,
            Request::DeadLetters(_) => {
                refused("the dead letters of a pipeline are with its own process, so name its file")
            }
            Request::Query { .. } => refused("it has no database to query"),
            _ => refused("it runs no connector, so name the file of a pipeline"),
        })
    }
}
