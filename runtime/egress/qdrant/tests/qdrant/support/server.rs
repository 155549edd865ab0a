//! Qdrant's engine behind its gRPC, or the real server at QDRANT_URL.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use danube_wasm_testkit::servers::{self, python};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader as TokioReader},
    net::TcpStream,
};

/// A server.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Where only this test uses it.
    process: Option<(servers::Server, TempDir)>,
}

impl Server {
    /// One that all tests of this process use, each with collections of its own. `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        static ALL: OnceLock<Option<Server>> = OnceLock::new();
        let url = match std::env::var("QDRANT_URL") {
            Ok(url) if !url.is_empty() => url,
            // It ends with this process.
            _ => ALL.get_or_init(|| Self::engine(&[])).as_ref()?.url.clone(),
        };
        Some(Self { url, process: None })
    }

    /// Never a real one: of a version, with a key.
    pub(crate) fn engine(arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a directory");
        let mut command = script("qdrant_edge", "qdrant.py")?;
        let (process, port) = run(command.arg(folder.path()).args(arguments));
        let scheme = if arguments.contains(&"--cert") { "https" } else { "http" };
        Some(Self {
            url: format!("{scheme}://localhost:{port}"),
            process: Some((process, folder)),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        let port = self.url.rsplit(':').next().expect("a port");
        port.parse().expect("a number")
    }

    pub(crate) fn kill(&mut self) {
        self.process.as_mut().expect("of this test").0.kill();
    }

    /// Kills it and starts it again at the same port, with what it has kept.
    pub(crate) fn restart(&mut self) {
        let port = self.port().to_string();
        let (process, folder) = self.process.as_mut().expect("of this test");
        process.kill();
        let mut command = script("qdrant_edge", "qdrant.py").expect("it was there");
        *process = run(command.arg(folder.path()).args(["--port", &port])).0;
    }

    /// All points of a collection by their text ids, read by a client that knows nothing of this sink.
    pub(crate) async fn points(&self, collection: &str) -> BTreeMap<String, Point> {
        self.points_with_key(collection, None).await
    }

    pub(crate) async fn points_with_key(&self, collection: &str, key: Option<&str>) -> BTreeMap<String, Point> {
        static READER: OnceLock<(servers::Server, u16)> = OnceLock::new();
        let (_, port) =
            READER.get_or_init(|| run(&mut script("qdrant_client", "reader.py").expect("the server has it, too")));
        let mut reader = TcpStream::connect(("127.0.0.1", *port)).await.expect("the reader");
        let request = json!([self.url, collection, key]).to_string() + "\n";
        reader.write_all(request.as_bytes()).await.expect("it reads");
        let mut lines = TokioReader::new(reader).lines();
        let mut points = BTreeMap::new();
        while let Some(line) = lines.next_line().await.expect("it reads") {
            if line == "end" {
                return points;
            }
            let mut read: Value = serde_json::from_str(&line).expect("JSON");
            let point = Point {
                id: read["id"].take(),
                payload: read["payload"].take(),
                vector: read["vector"].take(),
            };
            points.insert(point.payload["_id"].as_str().unwrap_or_default().to_owned(), point);
        }
        panic!("the reader has failed: see what it prints");
    }
}

/// A point, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) id: Value,
    pub(crate) payload: Value,
    pub(crate) vector: Value,
}

impl Point {
    /// The payload without the fields of this sink.
    pub(crate) fn own(&self) -> Value {
        let mut payload = self.payload.clone();
        let fields = payload.as_object_mut().expect("an object");
        fields.retain(|name, _| !["_id", "_order_hi", "_order_lo", "_record"].contains(&name.as_str()));
        payload
    }
}

/// Whether a value is stored as it is. Of floats, to the last unit: Qdrant's engine keeps payloads as JSON text, and reads some floats
/// of 16 and 17 digits back as their neighbours.
pub(crate) fn is_same(stored: &Value, sent: &Value) -> bool {
    match (stored, sent) {
        (Value::Number(stored), Value::Number(sent)) if sent.is_f64() => {
            let (stored, sent) = (stored.as_f64().unwrap_or(f64::NAN), sent.as_f64().unwrap_or(f64::NAN));
            stored.to_bits().abs_diff(sent.to_bits()) <= 1
        }
        (Value::Array(stored), Value::Array(sent)) => {
            stored.len() == sent.len() && stored.iter().zip(sent).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(stored), Value::Object(sent)) => {
            let is_there =
                |(name, sent): (&String, &Value)| stored.get(name).is_some_and(|stored| is_same(stored, sent));
            stored.len() == sent.len() && sent.iter().all(is_there)
        }
        (stored, sent) => stored == sent,
    }
}

/// A name that no other test has, also in a server that outlives them.
pub(crate) fn collection() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("danube-test-{}-{count}", std::process::id())
}

/// A script that a Python with this module runs.
fn script(module: &str, name: &str) -> Option<Command> {
    let mut command = python(module)?;
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above
        .find_map(|folder| Some(folder.join("runtime/egress/qdrant/tests/servers")).filter(|found| found.exists()));
    command.arg(found.expect("the repository").join(name));
    Some(command)
}

/// Starts it; it prints its port.
fn run(command: &mut Command) -> (servers::Server, u16) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let process = servers::Server::start(command.stdout(writer));
    // The other end of the pipe.
    command.stdout(Stdio::null());
    let mut port = String::new();
    BufReader::new(reader).read_line(&mut port).expect("it prints its port");
    (process, port.trim().parse().expect("a port"))
}
