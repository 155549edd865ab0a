//! In place of `nats.rs`, in a program that is built without the feature `nats`. Reading a file that names NATS says the
//! same, with the line.

use std::sync::Arc;

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;

use crate::{Failure, migration::Copyable, probe::Finding};

pub(crate) fn open(pipeline: &Pipeline) -> Result<Arc<dyn Broker>, Failure> {
    Err(not_built(&pipeline.service_url))
}

#[allow(clippy::unused_async, reason = "as in `nats.rs`")]
pub(crate) async fn check(pipeline: &Pipeline, _: &mut Vec<Finding>) -> Result<(), Failure> {
    Err(not_built(&pipeline.service_url))
}

pub(crate) fn copy_of(pipeline: &Pipeline) -> Result<Copyable, Failure> {
    Err(not_built(&pipeline.service_url))
}

pub(crate) fn copy_of_url(url: &str) -> Result<Copyable, Failure> {
    Err(not_built(&url))
}

fn not_built(url: &dyn std::fmt::Display) -> Failure {
    Failure::configuration(format!(
        "the broker is {url}, and this program was built without the client of NATS: build it with `--features nats`"
    ))
}
