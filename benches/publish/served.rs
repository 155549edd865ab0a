//! `danube-wasm broker` as it is: the embedded log on disk, served over the wire.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use danube_wasm_benches::child;
use danube_wasm_broker::{
    Broker as _,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_server::{ServerOptions, serve};
use tokio::{net::TcpListener, sync::oneshot};

/// First argument of this process.
pub(crate) const ROLE: &str = "broker";

/// Serves until the parent says that it is over.
pub(crate) async fn run() -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let broker = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(broker.clone(), vec![listener], ServerOptions::default(), async {
        let _ = stopped.await;
    }));
    tokio::task::spawn_blocking(child::wait_for_parent).await?;
    stop.send(()).ok().context("the server ended early")?;
    serving.await??;
    let left: u64 = broker.lag().await?.iter().map(|lag| lag.messages).sum();
    broker.close().await?;
    println!("left={left}");
    Ok(())
}
