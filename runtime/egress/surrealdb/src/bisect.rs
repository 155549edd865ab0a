//! Finds the records that the database refuses.
//!
//! A statement is all or nothing. One that fails because of a record is halved, first half first so that writes of one
//! document keep their order, until the record stands alone: about 2·log₂ n statements for each. It is refused only if
//! the database takes a write of ours right after: what looks like a refused record may be a broken database whose
//! sentence we do not know, and then nothing is refused and everything is tried again later.

use crate::{classify::Fault, plan::Item};

/// Does one statement.
pub(crate) trait Attempt {
    /// Writes all of these or none; how many documents it left as they were.
    async fn attempt(&self, items: &mut [Item<'_>]) -> Result<usize, Fault>;

    /// That the database takes writes at all.
    async fn probe(&self) -> Result<(), Fault>;
}

/// What became of some items.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) unchanged: usize,
    pub(crate) refused: Vec<(usize, String)>,
}

/// Writes what can be written.
pub(crate) async fn write<A: Attempt>(with: &A, items: &mut [Item<'_>]) -> Result<Done, Fault> {
    let mut done = Done::default();
    let mut waiting = vec![(0, items.len())];
    let mut probed = false;
    while let Some((start, end)) = waiting.pop() {
        let Some(part) = items.get_mut(start..end).filter(|part| !part.is_empty()) else {
            continue;
        };
        match with.attempt(part).await {
            Ok(unchanged) => done.unchanged += unchanged,
            Err(Fault::Record(reason)) => {
                if !probed || part.len() == 1 {
                    with.probe().await.map_err(|fault| not_the_record(fault, &reason))?;
                    probed = true;
                }
                if let [item] = part {
                    done.refused.push((item.index, reason));
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

/// The database refuses even our own write, so the record is not to blame.
fn not_the_record(fault: Fault, reason: &str) -> Fault {
    match fault {
        Fault::Record(probe) => Fault::Storage(format!("{reason} (and a write of the runtime's own: {probe})")),
        fault => fault,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use danube_wasm_model::{door::Write, message::Operation};

    use super::*;
    use crate::plan::Plan;

    /// Refuses the ids it is given, or everything.
    #[derive(Default)]
    struct Picky {
        poison: Vec<usize>,
        broken: bool,
        statements: AtomicUsize,
    }

    impl Attempt for Picky {
        async fn attempt(&self, items: &mut [Item<'_>]) -> Result<usize, Fault> {
            self.statements.fetch_add(1, Ordering::Relaxed);
            match items
                .iter()
                .find(|item| self.broken || self.poison.contains(&item.index))
            {
                Some(item) => Err(Fault::Record(format!("no {}", item.index))),
                None => Ok(1),
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
