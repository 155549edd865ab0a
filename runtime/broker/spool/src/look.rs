//! How much is in a spool that nobody uses: looking needs no broker, and passes nothing on.

use std::path::Path;

use danube_wasm_broker::{Broker, Result};

use crate::{options::SpoolOptions, store::Store};

/// How many records and messages the spool in a directory holds, refused ones included. It is open for as long as that
/// takes. Where there is none, an empty log is made, as by [`Spool::open`](crate::Spool::open).
///
/// # Errors
/// Those of [`EmbeddedBroker::open`](danube_wasm_broker::embedded::EmbeddedBroker::open), which it is kept by:
/// [`ErrorKind::Conflict`](danube_wasm_broker::ErrorKind::Conflict) when it is in use, another when it cannot be read.
pub async fn records_in(directory: &Path) -> Result<u64> {
    let store = Store::open(&SpoolOptions::new(directory)).await?;
    let (status, closed) = (store.status().await, store.log.close().await);
    // Why it could not be counted tells more than why it could not be closed then.
    let status = status?;
    closed?;
    Ok(status.records + status.refused)
}
