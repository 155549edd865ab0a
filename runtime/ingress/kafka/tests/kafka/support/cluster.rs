//! Apache Kafka as a cluster: a controller, and two brokers that have everything twice.

use std::{fs, net::TcpStream, path::Path};

use danube_wasm_testkit::{servers, until};
use tempfile::TempDir;

use super::server::{Running, format_storage, spawn};

/// See the module.
pub(crate) struct Cluster {
    _dir: TempDir,
    _controller: Running,
    brokers: Vec<Broker>,
}

struct Broker {
    port: u16,
    running: Option<Running>,
}

/// What the brokers' properties have alike.
const BROKER: &str = "process.roles=broker
offsets.topic.replication.factor=2
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false";

/// The controller's: a broker that is gone is soon seen to be.
const CONTROLLER: &str = "process.roles=controller
broker.session.timeout.ms=3000";

impl Cluster {
    /// Starts it. None if Kafka is not installed.
    pub(crate) async fn start() -> Option<Self> {
        servers::class_path("kafka")?;
        servers::program("java")?;
        servers::python("confluent_kafka")?;
        let dir = tempfile::tempdir().expect("a directory");
        let controller = servers::free_port();
        let listeners = format!("{CONTROLLER}\nlisteners=CONTROLLER://127.0.0.1:{controller}");
        let running = node(&dir.path().join("1"), 1, controller, &listeners);
        let mut brokers = Vec::new();
        for id in [2, 3] {
            let port = servers::free_port();
            let address = format!("PLAINTEXT://127.0.0.1:{port}");
            let listeners = format!("{BROKER}\nlisteners={address}\nadvertised.listeners={address}");
            brokers.push(Broker {
                port,
                running: Some(node(&dir.path().join(id.to_string()), id, controller, &listeners)),
            });
        }
        for broker in &brokers {
            let address = ("127.0.0.1", broker.port);
            until("a broker listens", || TcpStream::connect(address).ok()).await;
        }
        Some(Self {
            _dir: dir,
            _controller: running,
            brokers,
        })
    }

    /// The brokers, as librdkafka has them.
    pub(crate) fn brokers(&self) -> String {
        let addresses: Vec<_> = self
            .brokers
            .iter()
            .map(|broker| format!("127.0.0.1:{}", broker.port))
            .collect();
        addresses.join(",")
    }

    /// As `kill -9` of the broker with this number.
    pub(crate) fn kill(&mut self, id: usize) {
        self.brokers[id - 2].running.take();
    }
}

/// Starts a node with a directory of its own.
fn node(dir: &Path, id: usize, controller: u16, lines: &str) -> Running {
    fs::create_dir(dir).expect("its directory");
    let properties = format!(
        "node.id={id}\ncontroller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={}\n{lines}\n",
        dir.join("data").display()
    );
    fs::write(dir.join("server.properties"), properties).expect("its properties");
    format_storage(dir, &[]);
    spawn(dir)
}
