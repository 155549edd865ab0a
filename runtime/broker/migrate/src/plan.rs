//! Reads a topic once: what there is to be copied, and whether the target would take it.

use danube_wasm_broker::{
    Message, Result,
    copying::{CopiedTopic, CopySource, CopyTarget},
};

use crate::merge::{Phases, phases};

/// What there is to be copied of a topic.
pub(crate) struct Plan {
    pub(crate) topic: CopiedTopic,
    pub(crate) messages: u64,
    /// Of payloads, keys and attributes.
    pub(crate) bytes: u64,
    /// For each subscription how many messages it has not acknowledged.
    pub(crate) unread: Vec<u64>,
    pub(crate) phases: Phases,
}

/// See the module.
pub(crate) async fn plan(from: &dyn CopySource, to: &dyn CopyTarget, topic: CopiedTopic) -> Result<Plan> {
    let (mut messages, mut bytes) = (0, 0);
    let mut unread = vec![0; topic.subscriptions.len()];
    let mut passed = vec![Vec::new(); topic.subscriptions.len()];
    for partition in 0..topic.partitions.max(1) {
        let mut reader = from.read(&topic, partition).await?;
        // How many messages come before the first one that is not acknowledged, where there is one.
        let mut before: Vec<Option<u64>> = vec![None; topic.subscriptions.len()];
        let mut number = 0;
        loop {
            let read = reader.next().await?;
            if read.is_empty() {
                break;
            }
            for stored in read {
                for (n, _) in stored.acknowledged.iter().enumerate().filter(|(_, has)| !**has) {
                    unread[n] += 1;
                    before[n].get_or_insert(number);
                }
                let message = prepared(stored.message);
                to.check_message(&message)?;
                bytes += size(&message);
                number += 1;
            }
        }
        messages += number;
        for (passed, before) in passed.iter_mut().zip(before) {
            passed.push(before.unwrap_or(number));
        }
    }
    to.check_topic(&topic, bytes).await?;
    Ok(Plan {
        topic,
        messages,
        bytes,
        unread,
        phases: phases(passed),
    })
}

/// A message as it is copied: its order becomes a stamp, because without one it would follow from its place.
pub(crate) fn prepared(mut message: Message) -> Message {
    if message.stamp().is_none() {
        message.set_stamp(message.order());
    }
    message
}

fn size(message: &Message) -> u64 {
    let attributes = message.attributes.iter().map(|(name, value)| name.len() + value.len());
    let key = message.key.as_ref().map_or(0, |key| key.len());
    (message.payload.len() + key + attributes.sum::<usize>()) as u64
}
