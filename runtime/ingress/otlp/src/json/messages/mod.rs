//! The fields of OTLP's messages.

mod common;
mod logs;
mod metrics;
mod trace;

#[cfg(test)]
mod tests;
