//! Components written by hand, so that they can misbehave where no toolchain would let them, and a sandbox to run them.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod sections;
pub mod wasi;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use danube_wasm_model::{ConnectorId, TopicName, event::EventBatch, message::MessageBatch};
use danube_wasm_sandbox::{
    Compiler, GuestHost, LoadError, LoadSpec, LogLevel, PoolLimits, Sandbox, SandboxOptions, SinkComponent,
    SourceComponent,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Longest that a test waits for something that should happen at once.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Address of 256 zeroed bytes: `ok` of anything made of lists.
pub const ZEROS: u32 = 1_024;

/// Parts of a hand-written connector. Each function part is the body of a core function and leaves the address of its
/// result.
///
/// Memory: 1024 zeros; 2048 the answer of `producer-configs`, one topic `/t/a`; 2304 the answer of
/// `consumer-configs`, the same topic, subscription `s`; 2560 one record that reuses input 0; 4096 up is free for
/// `data`; from 65536 a bump allocator that starts again after each call.
pub struct Guest {
    /// WIT packages that `imports` come from, each with its `package` line.
    pub wit: &'static [&'static str],
    /// Lines of the world.
    pub world: &'static str,
    /// Core imports.
    pub imports: &'static str,
    /// More functions, globals and tables.
    pub items: &'static str,
    /// More data segments.
    pub data: String,
    /// Minimum and maximum of memory, in pages of 64 KiB.
    pub memory: &'static str,
    /// Body of `initialize`, with parameters `$name_ptr $name_len $json_ptr $json_len`.
    pub initialize: String,
    /// Body of `producer-configs` or `consumer-configs`.
    pub configs: String,
    /// Body of `poll` or `process-batch`, with parameter `$batch`.
    pub call: String,
    /// Body of `cabi_realloc`, with parameters `$old $old_size $align $size`.
    pub realloc: &'static str,
    /// Body of what is called when the host has taken what `poll` or `process-batch` returned.
    pub post: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            wit: &[],
            world: "",
            imports: "",
            items: "",
            data: String::new(),
            memory: "16 256",
            initialize: format!("(i32.const {ZEROS})"),
            configs: "(i32.const 2048)".into(),
            call: format!("(i32.const {ZEROS})"),
            realloc: BUMP,
            post: FORGET,
        }
    }
}

/// Gives all that was allocated for a call back.
pub const FORGET: &str = "(global.set $top (i32.const 65536))";

/// Takes memory from the top on, and never asks for more of it.
pub const BUMP: &str = "
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get $size)))";

/// A body that never ends.
pub const SPIN: &str = "(loop $again (br $again)) (unreachable)";
/// A body that traps.
pub const TRAP: &str = "(unreachable)";

impl Guest {
    pub fn polling(call: impl Into<String>) -> Self {
        Self {
            call: call.into(),
            ..Self::default()
        }
    }

    /// As a source component.
    pub fn source(&self) -> Arc<[u8]> {
        self.component("source", ["initialize", "producer-configs", "poll"])
    }

    /// As a sink component.
    pub fn sink(&self) -> Arc<[u8]> {
        self.component("sink", ["initialize", "consumer-configs", "process-batch"])
    }

