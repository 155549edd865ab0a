//! Finds the records that a target refuses.
//!
//! A statement is all or nothing. One that fails because of a record is halved until a single document is left: about
//! 2·log₂ n statements for each refused record. Then the writes of that document are done one by one, to find the
//! refused ones. A write is refused only if the target accepts a write of ours right after: what looks like a refused
//! record may be a broken target with an unknown error message, and then no record is refused and everything is
//! retried later.

use crate::{Chain, Item};

/// Why a statement failed.
pub trait Fault: Sized {
    /// Returns the target's reason if it refuses one of the records, otherwise the fault.
    fn into_refusal(self) -> Result<String, Self>;

    /// Creates the fault of a target that gave `reason` for a record, but also refused a write of the runtime's own,
    /// for the reason `own`: then no record is at fault.
    fn of_target(reason: &str, own: String) -> Self;
}

/// Executes statements.
#[expect(
    async_fn_in_trait,
    reason = "whether its futures can be sent is known where a target calls `write`"
)]
pub trait Attempt<I: Item> {
    /// The target's faults.
    type Fault: Fault;

    /// Executes the needed writes of these documents, all or nothing. Returns how many changed nothing.
    async fn attempt(&self, chains: &mut [Chain<I>]) -> Result<usize, Self::Fault>;

    /// Checks that the target accepts writes at all.
    async fn probe(&self) -> Result<(), Self::Fault>;
}

/// The result of writing documents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many writes changed nothing.
    pub unchanged: usize,
    /// Index and reason of each refused write.
    pub refused: Vec<(usize, String)>,
}

/// Writes documents, except for what the target refuses.
pub async fn write<I: Item, A: Attempt<I>>(with: &A, chains: &mut [Chain<I>]) -> Result<Done, A::Fault> {
    let mut done = Done::default();
    let mut pending = vec![(0, chains.len())];
    let mut probed = false;
    while let Some((start, end)) = pending.pop() {
        let Some(part) = chains.get_mut(start..end).filter(|part| !part.is_empty()) else {
            continue;
        };
        let reason = match with.attempt(part).await {
            Ok(unchanged) => {
                done.unchanged += unchanged;
                continue;
            }
            Err(fault) => fault.into_refusal()?,
        };
        if !std::mem::replace(&mut probed, true) {
            probe(with, &reason).await?;
        }
        if let [chain] = part {
            write_one(with, chain, reason, &mut done).await?;
        } else {
            let middle = start + part.len() / 2;
            pending.push((middle, end));
            pending.push((start, middle));
        }
    }
    Ok(done)
}

/// Writes a single document, whose statement failed for this reason, except for what the target refuses.
async fn write_one<I: Item, A: Attempt<I>>(
    with: &A,
    chain: &mut Chain<I>,
    reason: String,
    done: &mut Done,
) -> Result<(), A::Fault> {
    let mut failed = (chain.needed().len() == 1).then_some(reason);
    loop {
        let Some(head) = chain.head() else { return Ok(()) };
        let reason = match failed.take() {
            Some(reason) => reason,
            None => match with.attempt(&mut [head]).await {
                Ok(unchanged) => {
                    done.unchanged += unchanged + chain.head_done();
                    continue;
                }
                Err(fault) => fault.into_refusal()?,
            },
        };
        probe(with, &reason).await?;
        done.refused.extend(chain.head_refused().map(|place| (place, reason)));
    }
}

