//! Who keeps the log of a site: `danube-wasm broker`, a real Danube, or servers of NATS.

#[path = "../../../testing/conformance/tests/danube_process/executable.rs"]
pub mod executable;

use std::{fs, net::SocketAddr, path::Path};

use self::executable::{Danube, Running};
use crate::{checker, harness::Pipeline};

/// Which.
#[derive(Clone)]
pub enum Kind {
    Own {
        /// After which it gives a message again. Danube's is 30 s.
        ack_timeout_secs: u64,
    },
    Danube(Danube),
    /// Servers that the class keeps itself.
    Nats {
        /// Where clients connect.
        urls: Vec<String>,
        /// Where they say whether they sync.
        monitoring: Vec<String>,
    },
}

impl Kind {
    /// The line of a pipeline file that names it, and the table that names the process by its slot. Danube's API is at the address.
    pub fn lines(&self, address: SocketAddr, slot: &str) -> (String, String) {
        let danube = || format!("danube_service_url = \"http://{address}\"");
        let table = |name: &str, line: String| format!("[{name}]\ninstance = \"{slot}\"\n{line}\n");
        match self {
            Self::Own { ack_timeout_secs } => {
                let timeout = format!("ack_timeout_ms = {}", ack_timeout_secs * 1000);
                (danube(), table("danube", timeout))
            }
            Self::Danube(_) => (danube(), table("danube", String::new())),
            Self::Nats { urls, monitoring } => (
                format!("broker_url = \"{}\"", urls.join(",")),
                table("nats", format!("monitoring = {monitoring:?}")),
            ),
        }
    }
}

/// Beside what every Danube under test has.
const SETTINGS: &str = "dispatch: { max_unacked_messages: 1000 }";

/// `DANUBE_BROKER`: the executable of a Danube broker.
///
/// # Errors
/// There is none.
pub fn danube() -> Result<Kind, &'static str> {
    let danube = Danube::named().ok_or("DANUBE_BROKER names no executable")?;
    match danube.executable.is_file() {
        true => Ok(Kind::Danube(danube)),
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
    Danube(Running),
}

impl Server {
    /// On the data that is in the directory. Danube sends its clients to `public`, wherever it listens. `None` of what the class
    /// keeps itself.
    pub fn start(kind: &Kind, dir: &Path, public: SocketAddr) -> Option<Self> {
        match kind {
            Kind::Own { ack_timeout_secs } => Some(own(dir, *ack_timeout_secs)),
            Kind::Danube(danube) => Some(real(danube, dir, public)),
            Kind::Nats { .. } => None,
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
    let mut running = danube.start(dir, public, SETTINGS);
    let serves = checker::until("Danube serves", || running.serves());
    serves.unwrap_or_else(|why| panic!("{why}"));
    Server {
        address: danube.address,
        _process: Process::Danube(running),
    }
}
