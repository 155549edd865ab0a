//! Whether the broker gives up a message before its target is back: without a buffer, that stops the subscription or loses
//! the message.

use std::time::Duration;

use danube_wasm_broker_danube::{Danube, FailurePolicy, Poison};
use danube_wasm_config::{Pipeline, Sink};
use danube_wasm_model::{Route, door::ConsumerConfig};

use super::{Finding, Outcome, is_missing};

/// What a Danube as it is delivered does with a subscription that is made now.
const DANUBES_OWN: FailurePolicy = FailurePolicy {
    poison: Poison::Block,
    max_redelivery_count: 5,
    ack_timeout: Duration::from_secs(30),
};

/// The cure for an impatient broker, as it is written in a pipeline file.
const BUFFER: &str = "`buffer = { type = \"disk\", max_bytes = … }`";

/// The failure policy of a sink's subscription. A topic without reliable dispatch has none: nothing is given twice.
pub(super) async fn check(pipeline: &Pipeline, danube: &Danube, sink: &Sink, consumer: &ConsumerConfig) -> Finding {
    let ConsumerConfig {
        topic, subscription, ..
    } = consumer;
    let what = format!(
        "{}: failure policy of subscription `{subscription}` of {topic}",
        sink.id
    );
    let is_unreliable = |route: Route| route.topic == *topic && !route.reliable_dispatch;
    let outcome = if pipeline.routes().any(is_unreliable) {
        Outcome::Reached
    } else if pipeline.danube.admin_url.is_none() {
        Outcome::Unknown(unasked())
    } else {
        match danube.failure_policy(topic, subscription).await {
            Ok(policy) => outcome_of(policy, ""),
            Err(error) if is_missing(&error) => outcome_of(
                Some(DANUBES_OWN),
                "The subscription is not there yet; as Danube is delivered, it will be so. ",
            ),
            Err(error) => Outcome::Failed(error.message),
        }
    };
    Finding { what, outcome }
}

fn unasked() -> String {
    format!(
        "how often the broker gives a message was not checked, because only Danube's admin API tells it: set \
         `danube.admin_url`. As Danube is delivered, a partition stands still once a message of it was given {} times, which \
         takes a database that is away for some minutes; a sink with a {BUFFER} outlasts that",
        DANUBES_OWN.max_redelivery_count + 1
    )
}

fn outcome_of(policy: Option<FailurePolicy>, since: &str) -> Outcome {
    let consequence = policy.and_then(|policy| match policy.poison {
        Poison::Block => Some((policy, "then gives nothing more of that partition")),
        Poison::Drop => Some((policy, "then drops it")),
        Poison::DeadLetter => None,
    });
    match consequence {
        None => Outcome::Reached,
        Some((policy, then)) => Outcome::Failed(format!(
            "{since}Danube gives a message {} times, {} s apart or more, and {then}: a database that is away for minutes is \
             enough. Give the sink a {BUFFER}, or set another policy with `danube-admin topics set-failure-policy`",
            policy.max_redelivery_count + 1,
            policy.ack_timeout.as_secs()
        )),
    }
}
