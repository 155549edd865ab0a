//! HiveMQ CE, which holds clients to every rule of MQTT 5 and writes its sessions to its disk before it answers.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};
use tempfile::TempDir;

/// A broker on a port of loopback, with a directory of its own.
pub(crate) struct HiveMq {
    dir: TempDir,
    pub(crate) port: u16,
    server: Server,
}

impl HiveMq {
    /// None if it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// With a WebSocket listener at `/mqtt` that takes this subprotocol, and its port.
    pub(crate) async fn start_with_websocket(subprotocol: &str) -> Option<(Self, u16)> {
        let port = servers::free_port();
        let listener = format!(
            "<websocket-listener><port>{port}</port><bind-address>127.0.0.1</bind-address><path>/mqtt</path>\
             <subprotocols><subprotocol>{subprotocol}</subprotocol></subprotocols></websocket-listener>"
        );
        let broker = Self::start_with(&listener).await?;
        until("HiveMQ listens for WebSockets", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        Some((broker, port))
    }

    async fn start_with(listeners: &str) -> Option<Self> {
        servers::class_path("mqtt")?;
        servers::program("java")?;
        servers::python("paho.mqtt")?;
        let dir = tempfile::tempdir().expect("a directory");
        for folder in ["data", "extensions"] {
            fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        let port = servers::free_port();
        let listener =
            format!("<tcp-listener><port>{port}</port><bind-address>127.0.0.1</bind-address></tcp-listener>");
        let text = format!(
            "<?xml version=\"1.0\"?>\n<hivemq><listeners>{listener}{listeners}</listeners>\
             <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics></hivemq>"
        );
        fs::write(dir.path().join("config.xml"), text).expect("its configuration");
        let server = spawn(dir.path());
        let broker = Self { dir, port, server };
        broker.listens().await;
        Some(broker)
    }

    async fn listens(&self) {
        let address = ("127.0.0.1", self.port);
        until("HiveMQ listens", || TcpStream::connect(address).ok()).await;
    }

    /// Killed, and started again on what it has written.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = spawn(self.dir.path());
        self.listens().await;
    }
}

fn spawn(dir: &Path) -> Server {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/brokers/support/HiveMq.java");
    let log = fs::File::create(dir.join("hivemq.log")).expect("its log");
    let mut command = servers::program("java").expect("it was there before");
    let command: &mut Command = command
        .arg("-Xmx256m")
        .arg("-cp")
        .arg(servers::class_path("mqtt").expect("it was there before"));
    Server::start(command.arg(source).arg(dir).stdout(log).stderr(Stdio::null()))
}
