//! Detects a partition that has unread messages and delivers none, without a reason.

use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

use super::super::{partition::Partition, shared::Core};
use crate::limits::{STANDSTILL_ALONE_MIN, STANDSTILL_SHARED_MIN};

/// How long a partition has been idle.
#[derive(Default)]
pub(super) struct StandstillDetector {
    /// The session, and since when it has been idle.
    since: Option<(u64, Instant)>,
    reported: bool,
}

impl StandstillDetector {
    /// Returns a description if the partition stands still.
    pub(super) fn check(&mut self, core: &Core, partition: &Partition) -> Option<String> {
        let serving = partition.serving.borrow().clone().filter(|serving| !serving.own);
        let Some(serving) = serving.filter(|_| partition.unacknowledged() == 0) else {
            self.since = None;
            return None;
        };
        let (session, since) = *self.since.get_or_insert_with(|| (serving.session, Instant::now()));
        if session != serving.session {
            self.since = Some((serving.session, Instant::now()));
            return None;
        }
        let after = core.shared.options.standstill_after;
        let unread = partition.local.overdue(after);
        let is_idle = since.elapsed() >= after && partition.local.is_idle_for(after);
        let stands_still = is_idle && unread >= unread_min(core, partition)?;
        match stands_still {
            true => Some(self.report(core, partition, unread)),
            false => {
                if std::mem::take(&mut self.reported) {
                    tracing::info!(topic = %partition.name, subscription = core.options.subscription, "the partition goes on");
                }
                None
            }
        }
    }

    fn report(&mut self, core: &Core, partition: &Partition, unread: usize) -> String {
        let subscription = &core.options.subscription;
        partition.local.mark_stalled();
        let why = format!(
            "{} stands still for subscription `{subscription}`: Danube has confirmed {unread} messages of this process and has \
             given none for {} ms, though none is unacknowledged. Where the brokers share their storage, unload the topic \
             (`danube-admin topics unload {}`); else delete the subscription and restart this process, which loses what it has \
             not read. If Danube was killed, it may have lost them, and the next message ends this. See docs/danube.md",
            partition.name,
            core.shared.options.standstill_after.as_millis(),
            partition.name
        );
        if !std::mem::replace(&mut self.reported, true) {
            tracing::error!(topic = %partition.name, subscription, unread, "{why}");
        }
        why
    }
}

/// Unread messages that must be known before it is reported; `None` where it cannot be known. Other consumers of a
/// `Shared` subscription get some of them, round-robin; those of a `KeyShared` one all of a key, so that only messages of
/// keys count that came here before; and a standby of a `Failover` one gets none.
fn unread_min(core: &Core, partition: &Partition) -> Option<usize> {
    match core.options.subscription_type {
        SubscriptionType::Exclusive => Some(1),
        SubscriptionType::Failover => partition.local.is_active().then_some(1),
        SubscriptionType::Shared => Some(match partition.is_alone() {
            true => STANDSTILL_ALONE_MIN,
            false => STANDSTILL_SHARED_MIN,
        }),
        SubscriptionType::KeyShared => Some(1),
    }
}
