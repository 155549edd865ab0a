//! A partition of which something is unread and nothing comes any more, though nothing keeps it.

use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

use super::{Core, Partition};
use crate::limits::{STANDSTILL_ALONE_MIN, STANDSTILL_SHARED_MIN};

/// How long a partition has been quiet.
#[derive(Default)]
pub(super) struct Quiet {
    /// The session, and since when it has had nothing to do.
    since: Option<(u64, Instant)>,
    said: bool,
}

impl Quiet {
    /// A sentence, if it stands still.
    pub(super) fn look(&mut self, core: &Core, partition: &Partition) -> Option<String> {
        let place = partition.place.borrow().clone().filter(|place| !place.own);
        let Some(place) = place.filter(|_| partition.unacknowledged() == 0) else {
            self.since = None;
            return None;
        };
        let (session, since) = *self.since.get_or_insert_with(|| (place.session, Instant::now()));
        if session != place.session {
            self.since = Some((place.session, Instant::now()));
            return None;
        }
        let after = core.shared.options.standstill_after;
        let unread = partition.reader.overdue(after);
        let stands_still = since.elapsed() >= after && unread >= unread_min(core, partition)?;
        match stands_still {
            true => Some(self.say(core, partition, unread)),
            false => {
                if std::mem::take(&mut self.said) {
                    tracing::info!(topic = %partition.name, subscription = core.options.subscription, "the partition goes on");
                }
                None
            }
        }
    }

    fn say(&mut self, core: &Core, partition: &Partition, unread: usize) -> String {
        let subscription = &core.options.subscription;
        partition.reader.stands_still();
        let why = format!(
            "{} stands still for subscription `{subscription}`: Danube has confirmed {unread} messages of this process and has \
             given none for {} ms, though none is unacknowledged. Where the brokers share their storage, unload the topic \
             (`danube-admin topics unload {}`); else delete the subscription and restart this process, which loses what it has \
             not read. If Danube was killed, it may have lost them, and the next message ends this. See docs/danube.md",
            partition.name,
            core.shared.options.standstill_after.as_millis(),
            partition.name
        );
        if !std::mem::replace(&mut self.said, true) {
            tracing::error!(topic = %partition.name, subscription, unread, "{why}");
        }
        why
    }
}

/// How many must be unread to say so; `None` where it cannot be said. Others of a `Shared` subscription get some of them, by
/// turns, those of a `KeyShared` one all of a key, and a stand-by of a `Failover` one none.
fn unread_min(core: &Core, partition: &Partition) -> Option<usize> {
    match core.options.subscription_type {
        SubscriptionType::Exclusive => Some(1),
        SubscriptionType::Failover => partition.reader.is_active().then_some(1),
        SubscriptionType::Shared => Some(match partition.is_alone() {
            true => STANDSTILL_ALONE_MIN,
            false => STANDSTILL_SHARED_MIN,
        }),
        SubscriptionType::KeyShared => None,
    }
}
