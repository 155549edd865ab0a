//! Publishing through the log on disk.
//!
//! ```text
//! publisher → log (durable: confirmed) → forwarder: [window] → broker → flush time, session still there → gone from here
//! ```

mod flush_confirmation;
mod forwarder;
mod lanes;
mod publisher;
mod refused;
mod rejections;
mod run;
mod unconfirmed_publishes;
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
pub(crate) use refused::{list as list_refused, remove as remove_refused};

/// The broker's answer, with a deadline above that of its client.
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
