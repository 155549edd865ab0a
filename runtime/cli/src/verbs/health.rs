//! `danube-wasm health`: asks the admin port of a running pipeline whether all of it works. An image without a shell has
//! nothing else to ask with.

use std::time::Duration;

use reqwest::{StatusCode, blocking::Client};

use crate::{args, exit::Failure};

/// Longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Fails if the pipeline is not ready, with what it says of its parts.
pub(crate) fn health(args: &args::Health) -> Result<(), Failure> {
    let place = &args.admin;
    let (status, body) = ask(place).map_err(|e| {
        Failure::not_ready(format!(
            "nothing answers at {place}: {}. Name the host and port of the pipeline's `[admin]`",
            root(&e)
        ))
    })?;
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::SERVICE_UNAVAILABLE => Err(Failure::not_ready(format!("not ready: {}", body.trim()))),
        _ => Err(Failure::not_ready(format!(
            "what answers at {place} is not the admin port of a pipeline: name that of its `[admin]`"
        ))),
    }
}

fn ask(place: &str) -> reqwest::Result<(StatusCode, String)> {
    // No proxy of the environment stands between a process and its own port.
    let client = Client::builder().timeout(DEADLINE).no_proxy().build()?;
    let answer = client.get(format!("http://{place}/health/ready")).send()?;
    Ok((answer.status(), answer.text()?))
}

/// What lies under what reqwest says, which only names the URL.
fn root(error: &reqwest::Error) -> &dyn std::error::Error {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}
