//! The writes of a batch to one document, in their order, and which of them must be done.
//!
//! A write that replaces or deletes the whole document supersedes those before it, and one that is older than another
//! of the batch changes nothing; the remaining ones are done in order. So a batch of updates of one document is one
//! write. This is known in advance only if all writes have orders of one kind, or none; otherwise it depends on what
//! is stored.
//!
//! If the target refuses a write, those that it superseded are needed again.

use danube_wasm_model::{door::Write, message::Operation};

use crate::Item;

/// The writes of one document that are not done yet.
pub struct Chain<I>(Vec<I>);

impl<I: Item> Chain<I> {
    /// Starts a chain with one write.
    pub fn of(first: I) -> Self {
        Self(vec![first])
    }

    /// Adds a write of the same document.
    pub fn push(&mut self, next: I) {
        self.0.push(next);
    }

    /// Returns target and id of the document.
    pub fn document(&self) -> Option<(&str, &str)> {
        let write = self.0.first()?.write();
        Some((&*write.target, write.id.as_str()))
    }

    /// Returns the number of writes.
    #[expect(clippy::len_without_is_empty, reason = "it is empty only when it is done")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns how many writes are needed, and the bytes of their documents.
    pub fn size(&self) -> (usize, usize) {
        let needed = self.needed_places();
        let items = needed.iter().filter_map(|place| self.0.get(*place));
        (needed.len(), items.map(|item| item.write().body.len()).sum())
    }

    /// Returns the needed writes, in order.
    pub fn needed(&mut self) -> Vec<&mut I> {
        let mut places = self.needed_places().into_iter().peekable();
        let items = self.0.iter_mut().enumerate();
        items
            .filter_map(|(place, item)| places.next_if_eq(&place).map(|_| item))
            .collect()
    }

    /// Returns a chain with only the first needed write.
    pub fn head(&self) -> Option<Self> {
        Some(Self::of(self.0.get(self.head_place()?)?.clone()))
    }

    /// Removes the first needed write, which is done, and all before it. Returns how many of them were superseded.
    pub fn head_done(&mut self) -> usize {
        let Some(place) = self.head_place() else { return 0 };
        self.0.drain(..=place).count() - 1
    }

    /// Removes the first needed write, which is refused, and returns its index in the batch.
    pub fn head_refused(&mut self) -> Option<usize> {
        let place = self.head_place()?;
        Some(self.0.remove(place).place())
    }

    fn head_place(&self) -> Option<usize> {
        self.needed_places().first().copied()
    }

    fn needed_places(&self) -> Vec<usize> {
        needed(self.0.iter().map(Item::write))
    }
}

/// Returns the indexes of the needed writes.
fn needed<'w>(writes: impl DoubleEndedIterator<Item = &'w Write> + ExactSizeIterator + Clone) -> Vec<usize> {
    let all = |test: fn(&Write) -> bool| writes.clone().all(test);
    let (mut needed, n) = (Vec::new(), writes.len());
    if n > 1 && all(|write| write.order == 0) {
        let last_replacement = writes.clone().rposition(replaces_document).unwrap_or_default();
        return (last_replacement..n).collect();
    }
    let has_one_kind = all(|write| write.record.is_some()) || all(|write| write.record.is_none());
    if n == 1 || !has_one_kind || !all(|write| write.order > 0 && write.operation != Operation::Insert) {
        return (0..n).collect();
    }
    let mut newest: Option<&Write> = None;
    for (place, write) in writes.enumerate() {
        match newest.map(|newest| applies_after(write, newest)) {
            Some(None) => return (0..n).collect(),
            Some(Some(false)) => continue,
            _ => {}
        }
        if replaces_document(write) {
            needed.clear();
        }
        needed.push(place);
        newest = Some(write);
    }
    needed
}

/// Whether the write leaves nothing of the document before it.
fn replaces_document(write: &Write) -> bool {
    matches!(write.operation, Operation::Upsert | Operation::Delete)
}

