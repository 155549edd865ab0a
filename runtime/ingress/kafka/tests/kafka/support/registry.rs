//! A real schema registry, Apicurio's with Confluent's API, a gate in front of it, and Confluent's serializers.

use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The registry that tests of this process share: what it has is in memory.
pub(crate) struct Registry {
    port: u16,
    _running: super::server::Running,
}

/// The shared one. None if it is not installed.
pub(crate) async fn shared() -> Option<Arc<Registry>> {
    static SHARED: OnceCell<Option<Arc<Registry>>> = OnceCell::const_new();
    SHARED.get_or_init(start).await.clone()
}

async fn start() -> Option<Arc<Registry>> {
    let folder = servers::unpacked_program("kafka", "apicurio-registry-app")?;
    servers::python("confluent_kafka.schema_registry.avro")?;
    let mut java = servers::program("java")?;
    let entries = std::fs::read_dir(&folder).expect("its folder").flatten();
    let jar = entries
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-runner.jar"));
    let port = servers::free_port();
    let java = java
        .args([
            "-Xmx384m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Dquarkus.http.host=127.0.0.1",
        ])
        .arg(format!("-Dquarkus.http.port={port}"))
        .arg("-jar")
        .arg(jar.expect("its program"));
    let running = super::server::keep(java, Stdio::null(), Stdio::null());
    until("the registry listens", || TcpStream::connect(("127.0.0.1", port)).ok()).await;
    Some(Arc::new(Registry {
        port,
        _running: running,
    }))
}

impl Registry {
    /// Where its API begins.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }

    /// Lets Confluent's serializers produce what a scenario of `serializers.py` says; gives the ids of the values.
    pub(crate) async fn produce(&self, brokers: &str, topic: &str, scenario: &str) -> Vec<u32> {
        let mut python = servers::python("confluent_kafka.schema_registry.avro").expect("it was there before");
        let python = python
            .arg(script("serializers.py"))
            .args([&self.url(), brokers, topic, scenario]);
        let output = tokio::task::block_in_place(|| python.output()).expect("python");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scenario}: {errors}");
        serde_json::from_slice(&output.stdout).expect("ids")
    }
}

/// What a gate is to do.
#[derive(Default)]
pub(crate) struct Gate<'a> {
    /// The one value of `authorization` that is let in.
    pub(crate) authorization: &'a str,
    /// Certificate and key, in one file: then it speaks TLS.
    pub(crate) pem: Option<&'a Path>,
    /// What everything is answered with, instead of what the registry says.
    pub(crate) answer: Option<(u16, &'a str)>,
}

impl Gate<'_> {
    /// Opens it on this port; it is shut when what is returned is dropped.
    pub(crate) async fn open(&self, registry: &Registry, port: u16) -> Server {
        let behind = format!("http://127.0.0.1:{}", registry.port);
        let config = json!([port, behind, self.authorization, self.pem, self.answer]);
        let mut python = servers::python("json").expect("python");
        let server = Server::start(
            python
                .arg(script("front.py"))
                .arg(config.to_string())
                .stderr(Stdio::null()),
        );
        until("the gate is open", || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        server
    }
}

/// How often each path was asked for through a gate.
pub(crate) async fn asked(port: u16) -> Value {
    let mut curl = servers::python("json").expect("python");
    let code = format!("import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/asked').read().decode())");
    let output = run(curl.args(["-c", &code]));
    serde_json::from_slice(&output).expect("JSON")
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = tokio::task::block_in_place(|| command.output()).expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/kafka/support")
        .join(name)
}
