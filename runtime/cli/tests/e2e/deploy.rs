//! What is in `deploy/` is true: every path, port, flag and variable exists, and every danube-wasm command runs. No
//! container engine takes part: images of others and the orchestrators themselves are not tested.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

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

/// A broker for whatever is started.
fn broker(dir: &TempDir) -> (Pipeline, String) {
    let (broker, address) = Pipeline::broker(&dir.path().join("broker"), "127.0.0.1:0", &[]);
    (broker, format!("http://{address}"))
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
        let Some(build) = service.get("build").filter(|build| !build.is_null()) else {
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
        runs(&command, &env, &scratch.path().join(name), &url).stop();
    }
    for port in compose["services"]["webhook"]["ports"].as_sequence().expect("ports") {
        let port = port.as_str().expect("a port");
        assert!(
            port.contains('-') || !port.contains(':'),
            "{port} is one port of the host: a second webhook finds it taken"
        );
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
        for (file, text) in of("ConfigMap")["data"].as_mapping().expect("files") {
            let text = text.as_str().expect("a text");
            let path = files.join(file.as_str().expect("a name"));
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
        let ports = container["ports"].as_sequence().expect("ports");
        let number = |name: &Value| {
            ports
                .iter()
                .find(|p| &p["name"] == name)
                .map(|p| p["containerPort"].clone())
        };
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = &container[probe]["httpGet"];
            assert_eq!(number(&get["port"]), Some(Value::from(9090)), "{manifest}: {probe}");
            assert!(["/health/live", "/health/ready"].contains(&get["path"].as_str().expect("a path")));
        }
        let mut env = BTreeMap::new();
        for variable in container["env"].as_sequence().expect("variables") {
            let name = variable["name"].as_str().expect("a name").to_owned();
            assert!(is_known(&name, &written), "{manifest} sets {name}, which nobody reads");
            env.insert(name, variable["value"].as_str().unwrap_or("a-secret").to_owned());
        }
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
    assert!(dockerfile.contains("make guests") && makefile.contains("\nguests:"));
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
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("ENV ")) {
        let variable = line.split('=').next().expect("a name");
        assert!(is_known(variable, &[]), "{variable}, which nobody reads");
    }
}