/// Checks that the target accepts a write of the runtime's own, after it gave this reason for another one.
async fn probe<I: Item, A: Attempt<I>>(with: &A, reason: &str) -> Result<(), A::Fault> {
    let probed = with.probe().await;
    probed.map_err(|fault| match fault.into_refusal() {
        Ok(own) => A::Fault::of_target(reason, own),
        Err(fault) => fault,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use danube_wasm_model::{door::Write, message::Operation};

    use super::*;
    use crate::test_write::{TestItem, chains, write as write_of};

    #[derive(Debug, PartialEq, Eq)]
    enum TestFault {
        Record(String),
        Target(String),
    }

    impl Fault for TestFault {
        fn into_refusal(self) -> Result<String, Self> {
            match self {
                Self::Record(reason) => Ok(reason),
                fault => Err(fault),
            }
        }

        fn of_target(reason: &str, own: String) -> Self {
            Self::Target(format!("{reason}, {own}"))
        }
    }

    /// Refuses the writes with these indexes, or everything.
    #[derive(Default)]
    struct FakeTarget {
        poison: Vec<usize>,
        broken: bool,
        statements: AtomicUsize,
        written: Mutex<Vec<usize>>,
    }

    impl<'w> Attempt<TestItem<'w>> for FakeTarget {
        type Fault = TestFault;

        async fn attempt(&self, chains: &mut [Chain<TestItem<'w>>]) -> Result<usize, TestFault> {
            self.statements.fetch_add(1, Ordering::Relaxed);
            let needed =
                |chain: &mut Chain<TestItem<'w>>| chain.needed().iter().map(|item| item.place()).collect::<Vec<_>>();
            let places: Vec<usize> = chains.iter_mut().flat_map(needed).collect();
            match places.iter().find(|place| self.broken || self.poison.contains(place)) {
                Some(place) => Err(TestFault::Record(format!("no {place}"))),
                None => {
                    self.written.lock().expect("not poisoned").extend(places);
                    Ok(0)
                }
            }
        }

        async fn probe(&self) -> Result<(), TestFault> {
            if self.broken {
                Err(TestFault::Record("ours too".to_owned()))
            } else {
                Ok(())
            }
        }
    }

    fn writes(n: usize) -> Vec<Write> {
        (0..n).map(|i| write_of(&i.to_string(), Operation::Insert, 0)).collect()
    }

    #[tokio::test]
    async fn each_refused_record_is_found_in_about_two_log_n_statements() {
        let writes = writes(512);
        let mut chains = chains(&writes);
        let target = FakeTarget {
            poison: vec![77],
            ..FakeTarget::default()
        };
        let done = write(&target, &mut chains).await.expect("works");
        assert_eq!(done.refused, [(77, "no 77".to_owned())]);
        assert_eq!(target.statements.load(Ordering::Relaxed), 1 + 2 * 9);
    }

    #[tokio::test]
    async fn refused_records_at_the_ends_and_side_by_side_are_found() {
        let writes = writes(7);
        let mut chains = chains(&writes);
        let target = FakeTarget {
            poison: vec![0, 3, 4, 6],
            ..FakeTarget::default()
        };
        let done = write(&target, &mut chains).await.expect("works");
        assert_eq!(
            done.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
            [0, 3, 4, 6]
        );
    }

    #[tokio::test]
    async fn if_a_write_is_refused_those_it_superseded_are_written() {
        let (upsert, merge) = (
            |id, order| write_of(id, Operation::Upsert, order),
            |id, order| write_of(id, Operation::Merge, order),
        );
        let writes = [
            upsert("a", 1),
            upsert("b", 1),
            merge("b", 2),
            upsert("a", 2),
            upsert("b", 3),
            upsert("a", 3),
            merge("b", 4),
        ];
        for (poison, written, refused, unchanged) in [
            (vec![], vec![5, 4, 6], vec![], 0),
            (vec![5], vec![3, 4, 6], vec![5], 1),
            (vec![5, 3], vec![0, 4, 6], vec![5, 3], 0),
            (vec![4], vec![5, 1, 2, 6], vec![4], 0),
            (vec![5, 3, 0], vec![4, 6], vec![5, 3, 0], 0),
            (vec![6], vec![5, 4], vec![6], 2),
            (vec![1, 4], vec![5, 2, 6], vec![4, 1], 0),
        ] {
            let mut chains = chains(&writes);
            let target = FakeTarget {
                poison: poison.clone(),
                ..FakeTarget::default()
            };
            let done = write(&target, &mut chains).await.expect("works");
            assert_eq!(*target.written.lock().expect("not poisoned"), written, "{poison:?}");
            let places: Vec<_> = done.refused.iter().map(|(place, _)| *place).collect();
            assert_eq!((places, done.unchanged), (refused, unchanged), "{poison:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_target_refuses_no_record() {
        let writes = writes(64);
        let mut chains = chains(&writes);
        let broken = FakeTarget {
            broken: true,
            ..FakeTarget::default()
        };
        let fault = write(&broken, &mut chains).await.expect_err("broken");
        assert_eq!(fault, TestFault::Target("no 0, ours too".to_owned()));
        assert_eq!(broken.statements.load(Ordering::Relaxed), 1);
    }
}
