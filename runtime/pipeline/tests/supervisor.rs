//! What `apply` starts, changes and stops, in which order, and what a refusal leaves as it was.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::{
    Status,
    supervisor::{Direction, Launcher, Running, Supervisor},
};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// What the user wrote: a direction, a version, and what goes wrong.
#[derive(Clone, PartialEq)]
struct Spec {
    direction: Direction,
    version: u32,
    fault: Option<&'static str>,
}

/// Writes down what it is told to do.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

struct Connector {
    name: String,
    scribe: Scribe,
    status: watch::Sender<Status>,
}

impl Scribe {
    fn note(&self, what: String) {
        self.0.lock().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

#[async_trait]
impl Launcher for Scribe {
    type Spec = Spec;
    type Prepared = Spec;
    type Error = String;

    fn direction(&self, spec: &Spec) -> Direction {
        spec.direction
    }

    async fn prepare(&self, id: &ConnectorId, spec: &Spec) -> Result<Spec, String> {
        match spec.fault {
            Some("prepare") => Err(format!("{} cannot be loaded", id.connector())),
            _ => Ok(spec.clone()),
        }
    }

    fn gone(&self, id: &ConnectorId) {
        self.note(format!("forget {}", id.connector()));
    }

    async fn start(&self, id: &ConnectorId, spec: Spec) -> Result<Arc<dyn Running>, String> {
        let name = format!("{} {}", id.connector(), spec.version);
        if spec.fault == Some("start") {
            return Err(format!("{name} cannot listen"));
        }
        self.note(format!("start {name}"));
        Ok(Arc::new(Connector {
            name,
            scribe: self.clone(),
            status: watch::Sender::new(Status::Running),
        }))
    }
}

#[async_trait]
impl Running for Connector {
    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    async fn drain(&self, _: Instant) {
        self.scribe.note(format!("drain {}", self.name));
    }
}

fn one(name: &str, direction: Direction, version: u32) -> (ConnectorId, Spec) {
    let id = ConnectorId::try_new("p", name).expect("a valid name");
    (
        id,
        Spec {
            direction,
            version,
            fault: None,
        },
    )
}

fn pair(source: u32, sink: u32) -> Vec<(ConnectorId, Spec)> {
    vec![
        one("source", Direction::Source, source),
        one("sink", Direction::Sink, sink),
    ]
}

fn faulty(mut desired: Vec<(ConnectorId, Spec)>, fault: &'static str) -> Vec<(ConnectorId, Spec)> {
    desired[0].1.fault = Some(fault);
    desired
}

async fn running() -> (Supervisor<Scribe>, Scribe) {
    let scribe = Scribe::default();
    let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
    let applied = supervisor.apply(pair(1, 1)).await.expect("applied");
    assert_eq!(applied.started.len(), 2);
    assert_eq!(
        scribe.take(),
        ["start sink 1", "start source 1"],
        "a subscription is there before anything is published"
    );
    (supervisor, scribe)
}

#[tokio::test]
async fn what_is_the_same_is_left_alone() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(pair(1, 1)).await.expect("applied");
    assert_eq!((applied.unchanged.len(), scribe.take()), (2, vec![]));
}

#[tokio::test]
async fn a_changed_source_starts_beside_its_predecessor_and_a_changed_sink_after_it() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(pair(2, 2)).await.expect("applied");
    assert_eq!(applied.changed.len(), 2);
    assert_eq!(
        scribe.take(),
        ["drain sink 1", "start sink 2", "start source 2", "drain source 1"]
    );
}

#[tokio::test]
async fn what_is_gone_is_stopped_sources_first() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(Vec::new()).await.expect("applied");
    assert_eq!(
        (applied.stopped.len(), scribe.take()),
        (
            2,
            ["drain source 1", "drain sink 1", "forget sink", "forget source"]
                .map(String::from)
                .to_vec()
        )
    );
}

#[tokio::test]
async fn a_connector_that_cannot_be_prepared_leaves_everything_as_it_was() {
    let (supervisor, scribe) = running().await;
    let refused = supervisor
        .apply(faulty(pair(2, 2), "prepare"))
        .await
        .expect_err("refused");
    assert_eq!(refused.to_string(), "p/source: source cannot be loaded");
    assert_eq!(scribe.take(), Vec::<String>::new());
}

#[tokio::test]
async fn a_source_that_cannot_start_leaves_its_predecessor_running() {
    let (supervisor, scribe) = running().await;
    supervisor
        .apply(faulty(pair(2, 1), "start"))
        .await
        .expect_err("refused");
    assert_eq!(scribe.take(), Vec::<String>::new());
    supervisor.shutdown().await;
    assert_eq!(scribe.take(), ["drain source 1", "drain sink 1"]);
}
