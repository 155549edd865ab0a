//! What the metrics of a source say of its sessions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use danube_wasm_model::upstream::{Backlog, Confirmer};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{frontier::Unconfirmed, session::Session};
use crate::source::shared::Shared;

/// How often it is said what is not confirmed.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// How often an upstream is asked what it keeps.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// Of how many streams it is said by itself what their upstream keeps.
const STREAMS_MAX: usize = 100;
/// What stands for all others.
const OTHERS: &str = "others";

/// The sessions of a source, one for each drive at most.
pub(super) struct Sessions {
    shared: Arc<Shared>,
    list: Mutex<BTreeMap<usize, Measured>>,
}

struct Measured {
    session: Weak<Session>,
    /// What its upstream has said last.
    backlogs: Vec<Backlog>,
}

impl Sessions {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Self> {
        let list = Mutex::default();
        Arc::new(Self { shared, list })
    }

    /// The session of a drive has begun.
    pub(super) fn begin(&self, drive: usize, session: &Arc<Session>) {
        let measured = Measured {
            session: Arc::downgrade(session),
            backlogs: Vec::new(),
        };
        self.list.lock().insert(drive, measured);
    }

    /// It is over.
    pub(super) fn end(&self, drive: usize) {
        let mut list = self.list.lock();
        list.remove(&drive);
        self.show_backlogs(&list);
    }

    fn answered(&self, drive: usize, backlogs: Vec<Backlog>) {
        let mut list = self.list.lock();
        if let Some(measured) = list.get_mut(&drive) {
            measured.backlogs = backlogs;
            self.show_backlogs(&list);
        }
    }

    /// Those that are behind most by themselves, where there are many.
    fn show_backlogs(&self, list: &BTreeMap<usize, Measured>) {
        let mut all: Vec<_> = list.values().flat_map(|measured| &measured.backlogs).collect();
        all.sort_by(|a, b| (b.messages, b.bytes, &a.stream).cmp(&(a.messages, a.bytes, &b.stream)));
        let (single, others) = all.split_at(all.len().min(STREAMS_MAX));
        let sum = |value: fn(&Backlog) -> Option<u64>| {
            others
                .iter()
                .filter_map(|backlog| value(backlog))
                .reduce(u64::saturating_add)
        };
        let single = single
            .iter()
            .map(|backlog| (backlog.stream.as_str(), [backlog.messages, backlog.bytes]));
        let others = (OTHERS, [sum(|backlog| backlog.messages), sum(|backlog| backlog.bytes)]);
        self.shared.instruments.backlogs(single.chain([others]));
    }

    /// Says what is not confirmed.
    pub(super) fn show_unconfirmed(&self) {
        let mut all = Unconfirmed::default();
        for measured in self.list.lock().values() {
            if let Some(session) = measured.session.upgrade() {
                all.add(session.look(|frontier| frontier.unconfirmed()));
            }
        }
        let age = all.oldest.as_ref().map(Instant::elapsed);
        self.shared.instruments.unconfirmed(all.events, age.unwrap_or_default());
    }

    /// Says that for as long as the source lives.
    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            self.show_unconfirmed();
            sleep(MEASURE_EVERY).await;
        }
    }

    /// Says what the upstream keeps, for as long as the session of this drive lives.
    pub(super) async fn ask(self: Arc<Self>, drive: usize, confirmer: Arc<dyn Confirmer>) {
        loop {
            match confirmer.backlog().await {
                Ok(backlogs) => self.answered(drive, backlogs),
                Err(error) => {
                    let connector = self.shared.guest.id();
                    tracing::debug!(%connector, %error, "the upstream does not say what it keeps; it is asked again");
                }
            }
            sleep(ASK_EVERY).await;
        }
    }
}
