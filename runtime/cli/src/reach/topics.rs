//! Whether topics can be published to and consumed.
//!
//! Looking makes no topic, because how a topic dispatches cannot be changed once it is made. The one exception: Danube's
//! client API does not tell whether a namespace is there, and a topic in one that is not never comes to be. So a topic is
//! made, as `run` would, where nothing else shows that its namespace exists.

use std::collections::BTreeSet;

use danube_wasm_broker::{Broker as _, TopicSpec};
use danube_wasm_broker_danube::Danube;
use danube_wasm_config::{Endpoint, Pipeline};
use danube_wasm_model::TopicName;

use super::{Finding, Outcome, is_missing};

/// The namespace that every cluster has.
const DEFAULT: &str = "default";

/// Namespaces that are there for certain; with the admin API, those that have topics.
pub(super) async fn namespaces(pipeline: &Pipeline, danube: &Danube, findings: &mut Vec<Finding>) -> BTreeSet<String> {
    let mut known = BTreeSet::from([DEFAULT.to_owned()]);
    if let (Some(url), Some(admin)) = (&pipeline.danube.admin_url, danube.admin()) {
        let topics = admin.topics().await;
        let outcome = Outcome::of(topics.as_ref().map(drop).map_err(Clone::clone));
        let what = format!("admin API {url}");
        findings.push(Finding { what, outcome });
        let namespaces = topics.into_iter().flatten();
        known.extend(namespaces.map(|info| info.topic.namespace().to_owned()));
    }
    known
}

/// The topic as `run` would make it. A subject that is not registered yet is registered by `run`, and not by looking.
pub(super) fn spec(pipeline: &Pipeline, endpoint: &Endpoint, registered: &[&String]) -> TopicSpec {
    let declared = pipeline.schema_of(&endpoint.topic).map(|schema| &schema.subject);
    TopicSpec {
        partitions: endpoint.partitions,
        reliable_dispatch: endpoint.reliable_dispatch,
        ordered: endpoint.ordered,
        schema_subject: declared.filter(|subject| registered.contains(subject)).cloned(),
    }
}

pub(super) async fn publish(
    danube: &Danube,
    topic: &TopicName,
    spec: TopicSpec,
    namespaces: &BTreeSet<String>,
) -> Outcome {
    let is_there = !danube.check_consume(topic).await.is_err_and(|error| is_missing(&error));
    if is_there || !namespaces.contains(topic.namespace()) {
        // What is missing here is the namespace, which nobody but an operator makes.
        return Outcome::of(danube.check_publish(topic, spec).await);
    }
    let partitions = match spec.partitions {
        0 => "without partitions".to_owned(),
        n => format!("with {n} partitions"),
    };
    let dispatch = match spec.reliable_dispatch {
        true => "reliable dispatch",
        false => "dispatch that is not reliable",
    };
    Outcome::Awaited(format!(
        "`run` makes the topic, {partitions} and {dispatch}; whether it may was not tried, because a topic's dispatch \
         cannot be changed once it is made"
    ))
}

pub(super) async fn consume(danube: &Danube, topic: &TopicName) -> Outcome {
    match danube.check_consume(topic).await {
        Err(error) if is_missing(&error) => {
            let namespace = match topic.namespace() {
                DEFAULT => String::new(),
                name => format!(". Its namespace has to be there: `danube-admin namespaces create {name}`"),
            };
            Outcome::Awaited(format!(
                "{}: `run` waits for whoever publishes to it{namespace}",
                error.message
            ))
        }
        found => Outcome::of(found),
    }
}
