//! Whether a target may be filled, and which topics are complete already.

use std::collections::BTreeSet;

use danube_wasm_broker::{
    BrokerError, ErrorKind, Result,
    copying::{CopiedTopic, CopyState, CopyTarget, HeldTopic},
};
use danube_wasm_model::TopicName;

/// Names that a message lists at most.
const NAMED_MAX: usize = 3;

/// The topics that are copied completely. An error if the target has anything else that is in the way.
pub(crate) async fn admit(
    to: &dyn CopyTarget,
    topics: &[CopiedTopic],
    from: &str,
    resume: bool,
) -> Result<BTreeSet<TopicName>> {
    let held = to.topics().await?;
    if !resume {
        let mut found: Vec<String> = held.iter().map(|held| format!("topic {}", held.topic)).collect();
        let subjects = to.subjects().await?;
        found.extend(subjects.iter().map(|subject| format!("schema subject {subject}")));
        return match found.is_empty() {
            true => Ok(BTreeSet::new()),
            false => Err(conflict(format!(
                "{} is not empty: it has {}. Go on with a copy that was interrupted with `--resume`; else delete them, or copy to \
                 another place",
                to.place(),
                listed(&found)
            ))),
        };
    }
    let mut done = BTreeSet::new();
    for HeldTopic { topic, copy } in held {
        if !topics.iter().any(|copied| copied.topic == topic) {
            continue;
        }
        match copy {
            Some(CopyState::Finished(place)) if place == from => drop(done.insert(topic)),
            Some(CopyState::Unfinished(place)) if place == from => {}
            Some(CopyState::Finished(place) | CopyState::Unfinished(place)) => {
                return Err(conflict(format!(
                    "the topic {topic} of {} is a copy from {place}, not from {from}: delete it, or name that place",
                    to.place()
                )));
            }
            None => {
                return Err(conflict(format!(
                    "the topic {topic} of {} was not made by a copy: delete it, or copy to another place",
                    to.place()
                )));
            }
        }
    }
    Ok(done)
}

fn listed(found: &[String]) -> String {
    let first = found.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match found.len().saturating_sub(NAMED_MAX) {
        0 => first,
        others => format!("{first} and {others} others"),
    }
}

pub(crate) fn conflict(message: String) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, message)
}
