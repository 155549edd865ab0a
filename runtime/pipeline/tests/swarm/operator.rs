//! Starts the two connectors, kills or stops them when it is time, and starts them again, also when they gave up.

use std::{sync::Arc, time::Duration};

use danube_wasm_pipeline::{Instruments, Sink, SinkParts, Source, SourceParts, Status};
use danube_wasm_schema::Schemas;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    broker::{NoSchemas, Server, Session},
    guests::{SimSink, SimSource},
    listener::Listener,
    rng::Rng,
    scenario::{Disruption, DisruptionKind},
    target::Target,
    world::{World, sink_id},
};

/// Starts and stops the two connectors.
pub struct Operator {
    pub world: Arc<World>,
    pub broker: Arc<Server>,
    pub listener: Arc<Listener>,
    pub target: Arc<Target>,
    pub rng: Rng,
    /// Cancelled at the end of the run.
    pub end: CancellationToken,
    pub disruptions: Vec<Disruption>,
    pub begun: Instant,
}

/// Why a connector is stopped.
enum EndReason {
    Disruption(Disruption),
    Failed(String),
    End,
}

/// Longest time for a clean stop.
const GRACE: Duration = Duration::from_secs(120);

impl Operator {
    pub async fn run_source(self) {
        let guest = SimSource::new(&self.world, self.rng.fork());
        let mut plan = self.plan(|disruption| disruption.source);
        loop {
            let session = self.broker.connect();
            let parts = SourceParts {
                guest: guest.clone(),
                broker: Arc::new(session.clone()),
                ordered: Default::default(),
                validators: Default::default(),
                limits: self.world.scenario.limits,
                on_invalid: self.world.scenario.on_invalid(),
                on_failure: self.world.scenario.on_failure(),
                retry_policy: self.world.scenario.retry_policy,
                clock: self.world.scenario.wall_clock.clock(self.begun, self.broker.known_ms()),
                instruments: Instruments::default(),
            };
            let Some(source) = self.start("source", Source::start(parts)).await else {
                continue;
            };
            self.listener.open(&source, session.process());
            match self.watch(source.status(), &mut plan).await {
                EndReason::Disruption(Disruption {
                    kind: DisruptionKind::Crash,
                    downtime,
                    ..
                }) => {
                    self.crash("source", &session);
                    self.listener.close();
                    drop(source);
                    sleep(downtime).await;
                }
                EndReason::Disruption(Disruption {
                    kind: DisruptionKind::Drain { grace },
                    downtime,
                    ..
                }) => {
                    self.world.note(format_args!("source: stops within {grace:?}"));
                    source.drain(Instant::now() + grace).await;
                    self.listener.close();
                    sleep(downtime).await;
                }
                EndReason::Failed(reason) => {
                    self.world.note(format_args!("source: failed: {reason}"));
                    source.drain(Instant::now() + GRACE).await;
                    self.listener.close();
                    sleep(self.rng.millis(100..=2_000)).await;
                }
                EndReason::End => {
                    self.world.note(format_args!("source: stops for good"));
                    source.drain(Instant::now() + GRACE).await;
                    return self.listener.close();
                }
            }
        }
    }

    pub async fn run_sink(self) {
        let guest = SimSink::new(&self.world, self.rng.fork());
        let mut plan = self.plan(|disruption| disruption.sink);
        loop {
            let session = self.broker.connect();
            let parts = SinkParts {
                guest: guest.clone(),
                broker: Arc::new(session.clone()),
                consumer: sink_id().to_string(),
                schemas: Arc::new(Schemas::new(Arc::new(NoSchemas))),
                egress: self.target.clone(),
                batches: vec![self.world.scenario.batch],
                retry_policy: self.world.scenario.retry_policy,
                instruments: Instruments::default(),
            };
            let Some(sink) = self.start("sink", Sink::start(parts)).await else {
                continue;
            };
            match self.watch(sink.status(), &mut plan).await {
                EndReason::Disruption(Disruption {
                    kind: DisruptionKind::Crash,
                    downtime,
                    ..
                }) => {
                    self.crash("sink", &session);
                    drop(sink);
                    sleep(downtime).await;
                }
                EndReason::Disruption(Disruption {
                    kind: DisruptionKind::Drain { grace },
                    downtime,
                    ..
                }) => {
                    self.stop_sink(&sink, grace).await;
                    sleep(downtime).await;
                }
                EndReason::Failed(reason) => {
                    self.world.note(format_args!("sink: failed: {reason}"));
                    sink.drain(Instant::now() + GRACE).await;
                    sleep(self.rng.millis(100..=2_000)).await;
                }
                EndReason::End => return self.stop_sink(&sink, GRACE).await,
            }
        }
    }

