//! What `run` would find on this machine besides its log and databases: whether it runs, and whether the port of metrics and
//! health is free.

use std::net::TcpListener;

use danube_wasm_config::{Listen, Pipeline};

use super::{Finding, Outcome};
use crate::{
    control::{self, Request},
    operations::Operation,
};

/// Whether the pipeline runs in another process, which has its ports.
pub(super) async fn is_running(pipeline: &Pipeline) -> bool {
    let asked = control::ask(&pipeline.data_dir, &Request::Operate(Operation::Topics)).await;
    matches!(asked, Ok(Some(_)))
}

/// The port of metrics and health, unless this pipeline runs, and has it itself.
pub(super) async fn check(pipeline: &Pipeline, findings: &mut Vec<Finding>) {
    if is_running(pipeline).await {
        findings.push(Finding {
            what: format!("what is in {}", pipeline.data_dir.display()),
            outcome: Outcome::Unknown(
                "a pipeline runs on it, so its schemas and ports are in use and were not looked at".to_owned(),
            ),
        });
        return;
    }
    let listen = &pipeline.admin.listen;
    if listen.port != 0 {
        findings.push(Finding {
            what: format!("listen on {listen}"),
            outcome: bind(listen).await,
        });
    }
}

async fn bind(listen: &Listen) -> Outcome {
    let bound = match listen.resolve().await {
        Ok(address) => TcpListener::bind(address).map(drop),
        Err(error) => Err(error),
    };
    match bound {
        Ok(()) => Outcome::Reached,
        Err(error) => Outcome::Failed(format!("{error}: end what listens there, or choose another `port`")),
    }
}
