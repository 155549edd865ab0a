//! Three servers under load of several processes, while leaders are killed, servers restarted one after the other, and upgraded:
//! what was confirmed is received, keys are in order, nothing is stored twice. Prints a table.
//!
//! Bounded trials are part of every run. `LEADER_KILLS`, which `make chaos` sets, asks for more of them, and for every type of
//! subscription. An upgrade needs an older server: `NATS_SERVER_BEFORE`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

#[path = "support/load.rs"]
mod load;
mod support;

use std::{path::PathBuf, sync::Arc, time::Duration};

use danube_wasm_broker::{Broker as _, TopicSpec};
use danube_wasm_broker_nats::Nats;
use danube_wasm_testkit::nats::NatsServer;
use danube_wasm_trials::Row;
use load::{Load, named, patient};
use serde_json::Value;
use support::{topic, within};

#[tokio::test]
#[ignore = "is started by other tests"]
async fn publishing_process() {
    load::publisher().await;
}

#[tokio::test]
#[ignore = "is started by other tests"]
async fn consuming_process() {
    load::consumer().await;
}

/// Three servers, and a client that looks at them.
struct Site {
    _directory: tempfile::TempDir,
    servers: Vec<NatsServer>,
    nats: Arc<Nats>,
}

impl Site {
    async fn start(program: Option<PathBuf>) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut servers = NatsServer::start_cluster(directory.path(), 3, "")?;
        if let Some(program) = program {
            // Nothing is stored yet.
            for server in &mut servers {
                server.kill();
                let _ = std::fs::remove_dir_all(server.store());
                server.set_program(program.clone());
            }
            servers.iter_mut().for_each(NatsServer::spawn);
            servers.iter_mut().for_each(NatsServer::wait);
        }
        let urls: Vec<_> = servers.iter().map(NatsServer::url).collect();
        let nats = Nats::open(patient(&urls.join(","))).unwrap();
        let spec = TopicSpec {
            partitions: 4,
            ..TopicSpec::default()
        };
        within(async { while nats.create_topic(&topic("load"), spec.clone()).await.is_err() {} }).await;
        Some(Self {
            _directory: directory,
            servers,
            nats,
        })
    }

    fn urls(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    async fn info(&self) -> Option<Value> {
        for server in &self.servers {
            let Ok(client) = async_nats::connect(server.url()).await else {
                continue;
            };
            let asked = client.request("$JS.API.STREAM.INFO.dw=default=load", "".into()).await;
            if let Ok(answer) = asked {
                return serde_json::from_slice(&answer.payload).ok();
            }
        }
        None
    }

    async fn leader(&self) -> usize {
        within(async {
            loop {
                let info = self.info().await;
                let name = info.and_then(|info| info["cluster"]["leader"].as_str()?.strip_prefix('n')?.parse().ok());
                if let Some(leader) = name {
                    return leader;
                }
            }
        })
        .await
    }

    /// Every copy has everything: the next fault may come.
    async fn is_whole(&self) {
        within(async {
            loop {
                let info = self.info().await.unwrap_or_default();
                let replicas = info["cluster"]["replicas"].as_array().cloned().unwrap_or_default();
                let current = |replica: &Value| replica["current"] == true && replica["offline"] != true;
                if replicas.len() == 2 && replicas.iter().all(current) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }

    async fn stored(&self) -> u64 {
        let admin = self.nats.admin().unwrap();
        within(async {
            loop {
                if let Ok(topics) = admin.topics().await {
                    return topics[0].messages.unwrap();
                }
            }
        })
        .await
    }
}

/// Waits until so many more rounds are confirmed.
async fn rounds(load: &mut Load, more: usize) {
    let goal = load.rounds() + more;
    within(async {
        while load.rounds() < goal {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

async fn kill_leaders(kind: &str, kills: usize) {
    let Some(mut site) = Site::start(None).await else {
        return;
    };
    let row = Row::new(format!("leaders of NATS killed, {kind}"));
    let mut load = Load::start(&site.urls(), kind, 3);
    for _ in 0..kills {
        rounds(&mut load, 60).await;
        site.is_whole().await;
        let leader = site.leader().await;
        site.servers[leader].kill();
        rounds(&mut load, 10).await;
        site.servers[leader].run();
    }
    rounds(&mut load, 30).await;
    let verdict = load.verify(kind != "Shared").await;
    verdict.expect_whole(row, kills, site.stored().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_killed_under_three_publishing_and_three_consuming_processes() {
    let asked = std::env::var("LEADER_KILLS")
        .ok()
        .and_then(|number| number.parse().ok());
    kill_leaders("KeyShared", asked.unwrap_or(3)).await;
    if let Some(kills) = asked {
        kill_leaders("Shared", kills).await;
        kill_leaders("Failover", kills).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_restarted_one_after_the_other_under_load() {
    let Some(mut site) = Site::start(None).await else {
        return;
    };
    let row = Row::new("servers of NATS restarted, Shared");
    let mut load = Load::start(&site.urls(), "Shared", 2);
    for server in 0..3 {
        rounds(&mut load, 30).await;
        site.is_whole().await;
        site.servers[server].stop();
        site.servers[server].run();
    }
    rounds(&mut load, 30).await;
    let verdict = load.verify(false).await;
    verdict.expect_whole(row, 3, site.stored().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_upgraded_one_after_the_other_under_load() {
    let (Some(before), Some(after)) = (named("NATS_SERVER_BEFORE"), danube_wasm_testkit::nats::executable()) else {
        return;
    };
    let Some(mut site) = Site::start(Some(before)).await else {
        return;
    };
    let row = Row::new("servers of NATS upgraded, Failover");
    let mut load = Load::start(&site.urls(), "Failover", 2);
    for server in 0..3 {
        rounds(&mut load, 30).await;
        site.is_whole().await;
        site.servers[server].stop();
        site.servers[server].set_program(after.clone());
        site.servers[server].run();
    }
    rounds(&mut load, 30).await;
    let verdict = load.verify(true).await;
    verdict.expect_whole(row, 3, site.stored().await);
}