    /// Stops the sink. If no fault is active and the stop is in time, no processed message is left unacknowledged.
    async fn stop_sink(&self, sink: &Sink, grace: Duration) {
        self.world.note(format_args!("sink: stops within {grace:?}"));
        let begun = Instant::now();
        let deadline = begun + grace;
        let failed = matches!(*sink.status().borrow(), Status::Failed(_));
        sink.drain(deadline).await;
        if failed || Instant::now() >= deadline || !self.world.faults.no_faults_since(begun) {
            return;
        }
        self.world.note(format_args!("sink: stopped calmly"));
        let left = self.broker.delivered_once();
        left.into_iter()
            .for_each(|message| self.world.oracle.left_by_clean_stop(message));
    }

    fn crash(&self, who: &str, session: &Session) {
        self.world.note(format_args!("{who}: crashes"));
        session.cut();
    }

    fn plan(&self, mine: impl Fn(&Disruption) -> bool) -> std::vec::IntoIter<Disruption> {
        let disruptions = self.disruptions.iter().copied();
        disruptions.filter(mine).collect::<Vec<_>>().into_iter()
    }

    async fn start<T>(&self, who: &str, starting: impl Future<Output = danube_wasm_broker::Result<T>>) -> Option<T> {
        match starting.await {
            Ok(connector) => {
                self.world.note(format_args!("{who}: is up"));
                Some(connector)
            }
            Err(error) => {
                self.world.note(format_args!("{who}: cannot start: {error}"));
                sleep(self.rng.millis(100..=2_000)).await;
                None
            }
        }
    }

    async fn watch(&self, mut status: watch::Receiver<Status>, plan: &mut std::vec::IntoIter<Disruption>) -> EndReason {
        let next = plan.as_slice().first().map(|disruption| self.begun + disruption.at);
        let failed = async {
            let failed = status.wait_for(|status| matches!(status, Status::Failed(_))).await;
            failed.map_or_else(|_| "its status is gone".to_owned(), |status| format!("{:?}", *status))
        };
        tokio::select! {
            biased;
            () = self.end.cancelled() => EndReason::End,
            () = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => plan.next().map_or(EndReason::End, EndReason::Disruption),
            reason = failed => EndReason::Failed(reason),
        }
    }

    /// Checks that messages delivered before a clean stop are not delivered after it.
    pub async fn check_idle_restart(&self) {
        let before = self.broker.deliveries();
        let end = CancellationToken::new();
        let again = Self {
            world: self.world.clone(),
            broker: self.broker.clone(),
            listener: self.listener.clone(),
            target: self.target.clone(),
            rng: self.rng.clone(),
            end: end.clone(),
            disruptions: Vec::new(),
            begun: self.begun,
        };
        let sink = tokio::spawn(again.run_sink());
        sleep(GRACE).await;
        let extra = self.broker.deliveries() - before;
        if extra > 0 {
            self.world
                .oracle
                .violation(format!("{extra} messages were delivered again after a clean stop"));
        }
        end.cancel();
        let stopped = timeout_at(Instant::now() + GRACE, sink).await;
        if !matches!(stopped, Ok(Ok(()))) {
            self.world.oracle.violation("an idle sink did not stop".to_owned());
        }
    }
}
