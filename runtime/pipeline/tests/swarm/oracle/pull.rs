//! What a pull source may tell its upstream to forget, and in which order its records must be.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Oracle;
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

    /// That the first records of these events, which are in the order of their stream, are in that order, too: all of
    /// them, or those of each key.
    pub fn in_order(&self, events: &[(TestEvent, Option<Bytes>)], by_key: bool) {
        let mut history = self.history.lock();
        let mut last: BTreeMap<Option<Bytes>, (usize, u64)> = BTreeMap::new();
        let mut found = Vec::new();
        for (test_event, key) in events {
            // What several events made is where its first one was, or its last.
            let first = match test_event.at_source {
                AtSource::Merge => None,
                _ => test_event.records().and_then(|records| records.into_iter().next()),
            };
            let Some(place) = first.and_then(|record| Some(history.records.get(&record)?.place)) else {
                continue;
            };
            let order = key.clone().filter(|_| by_key);
            if let Some((before, number)) = last.insert(order, (place, test_event.number))
                && before > place
            {
                found.push(format!(
                    "e{} was published after e{number}, which is behind it in its stream",
                    test_event.number
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
