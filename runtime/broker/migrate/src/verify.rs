//! Compares what was copied with what it was copied from, message by message.

use std::collections::VecDeque;

use danube_wasm_broker::{
    BrokerError, ErrorKind, Message, Result,
    copying::{Copied, CopySource, CopyTarget, PartitionReader, StoredMessage},
};

use crate::{
    plan::{Plan, prepared},
    schemas::Schemas,
};

/// Compares each partition of a topic.
pub(crate) async fn compare(
    from: &dyn CopySource,
    to: &dyn CopyTarget,
    plan: &Plan,
    schemas: &Schemas,
    copied: &Copied,
) -> Result<()> {
    let mut again = vec![0; plan.topic.subscriptions.len()];
    for partition in 0..plan.topic.partitions.max(1) {
        let mut original = Ahead::new(from.read(&plan.topic, partition).await?);
        let mut copy = Ahead::new(to.read_back(&plan.topic, partition).await?);
        loop {
            let pair = (original.next().await?, copy.next().await?);
            let (original, copy) = match pair {
                (None, None) => break,
                (Some(original), Some(copy)) => (original, copy),
                _ => return Err(differs(plan, partition, "one side has more messages")),
            };
            let mut expected = prepared(original.message);
            schemas.renumber(&mut expected);
            if let Some(what) = difference(&expected, &copy.message) {
                return Err(differs(plan, partition, &format!("{what} of record {}", expected.id)));
            }
            let marks = original.acknowledged.iter().zip(&copy.acknowledged);
            for (n, marks) in marks.enumerate() {
                match marks {
                    (true, false) => again[n] += 1,
                    (false, true) => {
                        let name = &plan.topic.subscriptions[n].name;
                        let what = format!("subscription {name} would not get record {}", expected.id);
                        return Err(differs(plan, partition, &what));
                    }
                    _ => {}
                }
            }
        }
    }
    match again == copied.again {
        true => Ok(()),
        false => Err(differs(
            plan,
            0,
            &format!(
                "{again:?} acknowledged messages would come again instead of {:?}",
                copied.again
            ),
        )),
    }
}

/// Reads message by message.
struct Ahead {
    reader: Box<dyn PartitionReader>,
    waiting: VecDeque<StoredMessage>,
}

impl Ahead {
    fn new(reader: Box<dyn PartitionReader>) -> Self {
        Self {
            reader,
            waiting: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Result<Option<StoredMessage>> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.reader.next().await?);
        }
        Ok(self.waiting.pop_front())
    }
}

/// What differs.
fn difference(one: &Message, other: &Message) -> Option<&'static str> {
    let sorted = |message: &Message| {
        let mut attributes = message.attributes.clone();
        attributes.sort();
        attributes
    };
    let differences = [
        (one.id != other.id, "the id"),
        (one.key != other.key, "the key"),
        (one.payload != other.payload, "the payload"),
        (one.schema != other.schema, "the schema"),
        (one.producer != other.producer, "the producer"),
        (one.publish_time_ms != other.publish_time_ms, "the publish time"),
        (sorted(one) != sorted(other), "an attribute"),
    ];
    differences
        .into_iter()
        .find(|(differs, _)| *differs)
        .map(|(_, what)| what)
}

fn differs(plan: &Plan, partition: u32, what: &str) -> BrokerError {
    BrokerError::new(
        ErrorKind::Incompatible,
        format!(
            "the copy of {} is not what it was copied from: {what} (partition {partition}). Delete the copied topic and copy again; \
             the source is unchanged",
            plan.topic.topic
        ),
    )
}
