//! Runs a dead letter through a component again.
//!
//! **The same call.** The component is given the input as the connector's own was ([`RecordedCall`]), with the settings, limits,
//! topics, time and chance of the call that made the letter, on an instance that has just started, as that one had. So it
//! comes out the same each time, and as then: a fix is tried on what it must fix. What a recording does not have is said.
//!
//! **Nothing else.** No broker is published to and no target written to: what the component returns is printed. Where a
//! schema stands between a source and its topic, it is the pipeline file's.

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

/// The first lane's instance has been asked for its topics. A call that blamed an input was on one that had not.
const FRESH_LANE: usize = 1;

/// Finds the letter and the component, and runs the one through the other.
pub async fn run(
    place: &Path,
    id: Option<&str>,
    component: Option<&Path>,
    sandbox: &Arc<Sandbox>,
) -> Result<Report, Failure> {
    let letter = DeadLetter::find(place, id).await?;
    if letter.shown.reason == Reason::BrokerRefused.as_str() {
        return Err(Failure::usage(format!(
            "the broker refused this record, no component did: `danube-wasm dlq replay` publishes it again ({})",
            letter.shown.message
        )));
    }
    let subject = Target::of(&letter, component)?;
    let heard = Arc::new(CaptureHost::new(subject.log_levels()));
    let (result, took) = result(sandbox, &letter, &subject, &heard).await?;
    let outcome = Outcome::of(&letter, &subject.digest, &result);
    Ok(Report::new(letter, subject, result, &heard, outcome, took))
}

async fn result(
    sandbox: &Arc<Sandbox>,
    letter: &DeadLetter,
    subject: &Target,
    heard: &Arc<CaptureHost>,
) -> Result<(CallResult, Option<String>), Failure> {
    let input = match (&letter.case.input, &letter.case.undecodable) {
        (Some(input), _) => input,
        (None, why) => return Ok((CallResult::unreached(why.clone().unwrap_or_default()), None)),
    };
    if let Some(why) = subject.refuses(input) {
        return Ok((CallResult::unreached(why), None));
    }
    let spec = subject.load.clone();
    let budget_ms = spec.limits.call_budget_ms(1);
    let begun;
    let result = match input {
        RecordedInput::Message { .. } => match sandbox.load_sink(spec, heard.clone()).await {
            Err(error) => return Ok((not_loaded(error)?, None)),
            Ok(guest) => {
                heard.forget();
                begun = Instant::now();
                CallResult::of_sink(&*guest, FRESH_LANE, input, subject.targets.as_ref()).await?
            }
        },
        RecordedInput::Event { .. } => match sandbox.load_source(spec, heard.clone()).await {
            Err(error) => return Ok((not_loaded(error)?, None)),
            Ok(guest) => {
                let validators = schemas::validators(&subject.schemas).await?;
                heard.forget();
                begun = Instant::now();
                CallResult::of_source(&*guest, FRESH_LANE, input, &validators).await?
            }
        },
    };
    let took_ms = begun.elapsed().as_secs_f64() * 1e3;
    let took = format!("starting and calling took {took_ms:.1} ms; the call's budget is {budget_ms} ms");
    Ok((result, Some(took)))
}

/// A component that does not start with the recorded settings fails; one that is none is a mistake of the caller.
fn not_loaded(error: LoadError) -> Result<CallResult, Failure> {
    match error {
        LoadError::Start { stage, error, .. } => Ok(CallResult::failed(&error, Some(stage))),
        error => Err(Failure::configuration(error)),
    }
}
