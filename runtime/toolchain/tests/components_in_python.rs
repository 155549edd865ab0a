//! Connectors in Python: built as their author builds them, and run in the real sandbox with its limits.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use danube_wasm_model::{
    ConnectorId,
    columns::PayloadAt,
    door::{SinkGuest, SourceGuest},
    event::EventBatch,
    message::MessageBatch,
};
use danube_wasm_sandbox::{Capability, Compiler, GuestHost, LoadSpec, LogLevel, Sandbox, SandboxOptions, inspect};
use danube_wasm_testkit::servers;
use danube_wasm_toolchain::{BuildError, build};
use serde_json::{Value, json};

/// A folder with the files of a subject of the conformance suite, and an environment that has componentize-py. None if that is
/// not installed.
fn subject(kind: &str) -> Option<tempfile::TempDir> {
    let python = servers::python("componentize_py")?;
    let environment = Path::new(python.get_program()).ancestors().nth(2);
    let environment = fs::canonicalize(environment.expect("a folder")).expect("the environment");
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/python/conformance");
    copy(&subjects.join(kind), folder.path());
    std::os::unix::fs::symlink(environment, folder.path().join(".venv")).expect("a link");
    Some(folder)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).expect("a file")),
        }
    }
}

/// Keeps what a component says.
#[derive(Default)]
struct Recorder {
    lines: Mutex<Vec<(LogLevel, String)>>,
    counted: Mutex<Vec<(String, u64)>>,
}

impl GuestHost for Recorder {
    fn log_enabled(&self, _: &ConnectorId, level: LogLevel) -> bool {
        !matches!(level, LogLevel::Trace | LogLevel::Debug)
    }

    fn log(&self, _: &ConnectorId, level: LogLevel, line: &str) {
        self.lines.lock().expect("no panic").push((level, line.to_owned()));
    }

    fn counter_add(&self, _: &ConnectorId, name: &str, value: u64) {
        self.counted.lock().expect("no panic").push((name.to_owned(), value));
    }

