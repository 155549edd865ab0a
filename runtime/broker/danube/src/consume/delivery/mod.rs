//! Watches, as long as a consumer lives, what its broker does not deliver: skipped messages, partitions that stand
//! still, and a small window of unacknowledged messages.

mod standstill;
mod window;

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Delivery, Gap};
use danube_wasm_proto::api::StreamMessage;
use tokio::time::{MissedTickBehavior, interval};

use self::{standstill::StandstillDetector, window::WindowDetector};
use super::{partition::Partition, shared::Core};
use crate::limits::DELIVERY_LOOK_EVERY;

/// Ranges that are listed by their offsets; the rest are counted.
const GAPS_LISTED_MAX: usize = 8;

/// Runs until the consumer is dropped.
pub(super) async fn watch(core: Arc<Core>) {
    let stopped = core.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = run(core) => {}
    }
}

/// What is known about one partition.
#[derive(Default)]
struct PartitionWatch {
    standstill: StandstillDetector,
    window: WindowDetector,
}

async fn run(core: Arc<Core>) {
    let mut watches: HashMap<u64, PartitionWatch> = HashMap::new();
    let mut ticks = interval(DELIVERY_LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut missing = core.shared.gaps.watch();
    let mut acknowledged = core.acknowledgements();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // An operator may have acknowledged gaps.
            changed = missing.changed() => if changed.is_err() { return },
        }
        let partitions: Vec<_> = core.partitions.read().iter().map(|(n, p)| (*n, p.clone())).collect();
        if core.acknowledgements() != std::mem::replace(&mut acknowledged, core.acknowledgements()) {
            partitions
                .iter()
                .for_each(|(_, partition)| partition.local.forget_unread());
        }
        let mut standstills = Vec::new();
        for (number, partition) in &partitions {
            let watches = watches.entry(u64::from(*number)).or_default();
            core.report_gaps(partition);
            standstills.extend(watches.standstill.check(&core, partition));
            watches.window.check(&core, partition);
        }
        core.report(&standstills);
    }
}

impl Core {
    /// Records a message: it may fill a gap.
    pub(super) fn on_message(&self, partition: &Partition, message: &StreamMessage) {
        let offset = message.msg_id.as_ref().map_or(0, |id| id.topic_offset);
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        if self.shared.gaps.remove(topic, subscription, &partition.name, offset) {
            tracing::info!(topic = %partition.name, subscription, offset, "a message that the broker had skipped has come after all");
        }
    }

    fn acknowledgements(&self) -> u64 {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        self.shared.gaps.acknowledgements(topic, subscription)
    }

    fn report_gaps(&self, partition: &Partition) {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        for offsets in partition.take_gaps() {
            let messages = (offsets.end() - offsets.start()).saturating_add(1);
            let (first, last) = (offsets.start(), offsets.end());
            tracing::error!(topic = %partition.name, subscription, first, last, messages, "Danube has skipped these offsets: their messages are not processed. See docs/danube.md; acknowledge it with `danube-wasm subscriptions acknowledge-gaps FILE {topic} {subscription}`");
            self.shared.gaps.add(topic, subscription, &partition.name, &offsets);
            self.delivery.send_modify(|delivery| delivery.gap_messages += messages);
        }
    }

    fn report(&self, standstills: &[String]) {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        let missing = self.shared.gaps.of_subscription(topic, subscription);
        let gap = (!missing.is_empty()).then(|| gap_sentence(&missing));
        let standstill = (!standstills.is_empty()).then(|| standstills.join("; "));
        self.delivery.send_if_modified(|delivery| {
            let now = Delivery {
                gap_messages: delivery.gap_messages,
                gap,
                standstill,
            };
            let is_news = *delivery != now;
            *delivery = now;
            is_news
        });
    }
}

fn gap_sentence(missing: &[Gap]) -> String {
    let messages: u64 = missing.iter().map(Gap::messages).sum();
    let listed: Vec<String> = missing.iter().take(GAPS_LISTED_MAX).map(offsets).collect();
    let more = match missing.len().saturating_sub(GAPS_LISTED_MAX) {
        0 => String::new(),
        n => format!(" and {n} more ranges"),
    };
    let (topic, subscription) = missing
        .first()
        .map_or(("", ""), |gap| (gap.topic.as_str(), gap.subscription.as_str()));
    format!(
        "Danube has skipped {messages} messages of subscription `{subscription}`: {}{more}. They are not processed; what brings \
         them back is in docs/danube.md. `danube-wasm subscriptions acknowledge-gaps FILE {topic} {subscription}` ends this \
         state",
        listed.join(", ")
    )
}

fn offsets(gap: &Gap) -> String {
    match gap.first == gap.last {
        true => format!("{} offset {}", gap.partition, gap.first),
        false => format!("{} offsets {} to {}", gap.partition, gap.first, gap.last),
    }
}
