//! Finding the input that makes a component fail: halve the batch, call each half on a fresh instance, in order.
//!
//! A failed segment of one input is called once more before it is blamed: the first failure may have been the fault of
//! what shared the call with it, or of the moment. If both halves pass, the batch passed. About 2·log2 n calls find one
//! poisonous input in n. Segments are worked on in the order of their inputs, so order is kept.

use crate::mutants::{self, Mutant};

/// The segments of a batch that are still to be called, first inputs first.
#[derive(Debug)]
pub struct Segments<T> {
    /// A stack: the top is next.
    stack: Vec<Segment<T>>,
    failures: usize,
    blamed: usize,
}

/// Inputs that go into one call.
#[derive(Debug)]
pub struct Segment<T> {
    /// In order.
    pub items: Vec<T>,
    /// Whether this one input has failed alone before.
    failed_alone: bool,
    /// How many calls with these inputs have failed.
    failed_calls: u32,
}

/// What to do after a segment failed.
#[derive(Debug)]
pub enum Next<T> {
    /// Go on with [`Segments::pop`].
    Again,
    /// This input failed alone, twice.
    Poison(T),
}

impl<T> Segment<T> {
    /// Whether this one input has failed alone: once more, and it is poison.
    pub fn has_failed_alone(&self) -> bool {
        self.failed_alone
    }

    /// How many calls these inputs were part of, with the one that was made last.
    pub fn calls(&self) -> u32 {
        self.failed_calls + 1
    }
}

impl<T> Segments<T> {
    /// One segment: the whole batch.
    pub fn new(items: Vec<T>) -> Self {
        let mut segments = Self {
            stack: Vec::new(),
            failures: 0,
            blamed: 0,
        };
        segments.push(items);
        segments
    }

    /// The next segment to call.
    pub fn pop(&mut self) -> Option<Segment<T>> {
        self.stack.pop()
    }

    /// Puts inputs before everything that is left.
    pub fn push(&mut self, items: Vec<T>) {
        self.push_part(items, 0);
    }

    fn push_part(&mut self, items: Vec<T>, failed_calls: u32) {
        if !items.is_empty() {
            self.stack.push(Segment {
                items,
                failed_alone: false,
                failed_calls,
            });
        }
    }

    /// Puts a segment back as it was, to be called again.
    pub fn put_back(&mut self, segment: Segment<T>) {
        self.stack.push(segment);
    }

    /// Puts a segment back in three: what is before the input at this place, that input alone, and what is behind it.
    pub fn isolate(&mut self, mut segment: Segment<T>, at: usize) {
        let behind = segment.items.split_off(segment.items.len().min(at + 1));
        let alone = segment.items.split_off(segment.items.len().min(at));
        [behind, alone, segment.items]
            .into_iter()
            .for_each(|items| self.push_part(items, segment.failed_calls));
    }

    /// The segment failed through its inputs.
    pub fn failed(&mut self, mut segment: Segment<T>) -> Next<T> {
        self.failures += 1;
        segment.failed_calls += 1;
        let calls = segment.failed_calls;
        if mutants::is(Mutant::BlameNeighbour) && segment.items.len() == 2 {
            let innocent = segment.items.remove(0);
            self.push(segment.items);
            return Next::Poison(innocent);
        }
        if mutants::is(Mutant::ReorderInBisect) && segment.items.len() > 1 {
            let right = segment.items.split_off(segment.items.len() / 2);
            self.push(segment.items);
            self.push(right);
            return Next::Again;
        }
        if segment.items.len() > 1 {
            let right = segment.items.split_off(segment.items.len() / 2);
            self.push_part(right, calls);
            self.push_part(segment.items, calls);
            return Next::Again;
        }
        if !segment.failed_alone && !mutants::is(Mutant::BlameAtOnce) {
            segment.failed_alone = true;
            self.stack.push(segment);
            return Next::Again;
        }
        match segment.items.pop() {
            Some(poison) => {
                self.blamed += 1;
                Next::Poison(poison)
            }
            None => Next::Again,
        }
    }

    /// Whether calls failed and yet no input was to blame: what was too much for one call was not for several.
    pub fn exhausted(&self) -> bool {
        self.failures > 0 && self.blamed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a batch against a component that fails on the poisonous inputs: what passed in order, what was blamed, calls.
    fn run(n: usize, poison: &[usize]) -> (Vec<usize>, Vec<usize>, usize) {
        let (mut passed, mut blamed, mut calls) = (Vec::new(), Vec::new(), 0);
        let mut segments = Segments::new((0..n).collect());
        while let Some(segment) = segments.pop() {
            calls += 1;
            if !segment.items.iter().any(|item| poison.contains(item)) {
                passed.extend(segment.items);
            } else if let Next::Poison(item) = segments.failed(segment) {
                blamed.push(item);
            }
        }
        (passed, blamed, calls)
    }

    #[test]
    fn one_poison_in_1024_is_found_in_about_two_log_n_calls_and_order_is_kept() {
        for poison in [0, 511, 1023] {
            let (passed, blamed, calls) = run(1024, &[poison]);
            assert_eq!(blamed, [poison]);
            assert_eq!(passed, (0..1024).filter(|i| *i != poison).collect::<Vec<_>>());
            assert!(calls <= 2 * 10 + 2, "{calls} calls");
        }
    }

    #[test]
    fn all_poison_is_blamed_one_by_one() {
        let (passed, blamed, _) = run(5, &[0, 1, 2, 3, 4]);
        assert_eq!((passed, blamed), (vec![], vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn an_isolated_input_is_alone_and_order_is_kept() {
        for at in 0..3 {
            let mut segments = Segments::new(vec![0, 1, 2]);
            let all = segments.pop().expect("the batch");
            segments.isolate(all, at);
            let parts: Vec<_> = std::iter::from_fn(|| segments.pop()).map(|part| part.items).collect();
            assert_eq!(parts.concat(), [0, 1, 2]);
            assert!(parts.contains(&vec![at]), "{parts:?}");
        }
    }

    #[test]
    fn an_input_that_fails_alone_only_once_is_not_blamed() {
        let mut segments = Segments::new(vec!["a"]);
        let first = segments.pop().expect("the batch");
        assert!(matches!(segments.failed(first), Next::Again));
        let second = segments.pop().expect("once more");
        assert_eq!(second.items, ["a"]);
        assert!(segments.pop().is_none(), "it passed: nothing is left");
        assert!(segments.exhausted());
    }
}
