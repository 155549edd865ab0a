//! What the sink's doors saw: rows in the target, acknowledgements.

use danube_wasm_broker::MessageId;
use danube_wasm_model::SubscriptionType;

use super::{Books, Oracle, Rules, short};
use crate::parcel::{AtSink, at_sink, fan_rows, records_of, state_of};

impl Oracle {
    /// The target inserted a row.
    pub fn row(&self, body: &str) {
        let mut books = self.books.lock();
        for record in records_of(body) {
            if !books.records.contains_key(record) {
                books.violation(format!("a row of no record: {}", short(body)));
                continue;
            }
            let made = match at_sink(record) {
                Some(AtSink::Fan) => fan_rows(record).iter().any(|row| row == body),
                Some(AtSink::Merge) => body.starts_with("W&"),
                Some(AtSink::Drop) | None => false,
                Some(kind) if kind.is_poison() && self.rules.buries_poison => false,
                Some(_) => body == record,
            };
            if !made {
                books.violation(format!("a row that nobody made: {}", short(body)));
            }
            if books.written.insert(record.to_owned()) && !body.starts_with("W&") && !record.starts_with("M+") {
                books.in_order(record, &self.rules);
            }
        }
        let rows = books.rows.entry(body.to_owned()).or_default();
        *rows += 1;
        if *rows > 1 && !body.starts_with("W&") {
            books.violation(format!("a second row: {}", short(body)));
        }
    }

    /// The target replaced a row that keeps the newest record.
    pub fn state(&self, id: &str, body: &str) {
        let mut books = self.books.lock();
        if state_of(body).as_deref() != Some(id) || !books.records.contains_key(body) {
            books.violation(format!("{id} became what no record made: {}", short(body)));
        }
        books.states.insert(id.to_owned(), body.to_owned());
    }

    /// The pipeline was told that these are durable.
    pub fn confirmed<'a>(&self, bodies: impl Iterator<Item = &'a [u8]>) {
        let bodies = bodies.map(|body| String::from_utf8_lossy(body).into_owned());
        self.books.lock().confirmed.extend(bodies);
    }

    /// The broker took an acknowledgement.
    pub fn acknowledged(&self, message: MessageId) {
        let mut books = self.books.lock();
        let Some(record) = books.messages.get(&message).cloned() else {
            return books.violation(format!("{message:?} was acknowledged and never published"));
        };
        if !books.is_done(&record, &self.rules) {
            books.violation(format!("{} was acknowledged before its effect", short(&record)));
        }
    }

    /// A calm stop has ended: this was delivered once and is not acknowledged.
    pub fn left_by_a_calm_stop(&self, message: MessageId) {
        let mut books = self.books.lock();
        let Some(record) = books.messages.get(&message).cloned() else {
            return;
        };
        let copies = books.records.get(&record).map_or(0, |record| record.copies);
        let rows = match at_sink(&record) {
            Some(AtSink::Fan) => fan_rows(&record).to_vec(),
            _ => vec![record.clone()],
        };
        let is_known = rows.iter().all(|row| books.confirmed.contains(row));
        if copies == 1 && is_known && books.is_done(&record, &self.rules) {
            books.violation(format!(
                "{} is done and will be delivered again after a clean stop",
                short(&record)
            ));
        }
    }

    /// Whether a row of this record is in the target.
    pub fn is_written(&self, record: &str) -> bool {
        self.books.lock().written.contains(record)
    }
}

impl Books {
    /// Whether everything that is to come of a record is durable.
    pub(super) fn is_done(&self, record: &str, rules: &Rules) -> bool {
        let has = |row: &str| self.rows.contains_key(row);
        match at_sink(record) {
            None => false,
            Some(kind) if kind.is_poison() && rules.buries_poison => self.letters.contains(record),
            Some(AtSink::Drop) => true,
            Some(AtSink::Fan) => fan_rows(record).iter().all(|row| has(row)),
            Some(AtSink::Merge) => self.written.contains(record),
            Some(_) => has(record),
        }
    }

    /// The record was written for the first time: after those before it that were written, of its key or partition.
    fn in_order(&mut self, text: &str, rules: &Rules) {
        let Some(record) = self.records.get(text) else { return };
        let unkeyed = record.key.is_none();
        let promised = match rules.subscription {
            SubscriptionType::Shared => false,
            SubscriptionType::KeyShared => !unkeyed,
            SubscriptionType::Exclusive | SubscriptionType::Failover => true,
        };
        // A copy of a record without key may be in another partition.
        // That the target refuses a record shows when its batch is written; what is behind it there is not held back.
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
