//! Counts what is in a spool that is not in use, without a broker.

use std::path::Path;

use danube_wasm_broker::{Broker, Result};

use crate::{options::SpoolOptions, store::Store};

/// How many records and messages the spool in a directory holds, refused ones included. It is opened only for that. If
/// there is none, an empty log is created, as by [`Spool::open`](crate::Spool::open).
///
/// Those of [`EmbeddedBroker::open`](danube_wasm_broker::embedded::EmbeddedBroker::open):
/// [`ErrorKind::Conflict`](danube_wasm_broker::ErrorKind::Conflict) when the spool is in use, another when it cannot be
/// read.
pub async fn count_records(directory: &Path) -> Result<u64> {
    let store = Store::open(&SpoolOptions::new(directory)).await?;
    let (status, closed) = (store.status().await, store.log.close().await);
    // The error of counting says more than that of closing.
    let status = status?;
    closed?;
    Ok(status.records + status.refused)
}
