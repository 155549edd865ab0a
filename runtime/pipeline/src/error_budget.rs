//! How many dead letters a connector may make: one that cannot process anything stops before it has emptied its topic.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Most dead letters within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBudget {
    /// Letters.
    pub count: NonZeroUsize,
    /// Within this time.
    pub per: Duration,
}

impl Default for ErrorBudget {
    /// 1,000 a minute: far above what bad data causes, far below what a bad deployment does.
    fn default() -> Self {
        Self {
            count: NonZeroUsize::new(1000).unwrap_or(NonZeroUsize::MIN),
            per: Duration::from_secs(60),
        }
    }
}

/// What is left of a budget. A letter counts once it is written: a broker that takes none of them for a while costs
/// nothing, however often their senders try again.
pub(crate) struct Spending {
    budget: ErrorBudget,
    letters: Mutex<Letters>,
}

#[derive(Default)]
struct Letters {
    /// When each was written, within the budget's time.
    written: VecDeque<Instant>,
    /// On their way.
    under_way: usize,
}

/// Why there is no letter now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overspent {
    /// As many as are allowed were written: the connector must stop, with this reason.
    Stop(String),
    /// As many as are allowed are written or under way: there may be room again when their fate is known.
    Wait(String),
}

/// Room for one letter, given back unless it is written.
#[must_use]
pub(crate) struct Room {
    spending: Arc<Spending>,
    written: bool,
}

impl Spending {
    pub(crate) fn new(budget: ErrorBudget) -> Arc<Self> {
        Arc::new(Self {
            budget,
            letters: Mutex::default(),
        })
    }

    /// Room for one letter, or why there is none.
    pub(crate) fn room(self: &Arc<Self>) -> Result<Room, Overspent> {
        let ErrorBudget { count, per } = self.budget;
        let now = Instant::now();
        let mut letters = self.letters.lock();
        while letters.written.front().is_some_and(|at| now.duration_since(*at) >= per) {
            letters.written.pop_front();
        }
        if letters.written.len() >= count.get() {
            return Err(Overspent::Stop(format!(
                "{count} dead letters within {} s, which is all that max_dead_letters allows: repair the component, its \
                 configuration or the target, then apply the file again",
                per.as_secs()
            )));
        }
        if letters.written.len() + letters.under_way >= count.get() {
            return Err(Overspent::Wait(format!(
                "{} dead letters are not written yet, and max_dead_letters allows {count}",
                letters.under_way
            )));
        }
        letters.under_way += 1;
        Ok(Room {
            spending: self.clone(),
            written: false,
        })
    }
}

impl Room {
    /// The letter is written.
    pub(crate) fn spent(mut self) {
        self.written = true;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut letters = self.spending.letters.lock();
        letters.under_way -= 1;
        if self.written {
            letters.written.push_back(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spending(count: usize) -> Arc<Spending> {
        Spending::new(ErrorBudget {
            count: NonZeroUsize::new(count).expect("not zero"),
            per: Duration::from_secs(10),
        })
    }

    fn spend(spending: &Arc<Spending>) -> Result<(), Overspent> {
        spending.room().map(Room::spent)
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_for_a_time_that_moves_on() {
        let spending = spending(2);
        assert_eq!(spend(&spending), Ok(()));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(spend(&spending), Ok(()));
        let refused = spend(&spending).expect_err("spent");
        assert!(
            matches!(&refused, Overspent::Stop(why) if why.starts_with("2 dead letters within 10 s")),
            "{refused:?}"
        );
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(spend(&spending), Ok(()), "the first is ten seconds ago");
        assert!(spend(&spending).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_that_was_not_written_costs_nothing() {
        let spending = spending(1);
        let room = spending.room().expect("the first");
        assert!(matches!(spending.room(), Err(Overspent::Wait(_))), "it is under way");
        drop(room);
        assert_eq!(spend(&spending), Ok(()));
        assert!(matches!(spending.room(), Err(Overspent::Stop(_))));
    }
}
