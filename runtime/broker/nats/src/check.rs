//! What is promised, checked instead of assumed: at the start, every minute, and by `check --connect`.

use std::{collections::BTreeSet, time::Duration};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::{denied, unavailable},
    limits::MESSAGE_RESERVE_BYTES,
    session::Session,
};

/// The oldest server whose batches, deduplication and moving of positions this client was tested with.
const VERSION_MIN: (u64, u64) = (2, 14);
/// The least that servers must take: smaller ones refuse ordinary records.
const PAYLOAD_BYTES_MIN: usize = 256 << 10;
/// How long a server's monitoring may take.
const MONITORING_TIMEOUT: Duration = Duration::from_secs(5);

/// What was found. Nothing in it keeps a pipeline from running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Promises {
    /// Version of the server that this client is connected to.
    pub version: String,
    /// Largest record with its key and attributes, in bytes.
    pub record_bytes_max: usize,
    /// Whether every server is known to sync each write to its disk.
    pub synced: bool,
    /// What is promised less than it could be, each with what to do.
    pub warnings: Vec<String>,
}

/// The part of `/varz` that matters.
#[derive(Debug, Deserialize)]
struct Varz {
    server_id: String,
    #[serde(default)]
    server_name: String,
    version: String,
    #[serde(default)]
    jetstream: VarzJetStream,
}

#[derive(Debug, Default, Deserialize)]
struct VarzJetStream {
    #[serde(default)]
    config: Option<VarzConfig>,
    #[serde(default)]
    meta: Option<VarzMeta>,
}

#[derive(Debug, Deserialize)]
struct VarzConfig {
    #[serde(default)]
    sync_always: bool,
}

#[derive(Debug, Deserialize)]
struct VarzMeta {
    #[serde(default)]
    cluster_size: usize,
}

/// Asks the server and, where it is told where that is, the monitoring of every server. An error is what no record can
/// pass.
pub(crate) async fn check(session: &Session) -> Result<Promises> {
    let info = session.server_info().await?;
    if version(&info.version).is_some_and(|found| found < VERSION_MIN) {
        return Err(denied(format!(
            "NATS at {}:{} is {}, too old: run 2.14 or newer (2.15.1 is tested)",
            info.host, info.port, info.version
        )));
    }
    if info.cluster.is_none() && session.options.replicas > 1 {
        return Err(denied(format!(
            "NATS at {}:{} is alone and cannot keep {} copies: make a cluster of three servers, or accept one copy with `replicas = 1` \
             and `accept_loss = true`",
            info.host, info.port, session.options.replicas
        )));
    }
    let max_payload = info.max_payload;
    if max_payload < PAYLOAD_BYTES_MIN {
        return Err(denied(format!(
            "NATS takes messages of {max_payload} bytes, too few for records: set `max_payload` in the servers to 1 MB \
             or more, at most 32 MB are stored"
        )));
    }
    let _: Value = session.api("INFO", &json!({}), "asking for JetStream").await?;
    let mut promises = Promises {
        version: info.version,
        record_bytes_max: session.message_bytes_max().saturating_sub(MESSAGE_RESERVE_BYTES),
        ..Promises::default()
    };
    if session.options.replicas < 3 {
        promises.warnings.push(
            "one copy is kept (`replicas = 1`): nothing is durable, and what is confirmed is gone with its disk; run \
             three servers and set `replicas = 3`"
                .to_owned(),
        );
    }
    match monitored(session).await {
        Ok(servers) => check_servers(&servers, &mut promises),
        Err(error) => promises.warnings.push(error.message),
    }
    Ok(promises)
}

