//! Who serves Danube's API to a site: `danube-wasm broker`, or a real Danube.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{harness::Pipeline, judge};

/// Which.
#[derive(Clone)]
pub enum Kind {
    Own {
        /// After which it gives a message again. Danube's is 30 s.
        ack_timeout_secs: u64,
    },
    Danube(Danube),
}

/// A real one, and its addresses, which it must find again when it comes back: it remembers where its topics are served.
#[derive(Clone)]
pub struct Danube {
    executable: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    raft: SocketAddr,
}

impl Danube {
    /// A cluster of one. Not `--mode standalone`: 0.15.1 can't be started again then, once its metadata log was cut, which
    /// takes seconds.
    fn config(&self, dir: &Path) -> String {
        let Self {
            address, admin, raft, ..
        } = self;
        let (client, admin, raft) = (address.port(), admin.port(), raft.port());
        let dir = dir.display();
        format!(
            r#"
cluster_name: "chaos"
broker:
  host: "127.0.0.1"
  ports: {{ client: {client}, admin: {admin}, raft: {raft} }}
meta_store: {{ data_dir: "{dir}/raft" }}
bootstrap_namespaces: ["default"]
auto_create_topics: true
auth: {{ mode: none }}
load_manager: {{ assignment_strategy: "fair", load_report_interval_seconds: 30 }}
storage: {{ mode: local, local_wal_root: "{dir}/wal", metadata_prefix: "/danube" }}
dispatch: {{ max_unacked_messages: 1000 }}
policies: {{ max_message_size: 10485760 }}
"#
        )
    }
}

/// `DANUBE_BROKER`: the executable of a Danube broker.
///
/// # Errors
/// There is none.
pub fn danube() -> Result<Kind, &'static str> {
    let path = std::env::var("DANUBE_BROKER").map_err(|_| "DANUBE_BROKER names no executable")?;
    match Path::new(&path).is_file() {
        true => Ok(Kind::Danube(Danube {
            executable: path.into(),
            address: free_port(),
            admin: free_port(),
            raft: free_port(),
        })),
        false => Err("DANUBE_BROKER is not a file"),
    }
}

/// A broker at work. SIGKILL ends it when it is dropped.
pub struct Server {
    address: SocketAddr,
    _process: Process,
}

#[expect(dead_code, reason = "they end with their owner")]
enum Process {
    Own(Pipeline),
    Danube(Owned),
}

struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// On the data that is in the directory. Danube sends its clients to `public`, wherever it listens.
    pub fn start(kind: &Kind, dir: &Path, public: SocketAddr) -> Self {
        match kind {
            Kind::Own { ack_timeout_secs } => own(dir, *ack_timeout_secs),
            Kind::Danube(danube) => real(danube, dir, public),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn own(dir: &Path, ack_timeout_secs: u64) -> Server {
    let timeout = ack_timeout_secs.to_string();
    let (broker, address) = Pipeline::broker(dir, "127.0.0.1:0", &["--ack-timeout-secs", &timeout]);
    Server {
        address: address.parse().expect("an address"),
        _process: Process::Own(broker),
    }
}

fn real(danube: &Danube, dir: &Path, public: SocketAddr) -> Server {
    fs::create_dir_all(dir).expect("a directory");
    let (said, config) = (dir.join("said"), dir.join("danube.yml"));
    fs::write(&config, danube.config(dir)).expect("a file");
    let output = File::options().create(true).append(true).open(&said).expect("a file");
    let child = Command::new(&danube.executable)
        .arg("--config-file")
        .arg(&config)
        .args(["--connect-url", &format!("http://{public}")])
        .stdout(output.try_clone().expect("a file"))
        .stderr(output)
        .stdin(Stdio::null())
        .spawn();
    let mut child = Owned(child.expect("the broker's executable"));
    let serves = judge::until("Danube serves", || {
        let ended = child.0.try_wait().expect("a child");
        assert!(
            ended.is_none(),
            "Danube ended, {ended:?}: {}",
            fs::read_to_string(&said).unwrap_or_default()
        );
        let connected = TcpStream::connect(danube.address);
        connected.map(drop).map_err(|error| error.to_string())
    });
    serves.unwrap_or_else(|why| panic!("{why}"));
    Server {
        address: danube.address,
        _process: Process::Danube(child),
    }
}

/// For a program that takes no port 0.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
