//! Aedes, which speaks 3.1.1 and refuses everything else.

use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};

/// A broker on a port of loopback.
pub(crate) struct Aedes {
    pub(crate) port: u16,
    _server: Server,
}

impl Aedes {
    /// None if it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let (modules, port) = (servers::node_modules("mqtt")?, servers::free_port());
        servers::python("paho.mqtt")?;
        let mut node: Command = servers::program("node")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/brokers/support/aedes.js");
        let command = node.arg(script).arg(modules).arg(port.to_string());
        let server = Server::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        until("Aedes listens", || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        Some(Self { port, _server: server })
    }
}
