//! How many dead letters a connector may make: one that cannot process anything stops before it has emptied its topic.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Most dead letters within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBudget {
    /// Dead letters.
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

/// What is left of a budget. A dead letter counts once it is written: a broker that takes none of them for a while
/// costs nothing, however often their senders try again.
pub(crate) struct BudgetUse {
    budget: ErrorBudget,
    dead_letters: Mutex<DeadLetterCounts>,
}

#[derive(Default)]
struct DeadLetterCounts {
    /// When each was written, within the budget's time.
    written: VecDeque<Instant>,
    /// On their way.
    under_way: usize,
}

/// Why no dead letter may be written now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BudgetExceeded {
    /// As many as are allowed were written: the connector must stop, with this reason.
    Stop(String),
    /// As many as are allowed are written or under way: there may be room again when their fate is known.
    Wait(String),
}

/// Room for one dead letter, given back unless it is written.
#[must_use]
pub(crate) struct Reservation {
    budget_use: Arc<BudgetUse>,
    written: bool,
}

impl BudgetUse {
    pub(crate) fn new(budget: ErrorBudget) -> Arc<Self> {
        Arc::new(Self {
            budget,
            dead_letters: Mutex::default(),
        })
    }

    /// Room for one dead letter, or why there is none.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Reservation, BudgetExceeded> {
        let ErrorBudget { count, per } = self.budget;
        let now = Instant::now();
        let mut counts = self.dead_letters.lock();
        while counts.written.front().is_some_and(|at| now.duration_since(*at) >= per) {
            counts.written.pop_front();
        }
        if counts.written.len() >= count.get() {
            return Err(BudgetExceeded::Stop(format!(
                "{count} dead letters within {} s, which is all that max_dead_letters allows: repair the component, its \
                 configuration or the target, then apply the file again",
                per.as_secs()
            )));
        }
        if counts.written.len() + counts.under_way >= count.get() {
            return Err(BudgetExceeded::Wait(format!(
                "{} dead letters are not written yet, and max_dead_letters allows {count}",
                counts.under_way
            )));
        }
        Ok(self.begin(&mut counts))
    }

    /// Room for one more dead letter of something that has one already and is settled as a whole.
    pub(crate) fn reserve_beyond(self: &Arc<Self>) -> Reservation {
        self.begin(&mut self.dead_letters.lock())
    }

    fn begin(self: &Arc<Self>, counts: &mut DeadLetterCounts) -> Reservation {
        counts.under_way += 1;
        Reservation {
            budget_use: self.clone(),
            written: false,
        }
    }
}

impl Reservation {
    /// The dead letter is written.
    pub(crate) fn written(mut self) {
        self.written = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut counts = self.budget_use.dead_letters.lock();
        counts.under_way -= 1;
        if self.written {
            counts.written.push_back(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(count: usize) -> Arc<BudgetUse> {
        BudgetUse::new(ErrorBudget {
            count: NonZeroUsize::new(count).expect("not zero"),
            per: Duration::from_secs(10),
        })
    }

    fn spend(budget: &Arc<BudgetUse>) -> Result<(), BudgetExceeded> {
        budget.reserve().map(Reservation::written)
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_for_a_time_that_moves_on() {
        let budget = self::budget(2);
        assert_eq!(spend(&budget), Ok(()));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(spend(&budget), Ok(()));
        let refused = spend(&budget).expect_err("spent");
        assert!(
            matches!(&refused, BudgetExceeded::Stop(why) if why.starts_with("2 dead letters within 10 s")),
            "{refused:?}"
        );
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(spend(&budget), Ok(()), "the first is ten seconds ago");
        assert!(spend(&budget).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_letter_that_was_not_written_costs_nothing() {
        let budget = self::budget(1);
        let reservation = budget.reserve().expect("the first");
        assert!(
            matches!(budget.reserve(), Err(BudgetExceeded::Wait(_))),
            "it is under way"
        );
        drop(reservation);
        assert_eq!(spend(&budget), Ok(()));
        assert!(matches!(budget.reserve(), Err(BudgetExceeded::Stop(_))));
    }
}
