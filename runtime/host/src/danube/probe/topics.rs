//! Whether topics can be published to and consumed.
//!
//! Looking makes no topic, because how a topic dispatches cannot be changed once it is made. The one exception: a topic in
//! a namespace that is not there never comes to be, and Danube's client API does not tell which are there. So a topic is
//! made, as `run` would, where its namespace is not `default` and no admin API tells.

use danube_wasm_broker::TopicSpec;
use danube_wasm_broker_danube::Danube;
use danube_wasm_config::Pipeline;
use danube_wasm_model::{Route, TopicName};

use super::{
    Outcome, is_missing,
    namespaces::{Namespaces, not_there},
    outcome,
};

/// The topic as `run` would make it. A subject that is not registered yet is registered by `run`, and not by looking.
pub(super) fn spec(pipeline: &Pipeline, route: &Route, registered: &[&String]) -> TopicSpec {
    let declared = pipeline.schema_of(&route.topic).map(|schema| &schema.subject);
    TopicSpec {
        partitions: route.partitions,
        reliable_dispatch: route.reliable_dispatch,
        ordered: route.ordered,
        schema_subject: declared.filter(|subject| registered.contains(subject)).cloned(),
    }
}

pub(super) async fn publish(danube: &Danube, topic: &TopicName, spec: TopicSpec, namespaces: &Namespaces) -> Outcome {
    let is_there = !danube.check_consume(topic).await.is_err_and(|error| is_missing(&error));
    match namespaces.has(topic.namespace()) {
        Some(true) if !is_there => to_be_made(&spec),
        Some(false) if !is_there => Outcome::Failed(not_there(topic.namespace())),
        // It is there, or nobody tells about its namespace.
        _ => outcome(danube.check_publish(topic, spec).await),
    }
}

fn to_be_made(spec: &TopicSpec) -> Outcome {
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

pub(super) async fn consume(danube: &Danube, topic: &TopicName, namespaces: &Namespaces) -> Outcome {
    let found = danube.check_consume(topic).await;
    let Some(missing) = found.as_ref().err().filter(|error| is_missing(error)) else {
        return outcome(found);
    };
    let name = topic.namespace();
    let namespace = match namespaces.has(name) {
        Some(true) => String::new(),
        // Nobody publishes to it, however long it is waited for.
        Some(false) => return Outcome::Failed(not_there(name)),
        None => format!(". Its namespace has to be there: `danube-admin namespaces create {name}`"),
    };
    Outcome::Awaited(format!(
        "{}: `run` waits for whoever publishes to it{namespace}",
        missing.message
    ))
}
