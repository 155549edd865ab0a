//! Allocations of a component: how often it asks its allocator for memory, and for how many bytes.
//!
//! Nothing is asked of the component's author. A copy of the component is made, whose allocator (`names`) is wrapped in functions that
//! count (`module`), and which exports the counts (`component`). What is measured with a clock is never the copy.
//!
//! Only the outermost call counts: `calloc` that calls `malloc` is one allocation. A `realloc` is one of its new size. Where a module
//! imports an allocator from another one, as Python's libraries do, it is counted there. What an interpreter makes of the memory that
//! it has already, such as Python's small objects, is not seen.

mod component;
mod module;
mod names;

use std::sync::Arc;

use danube_wasm_sandbox::Sandbox;
use wasmparser::BinaryReaderError;

use crate::{
    component::{Component, Guest},
    input::Input,
    measure::cycle,
    read::CaseConfig,
};
use component::{Counter, CountingComponent};

/// Makes a copy of a component that counts. `Err` says why its allocations are not counted.
fn counting(component: &[u8]) -> Result<CountingComponent, String> {
    let made = component::counting(component)
        .map_err(|error: BinaryReaderError| format!("it cannot be instrumented ({})", error.message()))?;
    match made.counters.is_empty() {
        false => Ok(made),
        true => Err(
            "no function of the component has the name of an allocator; build it with names, in Rust with `strip = \"none\"` in \
             `[profile.release]` (engines of JavaScript have none)"
                .to_owned(),
        ),
    }
}

/// Calls before anything is counted: what a component makes once, it makes in these.
const WARM_UP: usize = 2;
/// Calls that are counted with each size of batches.
const CALLS: usize = 5;

/// What was allocated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) times: u64,
    pub(crate) bytes: u64,
}

impl Allocated {
    /// What is more than before; `None` if it is less: these are counts of two instances.
    fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            times: self.times.checked_sub(before.times)?,
            bytes: self.bytes.checked_sub(before.bytes)?,
        })
    }

    /// In one of so many calls with this many records.
    pub(crate) fn a_record(self, batch: usize) -> (f64, f64) {
        let records = (CALLS * batch.max(1)) as f64;
        (self.times as f64 / records, self.bytes as f64 / records)
    }
}

/// What all calls with batches of each of these sizes allocated.
pub(crate) struct Measured {
    pub(crate) functions: Vec<String>,
    pub(crate) batches: Vec<Allocated>,
}

/// Calls a copy that counts. `Err` says why its allocations are not counted.
pub(crate) async fn measure(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    config: &CaseConfig,
    inputs: &[Input],
    batches: &[usize],
) -> Result<Measured, String> {
    let made = counting(component.bytes())?;
    let guest = component.with_bytes(made.bytes).start(sandbox, config).await;
    let guest = guest.map_err(|error| format!("a copy that counts them {}", error.sentence()))?;
    let mut allocated = Vec::new();
    for batch in batches {
        let inputs = cycle(inputs, *batch);
        let inputs: Vec<_> = inputs.iter().enumerate().collect();
        call(&guest, &inputs, WARM_UP).await?;
        let before = read(&guest, &made.counters).await?;
        for _ in 1..CALLS {
            call(&guest, &inputs, 1).await?;
            // An instance that is replaced takes its counts with it: then there is none now.
            read(&guest, &made.counters).await?;
        }
        call(&guest, &inputs, 1).await?;
        let after = read(&guest, &made.counters).await?;
        allocated.push(after.since(before).ok_or(REPLACED)?);
    }
    Ok(Measured {
        functions: made.functions,
        batches: allocated,
    })
}

const REPLACED: &str = "its instance was replaced meanwhile, near its limit of memory: give it more `memory_bytes`";

async fn call(guest: &Guest, inputs: &[(usize, &Input)], calls: usize) -> Result<(), String> {
    let called = guest.repeat(inputs, calls).await;
    called.map_err(|error| format!("a call of a copy that counts them failed: {error}"))
}

async fn read(guest: &Guest, counters: &[Counter]) -> Result<Allocated, String> {
    let mut sum = Allocated::default();
    for counter in counters {
        sum.times += guest.number(&counter.allocations).await.ok_or(REPLACED)?;
        sum.bytes += guest.number(&counter.bytes).await.ok_or(REPLACED)?;
    }
    Ok(sum)
}
