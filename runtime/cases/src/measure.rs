//! Measures calls: nanoseconds of a record, memory, the time of a start.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_sandbox::Sandbox;
use serde::Serialize;

use crate::{component::Guest, input::Input};

/// Calls before anything is measured: until then a connector's calls run apart from others'.
const WARM_UP: usize = 20;
/// Time of one round of calls. The fastest counts: whatever else the machine does only makes others slower.
const ROUND: Duration = Duration::from_millis(10);
/// Fewest rounds.
const ROUNDS_MIN: usize = 5;

/// How long the calls with batches of one size take.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Speed {
    /// Inputs in each call.
    pub batch: usize,
    /// Nanoseconds for each of them, in the fastest round.
    pub ns_a_record: f64,
}

/// Calls with batches of this size, made of these inputs over and over, for about so long. `Err` is how a call failed.
pub(crate) async fn speed(
    guest: &Arc<Guest>,
    sandbox: &Sandbox,
    inputs: &[Input],
    batch: usize,
    time: Duration,
) -> Result<Speed, String> {
    let (guest, inputs) = (Arc::clone(guest), inputs.to_vec());
    // Among the threads that components run on, as the pipeline does it.
    let task = sandbox.spawn(async move {
        let inputs = cycle(&inputs, batch);
        let inputs: Vec<_> = inputs.iter().enumerate().collect();
        guest.repeat(&inputs, WARM_UP).await?;
        let mut calls = 1;
        let mut rounds = Vec::new();
        let began = Instant::now();
        while rounds.len() < ROUNDS_MIN || began.elapsed() < time {
            let round = Instant::now();
            guest.repeat(&inputs, calls).await?;
            let took = round.elapsed();
            if took * 2 < ROUND {
                calls *= 2;
            } else {
                rounds.push(nanoseconds(took) / (calls * batch.max(1)) as f64);
            }
        }
        Ok(fastest(rounds))
    });
    let measured: Result<f64, danube_wasm_model::door::GuestError> = task.await.map_err(|error| error.to_string())?;
    let ns_a_record = measured.map_err(|error| format!("in a batch of {batch}: {error}"))?;
    Ok(Speed { batch, ns_a_record })
}

/// So many inputs, these over and over.
pub(crate) fn cycle(inputs: &[Input], batch: usize) -> Vec<Input> {
    inputs.iter().cycle().take(batch).cloned().collect()
}

pub(crate) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

pub(crate) fn fastest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().min_by(f64::total_cmp).unwrap_or_default()
}
