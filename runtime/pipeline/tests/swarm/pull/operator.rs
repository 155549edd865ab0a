//! Starts the source, kills or stops it when it is time, and starts it again, also when it gave up.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_model::upstream::DriveEnd;
use danube_wasm_pipeline::{ErrorBudget, Instruments, OnInvalid, PullParts, PullSource, SourceParts, Status};
use tokio::{
    task::JoinHandle,
    time::{Duration, Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    plan::Plan,
    upstream::{Feed, Line},
};
use crate::{
    broker::{Server, Session},
    guests::SimSource,
    rng::Rng,
    scenario::{Disruption, DisruptionKind},
    world::{ENDPOINT, World},
};

/// Longest time for a clean stop.
const GRACE: Duration = Duration::from_secs(120);

/// See the module.
pub struct Operator {
    world: Arc<World>,
    plan: Arc<Plan>,
    broker: Arc<Server>,
    feed: Arc<Feed>,
    rng: Rng,
    end: CancellationToken,
    begun: Instant,
}

/// A source that runs.
struct Running {
    source: Arc<PullSource>,
    driving: JoinHandle<DriveEnd>,
    session: Session,
}

/// Why the source is stopped.
enum EndReason {
    Disrupted,
    Failed(String),
    End,
}

impl Operator {
    pub fn new(
        world: &Arc<World>,
        plan: &Arc<Plan>,
        broker: &Arc<Server>,
        feed: &Arc<Feed>,
        rng: Rng,
        end: &CancellationToken,
    ) -> Self {
        Self {
            world: world.clone(),
            plan: plan.clone(),
            broker: broker.clone(),
            feed: feed.clone(),
            rng,
            end: end.clone(),
            begun: Instant::now(),
        }
    }

    pub async fn keep_source(self) {
        let guest = SimSource::new(&self.world, self.rng.fork());
        let disruptions = &self.plan.scenario.disruptions;
        let mut disruptions = disruptions
            .iter()
            .copied()
            .filter(|disruption| disruption.source)
            .peekable();
        loop {
            let Some(running) = self.start(&guest).await else {
                continue;
            };
            let next = disruptions.peek().map(|disruption| self.begun + disruption.at);
            match self.watch(&running, next).await {
                EndReason::Failed(reason) => {
                    self.world.note(format_args!("source: failed: {reason}"));
                    self.stop(running, GRACE).await;
                    sleep(self.rng.millis(100..=2_000)).await;
                }
                EndReason::End => return self.stop(running, GRACE).await,
                EndReason::Disrupted => {
                    if let Some(disruption) = disruptions.next() {
                        self.disrupt(running, disruption).await;
                    }
                }
            }
        }
    }

    async fn start(&self, guest: &Arc<SimSource>) -> Option<Running> {
        let session = self.broker.connect();
        let scenario = &self.plan.scenario;
        let mut retry_policy = scenario.retry_policy;
        let mut on_invalid = self.plan.on_invalid;
        // Who has seen why it stops decides what becomes of bad data, and how much of it there may be: one transaction can
        // have more than is allowed, and is confirmed whole.
        if self.begun.elapsed() >= scenario.fault_phase {
            retry_policy.dead_letters = ErrorBudget::default();
            if on_invalid == OnInvalid::Stop {
                on_invalid = OnInvalid::DeadLetter;
            }
        }
        let source = SourceParts {
            guest: guest.clone(),
            broker: Arc::new(session.clone()),
            ordered: Default::default(),
            validators: Default::default(),
            limits: scenario.limits,
            on_invalid: HashMap::from([(ENDPOINT.to_owned(), on_invalid)]),
            on_failure: HashMap::new(),
            retry_policy,
            clock: scenario.wall_clock.clock(self.begun, self.broker.known_ms()),
            instruments: Instruments::default(),
        };
        let parts = PullParts {
            source,
            in_flight_bytes_max: self.plan.in_flight_bytes_max,
            independent_keys: self.plan.independent_keys,
        };
        match PullSource::start(parts).await {
            Ok(source) => {
                self.world.note(format_args!("source: is up"));
                let (driver, line) = (source.driver(), Arc::new(Line(self.feed.clone())));
                Some(Running {
                    source,
                    driving: tokio::spawn(async move { driver.drive(line).await }),
                    session,
                })
            }
            Err(error) => {
                self.world.note(format_args!("source: cannot start: {error}"));
                sleep(self.rng.millis(100..=2_000)).await;
                None
            }
        }
    }

    async fn watch(&self, running: &Running, next: Option<Instant>) -> EndReason {
        let mut status = running.source.status();
        let failed = status.wait_for(|status| matches!(status, Status::Failed(_) | Status::Crashed(_)));
        tokio::select! {
            biased;
            () = self.end.cancelled() => EndReason::End,
            () = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => EndReason::Disrupted,
            failed = failed => EndReason::Failed(failed.map_or_else(
                |_| "its status is gone".to_owned(),
                |status| format!("{:?}", *status),
            )),
        }
    }

    async fn disrupt(&self, running: Running, disruption: Disruption) {
        match disruption.kind {
            DisruptionKind::Crash => self.crash(running).await,
            DisruptionKind::Drain { grace } => self.stop(running, grace).await,
        }
        sleep(disruption.downtime).await;
    }

    /// The process is gone: what it was about to send, to either side, may never have been sent.
    async fn crash(&self, running: Running) {
        self.world.note(format_args!("source: crashes"));
        running.session.cut();
        running.driving.abort();
        drop(running.source);
        let _ = running.driving.await;
    }

    async fn stop(&self, running: Running, grace: Duration) {
        self.world.note(format_args!("source: stops within {grace:?}"));
        running.source.drain(Instant::now() + grace).await;
        match timeout(GRACE, running.driving).await {
            Ok(Ok(end)) => self.world.note(format_args!("source: {end:?}")),
            Ok(Err(_)) => {}
            Err(_) => self
                .world
                .oracle
                .violation("the driver goes on after its source".to_owned()),
        }
    }
}
