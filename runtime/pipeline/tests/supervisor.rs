//! What `apply` starts, changes, restarts and stops, in which order, and what a refusal leaves as it was.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::{
    Status,
    supervisor::{Condition, Direction, Launcher, Running, StartError, Supervisor},
};
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

/// What the user wrote: a direction, a version, and what goes wrong.
#[derive(Clone, PartialEq)]
struct Spec {
    direction: Direction,
    version: u32,
    fault: Fault,
    claim: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Prepare,
    /// It never will start.
    Start,
    /// It cannot start yet, however often it is tried.
    Waits,
    /// Its start does not come back.
    Hangs,
    /// Its first start panics.
    Panics,
}

/// Writes down what it is told to do.
#[derive(Clone)]
struct Scribe {
    notes: Arc<Mutex<Vec<String>>>,
    /// What each connector has been, in order.
    told: Arc<Mutex<BTreeMap<String, Vec<Condition>>>>,
    starts: Arc<Mutex<BTreeMap<String, usize>>>,
    running: Arc<Mutex<BTreeMap<String, watch::Sender<Status>>>>,
    /// Closed while nothing may drain.
    drains: Arc<Semaphore>,
}

impl Default for Scribe {
    fn default() -> Self {
        Self {
            notes: Arc::default(),
            told: Arc::default(),
            starts: Arc::default(),
            running: Arc::default(),
            drains: Arc::new(Semaphore::new(1)),
        }
    }
}

struct Connector {
    name: String,
    scribe: Scribe,
    status: watch::Sender<Status>,
}

impl Scribe {
    fn note(&self, what: String) {
        self.notes.lock().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock())
    }

    /// The states that a connector has been in since this was asked last.
    fn states(&self, name: &str) -> Vec<&'static str> {
        let told = self.told.lock().remove(name).unwrap_or_default();
        told.iter().map(|condition| condition.status.name()).collect()
    }

    /// What runs says this from now on.
    fn say(&self, name: &str, status: Status) {
        self.running.lock()[name].send_replace(status);
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let happens = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let happened = tokio::time::timeout(Duration::from_secs(600), happens).await;
        assert!(happened.is_ok(), "never happened: {what}; {:?}", self.notes.lock());
    }

    /// Until these are noted, in this order; takes them.
    async fn noted(&self, notes: &[&str]) {
        self.until(&format!("{notes:?}"), |s| s.notes.lock().len() >= notes.len())
            .await;
        assert_eq!(self.take(), notes);
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

    fn claims(&self, spec: &Spec) -> Vec<String> {
        spec.claim.into_iter().map(str::to_owned).collect()
    }

    async fn prepare(&self, id: &ConnectorId, spec: &Spec) -> Result<Spec, String> {
        match spec.fault {
            Fault::Prepare => Err(format!("{} cannot be loaded", id.connector())),
            _ => Ok(spec.clone()),
        }
    }

    fn changed(&self, id: &ConnectorId, condition: &Condition) {
        let mut told = self.told.lock();
        let told = told.entry(id.connector().to_owned()).or_default();
        told.push(condition.clone());
    }

    fn lost(&self, id: &ConnectorId, why: &str) {
        panic!("the task of {id} panicked: {why}");
    }

    fn removed(&self, id: &ConnectorId) {
        self.told.lock().remove(id.connector());
        self.note(format!("forget {}", id.connector()));
    }

    async fn start(&self, id: &ConnectorId, spec: &Spec) -> Result<Arc<dyn Running>, StartError<String>> {
        let name = format!("{} {}", id.connector(), spec.version);
        let nth = {
            let mut starts = self.starts.lock();
            let starts = starts.entry(name.clone()).or_default();
            *starts += 1;
            *starts
        };
        match spec.fault {
            Fault::Start => return Err(StartError::Permanent(format!("{name} cannot listen"))),
            Fault::Waits => return Err(StartError::Transient(format!("{name}: no topic"))),
            Fault::Hangs => std::future::pending().await,
            Fault::Panics if nth == 1 => panic!("a defect"),
            _ => {}
        }
        self.note(format!("start {name}"));
        let status = watch::Sender::new(Status::Running);
        self.running.lock().insert(id.connector().to_owned(), status.clone());
        Ok(Arc::new(Connector {
            name,
            scribe: self.clone(),
            status,
        }))
    }
}

#[async_trait]
impl Running for Connector {
    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    async fn drain(&self, _: Instant) {
        let _may = self.scribe.drains.acquire().await;
        self.scribe.note(format!("drain {}", self.name));
        self.status.send_replace(Status::Stopped);
    }
}

type Desired = Vec<(ConnectorId, Spec)>;

fn one(name: &str, direction: Direction, version: u32) -> (ConnectorId, Spec) {
    let id = ConnectorId::try_new("p", name).expect("a valid name");
    (
        id,
        Spec {
            direction,
            version,
            fault: Fault::None,
            claim: None,
        },
    )
}

