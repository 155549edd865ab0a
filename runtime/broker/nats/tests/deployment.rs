//! The servers that are deployed: what `deploy/` starts is started here, and what danube-wasm promises on it is checked.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use danube_wasm_broker::{Broker as _, TopicSpec};
use danube_wasm_broker_nats::{Auth, Nats, NatsOptions, Secret, Tls};
use danube_wasm_test_certs::FileAuthority;
use danube_wasm_testkit::servers::{Server, free_port, python_program};
use serde::Deserialize as _;
use serde_yaml_ng::Value;
use support::{open, publish, record, topic, within};

fn deploy(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The configuration of a server on this machine: with its ports, directories and files, and nothing else changed.
struct Ports {
    client: u16,
    monitoring: u16,
    cluster: u16,
}

/// Three servers with this configuration.
struct Cluster {
    ports: Vec<Ports>,
    _servers: Vec<Server>,
}

fn on_this_machine(config: &str, directory: &Path, ports: &Ports, routes: &str) -> String {
    let replaced = |config: String, from: &str, to: &str| {
        assert!(config.contains(from), "no `{from}` in the configuration");
        config.replace(from, to)
    };
    let config = replaced(
        config.to_owned(),
        "0.0.0.0:4222",
        &format!("127.0.0.1:{}", ports.client),
    );
    let config = replaced(config, "0.0.0.0:8222", &format!("127.0.0.1:{}", ports.monitoring));
    let config = replaced(config, "0.0.0.0:6222", &format!("127.0.0.1:{}", ports.cluster));
    let config = replaced(
        config,
        "store_dir: /data",
        &format!("store_dir: \"{}\"", directory.display()),
    );
    let config = config.replace("/tmp/nats.pid", &directory.join("pid").display().to_string());
    let line = config
        .lines()
        .find(|line| line.trim().starts_with("routes:"))
        .expect("routes")
        .to_owned();
    config.replace(&line, routes)
}

impl Cluster {
    fn start(directory: &Path, config: &str, arguments: &[String], env: &[(&str, &str)]) -> Option<Self> {
        let ports: Vec<Ports> = (0..3)
            .map(|_| Ports {
                client: free_port(),
                monitoring: free_port(),
                cluster: free_port(),
            })
            .collect();
        let routes: Vec<_> = ports
            .iter()
            .map(|ports| format!("nats://127.0.0.1:{}", ports.cluster))
            .collect();
        let routes = format!("routes: [{}]", routes.join(", "));
        let mut servers = Vec::new();
        for (n, of_one) in ports.iter().enumerate() {
            let own = directory.join(format!("n{n}"));
            std::fs::create_dir_all(&own).unwrap();
            std::fs::write(own.join("nats.conf"), on_this_machine(config, &own, of_one, &routes)).unwrap();
            let mut command = Command::new(python_program("nats-server")?.get_program());
            let replaced = arguments.iter().map(|argument| {
                let argument = argument.replace("/etc/nats/nats.conf", &own.join("nats.conf").display().to_string());
                argument.replace("NAME", &format!("n{n}"))
            });
            command.args(replaced).envs(env.iter().copied());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            servers.push(Server::start(&mut command));
        }
        Some(Self {
            ports,
            _servers: servers,
        })
    }

    fn options(&self, scheme: &str) -> NatsOptions {
        let mut options = NatsOptions::new(
            self.ports
                .iter()
                .map(|ports| format!("{scheme}://localhost:{}", ports.client)),
        );
        let monitoring = self
            .ports
            .iter()
            .map(|ports| format!("http://127.0.0.1:{}", ports.monitoring));
        options.monitoring = monitoring.collect();
        options.topic_bytes_max = 1 << 30;
        options
    }
}

async fn is_durable(options: NatsOptions) {
    let promises = within(async {
        loop {
            match Nats::open(options.clone()).unwrap().probe().await {
                Ok(promises) => return promises,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    })
    .await;
    assert!(
        promises.synced && promises.warnings.is_empty(),
        "{:?}",
        promises.warnings
    );
    assert_eq!(
        promises.record_bytes_max,
        (8 << 20) - (40 << 10),
        "`max_payload` is 8 MB"
    );
    let nats = open(options);
    support::create(&nats, &topic("t")).await;
    within(nats.create_topic(&topic("t"), TopicSpec::default()))
        .await
        .unwrap();
    let publisher = nats.publisher("p").await.unwrap();
    let published = publish(&*publisher, vec![vec![record(&topic("t"), None, "x")]])
        .await
        .remove(0);
    assert!(published.unwrap().durable);
}

fn arguments(command: &Value, name: &str) -> Vec<String> {
    let words = command.as_sequence().expect("a list").iter();
    words
        .map(|word| word.as_str().expect("a text").replace(name, "NAME"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_compose_file_starts_is_a_cluster_on_which_records_are_durable() {
    let compose: Value = serde_yaml_ng::from_str(&deploy("docker-compose.nats.yml")).unwrap();
    let config = deploy("nats/nats.conf");
    for n in 1..=3 {
        let name = format!("nats-{n}");
        let service = &compose["services"][&name];
        assert!(config.contains(&format!("nats://{name}:6222")), "{name} is no route");
        assert_eq!(
            arguments(&service["command"], &name),
            ["--config", "/etc/nats/nats.conf", "--name", "NAME"]
        );
        let volumes: Vec<_> = service["volumes"]
            .as_sequence()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(
            volumes,
            ["./nats:/etc/nats:ro".to_owned(), format!("{name}:/data")],
            "each has its own disk"
        );
        for file in ["webhook.toml", "sink.toml"] {
            let pipeline = deploy(&format!("nats/{file}"));
            assert!(
                pipeline.contains(&format!("nats://{name}:4222")),
                "{file} does not name {name}"
            );
            assert!(
                pipeline.contains(&format!("http://{name}:8222")),
                "{file} does not ask {name}"
            );
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let arguments = arguments(&compose["services"]["nats-1"]["command"], "nats-1");
    let Some(cluster) = Cluster::start(directory.path(), &config, &arguments, &[]) else {
        return;
    };
    is_durable(cluster.options("nats")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_compose_files_servers_speak_tls_with_the_file_for_that() {
    let directory = tempfile::tempdir().unwrap();
    let authority = FileAuthority::new(directory.path(), "ours");
    let (cert, key) = authority.issue_files("localhost");
    let include = "# include ./tls.conf";
    let config = deploy("nats/nats.conf");
    assert!(config.contains(include));
    let tls = deploy("nats/tls.conf");
    let tls = tls.replace("/etc/nats/certs/tls.crt", &cert.display().to_string());
    let tls = tls.replace("/etc/nats/certs/tls.key", &key.display().to_string());
    for n in 0..3 {
        let own = directory.path().join(format!("n{n}"));
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("tls.conf"), &tls).unwrap();
    }
    let config = config.replace(include, "include ./tls.conf");
    let arguments = ["--config", "/etc/nats/nats.conf", "--name", "NAME"].map(str::to_owned);
    let env = [("NATS_USER", "pipeline"), ("NATS_PASSWORD", "secret")];
    let Some(cluster) = Cluster::start(directory.path(), &config, &arguments, &env) else {
        return;
    };
    let mut options = cluster.options("tls");
    options.tls = Some(Tls {
        ca_file: Some(authority.ca_file()),
        identity: None,
    });
    options.auth = Auth::Password {
        user: "pipeline".into(),
        password: Secret::new("secret"),
    };
    is_durable(options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_manifests_start_is_a_cluster_on_which_records_are_durable() {
    let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&deploy("kubernetes/nats.yaml"))
        .map(|document| Value::deserialize(document).unwrap())
        .collect();
    let of = |kind: &str| {
        documents
            .iter()
            .find(|document| document["kind"] == kind)
            .expect("is there")
    };
    let (set, service) = (of("StatefulSet"), of("Service"));
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &set["spec"]["selector"]["matchLabels"],
        &of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &service["spec"]["selector"],
        &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    assert_eq!(set["spec"]["serviceName"], service["metadata"]["name"]);
    let config = of("ConfigMap")["data"]["nats.conf"].as_str().unwrap();
    // Who listens and who forwards agree; each server is a route under the name that its pod has.
    for port in container["ports"].as_sequence().unwrap() {
        let number = port["containerPort"].as_u64().unwrap();
        assert!(config.contains(&format!("0.0.0.0:{number}")), "{port:?}");
        let forwarded = service["spec"]["ports"].as_sequence().unwrap();
        assert!(
            forwarded
                .iter()
                .any(|one| one["port"] == number && one["targetPort"] == port["name"]),
            "{port:?}"
        );
    }
    let name = set["metadata"]["name"].as_str().unwrap();
    for n in 0..set["spec"]["replicas"].as_u64().unwrap() {
        assert!(config.contains(&format!("nats://{name}-{n}.{name}:6222")), "{n}");
    }
    let mounted: Vec<PathBuf> = container["volumeMounts"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|mount| mount["mountPath"].as_str().unwrap().into())
        .collect();
    for place in ["/etc/nats", "/data", "/tmp"] {
        assert!(
            mounted.iter().any(|mount| mount == Path::new(place)),
            "{place} is on no volume"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let arguments = arguments(&container["args"], "$(POD_NAME)");
    let Some(cluster) = Cluster::start(directory.path(), config, &arguments, &[]) else {
        return;
    };
    is_durable(cluster.options("nats")).await;
    // What probes ask is answered.
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        for ports in &cluster.ports {
            let url = format!("http://127.0.0.1:{}{path}", ports.monitoring);
            within(async { while !reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200) {} }).await;
        }
    }
}
