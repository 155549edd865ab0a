//! The rows that a table has and that may come again.

use std::collections::{HashSet, VecDeque};

use crate::row::RowId;

/// The newest rows of a table, by their ids. The oldest are forgotten first.
#[derive(Debug)]
pub(crate) struct IdWindow {
    known: HashSet<RowId>,
    order: VecDeque<RowId>,
    max: usize,
}

impl IdWindow {
    /// One that holds `max` rows.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            known: HashSet::new(),
            order: VecDeque::new(),
            max,
        }
    }

    /// Whether the table has this row.
    pub(crate) fn contains(&self, id: &RowId) -> bool {
        self.known.contains(id)
    }

    /// The table has these rows, too.
    pub(crate) fn extend(&mut self, ids: impl IntoIterator<Item = RowId>) {
        for id in ids {
            if self.known.insert(id) {
                self.order.push_back(id);
            }
            if self.order.len() > self.max
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_are_forgotten_first() {
        let id = |number| RowId([number; 16]);
        let mut window = IdWindow::new(2);
        window.extend([id(1), id(2), id(1), id(3)]);
        let known: Vec<_> = (1..=3).filter(|number| window.contains(&id(*number))).collect();
        assert_eq!(known, [2, 3]);
    }
}