/// Whether a write applies after another whose order is of the same kind; `None` for two records with the same order.
///
/// The order of a record applies if it is higher, or equal and of the same record; one that a component made applies
/// unless it is lower.
fn applies_after(write: &Write, before: &Write) -> Option<bool> {
    (write.order != before.order || write.record == before.record).then_some(write.order >= before.order)
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::{
        RecordId,
        message::Operation::{self, Delete, Insert, Merge, Upsert},
    };

    use super::*;

    fn write(operation: Operation, order: u64, record: Option<&str>) -> Write {
        Write {
            target: "t".into(),
            id: "a".to_owned(),
            operation,
            order,
            record: record.map(|id| RecordId::from_broker(id.to_owned())),
            body: "{}".into(),
            types: None,
            key: None,
            redelivered: true,
        }
    }

    fn needed_of(writes: &[(Operation, u64, Option<&str>)]) -> Vec<usize> {
        let writes: Vec<_> = writes
            .iter()
            .map(|(op, order, record)| write(*op, *order, *record))
            .collect();
        needed(writes.iter())
    }

    #[test]
    fn without_orders_the_last_replacement_supersedes_those_before() {
        assert_eq!(needed_of(&[(Upsert, 0, None)]), [0]);
        assert_eq!(
            needed_of(&[(Insert, 0, None), (Upsert, 0, None), (Upsert, 0, None)]),
            [2]
        );
        assert_eq!(
            needed_of(&[(Upsert, 0, None), (Delete, 0, None), (Insert, 0, None)]),
            [1, 2]
        );
        assert_eq!(
            needed_of(&[(Upsert, 0, None), (Merge, 0, None), (Merge, 0, None)]),
            [0, 1, 2]
        );
        assert_eq!(needed_of(&[(Insert, 0, None), (Insert, 0, None)]), [0, 1]);
    }

    #[test]
    fn with_orders_the_newest_supersedes_the_others() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert_eq!(needed_of(&[(Upsert, 1, a), (Upsert, 3, b), (Upsert, 2, c)]), [1]);
        assert_eq!(needed_of(&[(Upsert, 1, a), (Merge, 2, b), (Delete, 3, c)]), [2]);
        assert_eq!(needed_of(&[(Upsert, 1, a), (Merge, 2, b), (Merge, 3, c)]), [0, 1, 2]);
        assert_eq!(needed_of(&[(Merge, 3, a), (Upsert, 1, b), (Merge, 2, c)]), [0]);
        assert_eq!(needed_of(&[(Upsert, 1, a), (Upsert, 1, a)]), [1]);
        // Orders that a component made.
        assert_eq!(
            needed_of(&[(Upsert, 1, None), (Upsert, 1, None), (Upsert, 0, None)]),
            [0, 1, 2]
        );
        assert_eq!(
            needed_of(&[(Upsert, 2, None), (Upsert, 2, None), (Upsert, 1, None)]),
            [1]
        );
    }

    #[test]
    fn all_writes_are_needed_if_it_depends_on_what_is_stored() {
        assert_eq!(needed_of(&[(Upsert, 5, Some("a")), (Upsert, 7, None)]), [0, 1]);
        assert_eq!(needed_of(&[(Upsert, 1, Some("a")), (Upsert, 1, Some("b"))]), [0, 1]);
        assert_eq!(needed_of(&[(Insert, 5, Some("a")), (Upsert, 3, Some("b"))]), [0, 1]);
        assert_eq!(needed_of(&[(Upsert, 5, Some("a")), (Upsert, 0, None)]), [0, 1]);
    }

    /// Applies all writes by the rules of orders to an initial state, and returns the resulting document and mark.
    fn applied(writes: &[&Write], mark: Option<(u64, Option<RecordId>)>, exists: bool) -> (Vec<String>, String) {
        let (mut document, mut mark) = (if exists { vec!["old".to_owned()] } else { Vec::new() }, mark);
        for write in writes {
            let beats = |mark: &(u64, Option<RecordId>)| match (&write.record, &mark.1) {
                (Some(own), Some(other)) => write.order > mark.0 || (write.order == mark.0 && own == other),
                _ => write.order >= mark.0,
            };
            if write.order > 0 && !mark.as_ref().is_none_or(beats) {
                continue;
            }
            let name = format!("{:?}{}{:?}", write.operation, write.order, write.record);
            let existed = !document.is_empty();
            match write.operation {
                Operation::Insert if existed => {}
                Operation::Insert | Operation::Upsert => document = vec![name],
                Operation::Merge => document.push(name),
                Operation::Delete => document.clear(),
            }
            if write.order > 0 && (write.operation != Operation::Insert || !existed) {
                mark = Some((write.order, write.record.clone()));
            }
        }
        (document, format!("{mark:?}"))
    }

    #[test]
    fn skipped_writes_do_not_change_the_result() {
        // All batches of three out of these, on all initial states.
        let mut choices = Vec::new();
        for operation in [Insert, Upsert, Merge, Delete] {
            for (order, record) in [
                (0, None),
                (1, None),
                (2, None),
                (1, Some("a")),
                (1, Some("b")),
                (2, Some("c")),
                (3, Some("d")),
            ] {
                choices.push(write(operation, order, record));
            }
        }
        let record = |id: &str| Some(RecordId::from_broker(id.to_owned()));
        let marks = [None, Some((1, None)), Some((1, record("a"))), Some((2, record("x")))];
        for first in &choices {
            for second in &choices {
                for third in &choices {
                    let all = [first, second, third];
                    let left: Vec<_> = needed(all.into_iter()).into_iter().map(|place| all[place]).collect();
                    for (mark, exists) in marks.iter().flat_map(|mark| [(mark, true), (mark, false)]) {
                        assert_eq!(
                            applied(&left, mark.clone(), exists),
                            applied(&all, mark.clone(), exists),
                            "{all:?} on {mark:?}, {exists}"
                        );
                    }
                }
            }
        }
    }
}
