//! The suite on our Danube client, against our own server on a real socket, and against Danube brokers: each case starts
//! one of its own and can restart it when `DANUBE_BROKER` names an executable; else it uses the running one that
//! `DANUBE_URL` names.

mod danube_process;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_broker_server::{ServeError, ServerOptions, serve};
use danube_wasm_conformance::{Capabilities, Harness, within};
use danube_wasm_model::TopicName;
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

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
            Capabilities::danube_wasm_broker()
        }
    }

    danube_wasm_conformance::conformance_tests!(Some(Served::start().await));
}

mod real {
    use super::{danube_process::DanubeProcess, *};

    enum Real {
        /// It can be restarted.
        Own(Box<Mutex<DanubeProcess>>),
        /// Somebody else runs it.
        Running { url: String },
    }

    impl Real {
        /// Says so if there is none.
        async fn find() -> Option<Self> {
            if let Some(process) = DanubeProcess::start().await {
                works(&process.url()).await;
                return Some(Self::Own(Box::new(Mutex::new(process))));
            }
            let url = std::env::var("DANUBE_URL").ok().filter(|url| !url.is_empty());
            if url.is_none() {
                eprintln!(
                    "skipped: set DANUBE_BROKER to the executable of a Danube broker, or DANUBE_URL to the URL of one \
                     that runs, such as http://127.0.0.1:6650"
                );
            }
            url.map(|url| Self::Running { url })
        }
    }

    /// It takes connections before its cluster has a leader, its namespaces and what it served before.
    async fn works(url: &str) {
        let broker = client(url);
        let topic: TopicName = "/default/conformance-works".parse().expect("valid");
        within(async {
            while broker.create_topic(&topic, TopicSpec::default()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    #[async_trait]
    impl Harness for Real {
        async fn open(&self) -> Arc<dyn Broker> {
            match self {
                Self::Own(process) => client(&process.lock().await.url()),
                Self::Running { url } => client(url),
            }
        }

        async fn restart(&self) -> bool {
            match self {
                Self::Own(process) => {
                    let mut process = process.lock().await;
                    process.restart().await;
                    works(&process.url()).await;
                    true
                }
                Self::Running { .. } => false,
            }
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::danube()
        }
    }

    danube_wasm_conformance::conformance_tests!(Real::find().await);
}
