//! Two tables in memory: `table` inserts a row unless its id is there; `state` replaces a row by a newer one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{
    RecordId, SubscriptionType, Targets,
    door::{Egress, EgressError, Write, WriteReport},
    message::Operation,
};
use parking_lot::Mutex;

use super::{
    faults::Fault,
    oracle::short,
    put_off,
    rng::Rng,
    test_event::{AtSink, at_sink},
    world::World,
};

/// See the module. It outlives every crash of the pipeline.
pub struct Target {
    world: Arc<World>,
    rng: Rng,
    rows: Mutex<BTreeMap<String, Bytes>>,
    states: Mutex<BTreeMap<String, State>>,
    targets: Targets,
}

/// A row of `state`.
struct State {
    order: u64,
    record: Option<RecordId>,
}

impl Target {
    pub fn new(world: &Arc<World>, rng: Rng) -> Arc<Self> {
        Arc::new(Self {
            world: world.clone(),
            rng,
            rows: Mutex::default(),
            states: Mutex::default(),
            targets: Targets::from_iter(["table", "state"]),
        })
    }

    fn strikes(&self, fault: Fault) -> bool {
        self.world.strikes(fault, &self.rng)
    }

    /// One of the tables, of those that are written to, takes no writes.
    fn unfit(&self, writes: &[Write]) -> Option<EgressError> {
        let name = self.rng.pick(&["table", "state"]);
        let target = writes.iter().find(|write| &*write.target == name)?.target.clone();
        let message = format!("{name} has no columns");
        self.strikes(Fault::TargetUnfit)
            .then_some(EgressError::Unfit { target, message })
    }

    fn fault(&self) -> Option<EgressError> {
        let transient = |message: &str, retry_after| EgressError::Transient {
            message: message.into(),
            retry_after,
        };
        if self.strikes(Fault::TargetConfiguration) {
            let message = "the credentials are wrong".into();
            return Some(EgressError::Configuration { message });
        }
        if self.strikes(Fault::TargetBusy) {
            return Some(transient("come back later", Some(self.rng.millis(1..=3_000))));
        }
        self.strikes(Fault::TargetTransient)
            .then(|| transient("connection refused", None))
    }

    fn commit(&self, writes: &[Write], later: &BTreeSet<usize>) -> WriteReport {
        let mut report = WriteReport::default();
        let mut rows = self.rows.lock();
        for (i, write) in writes.iter().enumerate().filter(|(i, _)| !later.contains(i)) {
            let body = String::from_utf8_lossy(&write.body);
            if &*write.target == "state" {
                self.replace(write, &body);
            } else if write.operation != Operation::Insert || &*write.target != "table" || write.order != 0 {
                self.world
                    .oracle
                    .violation(format!("a write that nobody asked for: {write:?}"));
            } else if !self.world.is_repaired() && at_sink(&body) == Some(AtSink::TargetRefuses) {
                report.refused.push((i, "the column is too narrow".into()));
            } else if rows.contains_key(&write.id) {
                report.unchanged += 1;
                if !write.redelivered {
                    self.world.oracle.written_again(&body);
                }
            } else {
                rows.insert(write.id.clone(), write.body.clone());
                self.world.note(format_args!("target: {} = {}", write.id, short(&body)));
                self.world.oracle.row(&body);
            }
        }
        report
    }
}

impl Target {
    /// Each write says what its order is kept by, where it is.
    fn check_keys(&self, writes: &[Write]) {
        let wrong = |write: &&Write| match self.world.scenario.subscription {
            SubscriptionType::Shared => write.key.is_some(),
            SubscriptionType::Exclusive | SubscriptionType::Failover => write.key.is_none(),
            SubscriptionType::KeyShared => false,
        };
        if let Some(write) = writes.iter().find(wrong) {
            self.world
                .oracle
                .violation(format!("a write with a wrong key: {write:?}"));
        }
    }

    /// Replaces the row unless the present one has a newer order.
    fn replace(&self, write: &Write, body: &str) {
        let mut states = self.states.lock();
        self.world.oracle.state_is_done(body);
        let there = states.get(&write.id);
        if write.operation != Operation::Upsert || write.order == 0 || write.record.is_none() {
            let text = format!("a write without its record's order: {write:?}");
            self.world.oracle.violation(text);
        }
        if there.is_some_and(|there| there.order > write.order)
            || there.is_some_and(|there| there.order == write.order && there.record != write.record)
        {
            return self.world.note(format_args!(
                "target: {} of {} is older than what is there",
                short(body),
                write.id
            ));
        }
        self.world
            .note(format_args!("target: state of {} = {}", write.id, short(body)));
        self.world.oracle.state(&write.id, body);
        let state = State {
            order: write.order,
            record: write.record.clone(),
        };
        states.insert(write.id.clone(), state);
    }
}

#[async_trait]
impl Egress for Target {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        self.world.pause(Fault::TargetSlow, &self.rng).await;
        self.check_keys(writes);
        if let Some(fault) = self.fault().or_else(|| self.unfit(writes)) {
            self.world
                .note(format_args!("target: {} writes fail: {fault}", writes.len()));
            return Err(fault);
        }
        let lost = EgressError::Transient {
            message: "the connection was lost".into(),
            retry_after: None,
        };
        if self.strikes(Fault::TargetPart) {
            let part = self.rng.size(0..=writes.len() as u64);
            self.commit(&writes[..part], &BTreeSet::new());
            self.world
                .note(format_args!("target: {part} of {} writes", writes.len()));
            return Err(lost);
        }
        let later = match self.strikes(Fault::TargetLater) {
            true => put_off::draw(writes, &self.rng),
            false => BTreeSet::new(),
        };
        let mut report = self.commit(writes, &later);
        report.later = put_off::report(&later, &self.rng);
        if !later.is_empty() {
            let (later, all) = (later.len(), writes.len());
            self.world
                .note(format_args!("target: {later} of {all} writes are put off"));
        }
        self.world.pause(Fault::TargetSlow, &self.rng).await;
        if self.strikes(Fault::TargetReplyLost) {
            tokio::time::sleep(self.rng.millis(0..=2_000)).await;
            self.world
                .note(format_args!("target: the answer to {} writes is lost", writes.len()));
            return Err(lost);
        }
        let done = writes.iter().enumerate().filter(|(i, _)| !later.contains(i));
        let done = done.map(|(_, write)| (&*write.target, &write.body[..]));
        self.world.oracle.confirmed(done);
        Ok(report)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    async fn ready(&self) -> Result<(), EgressError> {
        tokio::time::sleep(Duration::ZERO).await;
        Ok(())
    }
}
