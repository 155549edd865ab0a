//! How many dead letters a connector may make: one that cannot process anything stops before it has emptied its topic.

use std::{collections::VecDeque, num::NonZeroUsize, time::Duration};

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

/// What is left of a budget.
pub(crate) struct Spending {
    budget: ErrorBudget,
    spent: Mutex<VecDeque<Instant>>,
}

impl Spending {
    pub(crate) fn new(budget: ErrorBudget) -> Self {
        Self {
            budget,
            spent: Mutex::default(),
        }
    }

    /// Takes one letter out of the budget, or says why there is none.
    pub(crate) fn spend(&self) -> Result<(), String> {
        let ErrorBudget { count, per } = self.budget;
        let now = Instant::now();
        let mut spent = self.spent.lock();
        while spent.front().is_some_and(|at| now.duration_since(*at) >= per) {
            spent.pop_front();
        }
        if spent.len() >= count.get() {
            return Err(format!(
                "{count} dead letters within {} s, which is all that max_dead_letters allows: repair the component, its \
                 configuration or the target, then apply the file again",
                per.as_secs()
            ));
        }
        spent.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_for_a_time_that_moves_on() {
        let budget = ErrorBudget {
            count: NonZeroUsize::new(2).expect("two"),
            per: Duration::from_secs(10),
        };
        let spending = Spending::new(budget);
        assert_eq!(spending.spend(), Ok(()));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(spending.spend(), Ok(()));
        let refused = spending.spend().expect_err("spent");
        assert!(refused.starts_with("2 dead letters within 10 s"), "{refused}");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(spending.spend(), Ok(()), "the first is ten seconds ago");
        assert!(spending.spend().is_err());
    }
}
