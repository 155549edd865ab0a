//! What is in `deploy/` is true: every path, port, flag and variable exists, says the same everywhere, and every danube-wasm
//! command runs. No container engine takes part: of images of others, their flags and variables are compared with a list
//! and their ports with each other; they and the orchestrators themselves are not run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Loader, Pipeline as Configured, Source};
use danube_wasm_host::connectors::registry;
use danube_wasm_ingress_http::{Webhook, WebhookSource};
use serde::Deserialize as _;
use serde_yaml_ng::Value;
use tempfile::TempDir;

use crate::harness::{Pipeline, root};

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join("deploy").join(path)).unwrap_or_else(|e| panic!("deploy/{path}: {e}"))
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_sequence().expect("a list");
    items
        .iter()
        .map(|item| item.as_str().expect("a text").to_owned())
        .collect()
}

fn webhook(source: &Source) -> &Webhook {
    source
        .connector
        .downcast::<WebhookSource>()
        .expect("a source of webhooks")
}

/// A broker for whatever is started.
fn broker(dir: &TempDir) -> (Pipeline, String) {
    let (broker, address) = Pipeline::broker(&dir.path().join("broker"), "127.0.0.1:0", &[]);
    (broker, format!("http://{address}"))
}

/// What files configure, with these variables.
fn configured(files: &[PathBuf], env: &BTreeMap<String, String>) -> Configured {
    let loaded = Loader::new(registry(), env).load_all(files);
    loaded.unwrap_or_else(|found| panic!("{found}")).pipeline
}

/// Every address that files listen on: webhooks, then metrics and health.
fn ports(configured: &Configured) -> Vec<u16> {
    let webhooks = configured
        .sources
        .iter()
        .map(|source| webhook(source).listener.listen.port);
    webhooks.chain([configured.admin.listen.port]).collect()
}

/// The port at the end of an address, or of a mapping of ports.
fn port(text: &str) -> u16 {
    let digits = text.rsplit(':').next().expect("a port");
    digits.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Flags and variables of the images of others: danube-broker and danube-admin v0.15.1.
const OTHERS: &[&str] = &[
    "--config-file",
    "--broker-addr",
    "--admin-addr",
    "--advertised-addr",
    "--partitions",
    "--dispatch-strategy",
    "--namespace",
    "--user",
    "--pass",
    "DANUBE_ADMIN_ENDPOINT",
];

/// The value of a flag of a command.
fn flag<'a>(command: &'a [String], flag: &str) -> &'a str {
    let at = command.iter().position(|word| word == flag);
    let value = at.and_then(|at| command.get(at + 1));
    value.unwrap_or_else(|| panic!("no {flag} in {command:?}"))
}

/// A command, as a list or as one text.
fn words(command: &Value) -> Vec<String> {
    match command.as_str() {
        Some(line) => line.split_whitespace().map(str::to_owned).collect(),
        None => texts(command),
    }
}

/// Flags, variables and files of a service of somebody else's image, and what it depends on.
fn others_are_known(name: &str, service: &Value) {
    let image = service["image"]
        .as_str()
        .unwrap_or_else(|| panic!("{name} has neither image nor build"));
    let version = image.rsplit(':').next().expect("a version");
    assert!(version.starts_with('v'), "{name}: {image} is whatever is newest");
    let command = words(&service["command"]);
    for word in command.iter().flat_map(|words| words.split_whitespace()) {
        // `--flag=value` would be another word, and Danube's broker knows none such.
        assert!(!word.starts_with("--") || OTHERS.contains(&word), "{name}: {word}");
    }
    for variable in service["environment"]
        .as_mapping()
        .into_iter()
        .flat_map(|all| all.keys())
    {
        assert!(
            OTHERS.contains(&variable.as_str().expect("a name")),
            "{name} sets {variable:?}"
        );
    }
    // What is read from a file or written to one is on a volume.
    let mounts: Vec<_> = (service["volumes"].as_sequence().into_iter().flatten())
        .filter_map(|volume| volume.as_str()?.split(':').nth(1))
        .collect();
    for word in &command {
        let path = word.rsplit(':').next().unwrap_or_default();
        let path = path.strip_prefix("//").unwrap_or(path);
        let is_path = path.starts_with('/') && !word.contains(' ');
        assert!(
            !is_path || mounts.iter().any(|mount| path.starts_with(mount)),
            "{name}: {word} is on no volume"
        );
    }
}

