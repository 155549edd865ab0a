//! A pipeline in a scratch directory, run by the real binary.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

#[path = "texts.rs"]
pub mod texts;

use texts::{DatabaseSink, WebhookSource};

/// Longest wait for anything. Far above what anything takes, so that only what never happens fails.
pub const DEADLINE: Duration = Duration::from_secs(300);
/// How long the log of a process that has ended is waited for.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The secret of every webhook endpoint. Nothing that the binary prints or answers may have it: that is checked of all of it.
pub const KEY: &str = "k3y-that-no-output-may-have";

fn without_secrets(text: &str) {
    assert!(!text.contains(KEY), "a secret is in the output: {text}");
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository")
}

/// A component that `make guests` has built.
pub fn guest(name: &str) -> String {
    let path = root().join("target/guests").join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is not there: run `make guests`", path.display());
    path.display().to_string()
}

/// A directory with a pipeline file and a schema.
pub struct Scratch {
    dir: TempDir,
}

/// What differs between the pipelines of the tests.
pub struct Setup {
    pub source: String,
    pub sink: String,
    pub topic: String,
    pub schema: bool,
    /// More lines for the endpoint, the mapping and the top of the file.
    pub endpoint: String,
    pub mapping: String,
    pub top: String,
    pub bottom: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            source: "builtin:webhook-source".into(),
            sink: "builtin:surrealdb-sink".into(),
            topic: "/stripe/payments".into(),
            schema: true,
            endpoint: String::new(),
            mapping: String::new(),
            top: String::new(),
            bottom: String::new(),
        }
    }
}

impl Setup {
    pub fn write(&self) -> Scratch {
        let scratch = Scratch {
            dir: tempfile::tempdir().expect("a directory"),
        };
        scratch.set(self);
        scratch
    }

    fn toml(&self) -> String {
        let schema = match self.schema {
            true => texts::payment_schema(&self.topic),
            false => String::new(),
        };
        let source = WebhookSource {
            component: &self.source,
            topic: &self.topic,
            endpoint: &self.endpoint,
            ..WebhookSource::default()
        };
        let sink = DatabaseSink {
            component: &self.sink,
            topic: &self.topic,
            subscription: "test-sink",
            mapping: &self.mapping,
            ..DatabaseSink::default()
        };
        let top = texts::top(&self.top, 60);
        format!("{top}{schema}{source}{sink}{}", self.bottom)
    }
}

impl Scratch {
    pub fn set(&self, setup: &Setup) {
        std::fs::write(self.file(), setup.toml()).expect("a pipeline file");
        let schema = root().join("examples/stripe-payments/schemas/payment.json");
        std::fs::copy(schema, self.dir.path().join("payment.json")).expect("a schema");
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("pipeline.toml")
    }

    /// Runs the pipeline and waits until it says so.
    pub fn start(&self) -> Pipeline {
        let pipeline = Pipeline::spawn(&self.file());
        pipeline.until("the pipeline runs", |p| p.log("running").is_some());
        pipeline
    }

    /// Rows, by a separate process: through the running pipeline, or from its files when it is stopped.
    pub fn query(&self, statement: &str) -> Value {
        let file = self.file().display().to_string();
        let output = cli(["query", "--json", "--sink", "surrealdb", &file, statement]);
        let said = String::from_utf8_lossy(&output.stderr);
        // SurrealDB makes a table with its first row, and a sink the database when it starts.
        let nothing_yet = ["The table 'payments' does not exist", "data/db is not there yet"];
        if nothing_yet.iter().any(|reason| said.contains(reason)) {
            return Value::Array(Vec::new());
        }
        assert!(output.status.success(), "{statement}: {said}");
        let mut values: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        values[0].take()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        let answer = self.query("SELECT count() AS n FROM payments GROUP ALL");
        answer[0]["n"].as_u64().unwrap_or(0)
    }
}

/// Runs the binary to its end.
pub fn cli<'a>(args: impl IntoIterator<Item = &'a str>) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(args)
        .output()
        .expect("the binary");
    for text in [&output.stdout, &output.stderr] {
        without_secrets(&String::from_utf8_lossy(text));
    }
    output
}

/// What a command has printed as its errors.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What two words of a verb, then the file, then the rest, answer as JSON, or what they say is wrong.
pub fn operate(file: &Path, args: &[&str]) -> Result<Value, String> {
    let file = file.display().to_string();
    let (verb, rest) = args.split_at(2);
    let all = verb
        .iter()
        .copied()
        .chain([&*file])
        .chain(rest.iter().copied())
        .chain(["--json"]);
    let output = cli(all);
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        _ => Err(stderr(&output)),
    }
}

/// A running pipeline. Killed when it is dropped; what it has logged is looked through then.
pub struct Pipeline {
    child: parking_lot::Mutex<Child>,
    pid: u32,
    reader: Option<JoinHandle<()>>,
    lines: Arc<parking_lot::Mutex<Vec<Value>>>,
    client: reqwest::blocking::Client,
}

