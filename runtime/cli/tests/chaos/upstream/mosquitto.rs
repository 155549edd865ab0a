//! Debian's MQTT broker, which keeps sessions on disk when it ends in order.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use danube_wasm_testkit::servers::{self, Server};
use tempfile::TempDir;

use super::{
    NAME, Upstream,
    client::Client,
    produce::{event, produce},
};
use crate::checker;

/// A broker at work.
pub struct Mosquitto {
    port: u16,
    server: Option<Server>,
    dir: TempDir,
}

impl Mosquitto {
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self, &'static str> {
        let missing = "Mosquitto or paho-mqtt is not installed: run `make servers`";
        servers::program("mosquitto").ok_or(missing)?;
        servers::python("paho.mqtt").ok_or(missing)?;
        let (dir, port) = (tempfile::tempdir().expect("a directory"), servers::free_port());
        // It gives up root's rights, and writes its sessions there afterwards.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 1000000\npersistence true\n\
             persistence_location {}/\nuser root\n",
            dir.path().display()
        );
        std::fs::write(dir.path().join("mosquitto.conf"), text).expect("its configuration");
        let mut mosquitto = Self {
            port,
            server: None,
            dir,
        };
        mosquitto.spawn();
        Ok(mosquitto)
    }

    fn spawn(&mut self) {
        let mut program = servers::program("mosquitto").expect("it was there before");
        program
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.server = Some(Server::start(&mut program));
        let address = self.address();
        let listens = || TcpStream::connect(address).map(drop).map_err(|error| error.to_string());
        checker::until("Mosquitto listens", listens).expect("it listens");
    }
}

impl Upstream for Mosquitto {
    const SILENCE_SECS: u64 = 3;
    const KEEPS_ORDER: bool = true;
    const READS: &'static str = "subscribed";

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn source(&self, address: SocketAddr, topic: &str) -> String {
        format!(
            "[[sources]]\nname = \"mqtt\"\ncomponent = \"builtin:record-source\"\n[sources.mqtt]\nurl = \"mqtt://{address}\"\n\
             client_id = \"danube\"\nkeep_alive_secs = 2\n[[sources.mqtt.routes]]\nfilter = \"{NAME}/+\"\n\
             danube_topic = \"{topic}\"\npartitions = 4\nkey = {{ level = 2 }}\n"
        )
    }

    fn client(&self) -> Client {
        Client::new(produce("paho.mqtt", &["mqtt", &self.port.to_string(), NAME]), event)
    }

    /// It has what it has acknowledged on disk only when it ends in order.
    fn restart(&mut self) -> bool {
        let mut server = self.server.take().expect("it runs");
        let told = Command::new("kill").arg(server.id().to_string()).status();
        assert!(told.expect("kill").success(), "Mosquitto is gone");
        server.wait();
        self.spawn();
        true
    }
}
