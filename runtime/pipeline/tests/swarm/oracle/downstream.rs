//! Checks the sink's effects: rows in the target, acknowledgements.

use danube_wasm_broker::MessageId;
use danube_wasm_model::SubscriptionType;

use super::{History, Oracle, Rules, short};
use crate::test_event::{AtSink, at_sink, fan_rows, records_of, state_of};

impl Oracle {
    /// The target inserted a row.
    pub fn row(&self, body: &str) {
        let mut history = self.history.lock();
        for record in records_of(body) {
            if !history.records.contains_key(record) {
                history.violation(format!("a row of no record: {}", short(body)));
                continue;
            }
            let made = match at_sink(record) {
                Some(AtSink::Fan) => fan_rows(record).iter().any(|row| row == body),
                Some(AtSink::Merge) => body.starts_with("W&"),
                Some(AtSink::Drop) | None => false,
                Some(kind) if kind.is_poison() && self.rules.dead_letters_poison => false,
                Some(_) => body == record,
            };
            if !made {
                history.violation(format!("a row that nobody made: {}", short(body)));
            }
            if history.written.insert(record.to_owned()) && !body.starts_with("W&") && !record.starts_with("M+") {
                history.in_order(record, &self.rules);
            }
        }
        let rows = history.rows.entry(body.to_owned()).or_default();
        *rows += 1;
        if *rows > 1 && !body.starts_with("W&") {
            history.violation(format!("a second row: {}", short(body)));
        }
    }

    /// The target replaced a row that keeps the newest record.
    pub fn state(&self, id: &str, body: &str) {
        let mut history = self.history.lock();
        if state_of(body).as_deref() != Some(id) || !history.records.contains_key(body) {
            history.violation(format!("{id} became what no record made: {}", short(body)));
        }
        history.states.insert(id.to_owned(), body.to_owned());
    }

    /// The target has replaced a row by this record, or kept a newer one.
    pub fn state_is_done(&self, record: &str) {
        self.history.lock().states_done.insert(record.to_owned());
    }

    /// A row is there already, and its write says that it was never written before.
    pub fn written_again(&self, body: &str) {
        let mut history = self.history.lock();
        let once = |record: &str| history.records.get(record).is_some_and(|record| record.copies == 1);
        if records_of(body).into_iter().all(once) {
            history.violation(format!("written again, and not said so: {}", short(body)));
        }
    }

    /// The target has confirmed these rows, each a table and a body.
    pub fn confirmed<'a>(&self, rows: impl Iterator<Item = (&'a str, &'a [u8])>) {
        let rows = rows.map(|(table, body)| (table.to_owned(), String::from_utf8_lossy(body).into_owned()));
        self.history.lock().confirmed.extend(rows);
    }

    /// The broker has received an acknowledgement.
    pub fn acknowledged(&self, message: MessageId) {
        let mut history = self.history.lock();
        let Some(record) = history.messages.get(&message).cloned() else {
            return history.violation(format!("{message:?} was acknowledged and never published"));
        };
        if !history.is_done(&record, &self.rules) {
            history.violation(format!("{} was acknowledged before its effect", short(&record)));
        }
    }

    /// A clean stop has ended: this message was delivered once and is not acknowledged.
    pub fn left_by_clean_stop(&self, message: MessageId) {
        let mut history = self.history.lock();
        let Some(record) = history.messages.get(&message).cloned() else {
            return;
        };
        let copies = history.records.get(&record).map_or(0, |record| record.copies);
        if copies == 1 && history.is_known_to_be_done(&record, &self.rules) && history.is_done(&record, &self.rules) {
            history.violation(format!(
                "{} is done and will be delivered again after a clean stop",
                short(&record)
            ));
        }
    }

    /// Whether a row of this record is in the target.
    pub fn is_written(&self, record: &str) -> bool {
        self.history.lock().written.contains(record)
    }
}

impl History {
    /// Whether the effects of a record are complete and durable.
    pub(super) fn is_done(&self, record: &str, rules: &Rules) -> bool {
        let has = |row: &str| self.rows.contains_key(row);
        match at_sink(record) {
            None => false,
            Some(kind) if kind.is_poison() && rules.dead_letters_poison => self.letters.contains(record),
            Some(AtSink::Drop) => true,
            Some(AtSink::Fan) => fan_rows(record).iter().all(|row| has(row)),
            Some(AtSink::Merge) => self.written.contains(record),
            Some(AtSink::Plain) => has(record) && (state_of(record).is_none() || self.states_done.contains(record)),
            Some(_) => has(record),
        }
    }

    /// Whether the sink has been told so.
    fn is_known_to_be_done(&self, record: &str, rules: &Rules) -> bool {
        let bodies = match at_sink(record) {
            Some(kind) if kind.is_poison() && rules.dead_letters_poison => {
                return self.confirmed_letters.contains(record);
            }
            Some(AtSink::Fan) => fan_rows(record).to_vec(),
            _ => vec![record.to_owned()],
        };
        let mut rows: Vec<_> = bodies.into_iter().map(|body| ("table".to_owned(), body)).collect();
        rows.extend(state_of(record).map(|_| ("state".to_owned(), record.to_owned())));
        rows.iter().all(|row| self.confirmed.contains(row))
    }

    /// The record was written for the first time: checks that no later one of its key or partition was written before.
    fn in_order(&mut self, text: &str, rules: &Rules) {
        let Some(record) = self.records.get(text) else { return };
        let unkeyed = record.key.is_none();
        let promised = match rules.subscription {
            SubscriptionType::Shared => false,
            SubscriptionType::KeyShared => !unkeyed,
            SubscriptionType::Exclusive | SubscriptionType::Failover => true,
        };
        // The target refuses a record when its batch is written; records after it are not held back.
        let refused_late = at_sink(text) == Some(AtSink::TargetRefuses);
        if !promised || refused_late || (unkeyed && record.copies > 1) {
            return;
        }
        let at = record.first;
        let lane = (at.partition, record.key.clone());
        let last = self.last_written.insert(lane.clone(), at.offset);
        if let Some(last) = last.filter(|last| *last >= at.offset) {
            self.last_written.insert(lane.clone(), last);
            let key = lane.1.map_or("no key".to_owned(), |key| format!("{key:?}"));
            self.violation(format!(
                "{} (partition {} offset {}, {key}) was written after offset {last}",
                short(text),
                at.partition,
                at.offset
            ));
        }
    }
}
