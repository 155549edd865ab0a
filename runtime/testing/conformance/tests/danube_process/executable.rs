//! The executable of a Danube broker, and how it is run. Other harnesses include this file, so it knows nothing of this one.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// An executable, and the ports of its broker, which that must find again when it comes back: it remembers where its topics
/// are served.
#[derive(Clone)]
pub struct Danube {
    pub executable: PathBuf,
    pub address: SocketAddr,
    pub admin: u16,
    raft: u16,
    /// Where the nodes of its cluster speak to each other, its own among them; nothing for a cluster of one.
    seeds: Vec<String>,
}

impl Danube {
    /// What `DANUBE_BROKER` names, file or not.
    pub fn named() -> Option<Self> {
        let executable = std::env::var_os("DANUBE_BROKER").filter(|path| !path.is_empty())?;
        Some(Self {
            executable: executable.into(),
            address: (Ipv4Addr::LOCALHOST, free_port()).into(),
            admin: free_port(),
            raft: free_port(),
            seeds: Vec::new(),
        })
    }

    /// The same executable with ports of its own.
    #[allow(dead_code, reason = "of two harnesses, one has clusters")]
    pub fn fresh(self) -> Self {
        Self::named().unwrap_or(self)
    }

    /// This one and others of the same executable as one cluster.
    #[allow(dead_code, reason = "of two harnesses, one has clusters")]
    pub fn cluster(self, nodes: usize) -> Vec<Self> {
        let others = (1..nodes).filter_map(|_| Self::named());
        let mut all: Vec<Self> = std::iter::once(self).chain(others).collect();
        let seeds: Vec<String> = all.iter().map(|node| format!("127.0.0.1:{}", node.raft)).collect();
        all.iter_mut().for_each(|node| node.seeds.clone_from(&seeds));
        all
    }

    /// Starts it on the data that is in the directory. It sends its clients to `public`, wherever it listens. `settings`
    /// are what its file says besides: more of `storage`, indented, then other sections.
    pub fn start(&self, dir: &Path, public: SocketAddr, settings: &str) -> Running {
        let (said, config) = (dir.join("said"), dir.join("danube.yml"));
        fs::write(&config, self.config(dir, settings)).expect("a file");
        let output = File::options().create(true).append(true).open(&said).expect("a file");
        let child = Command::new(&self.executable)
            .arg("--config-file")
            .arg(&config)
            .args(["--connect-url", &format!("http://{public}")])
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .stdin(Stdio::null())
            .spawn();
        Running {
            child: child.expect("the broker's executable"),
            address: self.address,
            said,
        }
    }

    /// A cluster of one, unless it has seeds. Not `--mode standalone`: 0.15.1 cannot be started again then, once its metadata log was cut, which
    /// takes seconds.
    fn config(&self, dir: &Path, settings: &str) -> String {
        let Self { admin, raft, seeds, .. } = self;
        let seeds: Vec<String> = seeds.iter().map(|seed| format!("\"{seed}\"")).collect();
        let seeds = seeds.join(", ");
        let (client, dir) = (self.address.port(), dir.display());
        format!(
            r#"
cluster_name: "test"
broker:
  host: "127.0.0.1"
  ports: {{ client: {client}, admin: {admin}, raft: {raft} }}
meta_store: {{ data_dir: "{dir}/raft", seed_nodes: [{seeds}] }}
bootstrap_namespaces: ["default"]
auto_create_topics: true
auth: {{ mode: none }}
load_manager: {{ assignment_strategy: "fair", load_report_interval_seconds: 30 }}
policies: {{ max_message_size: 10485760 }}
storage:
  mode: local
  local_wal_root: "{dir}/wal"
  metadata_prefix: "/danube"
{settings}
"#
        )
    }
}

/// A broker at work. SIGKILL ends it when it is dropped: Danube handles no signal.
pub struct Running {
    child: Child,
    address: SocketAddr,
    /// What it writes to its output.
    said: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// What it has said.
    #[allow(dead_code, reason = "of two harnesses, one counts what it says")]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Whether it takes connections; if not, why. Panics with what it said when it has ended.
    pub fn serves(&mut self) -> Result<(), String> {
        let ended = self.child.try_wait().expect("a child");
        assert!(
            ended.is_none(),
            "Danube ended, {ended:?}: {}",
            fs::read_to_string(&self.said).unwrap_or_default()
        );
        let connected = TcpStream::connect(self.address);
        connected.map(drop).map_err(|error| error.to_string())
    }
}

/// For a program that takes no port 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
