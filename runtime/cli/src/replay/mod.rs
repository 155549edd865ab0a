//! Runs a dead letter through a component again.
//!
//! **The same call.** The component is given the input as the connector's own was ([`Case`]), with the settings, limits,
//! topics, time and chance of the call that made the letter, on an instance that has just started, as that one had. So it
//! comes out the same each time, and as then: a fix is tried on what it must fix. What a recording does not have is said.
//!
//! **Nothing else.** No broker is published to and no target written to: what the component returns is printed. Where a
//! schema stands between a source and its topic, it is the pipeline file's.

mod connector;
mod letter;
mod listening;
mod outcome;
mod paper;
mod report;
mod subject;
mod verdict;

use std::{path::Path, sync::Arc, time::Instant};

use danube_wasm_pipeline::dead_letter::Reason;
use danube_wasm_sandbox::{LoadError, Sandbox};

pub(crate) use self::report::Report;
use self::{letter::Letter, listening::Listening, outcome::Outcome, subject::Subject, verdict::Verdict};
use crate::{exit::Failure, letters::Seen};

/// The first lane's instance has been asked for its topics. A call that blamed an input was on one that had not.
const FRESH_LANE: usize = 1;

/// Finds the letter and the component, and runs the one through the other.
pub(crate) async fn run(place: &Path, id: Option<&str>, component: Option<&Path>) -> Result<Report, Failure> {
    let letter = Letter::find(place, id).await?;
    if letter.shown.reason == Reason::BrokerRefused.as_str() {
        return Err(Failure::usage(format!(
            "the broker refused this record, no component did: `danube-wasm dlq replay` publishes it again ({})",
            letter.shown.message
        )));
    }
    let subject = Subject::of(&letter, component)?;
    // A cache of its own, gone afterwards: replaying leaves nothing behind.
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let heard = Arc::new(Listening::new(subject.log_levels()));
    let (outcome, took) = outcome(&sandbox, &letter, &subject, &heard).await?;
    drop(Arc::try_unwrap(sandbox));
    let verdict = Verdict::of(&letter, &subject.digest, &outcome);
    Ok(Report::new(letter, subject, outcome, &heard, verdict, took))
}

async fn outcome(
    sandbox: &Arc<Sandbox>,
    letter: &Letter,
    subject: &Subject,
    heard: &Arc<Listening>,
) -> Result<(Outcome, Option<String>), Failure> {
    let input = match (&letter.case.input, &letter.case.undecodable) {
        (Some(input), _) => input,
        (None, why) => return Ok((Outcome::unreached(why.clone().unwrap_or_default()), None)),
    };
    if let Some(why) = subject.refuses(input) {
        return Ok((Outcome::unreached(why), None));
    }
    let spec = subject.load.clone();
    let budget_ms = spec.limits.call_budget_ms(1);
    let begun;
    let outcome = match input {
        Seen::Message { .. } => match sandbox.load_sink(spec, heard.clone()).await {
            Err(error) => return Ok((not_loaded(error)?, None)),
            Ok(guest) => {
                heard.forget();
                begun = Instant::now();
                Outcome::of_sink(&*guest, FRESH_LANE, input, subject.targets.as_ref()).await?
            }
        },
        Seen::Event { .. } => match sandbox.load_source(spec, heard.clone()).await {
            Err(error) => return Ok((not_loaded(error)?, None)),
            Ok(guest) => {
                let validators = paper::validators(&subject.schemas).await?;
                heard.forget();
                begun = Instant::now();
                Outcome::of_source(&*guest, FRESH_LANE, input, &validators).await?
            }
        },
    };
    let took_ms = begun.elapsed().as_secs_f64() * 1e3;
    let took = format!("starting and calling took {took_ms:.1} ms; the call's budget is {budget_ms} ms");
    Ok((outcome, Some(took)))
}

/// A component that does not start with the recorded settings fails; one that is none is a mistake of the caller.
fn not_loaded(error: LoadError) -> Result<Outcome, Failure> {
    match error {
        LoadError::Start { stage, error, .. } => Ok(Outcome::failed(&error, Some(stage))),
        error => Err(Failure::configuration(error)),
    }
}
