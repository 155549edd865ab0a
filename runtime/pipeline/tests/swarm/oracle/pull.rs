//! What a pull source may tell its upstream to forget, and in which order its records must be.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Oracle, Record};
use crate::test_event::{AtSource, TestEvent};

impl Oracle {
    /// Whether nothing is lost when this event is forgotten, where refused data is skipped or not.
    pub fn is_kept(&self, test_event: TestEvent, skips: bool) -> bool {
        let history = self.history.lock();
        match test_event.at_source {
            AtSource::Drop | AtSource::Answered => true,
            AtSource::Reject | AtSource::Invalid | AtSource::TooLarge if skips => true,
            AtSource::Reject | AtSource::Invalid | AtSource::TooLarge | AtSource::Trap | AtSource::Malformed => {
                history.letters.contains(&test_event.payload())
            }
            _ => history.is_durable(test_event),
        }
    }

    /// That the first records of these events, which are in the order of their stream, are in that order, too, by their
    /// places and by their orders: all of them, or those of each key.
    pub fn in_order(&self, events: &[(TestEvent, Option<Bytes>)], by_key: bool) {
        let mut history = self.history.lock();
        let mut last: BTreeMap<Option<Bytes>, (&Record, u64)> = BTreeMap::new();
        let mut found = Vec::new();
        for (test_event, key) in events {
            // What several events made is where its first one was, or its last.
            let first = match test_event.at_source {
                AtSource::Merge => None,
                _ => test_event.records().and_then(|records| records.into_iter().next()),
            };
            let Some(record) = first.and_then(|record| history.records.get(&record)) else {
                continue;
            };
            let (order, number) = (key.clone().filter(|_| by_key), test_event.number);
            let Some((before, earlier)) = last.insert(order, (record, number)) else {
                continue;
            };
            if before.place > record.place {
                found.push(format!(
                    "e{earlier} was published after e{number}, which is behind it in its stream"
                ));
            }
            if before.newest.order >= record.newest.order && !self.rules.may_stay(before, record) {
                found.push(format!(
                    "e{earlier} is newer than e{number}, which is behind it in its stream"
                ));
            }
        }
        found.into_iter().for_each(|finding| history.violation(finding));
    }

    /// Events with a record or a letter, and records in the topic, with copies.
    pub fn pull_summary(&self) -> String {
        let history = self.history.lock();
        format!(
            "{} events, {} records, {} messages, {} letters",
            history.sent.len(),
            history.records.len(),
            history.messages.len(),
            history.letters.len()
        )
    }
}