/// What monitoring says of every server.
async fn monitored(session: &Session) -> Result<Vec<Varz>> {
    let urls = &session.options.monitoring;
    if urls.is_empty() {
        return Err(unavailable(
            "whether servers sync each write is not known, so nothing counts as durable: set `sync_interval: always` in \
             every server and name their monitoring in `nats.monitoring`",
        ));
    }
    let client = reqwest::Client::builder().timeout(MONITORING_TIMEOUT).build();
    let client = client.map_err(|e| unavailable(format!("monitoring cannot be asked: {e}")))?;
    let mut servers = Vec::new();
    for url in urls {
        let unanswered = |e: reqwest::Error| {
            let cure = "nothing counts as durable until it is; start that server, or correct `nats.monitoring`";
            unavailable(format!(
                "the monitoring {url} does not answer ({}): {cure}",
                e.without_url()
            ))
        };
        let answer = client
            .get(format!("{}/varz", url.trim_end_matches('/')))
            .send()
            .await
            .map_err(unanswered)?;
        servers.push(answer.json::<Varz>().await.map_err(unanswered)?);
    }
    Ok(servers)
}

fn check_servers(servers: &[Varz], promises: &mut Promises) {
    let name = |server: &Varz| match server.server_name.is_empty() {
        true => server.server_id.clone(),
        false => server.server_name.clone(),
    };
    let lazy = |server: &&Varz| {
        server
            .jetstream
            .config
            .as_ref()
            .is_some_and(|config| !config.sync_always)
    };
    let lazy: Vec<String> = servers.iter().filter(lazy).map(name).collect();
    let different: BTreeSet<&str> = servers.iter().map(|server| server.server_id.as_str()).collect();
    let size = servers
        .iter()
        .filter_map(|server| server.jetstream.meta.as_ref())
        .map(|meta| meta.cluster_size)
        .max();
    let size = size.unwrap_or(1);
    let minors: BTreeSet<_> = servers.iter().filter_map(|server| version(&server.version)).collect();
    if minors.len() > 1 {
        let versions: BTreeSet<&str> = servers.iter().map(|server| server.version.as_str()).collect();
        let versions = Vec::from_iter(versions).join(", ");
        promises.warnings.push(format!(
            "servers have different versions ({versions}): bring them all to the newest"
        ));
    }
    if !lazy.is_empty() {
        promises.warnings.push(format!(
            "{} do not sync each write, so nothing counts as durable: set `sync_interval: always` in `jetstream` of \
             every server and restart one after the other",
            lazy.join(", ")
        ));
    } else if different.len() < size {
        promises.warnings.push(format!(
            "`nats.monitoring` names {} of {size} servers, so nothing counts as durable: name all of them",
            different.len()
        ));
    } else {
        promises.synced = true;
    }
}

fn version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Whether an error of [`check`] may go away by itself.
pub(crate) fn is_final(error: &BrokerError) -> bool {
    error.kind == ErrorKind::Denied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, version: &str, sync_always: bool, cluster_size: usize) -> Varz {
        Varz {
            server_id: id.to_owned(),
            server_name: format!("name-{id}"),
            version: version.to_owned(),
            jetstream: VarzJetStream {
                config: Some(VarzConfig { sync_always }),
                meta: Some(VarzMeta { cluster_size }),
            },
        }
    }

    fn checked(servers: &[Varz]) -> (bool, String) {
        let mut promises = Promises::default();
        check_servers(servers, &mut promises);
        (promises.synced, promises.warnings.join("\n"))
    }

    #[test]
    fn all_servers_of_the_cluster_must_sync_always() {
        let of = |always: [bool; 3]| -> Vec<Varz> {
            let ids = ["a", "b", "c"].into_iter().zip(always);
            ids.map(|(id, always)| server(id, "2.15.1", always, 3)).collect()
        };
        assert_eq!(checked(&of([true; 3])), (true, String::new()));
        let (synced, warning) = checked(&of([true, false, true]));
        assert!(
            !synced && warning.contains("name-b") && warning.contains("sync_interval: always"),
            "{warning}"
        );
        let (synced, warning) = checked(&of([true; 3])[..2]);
        assert!(!synced && warning.contains("2 of 3 servers"), "{warning}");
        let twice = [server("a", "2.15.1", true, 2), server("a", "2.15.1", true, 2)];
        assert!(!checked(&twice).0, "one server named twice is one");
    }

    #[test]
    fn servers_of_different_versions_are_told() {
        let servers = [server("a", "2.14.6", true, 2), server("b", "2.15.1", true, 2)];
        assert!(checked(&servers).1.contains("2.14.6, 2.15.1"));
    }
}
