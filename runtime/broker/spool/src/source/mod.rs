//! Publishing by way of the disk.
//!
//! ```text
//! publisher → log (durable: confirmed) → forwarder: [window] → broker → flush time, session still there → gone from here
//! ```

mod forwarder;
mod lanes;
mod publisher;
mod refused;
mod window;

pub(crate) use forwarder::Forwarder;
pub(crate) use publisher::SpoolPublisher;
pub use refused::Refused;
pub(crate) use refused::{list as list_refused, retry as retry_refused};
