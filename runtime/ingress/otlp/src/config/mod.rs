//! The table `[sources.otlp]`.

mod check;
mod receiver;
mod signal;

pub use receiver::Otlp;
pub use signal::{SignalConfig, Split};
