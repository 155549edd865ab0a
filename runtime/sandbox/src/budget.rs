//! A call's budget: how long it may run, and how long it may wait in the host.
//!
//! Running is counted in slices, not by the clock on the wall. Every tick interrupts the component; it is charged one
//! slice, goes behind everybody who is waiting for its worker, and continues when its turn comes. So ten busy connectors
//! on one core each get a tenth of it, and none of them is charged for the others' turns. What the host did for it in
//! between, which no tick interrupts, is charged in slices too, and gives the others as many turns ([`Stretch`]).

use std::{sync::Arc, time::Duration};

use danube_wasm_model::door::GuestError;
use wasmtime::{Store, UpdateDeadline};

use crate::{
    conduct::Conduct,
    limits::{TICK, cure},
    state::GuestState,
    stretch::Stretch,
};

/// What is left of one call's budget.
#[derive(Debug)]
pub(crate) struct Budget {
    budget_ms: u64,
    slices_left: u64,
    wait_max: Duration,
    waited: Duration,
    /// What changes it.
    cure: &'static str,
    exceeded: Option<GuestError>,
    stretch: Stretch,
}

impl Budget {
    /// A budget of nothing, until [`begin`] sets one.
    pub(crate) fn none() -> Self {
        Self {
            budget_ms: 0,
            slices_left: 0,
            wait_max: Duration::ZERO,
            waited: Duration::ZERO,
            cure: "",
            exceeded: None,
            stretch: Stretch::begin(&Arc::default(), &Arc::new(Conduct::new(0))),
        }
    }

    /// The error of a call that went over its budget.
    pub(crate) fn exceeded(&self) -> Option<GuestError> {
        self.exceeded.clone()
    }

    /// How long the call may still wait.
    pub(crate) fn wait_left(&self) -> Duration {
        self.wait_max.saturating_sub(self.waited)
    }

    /// A wait begins, and a stretch ends: what the host did for the component in it is charged, and others go first as they
    /// do at a tick. Short stretches cost nothing here; ticks see to them. An error when it was the last straw.
    pub(crate) async fn begin_wait(&mut self) -> wasmtime::Result<()> {
        self.charge(self.stretch.end())?;
        self.stretch.give_way().await;
        Ok(())
    }

    /// Charges a wait; an error when it was the last straw.
    pub(crate) fn charge_wait(&mut self, waited: Duration, finished: bool) -> wasmtime::Result<()> {
        self.waited += waited;
        self.stretch.resume();
        if finished {
            return Ok(());
        }
        self.exceeded = Some(GuestError::Budget {
            budget_ms: u64::try_from(self.wait_max.as_millis()).unwrap_or(u64::MAX),
            cure: cure::WAIT,
        });
        Err(wasmtime::Error::msg("it waited in the host for too long"))
    }

    /// The component has returned. What the host did for it since the last tick is charged, and what it will do once the call
    /// is over; others go first as they do at a tick. An error when it was the last straw.
    pub(crate) async fn charge_host(&mut self, to_come: Duration) -> wasmtime::Result<()> {
        let done = self.stretch.end();
        self.stretch.give_way().await;
        self.stretch.resume();
        let to_come = u64::try_from(to_come.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
        self.charge(done.saturating_add(to_come))
    }

    fn charge(&mut self, slices: u64) -> wasmtime::Result<()> {
        match self.slices_left.checked_sub(slices) {
            Some(left) => {
                self.slices_left = left;
                Ok(())
            }
            None => {
                self.exceeded = Some(GuestError::Budget {
                    budget_ms: self.budget_ms,
                    cure: self.cure,
                });
                Err(wasmtime::Error::msg("it ran for too long"))
            }
        }
    }

    /// A tick: it is charged one slice at least.
    fn charge_tick(&mut self) -> UpdateDeadline {
        let slices = self.stretch.end().max(1);
        // Whatever comes of it, this stretch is settled.
        self.stretch.resume();
        if self.charge(slices).is_err() {
            return UpdateDeadline::Interrupt;
        }
        let stretch = self.stretch.clone();
        let turns = async move {
            for _ in 0..slices {
                tokio::task::yield_now().await;
            }
            stretch.resume();
        };
        UpdateDeadline::YieldCustom(1, Box::pin(turns))
    }
}

/// Makes every tick charge the store's budget. Once for each store.
pub(crate) fn install(store: &mut Store<GuestState>) {
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().budget.charge_tick()));
}

/// Gives the next entry into the component, which is in this stretch, this much. Forgetting it ends the component at
/// its next tick.
pub(crate) fn begin(
    store: &mut Store<GuestState>,
    (budget_ms, cure): (u64, &'static str),
    wait_max: Duration,
    stretch: &Stretch,
) {
    let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(1).max(1);
    store.data_mut().budget = Budget {
        budget_ms,
        slices_left: budget_ms.div_ceil(tick_ms),
        wait_max,
        waited: Duration::ZERO,
        cure,
        exceeded: None,
        stretch: stretch.clone(),
    };
    store.set_epoch_deadline(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stretch;

    #[tokio::test]
    async fn what_the_host_did_before_a_wait_is_charged() {
        let mut budget = Budget {
            budget_ms: 1_000,
            slices_left: 1_000,
            ..Budget::none()
        };
        budget.stretch.resume();
        stretch::work(5 * TICK);
        budget.begin_wait().await.expect("within its budget");
        assert!(budget.slices_left <= 995, "{}", budget.slices_left);
        budget.slices_left = 2;
        budget.stretch.resume();
        stretch::work(5 * TICK);
        assert!(budget.begin_wait().await.is_err());
        assert!(matches!(
            budget.exceeded(),
            Some(GuestError::Budget { budget_ms: 1_000, .. })
        ));
    }

    #[tokio::test]
    async fn what_the_host_did_since_it_returned_and_has_yet_to_do_is_charged() {
        let mut budget = Budget {
            budget_ms: 1_000,
            slices_left: 1_000,
            ..Budget::none()
        };
        budget.stretch.resume();
        stretch::work(5 * TICK);
        budget.charge_host(10 * TICK).await.expect("within its budget");
        assert!(budget.slices_left <= 985, "{}", budget.slices_left);
        assert!(budget.charge_host(1_000 * TICK).await.is_err());
        assert!(matches!(
            budget.exceeded(),
            Some(GuestError::Budget { budget_ms: 1_000, .. })
        ));
    }

    #[test]
    fn slices_end_at_the_budget_and_not_before() {
        let mut budget = Budget {
            budget_ms: 2,
            slices_left: 2,
            ..Budget::none()
        };
        assert!(matches!(budget.charge_tick(), UpdateDeadline::YieldCustom(1, _)));
        assert!(matches!(budget.charge_tick(), UpdateDeadline::YieldCustom(1, _)));
        assert!(budget.exceeded().is_none());
        assert!(matches!(budget.charge_tick(), UpdateDeadline::Interrupt));
        assert!(matches!(
            budget.exceeded(),
            Some(GuestError::Budget { budget_ms: 2, .. })
        ));
    }
}
