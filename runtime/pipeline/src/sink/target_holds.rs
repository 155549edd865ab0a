//! Targets that take no writes until somebody acts, one by one: a missing table, an endpoint that is gone.
//!
//! The lanes of a sink share them: while a target is held, one lane at a time tries it, ever less often.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use danube_wasm_model::Targets;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::{
    backoff::{Backoff, BackoffPolicy},
    status::{Cause, StatusCell},
};

/// How soon a lane looks again at a target that another lane tries.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct TargetHolds {
    policy: BackoffPolicy,
    status: StatusCell,
    /// What the configuration names; the place is that of the cause in the status.
    names: Vec<Arc<str>>,
    holds: Mutex<BTreeMap<usize, Hold>>,
    /// How many there are, without the lock.
    held: AtomicUsize,
    /// A target takes writes again.
    released: Notify,
}

struct Hold {
    backoff: Backoff,
    until: Instant,
    is_tried: bool,
}

/// Whether a target may be written to.
pub(super) enum Access {
    /// It is not held.
    Free,
    /// It is held, and to be tried now.
    Trial(Trial),
    /// Not yet.
    Wait,
}

/// Leave to try a held target. Dropped without success, the next lane may try it.
#[must_use]
pub(super) struct Trial {
    holds: Arc<TargetHolds>,
    target: usize,
}

impl TargetHolds {
    pub(super) fn new(policy: BackoffPolicy, targets: &Targets, status: StatusCell) -> Arc<Self> {
        Arc::new(Self {
            policy,
            status,
            names: targets.iter().cloned().collect(),
            holds: Mutex::default(),
            held: AtomicUsize::new(0),
            released: Notify::new(),
        })
    }

    /// Whether any target is held.
    pub(super) fn any(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    /// When the next target takes writes again. Ask before looking at any, so that none is missed.
    pub(super) fn released(&self) -> impl Future<Output = ()> {
        self.released.notified()
    }

    /// Leave to write to a target.
    pub(super) fn enter(self: &Arc<Self>, name: &str) -> Access {
        let Some(target) = self.place(name) else {
            return Access::Free;
        };
        let mut holds = self.holds.lock();
        let Some(hold) = holds.get_mut(&target) else {
            return Access::Free;
        };
        match hold.ready_at() {
            Some(_) => Access::Wait,
            None => {
                hold.is_tried = true;
                let holds = self.clone();
                Access::Trial(Trial { holds, target })
            }
        }
    }

    /// When a target may be written to, if not now.
    pub(super) fn ready_at(&self, name: &str) -> Option<Instant> {
        let holds = self.holds.lock();
        holds.get(&self.place(name)?)?.ready_at()
    }

    /// The target does not take writes. For how long it is held now; not at all if it is none of this sink's.
    pub(super) fn hold(&self, name: &str, message: &str) -> Duration {
        let Some(target) = self.place(name) else {
            return Duration::ZERO;
        };
        let mut holds = self.holds.lock();
        let now = Instant::now();
        let hold = holds.entry(target).or_insert_with(|| Hold {
            backoff: self.policy.start(),
            until: now,
            is_tried: false,
        });
        // A call that began before it was held says nothing new.
        if hold.until <= now {
            hold.until = now + hold.backoff.next(None);
        }
        let wait = hold.until - now;
        self.held.store(holds.len(), Ordering::Release);
        self.status.degrade(Cause::UnfitTarget(target), message);
        wait
    }

    fn release(&self, target: usize) {
        let mut holds = self.holds.lock();
        holds.remove(&target);
        self.held.store(holds.len(), Ordering::Release);
        self.status.recover(Cause::UnfitTarget(target));
        drop(holds);
        self.released.notify_waiters();
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| (**known).cmp(name)).ok()
    }
}

impl Hold {
    fn ready_at(&self) -> Option<Instant> {
        let now = Instant::now();
        match self.is_tried {
            true => Some(now + LOOK_AGAIN),
            false => (self.until > now).then_some(self.until),
        }
    }
}

impl Trial {
    /// The target takes writes again.
    pub(super) fn succeeded(self) {
        self.holds.release(self.target);
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(hold) = self.holds.holds.lock().get_mut(&self.target) {
            hold.is_tried = false;
        }
    }
}