/// An answer to a webhook.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Pipeline {
    /// Starts without waiting for anything.
    pub fn spawn(file: &Path) -> Self {
        Self::spawn_with(file, &[])
    }

    /// Likewise, with more environment. The shell in front makes the process survive the signal that a file size limit
    /// sends, so that the limit can stand in for a full disk.
    pub fn spawn_with(file: &Path, env: &[(&str, &str)]) -> Self {
        Self::spawn_args(&["run", &file.display().to_string()], env)
    }

    /// `danube-wasm broker` on the data in a directory, and the address where it serves. `listen` with port 0 is any.
    pub fn broker(data: &Path, listen: &str, more: &[&str]) -> (Self, String) {
        let data = data.display().to_string();
        let args = [&["broker", "--data-dir", &data, "--listen", listen], more].concat();
        let broker = Self::spawn_args(&args, &[]);
        let serving = "serving Danube's API from one node: what it confirms is on this disk";
        broker.until("the broker serves", |b| b.log(serving).is_some());
        let line = broker.log(serving).expect("it serves");
        let address = line["address"].as_str().expect("an address").to_owned();
        (broker, address)
    }

    /// Any verb.
    pub fn spawn_args(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_danube-wasm"),
            ])
            .args(args)
            .env_remove("RUST_LOG")
            .envs(env.iter().copied())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary");
        let lines = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (stderr, kept) = (child.stderr.take().expect("piped"), lines.clone());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().push(value);
            }
        });
        let client = reqwest::blocking::Client::builder()
            .timeout(DEADLINE)
            .build()
            .expect("a client");
        Self {
            pid: child.id(),
            child: parking_lot::Mutex::new(child),
            reader: Some(reader),
            lines,
            client,
        }
    }

    /// Waits until the condition holds; fails with the log if it never does or the process ends.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        let mut ended: Option<Instant> = None;
        while !holds(self) {
            assert!(begun.elapsed() < DEADLINE, "never happened: {what}\n{}", self.dump());
            if let Some(status) = self.ended() {
                // What it has logged may not have been read yet.
                let since = *ended.get_or_insert_with(Instant::now);
                assert!(
                    since.elapsed() < LAST_WORDS,
                    "it ended ({status}) before: {what}\n{}",
                    self.dump()
                );
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// How the process ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().try_wait().expect("a child")
    }

    /// The first log line with this message.
    pub fn log(&self, message: &str) -> Option<Value> {
        self.lines
            .lock()
            .iter()
            .find(|line| line["message"] == message)
            .cloned()
    }

    pub fn logged(&self, message: &str) -> usize {
        self.lines
            .lock()
            .iter()
            .filter(|line| line["message"] == message)
            .count()
    }

    pub fn dump(&self) -> String {
        self.lines.lock().iter().map(|line| format!("{line}\n")).collect()
    }

    /// Where it listens for webhooks.
    pub fn address(&self) -> String {
        let line = self.log("listening for webhooks").expect("it listens");
        line["address"].as_str().expect("an address").to_owned()
    }

    pub fn admin(&self, path: &str) -> (u16, String) {
        let line = self.log("running").expect("it runs");
        let url = format!("http://{}{path}", line["admin"].as_str().expect("an address"));
        let answer = self.client.get(url).send().expect("an answer");
        let (status, text) = (answer.status().as_u16(), answer.text().expect("text"));
        without_secrets(&text);
        (status, text)
    }

    pub fn post(&self, body: &Value) -> Answer {
        self.post_with(&[], body.to_string())
    }

    pub fn post_with(&self, headers: &[(&str, &str)], body: impl Into<reqwest::blocking::Body>) -> Answer {
        post(&self.client, &self.address(), headers, body).expect("an answer")
    }

    pub fn client(&self) -> reqwest::blocking::Client {
        self.client.clone()
    }

    /// Limits the size of the files that the process writes, in bytes or `unlimited`: a full disk.
    pub fn limit_files(&self, bytes: &str) {
        let limited = Command::new("prlimit")
            .args([&format!("--pid={}", self.pid), &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(limited.expect("prlimit").success());
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid.to_string()])
            .status();
        assert!(sent.expect("kill").success(), "the process is gone:\n{}", self.dump());
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < DEADLINE, "it does not end:\n{}", self.dump());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// SIGTERM, then exit 0.
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.dump());
    }

    /// SIGKILL.
    pub fn kill(self) {
        let mut child = self.child.lock();
        child.kill().expect("killed");
        child.wait().expect("a child");
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ = child.kill();
        let _ = child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        // A test that has failed has said enough.
        if std::thread::panicking() {
            return;
        }
        without_secrets(&self.dump());
        // Said in the log of a process that runs, and as it comes from any other. Some are asked for.
        let asked = |line: &Value| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.starts_with("asked to panic at"))
        };
        let panic = |line: &Value| match line.as_str() {
            Some(line) => line.contains("panicked at"),
            None => line["message"] == "the host panicked" && !asked(line),
        };
        let panicked = self.lines.lock().iter().any(panic);
        assert!(!panicked, "the host panicked:\n{}", self.dump());
    }
}

/// One webhook; `None` when there is no whole answer.
pub fn post(
    client: &reqwest::blocking::Client,
    address: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::blocking::Body>,
) -> Option<Answer> {
    let mut request = client
        .post(format!("http://{address}/hook"))
        .header("content-type", "application/json");
    if !headers.iter().any(|(name, _)| *name == "x-api-key") {
        request = request.header("x-api-key", KEY);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.body(body).send().ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().ok()?;
    without_secrets(&text);
    Some(Answer {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}

/// A valid payment event.
pub fn payment(n: u64) -> Value {
    let events = [
        "payment.succeeded",
        "payment.failed",
        "payment.refunded",
        "payment.canceled",
    ];
    serde_json::json!({
        "event": events[n as usize % 4], "amount": n, "currency": "USD", "timestamp": 1_705_004_567 + n,
    })
}
