//! A call's budget: how long it may run, and how long it may wait in the host.
//!
//! Running time is counted in ticks, not in wall-clock time. Every tick ([`TICK`]) interrupts the component: one tick
//! is charged, the tasks that wait for this worker run first, then the component continues. With ten busy connectors on
//! one core each gets a tenth of it and is charged only for its own tenth. Work of the host for the component, which no
//! tick interrupts, is charged in ticks too, and yields to other tasks once for each ([`CpuSlice`]).

use std::{sync::Arc, time::Duration};

use danube_wasm_model::door::GuestError;
use wasmtime::{Store, UpdateDeadline, WasmBacktrace};

use crate::{
    cpu_class::CpuClass,
    cpu_slice::CpuSlice,
    limits::{TICK, cure},
    state::GuestState,
};

/// What is left of one call's budget.
#[derive(Debug)]
pub(crate) struct Budget {
    budget_ms: u64,
    ticks_left: u64,
    wait_max: Duration,
    waited: Duration,
    /// What the user can change to raise the budget; part of the error.
    cure: &'static str,
    exceeded: Option<GuestError>,
    slice: CpuSlice,
}

impl Budget {
    /// A budget of zero, until [`begin`] sets one.
    pub(crate) fn none() -> Self {
        Self {
            budget_ms: 0,
            ticks_left: 0,
            wait_max: Duration::ZERO,
            waited: Duration::ZERO,
            cure: "",
            exceeded: None,
            slice: CpuSlice::start(&Arc::default(), &Arc::new(CpuClass::new(0))),
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

    /// Called before a wait. Ends the slice, charges the host's work in it, and yields to other tasks. Slices shorter
    /// than a tick cost nothing here. Fails if the budget is used up.
    pub(crate) async fn begin_wait(&mut self) -> wasmtime::Result<()> {
        self.charge(self.slice.end())?;
        self.slice.yield_to_others().await;
        Ok(())
    }

    /// Charges a wait. Fails if it did not finish within the budget.
    pub(crate) fn charge_wait(&mut self, waited: Duration, finished: bool) -> wasmtime::Result<()> {
        self.waited += waited;
        self.slice.resume();
        if finished {
            return Ok(());
        }
        self.exceeded = Some(GuestError::Budget {
            budget_ms: u64::try_from(self.wait_max.as_millis()).unwrap_or(u64::MAX),
            cure: cure::WAIT,
        });
        Err(wasmtime::Error::msg("it waited in the host for too long"))
    }

    /// Called when the component has returned. Charges the host's work since the last tick and `to_come`, the work that
    /// the host does after the call; yields to other tasks. Fails if the budget is used up.
    pub(crate) async fn charge_host(&mut self, to_come: Duration) -> wasmtime::Result<()> {
        let done = self.slice.end();
        self.slice.yield_to_others().await;
        self.slice.resume();
        let to_come = u64::try_from(to_come.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
        self.charge(done.saturating_add(to_come))
    }

    fn charge(&mut self, ticks: u64) -> wasmtime::Result<()> {
        match self.ticks_left.checked_sub(ticks) {
            Some(left) => {
                self.ticks_left = left;
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

    /// Handles a tick: charges one tick or more.
    fn charge_tick(&mut self) -> UpdateDeadline {
        let ticks = self.slice.end().max(1);
        // The slice is charged; a new one starts here, whether or not the budget is used up.
        self.slice.resume();
        if self.charge(ticks).is_err() {
            return UpdateDeadline::Interrupt;
        }
        let slice = self.slice.clone();
        let turns = async move {
            for _ in 0..ticks {
                tokio::task::yield_now().await;
            }
            slice.resume();
        };
        UpdateDeadline::YieldCustom(1, Box::pin(turns))
    }
}

/// Makes every tick charge the store's budget. Once for each store.
pub(crate) fn install(store: &mut Store<GuestState>) {
    store.epoch_deadline_callback(|mut store| {
        if let Some(sampler) = &store.data().sampler {
            sampler.sample(&WasmBacktrace::force_capture(&store));
        }
        Ok(store.data_mut().budget.charge_tick())
    });
}

/// Sets the budget of the next call into the component, which runs in `slice`. A component that is entered without this
/// is interrupted at its next tick.
pub(crate) fn begin(
    store: &mut Store<GuestState>,
    (budget_ms, cure): (u64, &'static str),
    wait_max: Duration,
    slice: &CpuSlice,
) {
    let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(1).max(1);
    store.data_mut().budget = Budget {
        budget_ms,
        ticks_left: budget_ms.div_ceil(tick_ms),
        wait_max,
        waited: Duration::ZERO,
        cure,
        exceeded: None,
        slice: slice.clone(),
    };
    store.set_epoch_deadline(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu_slice;

    #[tokio::test]
    async fn what_the_host_did_before_a_wait_is_charged() {
        let mut budget = Budget {
            budget_ms: 1_000,
            ticks_left: 1_000,
            ..Budget::none()
        };
        budget.slice.resume();
        cpu_slice::burn_cpu(5 * TICK);
        budget.begin_wait().await.expect("within its budget");
        assert!(budget.ticks_left <= 995, "{}", budget.ticks_left);
        budget.ticks_left = 2;
        budget.slice.resume();
        cpu_slice::burn_cpu(5 * TICK);
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
            ticks_left: 1_000,
            ..Budget::none()
        };
        budget.slice.resume();
        cpu_slice::burn_cpu(5 * TICK);
        budget.charge_host(10 * TICK).await.expect("within its budget");
        assert!(budget.ticks_left <= 985, "{}", budget.ticks_left);
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
            ticks_left: 2,
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
