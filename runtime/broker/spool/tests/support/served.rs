//! Our broker on a real socket, which can be killed, and made to forget what it acknowledged.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::{
    Broker, ConsumerOptions, ErrorKind,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_broker_server::{ServerOptions, serve};
use danube_wasm_model::SubscriptionType;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::{consumer_options, receive, texts, topic, within};

/// A broker at an address that stays the same.
pub(crate) struct Served {
    address: SocketAddr,
    directory: TempDir,
    /// A runtime of its own: dropping it ends every connection and the log at once, as a crash does.
    runtime: Option<Runtime>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Served {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let mut served = Self {
            address: listener.local_addr().expect("bound"),
            directory: tempfile::tempdir().expect("a directory"),
            runtime: None,
        };
        served.run(listener).await;
        served
    }

    /// A client as sources with a buffer have it, quick to come back.
    pub(crate) fn client(&self) -> Arc<dyn Broker> {
        let mut options = DanubeOptions::new([format!("http://{}", self.address)]);
        options.resend_after_loss = false;
        options.publish_timeout = Duration::from_secs(30);
        options.retry_floor = Duration::from_millis(5);
        options.retry_ceiling = Duration::from_millis(50);
        Danube::open(options).expect("opens")
    }

    /// Ends it without a word to anybody.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Comes back with what it had.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let address = self.address;
        let listener = eventually(|| TcpListener::bind(address)).await;
        self.run(listener).await;
    }

    /// Killed, and comes back with what was in `snapshot`.
    pub(crate) async fn forget(&mut self, snapshot: &Path) {
        self.kill();
        self.directory = copy(snapshot);
        self.restart().await;
    }

    /// What it has now. It is killed for that, and comes back.
    pub(crate) async fn snapshot(&mut self) -> TempDir {
        self.kill();
        // Whoever opens it last leaves it whole.
        open_log(self.directory.path()).await.close().await.expect("closes");
        let snapshot = copy(self.directory.path());
        self.restart().await;
        snapshot
    }

    /// Kills it and reads what it has of the topic, `n` messages.
    pub(crate) async fn into_texts(mut self, n: usize) -> Vec<String> {
        self.kill();
        let log = open_log(self.directory.path()).await;
        let options = ConsumerOptions {
            unacknowledged_max: n,
            ..consumer_options(SubscriptionType::Exclusive)
        };
        let mut consumer = log.subscribe(options).await.expect("subscribes");
        texts(&receive(&mut *consumer, n).await)
    }

    /// Kills it and counts what it has of the topic.
    pub(crate) async fn count(&mut self) -> usize {
        self.kill();
        let log = open_log(self.directory.path()).await;
        let topics = log.admin().expect("can be asked").topics().await.expect("tells");
        let ours = topics.iter().filter(|info| info.topic == topic());
        let messages = ours.filter_map(|info| info.messages).sum::<u64>();
        log.close().await.expect("closes");
        usize::try_from(messages).expect("few")
    }

    async fn run(&mut self, listener: TcpListener) {
        let log = open_log(self.directory.path()).await;
        listener.set_nonblocking(true).expect("a socket");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            let served = serve(log, vec![listener], ServerOptions::default(), std::future::pending());
            served.await.expect("serves");
        });
        self.runtime = Some(runtime);
    }
}

/// Opens a log that may still be let go of.
async fn open_log(directory: &Path) -> Arc<EmbeddedBroker> {
    eventually(|| match EmbeddedBroker::open(directory, EmbeddedOptions::default()) {
        Err(error) if error.kind == ErrorKind::Conflict => Err(error),
        opened => Ok(opened.expect("opens")),
    })
    .await
}

async fn eventually<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> T {
    within(async {
        loop {
            if let Ok(done) = attempt() {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a directory");
    for entry in fs::read_dir(from).expect("readable") {
        let file = entry.expect("readable");
        fs::copy(file.path(), to.path().join(file.file_name())).expect("copied");
    }
    to
}
