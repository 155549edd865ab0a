//! In place of `nats.rs`, in a program that is built without the feature `nats`. Reading a file that names NATS says the
//! same, with the line.

use std::sync::Arc;

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;

use crate::{Failure, probe::Finding};

pub(crate) fn open(pipeline: &Pipeline) -> Result<Arc<dyn Broker>, Failure> {
    Err(not_built(pipeline))
}

#[allow(clippy::unused_async, reason = "as in `nats.rs`")]
pub(crate) async fn check(pipeline: &Pipeline, _: &mut Vec<Finding>) -> Result<(), Failure> {
    Err(not_built(pipeline))
}

fn not_built(pipeline: &Pipeline) -> Failure {
    Failure::configuration(format!(
        "the broker is {}, and this program was built without the client of NATS: build it with `--features nats`",
        pipeline.service_url
    ))
}
