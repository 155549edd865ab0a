//! Publishing by way of the disk.
//!
//! ```text
//! publisher → log (durable: confirmed) → forwarder: [window] → broker → flush time, session still there → gone from here
//! ```

mod denials;
mod doubt;
mod forwarder;
mod lanes;
mod proof;
mod publisher;
mod refused;
mod run;
mod window;
#[cfg(test)]
mod window_tests;

use std::future::Future;

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use tokio::time::timeout;

use crate::limits::CALL_TIME_MAX;

pub(crate) use forwarder::Forwarder;
pub(crate) use publisher::SpoolPublisher;
pub use refused::Refused;
pub(crate) use refused::{let_go as let_refused_go, list as list_refused};

/// The broker's answer, within a time that its client should keep anyway.
async fn answer_of<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(CALL_TIME_MAX, call).await.unwrap_or_else(|_| Err(no_answer()))
}

fn no_answer() -> BrokerError {
    let seconds = CALL_TIME_MAX.as_secs();
    BrokerError::new(
        ErrorKind::Unavailable,
        format!("the broker did not answer within {seconds} s: see whether it and the network to it are well"),
    )
}
