//! What `run` would find on this machine besides its log and databases: whether its ports are free.

use std::{collections::BTreeSet, net::TcpListener};

use danube_wasm_config::{Listen, Pipeline};

use super::{Finding, Outcome};
use crate::{
    control::{self, Request},
    operations::Operation,
};

/// The ports that it would listen on, each once; unless this pipeline runs, and has them itself.
pub(super) async fn check(pipeline: &Pipeline, findings: &mut Vec<Finding>) {
    let asked = control::ask(&pipeline.data_dir, &Request::Operate(Operation::Topics)).await;
    if matches!(asked, Ok(Some(_))) {
        findings.push(Finding {
            what: format!("what is in {}", pipeline.data_dir.display()),
            outcome: Outcome::Unknown(
                "a pipeline runs on it, so its schemas and ports are in use and were not looked at".to_owned(),
            ),
        });
        return;
    }
    let mut seen = BTreeSet::new();
    let of_sources = pipeline.sources.iter().map(|source| &source.webhook.listen);
    for listen in of_sources.chain([&pipeline.admin.listen]) {
        if listen.port != 0 && seen.insert(listen.to_string()) {
            findings.push(Finding {
                what: format!("listen on {listen}"),
                outcome: bind(listen).await,
            });
        }
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