/// Services that are waited for exist, and can become what is waited for.
fn needs_what_is_there(compose: &Value, name: &str, service: &Value) {
    let needs = match &service["depends_on"] {
        Value::Sequence(names) => names.iter().map(|needed| (needed, "service_started")).collect(),
        Value::Mapping(needs) => {
            let needs = needs.iter();
            needs
                .map(|(needed, how)| (needed, how["condition"].as_str().expect("a condition")))
                .collect()
        }
        _ => Vec::new(),
    };
    for (needed, condition) in needs {
        let other = &compose["services"][needed];
        assert!(!other.is_null(), "{name} waits for {needed:?}, which is not there");
        match condition {
            "service_started" => {}
            "service_healthy" => assert!(
                !other["healthcheck"].is_null(),
                "{name}: {needed:?} has no health check"
            ),
            "service_completed_successfully" => assert!(other["ports"].is_null(), "{name}: {needed:?} never ends"),
            other => panic!("{name}: {other} is no condition"),
        }
    }
}

/// Every variable that is set must be one that somebody reads.
fn is_known(variable: &str, files: &[PathBuf]) -> bool {
    let manual = std::fs::read_to_string(root().join("docs/configuration.md")).expect("the manual");
    let used =
        |file: &PathBuf| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("${{{variable}")));
    manual.contains(&format!("`{variable}`")) || files.iter().any(used)
}