    fn gauge_set(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn observe(&self, _: &ConnectorId, _: &str, _: f64) {}

    fn dropped(&self, _: &ConnectorId, what: &'static str, n: u64) {
        panic!("{n} {what} were dropped");
    }
}

fn spec(component: &Path, topic: &str, settings: &Value) -> LoadSpec {
    let id = ConnectorId::try_new("p", "c").expect("a name");
    let bytes = fs::read(component).expect("a component");
    LoadSpec {
        topics: vec![topic.parse().expect("a topic")],
        settings: settings.to_string(),
        ..LoadSpec::new(id, component.display().to_string(), bytes.into())
    }
}

fn sandbox(folder: &Path) -> Arc<Sandbox> {
    let options = SandboxOptions::new(folder.join("cache"), Compiler::InProcess);
    Sandbox::try_new(options).expect("a sandbox")
}

fn orders(config: &Value) -> Value {
    json!({"endpoints": [{"path": "/orders", "danube_topic": "/shop/lines"}], "config": config})
}

#[tokio::test]
async fn a_source_runs_within_the_limits_and_refuses_what_nobody_caught() {
    let Some(folder) = subject("source") else { return };
    let component = build(folder.path(), None).expect("a component");
    let bytes = fs::read(&component).expect("a file");
    let info = inspect("order-lines.wasm", &bytes, usize::MAX).expect("a connector");
    let has_sockets = info
        .imports
        .iter()
        .any(|import| import.name.starts_with("wasi:sockets"));
    assert!(!has_sockets, "{info:?}");
    let recorder = Arc::new(Recorder::default());
    let sandbox = sandbox(folder.path());
    let specified = spec(&component, "/shop/lines", &orders(&json!({"key_field": "id"})));
    let source = sandbox.load_source(specified, Arc::clone(&recorder) as _).await;
    let source = source.expect("it loads");
    assert_eq!(source.producer_configs()[0].topic.as_str(), "/shop/lines");
    let mut batch = EventBatch::default();
    for payload in [
        r#"{"id": "ö-1", "lines": [{"sku": "a"}, 0.5], "ask": true}"#,
        "{",
        r#"{"id": "o-2", "panic": true}"#,
        r#"{"id": "o-3", "lines": ["\u0000🐟"]}"#,
    ] {
        batch.endpoints.push("/orders");
        batch.payloads.push(payload.as_bytes());
        batch.headers.push([("x-tenant", "north")]);
    }
    let made = source.poll(0, Arc::new(batch)).await.expect("records");
    let payloads = made.payloads.bytes.iter();
    assert_eq!(
        payloads
            .map(|bytes| serde_json::from_slice(bytes).expect("JSON"))
            .collect::<Vec<Value>>(),
        [
            json!({"order": "ö-1", "line": 0, "item": {"sku": "a"}}),
            json!({"order": "ö-1", "line": 1, "item": 0.5}),
            json!({"order": "o-3", "line": 0, "item": "\0🐟"}),
        ]
    );
    let origins = (0..3).flat_map(|i| made.origins.of(i));
    assert_eq!(origins.collect::<Vec<_>>(), [0, 0, 3]);
    assert_eq!((made.keys.text(0), made.ids.text(1)), ("ö-1", "ö-1:1"));
    assert_eq!(made.attributes.get(2).collect::<Vec<_>>(), [("tenant", "north")]);
    assert_eq!((made.answers[0].origin, made.answers[0].status), (0, 202));
    let [not_json, uncaught] = &made.rejected[..] else {
        panic!("{:?}", made.rejected)
    };
    assert_eq!((not_json.origin, uncaught.origin), (1, 2));
    assert!(not_json.message.starts_with("not JSON: "), "{not_json:?}");
    let told = "RuntimeError: order o-2 panics (app.py:";
    assert!(uncaught.message.starts_with(told), "{uncaught:?}");
    let lines = recorder.lines.lock().expect("no panic").clone();
    assert_eq!(lines[0], (LogLevel::Info, "order ö-1: 2 lines".to_owned()));
    assert!(
        lines[1]
            .1
            .starts_with("uncaught RuntimeError: order o-2 panics: app.py:"),
        "{lines:?}"
    );
    let counted = [("orders".to_owned(), 1), ("orders".to_owned(), 1)];
    assert_eq!(*recorder.counted.lock().expect("no panic"), counted);
    // A payload that is passed on never becomes Python's.
    let specified = spec(&component, "/shop/lines", &orders(&json!({"forward": true})));
    let forwards = sandbox.load_source(specified, recorder).await.expect("it loads");
    let mut batch = EventBatch::default();
    batch.endpoints.push("/orders");
    batch.payloads.push(b"\xff\0");
    let made = forwards.poll(0, Arc::new(batch)).await.expect("a record");
    assert_eq!(made.payloads.places().collect::<Vec<_>>(), [PayloadAt::Input(0)]);
}

#[tokio::test]
async fn a_sink_runs_and_its_failures_keep_their_kinds() {
    let Some(folder) = subject("sink") else { return };
    let component = build(folder.path(), None).expect("a component");
    let settings = |config: Value| {
        let mapping = json!({"topic": "/t/devices", "subscription": "s", "table": "devices"});
        json!({"topic_mappings": [mapping], "config": config})
    };
    let sandbox = sandbox(folder.path());
    let specified = spec(&component, "/t/devices", &settings(json!({"id_feld": "x"})));
    let refused = sandbox.load_sink(specified, Arc::new(Recorder::default())).await;
    let refused = refused.map(drop).expect_err("an unknown key").to_string();
    let sentence = "unknown settings ['id_feld']; known are ['id_field'] (did you mean id_field?)";
    assert!(refused.contains(sentence), "{refused}");
    let specified = spec(&component, "/t/devices", &settings(Value::Null));
    let sink = sandbox.load_sink(specified, Arc::new(Recorder::default())).await;
    let sink = sink.expect("it loads");
    let messages = |payloads: &[&str]| {
        let mut batch = MessageBatch::default();
        for (payload, order) in payloads.iter().zip(7..) {
            batch.topics.push("/t/devices");
            batch.payloads.push(payload.as_bytes());
            batch.attributes.push([("site", "north")]);
            batch.orders.push(order);
        }
        Arc::new(batch)
    };
    let reading = r#"{"device": "d7", "celsius": 20.5}"#;
    let gone = r#"{"device": "d8", "gone": true}"#;
    let made = sink.process_batch(0, messages(&[reading, gone, "[]"])).await;
    let made = made.expect("writes");
    assert_eq!(made.targets.iter().collect::<Vec<_>>(), ["devices", "devices"]);
    assert_eq!((made.operations, made.orders), (vec![1, 3], vec![7, 8]));
    let state: Value = serde_json::from_slice(made.payloads.bytes.get(0)).expect("JSON");
    assert_eq!(state, json!({"celsius": 20.5, "site": "north"}));
    assert_eq!(made.rejected[0].message, "a message is a JSON object");
    for (payload, sentence) in [
        (r#"{"retry": true}"#, "told to wait"),
        (r#"{"fatal": true}"#, "told to stop"),
    ] {
        let failed = sink.process_batch(0, messages(&[payload])).await;
        let failed = format!("{:?}", failed.expect_err("a failure"));
        assert!(failed.contains(sentence), "{failed}");
    }
}

#[tokio::test]
async fn a_poller_imports_state_and_http_and_a_sink_that_asks_says_so() {
    let Some(folder) = subject("poller") else { return };
    let needs = |component: &Path| {
        let bytes = fs::read(component).expect("a file");
        let info = inspect("component", &bytes, usize::MAX).expect("a connector");
        assert!(
            !info
                .imports
                .iter()
                .any(|import| import.name.starts_with("wasi:sockets"))
        );
        (info.fetches, info.needs())
    };
    let (fetches, needed) = needs(&build(folder.path(), None).expect("a component"));
    assert!(fetches && needed.contains(&Capability::State) && needed.contains(&Capability::Http));
    let Some(folder) = subject("sink") else { return };
    let (_, needed) = needs(&build(folder.path(), None).expect("a component"));
    assert!(!needed.contains(&Capability::Http), "{needed:?}");
    let app = folder.path().join("src/app.py");
    let text = fs::read_to_string(&app).expect("the connector");
    let asks = text.replacen("from danube_connector import", "from danube_connector import http,", 1);
    fs::write(&app, asks).expect("a file");
    // The interpreter's own words, which name the key, are on standard error.
    let refused = build(folder.path(), None).expect_err("no world with HTTP");
    assert!(matches!(&refused, BuildError::Compiler(_)), "{refused}");
    let manifest = folder.path().join("connector.toml");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    fs::write(&manifest, format!("{text}\n[build]\nhttp = true\n")).expect("a file");
    let (_, needed) = needs(&build(folder.path(), None).expect("a component"));
    assert!(needed.contains(&Capability::Http), "{needed:?}");
}

#[test]
fn a_syntax_error_and_a_wrong_manifest_are_no_components() {
    let Some(folder) = subject("source") else { return };
    let app = folder.path().join("src/app.py");
    let text = fs::read_to_string(&app).expect("the connector");
    fs::write(&app, text.replace("(self, event: Event)", "(self, event: Event")).expect("a file");
    let refused = build(folder.path(), None);
    assert!(
        matches!(&refused, Err(BuildError::Compiler(tool)) if tool == "componentize-py"),
        "{refused:?}"
    );
    assert!(!folder.path().join("target/order-lines.wasm").exists());
    let manifest = folder.path().join("connector.toml");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    for (keys, sentence) in [
        ("entry = \"orders.py\"", "src/orders.py is not there"),
        ("entry = 7", "expected a string"),
        (
            "engine = \"pypy\"",
            "unknown field `engine`, expected `entry` or `http`",
        ),
    ] {
        fs::write(&manifest, format!("{text}\n[build]\n{keys}\n")).expect("a file");
        let refused = build(folder.path(), None).expect_err("a wrong manifest").to_string();
        assert!(
            refused.contains("connector.toml: ") && refused.contains(sentence),
            "{refused}"
        );
    }
}

#[test]
fn the_sdks_own_tests_and_types_pass() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/python");
    for arguments in [
        ["pytest", "-q", "-p", "no:cacheprovider"].as_slice(),
        &["mypy", "--cache-dir=/dev/null"],
    ] {
        let Some(mut python) = servers::python(arguments[0]) else {
            return;
        };
        python
            .arg("-m")
            .args(arguments)
            .current_dir(&sdk)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let output = python.output().expect("python");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
