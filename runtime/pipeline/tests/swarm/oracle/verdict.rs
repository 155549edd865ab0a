//! The final checks: every accepted event is delivered or dead-lettered, and what only the end shows.

use std::collections::BTreeMap;

use super::{History, Oracle, short};
use crate::test_event::{AtSource, TestEvent, at_sink, events_of};

impl Oracle {
    /// Checks the final state.
    pub fn close(&self) {
        let mut history = self.history.lock();
        let undone: Vec<_> = history
            .records
            .keys()
            .filter(|record| !history.is_done(record, &self.rules))
            .map(|record| {
                format!(
                    "{} ({:?}) is neither delivered nor dead",
                    short(record),
                    at_sink(record)
                )
            })
            .collect();
        let lost: Vec<_> = history
            .sent
            .values()
            .filter(|sent| sent.accepted && !history.is_durable(sent.test_event))
            .map(|sent| format!("{:?} was accepted and is not there", sent.test_event))
            .collect();
        let findings = [
            undone,
            lost,
            history.in_part(),
            history.out_of_order(),
            history.stale(&self.rules),
        ]
        .concat();
        findings.into_iter().for_each(|finding| history.violation(finding));
    }

    /// The numbers of events, answered events, records, rows and letters.
    pub fn summary(&self) -> String {
        let history = self.history.lock();
        let settled = history.sent.values().filter(|sent| sent.settled).count();
        format!(
            "{} events, {settled} settled, {} records, {} messages, {} rows, {} letters",
            history.sent.len(),
            history.records.len(),
            history.messages.len(),
            history.rows.len(),
            history.letters.len()
        )
    }
}

impl History {
    /// Events with only some of their records in the topic.
    fn in_part(&self) -> Vec<String> {
        let in_part = |test_event: &TestEvent| {
            let records = test_event.records().unwrap_or_default();
            let there = records
                .iter()
                .filter(|record| self.records.contains_key(*record))
                .count();
            there > 0 && there < records.len()
        };
        self.sent
            .values()
            .map(|sent| sent.test_event)
            .filter(in_part)
            .map(|test_event| format!("only a part of {test_event:?} was published"))
            .collect()
    }

    /// Events of one key that were offered in order, each once, to one process, and accepted, but whose
    /// records are not in order.
    fn out_of_order(&self) -> Vec<String> {
        let mut lanes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (text, record) in &self.records {
            let Some((events, 0)) = events_of(text) else { continue };
            let Some(sent) = self.sent.get(&events[0].number) else {
                continue;
            };
            let (Some(key), [offer]) = (&sent.key, &sent.offers[..]) else {
                continue;
            };
            if sent.accepted && sent.test_event.at_source != AtSource::Merge {
                let lane = lanes.entry((offer.process, key.clone())).or_default();
                lane.push((offer.number, record.place, sent.test_event.number));
            }
        }
        let mut found = Vec::new();
        for lane in lanes.values_mut() {
            lane.sort_unstable();
            for pair in lane.windows(2).filter(|pair| pair[0].1 > pair[1].1) {
                found.push(format!(
                    "e{} was published after e{}, which was offered later",
                    pair[0].2, pair[1].2
                ));
            }
        }
        found
    }
}
