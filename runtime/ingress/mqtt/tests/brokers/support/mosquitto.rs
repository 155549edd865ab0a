//! Debian's Mosquitto, started and ended by a test.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};
use tempfile::TempDir;

/// A broker on a port of loopback, with a directory of its own.
pub(crate) struct Mosquitto {
    dir: TempDir,
    pub(crate) port: u16,
    server: Server,
}

impl Mosquitto {
    /// With these lines in its configuration beside the listener's. None if it is not installed.
    pub(crate) async fn start(lines: &str) -> Option<Self> {
        Self::start_with(|_| lines.to_owned()).await
    }

    /// As [`Self::start`], with files that are made in its directory first.
    pub(crate) async fn start_with(prepare: impl FnOnce(&Path) -> String) -> Option<Self> {
        servers::program("mosquitto")?;
        servers::python("paho.mqtt")?;
        let dir = tempfile::tempdir().expect("a directory");
        // Mosquitto gives up root's rights where it has them.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("the directory's mode");
        let port = servers::free_port();
        let lines = prepare(dir.path());
        let anonymous = if lines.contains("allow_anonymous") {
            ""
        } else {
            "allow_anonymous true\n"
        };
        let text = format!(
            "listener {port} 127.0.0.1\n{anonymous}persistence true\npersistence_location {}/\nautosave_interval 3600\n\
             max_inflight_messages 20\nmax_queued_messages 100000\nlog_dest stderr\n{lines}\n",
            dir.path().display()
        );
        fs::write(dir.path().join("mosquitto.conf"), text).expect("its configuration");
        let server = spawn(dir.path());
        let broker = Self { dir, port, server };
        broker.listens().await;
        Some(broker)
    }

    async fn listens(&self) {
        let address = ("127.0.0.1", self.port);
        until("mosquitto listens", || TcpStream::connect(address).ok()).await;
    }

    /// Killed without having written its sessions, and started again.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = spawn(self.dir.path());
        self.listens().await;
    }

    /// Killed.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Started again.
    pub(crate) async fn restart(&mut self) {
        self.server = spawn(self.dir.path());
        self.listens().await;
    }

    /// Has it write its sessions now. A broker in production does so at intervals.
    pub(crate) async fn save(&self) {
        let before = self.saved();
        self.signal("USR1");
        until("mosquitto has written its sessions", || {
            (self.saved() > before).then_some(())
        })
        .await;
    }

    /// What it has logged: each packet, and each connection that begins and ends.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.file("mosquitto.log")).unwrap_or_default()
    }

    /// Waits until it has logged this so many times.
    pub(crate) async fn logs(&self, times: usize, what: &str) {
        until(&format!("mosquitto has logged `{what}`"), || {
            (self.log().matches(what).count() >= times).then_some(())
        })
        .await;
    }

    /// It hangs: sockets are open, and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// It goes on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.server.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.expect("kill").success());
    }

    fn saved(&self) -> Option<SystemTime> {
        fs::metadata(self.dir.path().join("mosquitto.db")).ok()?.modified().ok()
    }

    /// Path of a file in its directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn spawn(dir: &Path) -> Server {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("mosquitto.log"))
        .expect("its log");
    let mut command = servers::program("mosquitto").expect("it was there before");
    Server::start(
        command
            .arg("-v")
            .arg("-c")
            .arg(dir.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log),
    )
}
