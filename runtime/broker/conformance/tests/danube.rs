//! The suite on our Danube client, against our own server on a real socket, and against a running Danube broker when
//! `DANUBE_URL` names one.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_conformance::{Capabilities, Harness};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_broker_server::{ServeError, ServerOptions, serve};
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

/// What our client makes of any broker: no calls for lag and groups, and messages of 4 MiB at most.
fn over_the_wire() -> Capabilities {
    Capabilities {
        groups_are_atomic: false,
        tells_lag: false,
        payload_bytes: (4 << 20) - (8 << 10),
        payload_bytes_refused: 4 << 20,
        ..Capabilities::full()
    }
}

fn client(url: &str) -> Arc<dyn Broker> {
    let mut options = DanubeOptions::new([url]);
    // However loaded the machine is: no record fails for that.
    options.publish_timeout = Duration::from_secs(30);
    Danube::open(options).expect("opens")
}

mod served {
    use super::*;

    /// Our server on a log of its own.
    pub(super) struct Served {
        directory: tempfile::TempDir,
        address: SocketAddr,
        running: Mutex<Option<Running>>,
    }

    struct Running {
        broker: Arc<EmbeddedBroker>,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<Result<(), ServeError>>,
    }

    impl Served {
        pub(super) async fn start() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
            let address = listener.local_addr().expect("bound");
            let running = Mutex::new(Some(run(directory.path(), listener)));
            Self {
                directory,
                address,
                running,
            }
        }
    }

    fn run(directory: &std::path::Path, listener: TcpListener) -> Running {
        let broker = EmbeddedBroker::open(directory, EmbeddedOptions::default()).expect("opens");
        let (stop, stopped) = oneshot::channel::<()>();
        let log = broker.clone();
        let options = ServerOptions {
            unacknowledged_max: 10,
            drain_max: std::time::Duration::from_secs(1),
            ..ServerOptions::default()
        };
        let serving = tokio::spawn(serve(log, vec![listener], options, async {
            let _ = stopped.await;
        }));
        Running { broker, stop, serving }
    }

    #[async_trait]
    impl Harness for Served {
        async fn open(&self) -> Arc<dyn Broker> {
            client(&format!("http://{}", self.address))
        }

        async fn restart(&self) -> bool {
            let mut running = self.running.lock().await;
            let Some(Running { broker, stop, serving }) = running.take() else {
                return false;
            };
            let _ = stop.send(());
            serving.await.expect("ends").expect("serves");
            broker.close().await.expect("closes");
            let listener = TcpListener::bind(self.address).await.expect("binds again");
            *running = Some(run(self.directory.path(), listener));
            true
        }

        fn capabilities(&self) -> Capabilities {
            over_the_wire()
        }
    }

    danube_wasm_broker_conformance::conformance_tests!(Some(Served::start().await));
}

mod real {
    use super::*;

    /// A broker that somebody else runs.
    struct Real {
        url: String,
    }

    impl Real {
        /// The one of `DANUBE_URL`, or a word that there is none.
        fn find() -> Option<Self> {
            let url = std::env::var("DANUBE_URL").ok().filter(|url| !url.is_empty());
            if url.is_none() {
                eprintln!(
                    "skipped: set DANUBE_URL to the URL of a running Danube broker, such as http://127.0.0.1:6650"
                );
            }
            url.map(|url| Self { url })
        }
    }

    #[async_trait]
    impl Harness for Real {
        async fn open(&self) -> Arc<dyn Broker> {
            client(&self.url)
        }

        async fn restart(&self) -> bool {
            false
        }

        /// Danube 0.15.1.
        fn capabilities(&self) -> Capabilities {
            Capabilities {
                // There is no field for it.
                starts_at_earliest: false,
                // The active consumer is chosen when the first one comes, and never again.
                fails_over: false,
                // A consumer that is gone stays on its subscription until its topic is loaded anew.
                frees_exclusive: false,
                // It takes the acknowledged message for one that is still to be read, and waits for it.
                goes_on_after_early_ack: false,
                ..over_the_wire()
            }
        }
    }

    danube_wasm_broker_conformance::conformance_tests!(Real::find());
}
