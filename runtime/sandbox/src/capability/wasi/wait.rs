//! Waiting, charged to the call's budget: `wasi:io/poll` is the only place where a call can block, and the tick that
//! interrupts a running component does not interrupt one that waits.

use std::time::Instant;

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::{
    DynPollable,
    bindings::io::poll::{Host, HostPollable},
};

use crate::{budget::Budget, state::GuestState};

/// Names the data that `wasi:io/poll` works on.
pub(super) struct PollTable;

impl HasData for PollTable {
    type Data<'a> = BudgetedTable<'a>;
}

/// The table of pollables, and the budget that waiting for them is charged to.
pub(super) struct BudgetedTable<'a> {
    table: &'a mut ResourceTable,
    budget: &'a mut Budget,
}

impl BudgetedTable<'_> {
    pub(super) fn from_state(state: &mut GuestState) -> BudgetedTable<'_> {
        BudgetedTable {
            table: &mut state.capabilities.wasi.table,
            budget: &mut state.budget,
        }
    }

    async fn wait<T>(
        budget: &mut Budget,
        ready: impl Future<Output = wasmtime::Result<T>> + Send,
    ) -> wasmtime::Result<T> {
        budget.begin_wait().await?;
        let start = Instant::now();
        let outcome = tokio::time::timeout(budget.wait_left(), ready).await;
        budget.charge_wait(start.elapsed(), outcome.is_ok())?;
        // `charge_wait` returned an error if it was not finished.
        outcome?
    }
}

impl Host for BudgetedTable<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let held = self.table.max_capacity();
        if pollables.len() > held {
            return Err(wasmtime::Error::msg(format!(
                "poll of {} pollables: more than the {held} that it can hold",
                pollables.len()
            )));
        }
        Self::wait(self.budget, Host::poll(self.table, pollables)).await
    }
}

impl HostPollable for BudgetedTable<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        HostPollable::ready(self.table, pollable).await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        Self::wait(self.budget, HostPollable::block(self.table, pollable)).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        HostPollable::drop(self.table, pollable)
    }
}