    fn component(&self, role: &str, [initialize, configs, call]: [&str; 3]) -> Arc<[u8]> {
        let export = |function: &str| format!("danube:connector/{role}@0.1.0#{function}");
        let wat = format!(
            r#"(module
                {imports}
                (memory (export "memory") {memory})
                (global $top (mut i32) (i32.const 65536))
                {items}
                (data (i32.const 2048) "\00\00\00\00\20\08\00\00\01\00\00\00")
                (data (i32.const 2080) "\00\09\00\00\04\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
                (data (i32.const 2304) "/t/as")
                (data (i32.const 2312) "\00\00\00\00\20\09\00\00\01\00\00\00")
                (data (i32.const 2336) "\00\09\00\00\04\00\00\00\04\09\00\00\01\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
                (data (i32.const 2560) "\00\00\00\00\00\0b\00\00\01\00\00\00\08\0b\00\00\01\00\00\00\0c\0b\00\00\01\00\00\00")
                (data (i32.const 2816) "\00\09\00\00\04\00\00\00\00\00\00\00\01\00\00\00")
                {data}
                (func (export "cabi_realloc")
                    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
                    {realloc})
                (func (export "{initialize}")
                    (param $name_ptr i32) (param $name_len i32) (param $json_ptr i32) (param $json_len i32) (result i32)
                    {initialize_body})
                (func (export "{configs}") (result i32) {configs_body})
                (func $call (export "{call}") (param $batch i32) (result i32) {call_body})
                (func (export "cabi_post_{call}") (param i32) {post})
            )"#,
            imports = self.imports,
            memory = self.memory,
            items = self.items,
            data = self.data,
            realloc = self.realloc,
            post = self.post,
            initialize = export(initialize),
            initialize_body = self.initialize,
            configs = export(configs),
            configs_body = if role == "sink" && self.configs.contains("2048") {
                "(i32.const 2312)"
            } else {
                &self.configs
            },
            call = export(call),
            call_body = self.call,
        );
        let module = wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
        let world = format!(
            "package test:guest; world guest {{ include danube:connector/{role}-connector@0.1.0; {} }}",
            self.world
        );
        encode(module, self.wit, &world).into()
    }
}

/// Wraps a core module as a component of a world.
pub fn encode(mut module: Vec<u8>, packages: &[&str], world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
        .expect("the contract");
    for package in packages {
        resolve.push_str("package.wit", package).expect("a package");
    }
    let package = resolve.push_str("world.wit", world).expect("a world");
    let world = resolve.select_world(&[package], None).expect("one world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("metadata");
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("a module of this world")
        .encode()
        .expect("a component")
}

/// A sandbox with a scratch cache.
pub struct Bench {
    pub sandbox: Arc<Sandbox>,
    pub host: Arc<Recorder>,
    pub cache: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let cache = tempfile::tempdir().expect("a directory");
        let mut options = options(cache.path(), Compiler::InProcess);
        change(&mut options);
        Self {
            sandbox: Sandbox::try_new(options).expect("a sandbox"),
            host: Arc::default(),
            cache,
        }
    }

    pub async fn source(&self, spec: LoadSpec) -> Result<Arc<SourceComponent>, LoadError> {
        self.sandbox.load_source(spec, Arc::clone(&self.host) as _).await
    }

    pub async fn sink(&self, spec: LoadSpec) -> Result<Arc<SinkComponent>, LoadError> {
        self.sandbox.load_sink(spec, Arc::clone(&self.host) as _).await
    }
}

/// Few places, so that tests that run beside each other share the address space.
pub fn options(cache: &Path, compiler: Compiler) -> SandboxOptions {
    SandboxOptions {
        workers: 2,
        pool: PoolLimits {
            instances_max: 8,
            ..Default::default()
        },
        ..SandboxOptions::new(cache, compiler)
    }
}

/// The compiling child.
pub fn child() -> Compiler {
    Compiler::Child {
        program: env!("CARGO_BIN_EXE_danube-wasm-compile").into(),
        args: Vec::new(),
    }
}

/// Connector `p/c`, granted topic `/t/a`.
pub fn spec(component: Arc<[u8]>) -> LoadSpec {
    let id = ConnectorId::try_new("p", "c").expect("a name");
    LoadSpec {
        topics: vec![topic("/t/a")],
        ..LoadSpec::new(id, "guest.wasm", component)
    }
}

pub fn topic(text: &str) -> TopicName {
    text.parse().expect("a topic")
}

/// Events with these payloads.
pub fn events(payloads: &[&str]) -> Arc<EventBatch> {
    let mut batch = EventBatch::default();
    for payload in payloads {
        batch.endpoints.push("/hook");
        batch.payloads.push(payload.as_bytes());
    }
    Arc::new(batch)
}

/// Messages with these payloads.
pub fn messages(payloads: &[&str]) -> Arc<MessageBatch> {
    let mut batch = MessageBatch::default();
    for payload in payloads {
        batch.topics.push("/t/a");
        batch.payloads.push(payload.as_bytes());
    }
    Arc::new(batch)
}

/// Remembers what components said.
#[derive(Default)]
pub struct Recorder {
    state: Mutex<Recorded>,
}

#[derive(Debug, Default, Clone)]
pub struct Recorded {
    pub lines: Vec<(LogLevel, String)>,
    /// For each line, the name of the thread that the component ran on.
    pub threads: Vec<String>,
    pub counters: Vec<(String, u64)>,
    pub gauges: Vec<(String, f64)>,
    pub observations: Vec<(String, f64)>,
    pub dropped: Vec<(&'static str, u64)>,
    /// Instances that were replaced near their limit of memory.
    pub replaced: u64,
}

impl Recorder {
    pub fn recorded(&self) -> Recorded {
        self.state.lock().expect("no panic").clone()
    }

    /// Waits for a line.
    pub async fn line(&self, wanted: &str) {
        let seen = async {
            while !self.recorded().lines.iter().any(|(_, line)| line == wanted) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, seen).await.expect("the line in time");
    }

    fn update(&self, change: impl FnOnce(&mut Recorded)) {
        change(&mut self.state.lock().expect("no panic"));
    }
}

impl GuestHost for Recorder {
    fn log_enabled(&self, _: &ConnectorId, level: LogLevel) -> bool {
        level >= LogLevel::Debug
    }

    fn log(&self, _: &ConnectorId, level: LogLevel, line: &str) {
        if line == "host, panic" {
            panic!("as the test asked");
        }
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.update(|state| {
            state.lines.push((level, line.to_owned()));
            state.threads.push(thread);
        });
    }

    fn counter_add(&self, _: &ConnectorId, name: &str, value: u64) {
        self.update(|state| state.counters.push((name.to_owned(), value)));
    }

    fn gauge_set(&self, _: &ConnectorId, name: &str, value: f64) {
        self.update(|state| state.gauges.push((name.to_owned(), value)));
    }

    fn observe(&self, _: &ConnectorId, name: &str, value: f64) {
        self.update(|state| state.observations.push((name.to_owned(), value)));
    }

    fn dropped(&self, _: &ConnectorId, what: &'static str, n: u64) {
        self.update(|state| state.dropped.push((what, n)));
    }

    fn replaced(&self, _: &ConnectorId) {
        self.update(|state| state.replaced += 1);
    }
}

/// A core import of the contract's `log`.
pub const LOG: &str = r#"(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
