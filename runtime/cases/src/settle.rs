//! One batch, as the host would have it processed: a call that breaks, or that says `invalid-data` of itself, is made again with
//! halves of the batch until the inputs are found that it breaks on.

use danube_wasm_model::door::{FailureKind, GuestError};

use crate::{component::Guest, input::Input, output::Output};

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Settled {
    /// In the order of the inputs.
    pub outputs: Vec<Output>,
    /// Errors of the inputs that were found by halving, and of the whole call.
    pub errors: Vec<GuestError>,
    /// Calls that were made.
    pub calls: usize,
}

impl Settled {
    /// The functions of the component where it trapped, for people; empty if it did not.
    pub fn backtrace(&self) -> &[String] {
        self.errors
            .iter()
            .map(GuestError::backtrace)
            .find(|trace| !trace.is_empty())
            .unwrap_or_default()
    }
}

/// Processes a batch.
pub async fn settle(guest: &Guest, inputs: &[(usize, &Input)]) -> Settled {
    let mut settled = Settled::default();
    // The next one is the last.
    let whole = 0..inputs.len();
    let mut parts = vec![whole];
    while let Some(range) = parts.pop() {
        let part = &inputs[range.clone()];
        settled.calls += 1;
        match guest.call(part).await {
            Ok(outputs) => settled.outputs.extend(outputs),
            Err(error) if is_of_an_input(&error) && part.len() > 1 => {
                let middle = range.start + part.len() / 2;
                parts.extend([middle..range.end, range.start..middle]);
            }
            Err(error) => {
                let is_whole = part.len() == inputs.len() && !is_of_an_input(&error);
                let from = if is_whole {
                    Vec::new()
                } else {
                    part.iter().map(|(place, _)| *place).collect()
                };
                settled.outputs.push(Output::of_error(from, &error));
                settled.errors.push(error);
            }
        }
    }
    settled
}

/// Whether the host looks for the input that is to blame.
fn is_of_an_input(error: &GuestError) -> bool {
    match error {
        GuestError::Failure(failure) => failure.kind == FailureKind::InvalidData,
        error => error.is_crash(),
    }
}
