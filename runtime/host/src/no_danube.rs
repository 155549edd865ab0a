//! In place of `danube.rs`, in a program that is built without the feature `danube`. Reading a file that names a cluster
//! says the same, with the line.

use std::sync::Arc;

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;

use crate::{Failure, probe::Finding};

/// There is none.
pub(crate) enum Cluster {}

impl Cluster {
    pub(crate) fn open(pipeline: &Pipeline) -> Result<Self, Failure> {
        Err(not_built(pipeline))
    }

    pub(crate) fn client(&self) -> &Arc<dyn Broker> {
        match *self {}
    }

    pub(crate) fn open_for_spools(&self) -> Result<Arc<dyn Broker>, Failure> {
        match *self {}
    }
}

#[allow(clippy::unused_async, reason = "as in `danube.rs`")]
pub(crate) async fn check(pipeline: &Pipeline, _: &mut Vec<Finding>) -> Result<(), Failure> {
    Err(not_built(pipeline))
}

fn not_built(pipeline: &Pipeline) -> Failure {
    Failure::configuration(format!(
        "the broker is {}, and this program was built without the client of Danube: build it with `--features danube`",
        pipeline.service_url
    ))
}
