//! Looks, as long as a consumer lives, at what its broker owes it: what was skipped, where nothing comes any more, and how
//! many it gives unacknowledged before it waits.

mod standstill;
mod window;

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Delivery, Gap};
use danube_wasm_proto::api::StreamMessage;
use tokio::time::{MissedTickBehavior, interval};

use self::{standstill::Quiet, window::Window};
use super::{Core, Partition};
use crate::limits::DELIVERY_LOOK_EVERY;

/// Ranges that are told by their offsets; the rest by their number.
const GAPS_TOLD_MAX: usize = 8;

/// Runs until the consumer is dropped.
pub(super) async fn watch(core: Arc<Core>) {
    let stopped = core.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = look_again(core) => {}
    }
}

/// What is known of one partition from looking at it.
#[derive(Default)]
struct Looks {
    quiet: Quiet,
    window: Window,
}

async fn look_again(core: Arc<Core>) {
    let mut looks: HashMap<u64, Looks> = HashMap::new();
    let mut ticks = interval(DELIVERY_LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut missing = core.shared.missing.watch();
    let mut acknowledged = core.acknowledgements();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // An operator has acknowledged something, perhaps.
            changed = missing.changed() => if changed.is_err() { return },
        }
        let partitions: Vec<_> = core.partitions.read().iter().map(|(n, p)| (*n, p.clone())).collect();
        if core.acknowledgements() != std::mem::replace(&mut acknowledged, core.acknowledgements()) {
            partitions.iter().for_each(|(_, partition)| partition.reader.forget());
        }
        let mut still = Vec::new();
        for (number, partition) in &partitions {
            let looks = looks.entry(u64::from(*number)).or_default();
            core.look_for_gaps(partition);
            still.extend(looks.quiet.look(&core, partition));
            looks.window.look(&core, partition);
        }
        core.report(&still);
    }
}

impl Core {
    /// A message comes.
    pub(super) fn came(&self, partition: &Partition, message: &StreamMessage) {
        let offset = message.msg_id.as_ref().map_or(0, |id| id.topic_offset);
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        if self.shared.missing.came(topic, subscription, &partition.name, offset) {
            tracing::info!(topic = %partition.name, subscription, offset, "a message that the broker had skipped has come after all");
        }
    }

    fn acknowledgements(&self) -> u64 {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        self.shared.missing.acknowledgements(topic, subscription)
    }

    fn look_for_gaps(&self, partition: &Partition) {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        for offsets in partition.skipped() {
            let messages = (offsets.end() - offsets.start()).saturating_add(1);
            let (first, last) = (offsets.start(), offsets.end());
            tracing::error!(topic = %partition.name, subscription, first, last, messages, "Danube has skipped these offsets: their messages are not processed. See docs/danube.md; acknowledge it with `danube-wasm subscriptions acknowledge-gaps FILE {topic} {subscription}`");
            self.shared.missing.add(topic, subscription, &partition.name, &offsets);
            self.delivery.send_modify(|delivery| delivery.gap_messages += messages);
        }
    }

    fn report(&self, still: &[String]) {
        let (topic, subscription) = (&self.options.topic, &self.options.subscription);
        let missing = self.shared.missing.of(topic, subscription);
        let gap = (!missing.is_empty()).then(|| gap_sentence(&missing));
        let standstill = (!still.is_empty()).then(|| still.join("; "));
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
    let told: Vec<String> = missing.iter().take(GAPS_TOLD_MAX).map(offsets).collect();
    let more = match missing.len().saturating_sub(GAPS_TOLD_MAX) {
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
        told.join(", ")
    )
}

fn offsets(gap: &Gap) -> String {
    match gap.first == gap.last {
        true => format!("{} offset {}", gap.partition, gap.first),
        false => format!("{} offsets {} to {}", gap.partition, gap.first, gap.last),
    }
}
