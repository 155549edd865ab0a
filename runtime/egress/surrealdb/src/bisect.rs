//! Finds the records that the database refuses.
//!
//! A statement is all or nothing. One that fails because of a record is halved, until a document stands alone: about
//! 2·log₂ n statements for each. Then its writes are done one by one, so that what is refused is told from what is not. A
//! write is refused only if the database takes a write of ours right after: what looks like a refused record may be a
//! broken database whose sentence we do not know, and then nothing is refused and everything is tried again later.

use crate::{chain::Chain, classify::Fault};

/// Does one statement.
pub(crate) trait Attempt {
    /// Does what these documents need, all or nothing; how many writes changed nothing.
    async fn attempt(&self, chains: &mut [Chain<'_>]) -> Result<usize, Fault>;

    /// That the database takes writes at all.
    async fn probe(&self) -> Result<(), Fault>;
}

/// What became of some writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) unchanged: usize,
    pub(crate) refused: Vec<(usize, String)>,
}

/// Writes what can be written.
pub(crate) async fn write<A: Attempt>(with: &A, chains: &mut [Chain<'_>]) -> Result<Done, Fault> {
    let mut done = Done::default();
    let mut waiting = vec![(0, chains.len())];
    let mut probed = false;
    while let Some((start, end)) = waiting.pop() {
        let Some(part) = chains.get_mut(start..end).filter(|part| !part.is_empty()) else {
            continue;
        };
        match with.attempt(part).await {
            Ok(unchanged) => done.unchanged += unchanged,
            Err(Fault::Record(reason)) => {
                if !std::mem::replace(&mut probed, true) {
                    probe(with, &reason).await?;
                }
                if let [chain] = part {
                    alone(with, chain, reason, &mut done).await?;
                } else {
                    let middle = start + part.len() / 2;
                    waiting.push((middle, end));
                    waiting.push((start, middle));
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(done)
}

/// Writes what can be written of one document, whose statement failed for this reason.
async fn alone<A: Attempt>(with: &A, chain: &mut Chain<'_>, reason: String, done: &mut Done) -> Result<(), Fault> {
    let mut failed = (chain.needed().len() == 1).then_some(reason);
    loop {
        let Some(head) = chain.head() else { return Ok(()) };
        let tried = match failed.take() {
            Some(reason) => Err(Fault::Record(reason)),
            None => with.attempt(&mut [head]).await,
        };
        match tried {
            Ok(unchanged) => done.unchanged += unchanged + chain.head_done(),
            Err(Fault::Record(reason)) => {
                probe(with, &reason).await?;
                done.refused.extend(chain.head_refused().map(|place| (place, reason)));
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// That the database takes a write of the runtime's own, though it gave this reason for another.
async fn probe<A: Attempt>(with: &A, reason: &str) -> Result<(), Fault> {
    with.probe().await.map_err(|fault| not_the_record(fault, reason))
}

/// The database refuses even our own write, so the record is not to blame.
fn not_the_record(fault: Fault, reason: &str) -> Fault {
    match fault {
        Fault::Record(probe) => Fault::Storage(format!("{reason} (and a write of the runtime's own: {probe})")),
        fault => fault,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use danube_wasm_model::{door::Write, message::Operation};

    use super::*;
    use crate::plan::Plan;

    /// Refuses the places it is given, or everything.
    #[derive(Default)]
    struct Picky {
        poison: Vec<usize>,
        broken: bool,
        statements: AtomicUsize,
        written: Mutex<Vec<usize>>,
    }

    impl Attempt for Picky {
        async fn attempt(&self, chains: &mut [Chain<'_>]) -> Result<usize, Fault> {
            self.statements.fetch_add(1, Ordering::Relaxed);
            let needed = |chain: &mut Chain<'_>| chain.needed().iter().map(|item| item.index).collect::<Vec<_>>();
            let places: Vec<usize> = chains.iter_mut().flat_map(needed).collect();
            match places.iter().find(|place| self.broken || self.poison.contains(place)) {
                Some(place) => Err(Fault::Record(format!("no {place}"))),
                None => {
                    self.written.lock().expect("not poisoned").extend(places);
                    Ok(0)
                }
            }
        }

        async fn probe(&self) -> Result<(), Fault> {
            if self.broken {
                Err(Fault::Record("ours too".to_owned()))
            } else {
                Ok(())
            }
        }
    }

    fn writes(n: usize) -> Vec<Write> {
        let write = |i: usize| Write {
            target: "t".into(),
            id: i.to_string(),
            operation: Operation::Insert,
            order: 0,
            record: None,
            body: "{}".into(),
            types: None,
        };
        (0..n).map(write).collect()
    }

    #[tokio::test]
    async fn each_poison_is_found_in_about_two_log_n_statements() {
        let writes = writes(512);
        let mut plan = Plan::of(&writes, &[]).await;
        let picky = Picky {
            poison: vec![77],
            ..Picky::default()
        };
        let done = write(&picky, &mut plan.bulk).await.expect("works");
        assert_eq!(done.refused, [(77, "no 77".to_owned())]);
        assert_eq!(picky.statements.load(Ordering::Relaxed), 1 + 2 * 9);
    }

    #[tokio::test]
    async fn poisons_at_the_ends_and_side_by_side_are_found() {
        let writes = writes(7);
        let mut plan = Plan::of(&writes, &[]).await;
        let picky = Picky {
            poison: vec![0, 3, 4, 6],
            ..Picky::default()
        };
        let done = write(&picky, &mut plan.bulk).await.expect("works");
        assert_eq!(
            done.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
            [0, 3, 4, 6]
        );
    }

    #[tokio::test]
    async fn what_a_refused_write_made_superfluous_is_written_instead() {
        let upsert = |id: &str, operation, order| Write {
            target: "t".into(),
            id: id.to_owned(),
            operation,
            order,
            record: None,
            body: "{}".into(),
            types: None,
        };
        let (upsert, merge) = (
            |id, order| upsert(id, Operation::Upsert, order),
            |id, order| upsert(id, Operation::Merge, order),
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
            let mut plan = Plan::of(&writes, &[]).await;
            let picky = Picky {
                poison: poison.clone(),
                ..Picky::default()
            };
            let done = write(&picky, &mut plan.ordered).await.expect("works");
            assert_eq!(*picky.written.lock().expect("not poisoned"), written, "{poison:?}");
            let places: Vec<_> = done.refused.iter().map(|(place, _)| *place).collect();
            assert_eq!((places, done.unchanged), (refused, unchanged), "{poison:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_database_refuses_nobody() {
        let writes = writes(64);
        let mut plan = Plan::of(&writes, &[]).await;
        let broken = Picky {
            broken: true,
            ..Picky::default()
        };
        let fault = write(&broken, &mut plan.bulk).await.expect_err("broken");
        assert!(matches!(fault, Fault::Storage(_)), "{fault:?}");
        assert_eq!(broken.statements.load(Ordering::Relaxed), 1);
    }
}