/// Runs a command as a container would, but on free ports and in a scratch directory, until it works.
fn runs(command: &[String], env: &BTreeMap<String, String>, scratch: &Path, broker: &str) -> Pipeline {
    let data = scratch.join("data").display().to_string();
    let database = format!("surrealkv://{}", scratch.join("db").display());
    let mut env = env.clone();
    for (name, value) in [
        ("DANUBE_SERVICE_URL", broker),
        ("SURREALDB_URL", &database),
        ("DANUBE_WASM_DATA_DIR", &data),
        ("DANUBE_WASM_ADMIN_PORT", "0"),
        ("SERVER_PORT", "0"),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    let env: Vec<_> = env.iter().map(|(name, value)| (&**name, &**value)).collect();
    let args: Vec<_> = command.iter().map(String::as_str).collect();
    let pipeline = Pipeline::spawn_args(&args, &env);
    pipeline.until("it runs", |p| p.log("running").is_some());
    assert_eq!(pipeline.admin("/health/live").0, 200);
    pipeline.until("it is ready", |p| p.admin("/health/ready").0 == 200);
    pipeline
}

#[test]
fn the_compose_file_runs_and_scales() {
    let compose: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("YAML");
    let scratch = tempfile::tempdir().expect("a directory");
    let (broker, url) = broker(&scratch);
    let services = compose["services"].as_mapping().expect("services");
    for (name, service) in services {
        let name = name.as_str().expect("a name");
        assert!(
            service["container_name"].is_null(),
            "{name} has a fixed name and cannot be scaled"
        );
        for volume in service["volumes"].as_sequence().into_iter().flatten() {
            let volume = volume.as_str().expect("a volume");
            let from = volume.split(':').next().expect("a source");
            match from.starts_with('.') {
                true => assert!(root().join("deploy").join(from).exists(), "{name}: {from}"),
                false => assert!(
                    !compose["volumes"].is_null() && compose["volumes"].get(from).is_some(),
                    "{name}: {from}"
                ),
            }
        }
        needs_what_is_there(&compose, name, service);
        let Some(build) = service.get("build").filter(|build| !build.is_null()) else {
            others_are_known(name, service);
            continue;
        };
        assert!(
            root()
                .join("deploy")
                .join(build["context"].as_str().expect("a context"))
                .join("Cargo.toml")
                .exists()
        );
        assert!(root().join(build["dockerfile"].as_str().expect("a file")).exists());
        let files = root().join("examples/danube-connect");
        let command: Vec<String> = texts(&service["command"])
            .iter()
            .map(|word| word.replace("/etc/danube-wasm", &files.display().to_string()))
            .collect();
        let env: BTreeMap<String, String> =
            serde_yaml_ng::from_value(service["environment"].clone()).expect("variables");
        for variable in env.keys() {
            assert!(is_known(variable, &[]), "{name} sets {variable}, which nobody reads");
        }
        let configured = configured(&[PathBuf::from(&command[1])], &env);
        for mapping in service["ports"].as_sequence().into_iter().flatten() {
            let mapping = mapping.as_str().expect("a port");
            assert!(
                ports(&configured).contains(&port(mapping)),
                "{name}: nothing listens on {mapping}"
            );
            assert!(
                mapping.contains('-') || !mapping.contains(':'),
                "{mapping} is one port of the host: a second {name} finds it taken"
            );
        }
        if let Some(check) = service["healthcheck"].get("test") {
            let check = texts(check);
            assert_eq!(&check[..3], ["CMD", "/usr/local/bin/danube-wasm", "health"], "{name}");
            assert_eq!(port(&check[3]), configured.admin.listen.port, "{name}: {check:?}");
        }
        runs(&command, &env, &scratch.path().join(name), &url).stop();
    }
    let config: Value = serde_yaml_ng::from_str(&read("danube_broker.yml")).expect("YAML");
    assert_eq!(
        config["bootstrap_namespaces"],
        Value::from(vec!["default"]),
        "the init step makes the others"
    );
    broker.stop();
}

#[test]
fn the_compose_files_addresses_agree() {
    let compose: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("YAML");
    let service = |name: &str| &compose["services"][name];
    let command = words(&service("broker")["command"]);
    let config: Value = serde_yaml_ng::from_str(&read("danube_broker.yml")).expect("YAML");
    let in_file = |name: &str| config["broker"]["ports"][name].as_u64().expect("a port");
    let alias = service("broker")["networks"]["default"]["aliases"][0]
        .as_str()
        .expect("an alias");
    let client = port(flag(&command, "--broker-addr"));
    assert_eq!(u64::from(client), in_file("client"));
    assert_eq!(u64::from(port(flag(&command, "--admin-addr"))), in_file("admin"));
    assert_eq!(flag(&command, "--advertised-addr"), format!("{alias}:{client}"));
    let endpoint = service("topic")["environment"]["DANUBE_ADMIN_ENDPOINT"]
        .as_str()
        .expect("a URL");
    assert_eq!(endpoint, format!("http://{alias}:{}", in_file("admin")));
    for name in ["webhook", "sink"] {
        let environment = &service(name)["environment"];
        assert_eq!(
            environment["DANUBE_SERVICE_URL"],
            format!("http://{alias}:{client}").as_str(),
            "{name}"
        );
        // The port of the database's image.
        assert_eq!(environment["SURREALDB_URL"], "surrealdb:8000", "{name}");
    }
}

#[test]
fn the_compose_file_takes_no_webhook_before_the_sink_has_subscribed() {
    let compose: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("YAML");
    let condition = |name: &str, needed: &str| {
        let condition = &compose["services"][name]["depends_on"][needed]["condition"];
        condition.as_str().map(str::to_owned)
    };
    assert_eq!(condition("webhook", "sink").as_deref(), Some("service_healthy"));
    assert_eq!(
        condition("sink", "topic").as_deref(),
        Some("service_completed_successfully")
    );
    // The topic is made as the webhook's file has it.
    let files = root().join("examples/danube-connect");
    let configured = configured(&[files.join("webhook-connector.toml")], &BTreeMap::new());
    let endpoint = &webhook(&configured.sources[0]).endpoints[0];
    let script = compose["services"]["topic"]["command"][0].as_str().expect("a script");
    let dispatch = match endpoint.reliable_dispatch {
        true => "reliable",
        false => "non_reliable",
    };
    let create = format!(
        "danube-admin topics create {} --partitions {} --dispatch-strategy {dispatch}",
        endpoint.topic, endpoint.partitions
    );
    assert!(script.contains(&create), "no `{create}` in {script}");
    let namespace = format!("danube-admin namespaces create {}", endpoint.topic.namespace());
    assert!(script.contains(&namespace), "no `{namespace}` in {script}");
}

/// The servers themselves are started by a test of `runtime/broker/nats`.
#[cfg(feature = "nats")]
#[test]
fn the_compose_file_of_nats_runs() {
    let compose: Value = serde_yaml_ng::from_str(&read("docker-compose.nats.yml")).expect("YAML");
    let scratch = tempfile::tempdir().expect("a directory");
    let servers = danube_wasm_testkit::nats::NatsServer::start_cluster(&scratch.path().join("nats"), 3, "");
    let Some(servers) = servers else { return };
    let urls: Vec<_> = servers.iter().map(|server| server.url()).collect();
    let folder = root().join("deploy/nats");
    for name in ["webhook", "sink"] {
        let service = &compose["services"][name];
        needs_what_is_there(&compose, name, service);
        let file = folder.join(format!("{name}.toml"));
        assert_eq!(
            texts(&service["command"]),
            ["run".to_owned(), format!("/etc/danube-wasm/{name}.toml")]
        );
        let mut env: BTreeMap<String, String> =
            serde_yaml_ng::from_value(service["environment"].clone()).expect("variables");
        for variable in env.keys() {
            assert!(
                is_known(variable, std::slice::from_ref(&file)),
                "{name} sets {variable}, which nobody reads"
            );
        }
        let configured = configured(std::slice::from_ref(&file), &env);
        for mapping in service["ports"].as_sequence().into_iter().flatten() {
            let mapping = mapping.as_str().expect("a port");
            assert!(
                ports(&configured).contains(&port(mapping)),
                "{name}: nothing listens on {mapping}"
            );
        }
        for (n, server) in servers.iter().enumerate() {
            env.insert(format!("MONITORING_{}", n + 1), server.monitoring_url());
        }
        env.insert("BROKER_URL".to_owned(), urls.join(","));
        // A port of this machine may be taken, /data is not ours, and a database in this process has no users; a disk may have
        // less room than each topic reserves.
        let own = scratch.path().join(name);
        std::fs::create_dir_all(&own).expect("a directory");
        std::fs::copy(folder.join("payment.json"), own.join("payment.json")).expect("a schema");
        let text = std::fs::read_to_string(&file).expect("a file");
        let text = text
            .replace("port = 8080", "port = 0")
            .replace("\"/data\"", &format!("{:?}", own.join("data")))
            .replace("username = \"${SURREALDB_USERNAME}\"\n", "")
            .replace("password = \"${SURREALDB_PASSWORD}\"\n", "")
            .replace("[nats]\n", "[nats]\ntopic_bytes_max = 104857600\n");
        std::fs::write(own.join("pipeline.toml"), text).expect("written");
        let args = ["run".to_owned(), own.join("pipeline.toml").display().to_string()];
        runs(&args, &env, &own, "").stop();
    }
}

#[test]
fn the_manifests_fit_together_and_run() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (broker, url) = broker(&scratch);
    for manifest in ["webhook", "sink"] {
        let text = read(&format!("kubernetes/{manifest}.yaml"));
        let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).expect("YAML"))
            .collect();
        let of = |kind: &str| {
            let found = documents.iter().find(|document| document["kind"] == kind);
            found.unwrap_or_else(|| panic!("{manifest} has no {kind}"))
        };
        let set = of("StatefulSet");
        let name = &set["metadata"]["name"];
        assert_eq!(&of("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"], name);
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        for selector in [
            &set["spec"]["selector"]["matchLabels"],
            &of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            &of("Service")["spec"]["selector"],
        ] {
            assert_eq!(selector, labels);
        }
        assert_eq!(&set["spec"]["serviceName"], &of("Service")["metadata"]["name"]);

        // The files, where the container would find them.
        let pod = &set["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let files = scratch.path().join(manifest);
        std::fs::create_dir_all(&files).expect("a directory");
        let mut written = Vec::new();
        let originals = scratch.path().join(format!("{manifest}-as-written"));
        std::fs::create_dir_all(&originals).expect("a directory");
        for (file, text) in of("ConfigMap")["data"].as_mapping().expect("files") {
            let text = text.as_str().expect("a text");
            let path = files.join(file.as_str().expect("a name"));
            std::fs::write(originals.join(file.as_str().expect("a name")), text).expect("written");
            // A port of this machine may be taken, and its /data is not ours.
            let text = text
                .replace("port = 8080", "port = 0")
                .replace("\"/data\"", &format!("{:?}", files.join("data")));
            std::fs::write(&path, text).expect("written");
            written.push(path);
        }
        let mounts = container["volumeMounts"].as_sequence().expect("mounts");
        let claims = set["spec"]["volumeClaimTemplates"]
            .as_sequence()
            .expect("claims")
            .iter()
            .map(|c| &c["metadata"]["name"]);
        let volumes = pod["volumes"]
            .as_sequence()
            .expect("volumes")
            .iter()
            .map(|v| &v["name"]);
        let known: Vec<&Value> = claims.chain(volumes).collect();
        for mount in mounts {
            assert!(known.contains(&&mount["name"]), "{manifest}: {mount:?}");
        }
        assert!(mounts.iter().any(|mount| mount["mountPath"] == "/data"));

        let config = std::fs::read_to_string(files.join("pipeline.toml")).expect("written");
        let grace: u64 = config
            .lines()
            .find_map(|l| l.trim().strip_prefix("grace_secs = ")?.parse().ok())
            .expect("a grace time");
        assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(grace));
        let number = |name: &Value| {
            let ports = container["ports"].as_sequence().expect("ports");
            let found = ports.iter().find(|p| &p["name"] == name);
            found.and_then(|p| p["containerPort"].as_u64())
        };
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = &container[probe]["httpGet"];
            assert_eq!(number(&get["port"]), number(&"admin".into()), "{manifest}: {probe}");
            assert!(["/health/live", "/health/ready"].contains(&get["path"].as_str().expect("a path")));
        }
        let mut env = BTreeMap::new();
        for variable in container["env"].as_sequence().expect("variables") {
            let name = variable["name"].as_str().expect("a name").to_owned();
            assert!(is_known(&name, &written), "{manifest} sets {name}, which nobody reads");
            env.insert(name, variable["value"].as_str().unwrap_or("a-secret").to_owned());
        }
        // Who listens, who forwards and who scrapes agree on the ports.
        let configured = configured(&[originals.join("pipeline.toml")], &env);
        let listened = ports(&configured);
        let (admin, webhooks) = listened.split_last().expect("a port");
        assert_eq!(number(&"admin".into()), Some(u64::from(*admin)), "{manifest}");
        assert_eq!(
            number(&"webhooks".into()).into_iter().collect::<Vec<_>>(),
            webhooks.iter().copied().map(u64::from).collect::<Vec<_>>(),
            "{manifest}"
        );
        for forwarded in of("Service")["spec"]["ports"].as_sequence().expect("ports") {
            let to = number(&forwarded["targetPort"]);
            assert!(
                to.is_some(),
                "{manifest}: no port of the container is called {:?}",
                forwarded["targetPort"]
            );
        }
        let scraped = &set["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"];
        assert_eq!(scraped.as_str().map(port), Some(*admin), "{manifest}");
        let down = &of("HorizontalPodAutoscaler")["spec"]["behavior"]["scaleDown"];
        assert_eq!(
            down["policies"][0]["value"], 1,
            "{manifest}: pods go one by one, with what is on their disks"
        );
        // A database in this process has no users.
        let plain = config
            .replace("username = \"${SURREALDB_USERNAME}\"\n", "")
            .replace("password = \"${SURREALDB_PASSWORD}\"\n", "");
        std::fs::write(files.join("pipeline.toml"), plain).expect("written");
        let args: Vec<String> = texts(&container["args"])
            .iter()
            .map(|word| word.replace("/etc/danube-wasm", &files.display().to_string()))
            .collect();
        runs(&args, &env, &files, &url).stop();
    }
    broker.stop();
}

#[test]
fn the_image_is_built_from_what_there_is() {
    let dockerfile = read("Dockerfile");
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    assert!(dockerfile.contains("make guests") && makefile.contains("\nguests test-guests:"));
    assert!(dockerfile.contains("cargo build --release -p danube-wasm"));
    assert!(dockerfile.contains(":nonroot"), "the final image runs without root");
    let toolchain = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let version = toolchain
        .lines()
        .find_map(|l| l.strip_prefix("rust-version = "))
        .expect("a version")
        .trim_matches('"');
    assert!(
        dockerfile.contains(&format!("FROM rust:{version}-")),
        "the image builds with Rust {version}"
    );
    let exposed = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("EXPOSE "))
        .expect("ports");
    let exposed: Vec<u16> = exposed.split(' ').map(port).collect();
    let example = root().join("examples/danube-connect/webhook-connector.toml");
    assert_eq!(exposed, ports(&configured(&[example], &BTreeMap::new())));
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("ENV ")) {
        let variable = line.split('=').next().expect("a name");
        assert!(is_known(variable, &[]), "{variable}, which nobody reads");
    }
}