fn pair(source: u32, sink: u32) -> Desired {
    vec![
        one("source", Direction::Source, source),
        one("sink", Direction::Sink, sink),
    ]
}

fn faulty(mut desired: Desired, fault: Fault) -> Desired {
    desired[0].1.fault = fault;
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

#[tokio::test(start_paused = true)]
async fn what_is_the_same_is_left_alone() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(pair(1, 1)).await.expect("applied");
    assert_eq!((applied.unchanged.len(), scribe.take()), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_changed_source_starts_beside_its_predecessor_and_a_changed_sink_after_it() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(pair(2, 2)).await.expect("applied");
    assert_eq!(applied.changed.len(), 2);
    scribe
        .noted(&["drain sink 1", "start sink 2", "start source 2", "drain source 1"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_stopped_sources_first_and_nothing_is_said_of_it_afterwards() {
    let (supervisor, scribe) = running().await;
    let applied = supervisor.apply(Vec::new()).await.expect("applied");
    assert_eq!(applied.stopped.len(), 2);
    scribe.until("both are forgotten", |s| s.notes.lock().len() == 4).await;
    let notes = scribe.take();
    let at = |what: &str| notes.iter().position(|note| note == what).expect("noted");
    assert!(at("drain source 1") < at("drain sink 1"), "{notes:?}");
    assert!(
        at("drain sink 1") < at("forget sink") && at("drain source 1") < at("forget source"),
        "{notes:?}"
    );
    assert!(scribe.told.lock().is_empty() && supervisor.conditions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_cannot_be_prepared_leaves_everything_as_it_was() {
    let (supervisor, scribe) = running().await;
    let refused = supervisor.apply(faulty(pair(2, 2), Fault::Prepare)).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.to_string(), "p/source: source cannot be loaded");
    assert_eq!(scribe.take(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_start_leaves_its_predecessor_running_and_is_tried_when_it_is_applied_again() {
    let (supervisor, scribe) = running().await;
    scribe.states("source");
    for _ in 0..2 {
        let refused = supervisor.apply(faulty(pair(2, 1), Fault::Start)).await;
        assert_eq!(
            refused.expect_err("refused").to_string(),
            "p/source: source 2 cannot listen"
        );
        assert_eq!(scribe.take(), Vec::<String>::new());
    }
    assert_eq!(scribe.starts.lock()["source 2"], 2);
    assert_eq!(scribe.states("source").last(), Some(&"degraded"), "an operator sees it");
    supervisor.shutdown().await;
    scribe.until("all is forgotten", |s| s.notes.lock().len() == 4).await;
    let drained: Vec<_> = scribe
        .take()
        .into_iter()
        .filter(|note| note.starts_with("drain"))
        .collect();
    assert_eq!(drained, ["drain source 1", "drain sink 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_waits_or_hangs_holds_up_no_other() {
    for fault in [Fault::Waits, Fault::Hangs] {
        let scribe = Scribe::default();
        let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
        let mut desired = faulty(vec![one("late", Direction::Sink, 1)], fault);
        desired.extend(pair(1, 1));
        let applied = supervisor.apply(desired).await.expect("applied");
        assert_eq!(scribe.take(), ["start sink 1", "start source 1"]);
        let waiting: Vec<_> = applied.waiting.iter().map(|(id, _)| id.connector()).collect();
        assert_eq!(waiting, ["late"]);
        let late = supervisor.conditions();
        let (_, late) = late.iter().find(|(id, _)| id.connector() == "late").expect("known");
        assert!(matches!(late.status, Status::Starting(_)), "{late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_corrected_during_a_start_is_what_starts() {
    for fault in [Fault::Waits, Fault::Hangs] {
        let scribe = Scribe::default();
        let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
        let applying = supervisor.dispatch(faulty(pair(1, 1), fault)).await.expect("begun");
        scribe
            .until("it was tried", |s| s.starts.lock().contains_key("source 1"))
            .await;
        // Nobody waits for what is not to be any more.
        drop(applying);
        let applied = supervisor.apply(pair(2, 1)).await.expect("applied");
        assert_eq!((applied.changed.len(), applied.waiting.len()), (1, 0));
        assert_eq!(scribe.take(), ["start sink 1", "start source 2"]);
        supervisor.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_connectors_than_may_start_at_a_time_start_all_the_same_beside_some_that_wait() {
    let scribe = Scribe::default();
    let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
    let mut desired: Desired = (0..40).map(|n| one(&format!("sink-{n}"), Direction::Sink, 1)).collect();
    desired[..20].iter_mut().for_each(|(_, spec)| spec.fault = Fault::Waits);
    let applied = supervisor.apply(desired).await.expect("applied");
    assert_eq!((applied.started.len(), applied.waiting.len()), (40, 20));
    assert_eq!(scribe.take().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stop_drains_what_a_reload_has_removed_or_replaced() {
    let (supervisor, scribe) = running().await;
    let may_drain = scribe.drains.clone().acquire_owned().await.expect("open");
    let replaced = supervisor.dispatch(vec![one("source", Direction::Source, 2)]).await;
    drop(replaced.expect("begun"));
    scribe.until("the new one runs", |s| !s.notes.lock().is_empty()).await;
    assert_eq!(scribe.take(), ["start source 2"]);
    let stopping = supervisor.shutdown();
    let freeing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(may_drain);
    };
    tokio::join!(stopping, freeing);
    let notes = scribe.take();
    for drained in ["drain source 1", "drain source 2", "drain sink 1"] {
        assert!(
            notes.iter().any(|note| note == drained),
            "{drained} is not in {notes:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_and_wanted_again_before_it_has_drained_runs() {
    let (supervisor, scribe) = running().await;
    let may_drain = scribe.drains.clone().acquire_owned().await.expect("open");
    drop(supervisor.dispatch(Vec::new()).await.expect("begun"));
    let again = supervisor.dispatch(pair(1, 1)).await.expect("begun");
    drop(may_drain);
    again.settled().await.expect("applied");
    scribe.until("both run", |s| s.notes.lock().len() >= 3).await;
    let conditions = supervisor.conditions();
    assert!(
        conditions.len() == 2 && conditions.iter().all(|(_, c)| c.status == Status::Running),
        "{conditions:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_seen_and_the_connector_starts_again_ever_later() {
    let (supervisor, scribe) = running().await;
    for (name, direction) in [("source", Direction::Source), ("sink", Direction::Sink)] {
        scribe.states(name);
        let begun = Instant::now();
        for nth in 1..=4 {
            scribe.say(name, Status::Crashed("a lane panicked".into()));
            scribe
                .until("it starts again", |s| s.starts.lock()[&format!("{name} 1")] == nth + 1)
                .await;
            scribe
                .until("it runs", |s| {
                    s.told.lock()[name].last().is_some_and(|c| c.status == Status::Running)
                })
                .await;
            assert_eq!(scribe.told.lock()[name].last().expect("told").restarts, nth as u64);
        }
        // 50 to 100, then to 200, 400 and 800 ms.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(750), "{took:?}");
        let states = scribe.states(name);
        let expected = match direction {
            // Its endpoints answer while it starts again.
            Direction::Source => vec!["failed", "failed", "running"],
            Direction::Sink => vec!["failed", "failed", "pending", "starting", "running"],
        };
        assert_eq!(states[..expected.len()], expected);
    }
    supervisor.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_failed_for_good_is_not_started_again_before_it_is_applied_again() {
    let (supervisor, scribe) = running().await;
    scribe.say("sink", Status::Failed("bad credentials".into()));
    scribe
        .until("it is told", |s| {
            s.told.lock()["sink"]
                .last()
                .is_some_and(|c| c.status.name() == "failed")
        })
        .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(scribe.starts.lock()["sink 1"], 1);
    let applied = supervisor.apply(pair(1, 1)).await.expect("applied");
    assert_eq!((applied.changed.len(), applied.unchanged.len()), (1, 1));
    assert_eq!(scribe.take(), ["drain sink 1", "start sink 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_panics_is_tried_again() {
    let scribe = Scribe::default();
    let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
    let applied = supervisor
        .apply(faulty(pair(1, 1), Fault::Panics))
        .await
        .expect("applied");
    assert!(applied.waiting[0].1.contains("a defect"), "{applied:?}");
    scribe.noted(&["start sink 1", "start source 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_status_is_that_of_the_new_source_not_of_the_replaced_one() {
    let (supervisor, scribe) = running().await;
    supervisor.apply(pair(2, 1)).await.expect("applied");
    scribe.noted(&["start source 2", "drain source 1"]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(scribe.states("source").last(), Some(&"running"));
}

#[tokio::test(start_paused = true)]
async fn what_two_cannot_have_at_a_time_is_waited_for_until_the_one_that_leaves_has_drained() {
    let scribe = Scribe::default();
    let supervisor = Supervisor::new(scribe.clone(), Duration::from_secs(1));
    let claiming = |name| {
        let (id, spec) = one(name, Direction::Sink, 1);
        let claim = Some("rows of /stripe/payments");
        vec![(id, Spec { claim, ..spec })]
    };
    supervisor.apply(claiming("old")).await.expect("applied");
    supervisor.apply(claiming("new")).await.expect("applied");
    let notes = scribe.take();
    let at = |what: &str| notes.iter().position(|note| note == what).expect("noted");
    assert!(at("drain old 1") < at("start new 1"), "{notes:?}");
}
