//! Apache Kafka: one node that is broker and controller (KRaft).

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
};

use danube_wasm_testkit::{servers, until};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A broker on a port of loopback, with a directory of its own.
pub(crate) struct Kafka {
    dir: TempDir,
    port: u16,
    running: parking_lot::Mutex<Option<Running>>,
}

/// Its process, which is killed when this is dropped, and when the test's process has ended: also when a test is shared by others
/// and nobody drops it.
pub(crate) struct Running {
    shell: Child,
    _while_open: ChildStdin,
}

/// Kills what it has started when its input ends, or when told to.
const KEEPER: &str = "\"$@\" & trap 'kill -9 $!' EXIT; read _";

/// The one that tests of this process share.
pub(crate) async fn shared() -> Option<Arc<Kafka>> {
    static SHARED: OnceCell<Option<Arc<Kafka>>> = OnceCell::const_new();
    SHARED.get_or_init(|| Kafka::start("")).await.clone()
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Kafka {
    /// With these lines in its properties beside the usual ones. None if it is not installed.
    pub(crate) async fn start(lines: &str) -> Option<Arc<Self>> {
        Self::start_with(lines, &[], |_| ()).await
    }

    /// As [`Self::start`], with files that are made in its directory first, and with these arguments where its storage is formatted.
    pub(crate) async fn start_with(lines: &str, format: &[&str], prepare: impl FnOnce(&Path)) -> Option<Arc<Self>> {
        servers::class_path("kafka")?;
        servers::program("java")?;
        servers::python("confluent_kafka")?;
        let dir = tempfile::tempdir().expect("a directory");
        let (port, controller) = (servers::free_port(), servers::free_port());
        fs::write(
            dir.path().join("server.properties"),
            properties(dir.path(), port, controller, lines),
        )
        .expect("its properties");
        prepare(dir.path());
        format_storage(dir.path(), format);
        let kafka = Self {
            running: parking_lot::Mutex::new(Some(spawn(dir.path()))),
            dir,
            port,
        };
        kafka.answers().await;
        Some(Arc::new(kafka))
    }

    pub(crate) fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Path of a file in its directory.
    #[allow(dead_code, reason = "of tests that are only there with TLS")]
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// As `kill -9`.
    pub(crate) fn kill(&self) {
        self.running.lock().take();
    }

    /// Started again on what it has written.
    pub(crate) async fn restart(&self) {
        *self.running.lock() = Some(spawn(self.dir.path()));
        self.answers().await;
    }

    async fn answers(&self) {
        let address = ("127.0.0.1", self.port);
        until("Kafka listens", || std::net::TcpStream::connect(address).ok()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its keeper ends with it.
        let _ = self._while_open.write_all(b"\n");
        let _ = self._while_open.flush();
        let _ = self.shell.wait();
    }
}

fn properties(dir: &Path, port: u16, controller: u16, lines: &str) -> String {
    let listeners = if lines.contains("listeners=") {
        String::new()
    } else {
        format!(
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        )
    };
    let lines = lines
        .replace("PORT", &port.to_string())
        .replace("CTRL", &controller.to_string())
        .replace("DIR", &dir.display().to_string());
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\nlog.dirs={}\n{listeners}auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=3\nshare.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1000\n\
         group.consumer.min.session.timeout.ms=5000\ngroup.consumer.session.timeout.ms=15000\n\
         group.consumer.min.heartbeat.interval.ms=1000\ngroup.consumer.heartbeat.interval.ms=2000\n\
         log.flush.interval.messages=1\n\
         log.retention.check.interval.ms=500\n{lines}\n",
        dir.join("data").display()
    )
}

fn java(dir: &Path, heap: &str) -> Command {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("kafka.log"));
    let log = log.expect("its log");
    let mut command = servers::program("java").expect("it was there before");
    command
        .arg(heap)
        .arg("-XX:TieredStopAtLevel=1")
        .arg("-XX:+UseSerialGC")
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(servers::class_path("kafka").expect("it was there before"))
        .stdout(log.try_clone().expect("its log"))
        .stderr(log);
    command
}

pub(super) fn format_storage(dir: &Path, more: &[&str]) {
    let mut command = java(dir, "-Xmx128m");
    let command = command.args([
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "4L6g3nShT-eMCtK--X86sw",
        "-c",
    ]);
    let status = command.arg(dir.join("server.properties")).args(more).status();
    assert!(status.expect("java").success(), "the storage could not be formatted");
}

pub(super) fn spawn(dir: &Path) -> Running {
    let mut command = java(dir, "-Xmx512m");
    let command = command.arg("kafka.Kafka").arg(dir.join("server.properties"));
    let log = fs::OpenOptions::new()
        .append(true)
        .open(dir.join("kafka.log"))
        .expect("its log");
    keep(command, log.try_clone().expect("its log").into(), log.into())
}

/// Starts a program that ends with this process.
pub(crate) fn keep(command: &Command, stdout: Stdio, stderr: Stdio) -> Running {
    let mut shell = Command::new("bash");
    let shell = shell
        .args(["-c", KEEPER, "keeper"])
        .arg(command.get_program())
        .args(command.get_args());
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("bash");
    Running {
        _while_open: shell.stdin.take().expect("its input"),
        shell,
    }
}
