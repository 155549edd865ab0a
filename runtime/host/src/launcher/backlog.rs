//! Warns about messages that a sink will not read: Danube starts a new subscription at the next message, whatever
//! `start` is.

use danube_wasm_broker::TopicInfo;
use danube_wasm_model::{
    ConnectorId, Mapping, StartAt, TopicName,
    door::{ConsumerConfig, SinkGuest as _},
};
use danube_wasm_sandbox::SinkComponent;

use super::ConnectorLauncher;
use crate::assemble::SinkSpec;

impl ConnectorLauncher {
    /// Runs before the topics of the pipeline's own sources are created, which have no backlog. Only the admin API
    /// knows the backlog; if it does not answer, there is no warning, and the sink does not wait for it.
    pub(super) async fn warn_about_unread_backlog(&self, id: &ConnectorId, spec: &SinkSpec, guest: &SinkComponent) {
        let Some(admin) = self.services().brokers.danube_admin() else {
            return;
        };
        let topics = match admin.topics().await {
            Ok(topics) => topics,
            Err(error) => {
                tracing::debug!(connector = %id, %error, "whether its subscriptions are new is not known");
                return;
            }
        };
        for ConsumerConfig {
            topic, subscription, ..
        } in guest.consumer_configs()
        {
            let is_new = |info: &TopicInfo| info.topic == *topic && !info.subscriptions.contains(subscription);
            if wants_all(spec, topic, subscription) && topics.iter().any(is_new) {
                tracing::warn!(connector = %id, %topic, subscription, "the subscription is new on a topic that is there: Danube begins it with the next message, and all that was published before is skipped. Make the subscription before the first message, by starting the sink before the source");
            }
        }
    }
}

fn wants_all(spec: &SinkSpec, topic: &TopicName, subscription: &str) -> bool {
    let mut mappings = spec.config.mappings().into_iter();
    mappings.any(|Mapping { consumer, batch, .. }| {
        consumer.topic == *topic && consumer.subscription == subscription && batch.start == StartAt::Earliest
    })
}
