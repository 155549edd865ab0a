//! ClickHouse: the server at `CLICKHOUSE_URL`, or its engine behind a door of Python's.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::{Arc, Mutex, Weak},
};

use danube_wasm_testkit::servers::{self, python};
use tempfile::TempDir;

/// Also for tests elsewhere, which do not know this folder.
const DOOR: &str = include_str!("../../servers/door.py");

/// A server. The last test that uses it ends it.
pub(crate) struct Server {
    pub(crate) url: String,
    _door: Option<(servers::Server, TempDir)>,
}

/// Starting an engine takes seconds, so tests that run at the same time share one.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    /// `None` where none is installed.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().expect("no test holds it");
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = match std::env::var("CLICKHOUSE_URL") {
            Ok(url) => Self { url, _door: None },
            Err(_) => Self::start(None)?,
        };
        let server = Arc::new(server);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// One of its own, which asks for a user and a password.
    pub(crate) fn start(login: Option<&str>) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = python("chdb")?;
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command
            .args(["-c", DOOR])
            .arg(dir.path())
            .args(login)
            .stdout(writer)
            .stderr(Stdio::null());
        let process = servers::Server::start(&mut command);
        drop(command);
        let mut port = String::new();
        BufReader::new(reader).read_line(&mut port).expect("it prints its port");
        Some(Self {
            url: format!("http://127.0.0.1:{}", port.trim()),
            _door: Some((process, dir)),
        })
    }

    /// Runs a query.
    pub(crate) async fn run(&self, query: &str) -> Result<String, String> {
        let request = reqwest::Client::new().post(&self.url).body(query.to_owned()).send();
        let answer = request.await.expect("it answers");
        let is_done = answer.status().is_success();
        let said = answer.text().await.expect("text");
        if is_done { Ok(said) } else { Err(said) }
    }
}
