//! A process with the source in it: the pipeline, and the embedded log. The component is one that forwards everything.

use std::time::Duration;

use danube_wasm_ingress_otlp::OtlpSource;
use danube_wasm_pipeline::{Instruments, Source};
use danube_wasm_source_harness::{Forward, TestedSource, source_parts};
pub(crate) use danube_wasm_source_harness::{Log, Record};
use tokio::{runtime::Runtime, sync::watch};

use super::receiver::{self, Host, Receiver};

const SOURCE: TestedSource = TestedSource::of::<OtlpSource>("otel", "/otel/logs");

pub(crate) fn new_log() -> Log {
    Log::new(SOURCE)
}

/// What the record has in it.
pub(crate) fn body(record: &Record) -> serde_json::Value {
    serde_json::from_str(&record.text).expect("JSON")
}

/// The source runs on a log.
pub(crate) struct Process {
    runtime: Option<Runtime>,
    pub(crate) receiver: Receiver,
    gate: watch::Sender<bool>,
}

impl Process {
    pub(crate) async fn start(log: &Log, table: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (gate, open) = watch::channel(true);
        let config = receiver::config(table);
        let guest = Forward::new(receiver::id(), &config, open);
        let parts = source_parts(&config, guest, log, Instruments::default());
        let table = table.to_owned();
        let starting = runtime.spawn(async move {
            let source = Source::start(parts).await.expect("it starts");
            let receiver = Host::default().start(&table, source).await;
            receiver.unwrap_or_else(|error| panic!("{error}"))
        });
        let receiver = starting.await.expect("no panic");
        Self {
            runtime: Some(runtime),
            receiver,
            gate,
        }
    }

    /// The component takes nothing any more, so nothing gets durable.
    pub(crate) fn shut(&self) {
        self.gate.send_replace(false);
    }

    /// It takes events again.
    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }

    /// It ends as by `kill -9`: its sockets are closed, and nothing is said or written any more.
    pub(crate) async fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
            ended.await.expect("it ends");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
