//! Runs a component with the input of a dead letter.
//!
//! **The same call.** The component gets the same input as the connector's component did ([`RecordedCall`]), with the
//! settings, limits, topics, time and randomness of the failed call, on a new instance, as that one was. So the result
//! is the same each time, and the same as before: a correction can be tried on the input that needs it. Parts that
//! were not recorded are reported.
//!
//! **No effects.** Nothing is published or written to a target: the component's results are printed. Schemas between a
//! source and its topic are those of the pipeline file.

mod call;
mod capture_host;
mod connector;
mod dead_letter;
mod outcome;
mod report;
mod schemas;
mod target;

use std::{path::Path, sync::Arc, time::Instant};

use danube_wasm_pipeline::dead_letter::Reason;
use danube_wasm_sandbox::{LoadError, Sandbox};

pub use self::outcome::Outcome;
pub use self::report::Report;
use self::{call::CallResult, capture_host::CaptureHost, dead_letter::DeadLetter, target::Target};
use crate::{Failure, dead_letters::RecordedInput};

/// The instance of the first lane is asked for its topics first. A call that failed ran on an instance that was not.
const FRESH_LANE: usize = 1;

/// Finds the dead letter and the component, and runs the component.
pub async fn run(
    place: &Path,
    id: Option<&str>,
    component: Option<&Path>,
    sandbox: &Arc<Sandbox>,
) -> Result<Report, Failure> {
    let letter = DeadLetter::find(place, id).await?;
    if letter.dumped.reason == Reason::BrokerRefused.as_str() {
        return Err(Failure::usage(format!(
            "the broker refused this record, no component did: `danube-wasm dlq replay` publishes it again ({})",
            letter.dumped.message
        )));
    }
    let target = Target::of(&letter, component).await?;
    let captured = Arc::new(CaptureHost::new(target.log_levels()));
    let (result, took) = result(sandbox, &letter, &target, &captured).await?;
    let outcome = Outcome::of(&letter, &target.digest, &result);
    Ok(Report::new(letter, target, result, &captured, outcome, took))
}

async fn result(
    sandbox: &Arc<Sandbox>,
    letter: &DeadLetter,
    target: &Target,
    captured: &Arc<CaptureHost>,
) -> Result<(CallResult, Option<String>), Failure> {
    let input = match (&letter.case.input, &letter.case.undecodable) {
        (Some(input), _) => input,
        (None, why) => return Ok((CallResult::unreached(why.clone().unwrap_or_default()), None)),
    };
    if let Some(why) = target.refusal(input) {
        return Ok((CallResult::unreached(why), None));
    }
    let spec = target.load.clone();
    let budget_ms = spec.limits.call_budget_ms(1);
    let begun;
    let result = match input {
        RecordedInput::Message { .. } => match sandbox.load_sink(spec, captured.clone()).await {
            Err(error) => return Ok((load_failure(error)?, None)),
            Ok(guest) => {
                captured.forget();
                begun = Instant::now();
                CallResult::of_sink(&*guest, FRESH_LANE, input, target.targets.as_ref()).await?
            }
        },
        RecordedInput::Event { .. } => match sandbox.load_source(spec, captured.clone()).await {
            Err(error) => return Ok((load_failure(error)?, None)),
            Ok(guest) => {
                let validators = schemas::validators(&target.schemas).await?;
                captured.forget();
                begun = Instant::now();
                CallResult::of_source(&*guest, FRESH_LANE, input, &validators).await?
            }
        },
    };
    let took_ms = begun.elapsed().as_secs_f64() * 1e3;
    let took = format!("starting and calling took {took_ms:.1} ms; the call's budget is {budget_ms} ms");
    Ok((result, Some(took)))
}

/// A component that does not start with the recorded settings is a result; a file that is not a component is a usage
/// error.
fn load_failure(error: LoadError) -> Result<CallResult, Failure> {
    match error {
        LoadError::Start { stage, error, .. } => Ok(CallResult::failed(&error, Some(stage))),
        error => Err(error.into()),
    }
}
