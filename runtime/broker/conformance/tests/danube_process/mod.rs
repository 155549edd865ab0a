//! A Danube broker of a case's own, from the executable that `DANUBE_BROKER` names: one that can be restarted.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
};

use danube_wasm_broker_conformance::within;

/// See the module. SIGKILL ends it: Danube handles no signal.
pub(crate) struct DanubeProcess {
    executable: PathBuf,
    directory: tempfile::TempDir,
    address: SocketAddr,
    admin: SocketAddr,
    raft: SocketAddr,
    running: Option<Running>,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl DanubeProcess {
    /// Starts one, if there is an executable.
    pub(crate) async fn start() -> Option<Self> {
        let executable: PathBuf = std::env::var_os("DANUBE_BROKER")
            .filter(|path| !path.is_empty())?
            .into();
        assert!(
            executable.is_file(),
            "DANUBE_BROKER={} is no file",
            executable.display()
        );
        say_version(&executable);
        let mut process = Self {
            executable,
            directory: tempfile::tempdir().expect("a directory"),
            address: free_port(),
            admin: free_port(),
            raft: free_port(),
            running: None,
        };
        process.run().await;
        Some(process)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it and starts it again on what it stored.
    pub(crate) async fn restart(&mut self) {
        self.running = None;
        self.run().await;
    }

    async fn run(&mut self) {
        let directory = self.directory.path();
        let (said, config) = (directory.join("said"), directory.join("danube.yml"));
        fs::write(&config, self.config(directory)).expect("a file");
        let output = File::options().create(true).append(true).open(&said).expect("a file");
        let child = Command::new(&self.executable)
            .arg("--config-file")
            .arg(&config)
            .args(["--connect-url", &self.url()])
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .stdin(Stdio::null())
            .spawn();
        let mut running = Running(child.expect("the broker's executable"));
        within(async {
            while TcpStream::connect(self.address).is_err() {
                let ended = running.0.try_wait().expect("a child");
                assert!(
                    ended.is_none(),
                    "Danube ended, {ended:?}: {}",
                    fs::read_to_string(&said).unwrap_or_default()
                );
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await;
        self.running = Some(running);
    }

    /// A cluster of one. Not `--mode standalone`: 0.15.1 cannot be started again then, once its metadata log was cut. It
    /// writes each message out as it comes: else what it acknowledged in the last five seconds is gone after SIGKILL, which
    /// is no matter of this suite's.
    fn config(&self, directory: &Path) -> String {
        let (client, admin, raft) = (self.address.port(), self.admin.port(), self.raft.port());
        let directory = directory.display();
        format!(
            r#"
cluster_name: "conformance"
broker:
  host: "127.0.0.1"
  ports: {{ client: {client}, admin: {admin}, raft: {raft} }}
meta_store: {{ data_dir: "{directory}/raft" }}
bootstrap_namespaces: ["default"]
auto_create_topics: true
auth: {{ mode: none }}
load_manager: {{ assignment_strategy: "fair", load_report_interval_seconds: 30 }}
storage:
  mode: local
  local_wal_root: "{directory}/wal"
  metadata_prefix: "/danube"
  wal: {{ file_sync: {{ interval_ms: 1, max_batch_bytes: 1 }} }}
policies: {{ max_message_size: 10485760 }}
"#
        )
    }
}

/// What it says of itself, if it does: once.
fn say_version(executable: &Path) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let asked = Command::new(executable).arg("--version").stdin(Stdio::null()).output();
        let version = asked.ok().filter(|output| output.status.success());
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let version = version.filter(|version| !version.is_empty());
        eprintln!(
            "{}: {}",
            executable.display(),
            version.as_deref().unwrap_or("it does not tell its version")
        );
    });
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
