//! What the host does to a connector when things go wrong: batches are halved, come again, come one by one, and instances are
//! replaced between calls. What comes of each input must not depend on it.

use std::sync::Arc;

use danube_wasm_sandbox::Sandbox;
use serde_json::Value;

use crate::{
    component::{Component, Guest, StartError},
    diff,
    input::Input,
    output::Output,
    read::Case,
    run::{CaseResult, Verdict, by_input, numbered},
    settle::settle,
};

/// A fault of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Redelivered,
    Halved,
    OneByOne,
    Replaced,
    OtherNeighbours,
}

const FAULTS: [Fault; 5] = [
    Fault::Redelivered,
    Fault::Halved,
    Fault::OneByOne,
    Fault::Replaced,
    Fault::OtherNeighbours,
];

impl Fault {
    fn sentence(self) -> &'static str {
        match self {
            Self::Redelivered => "the same batch was delivered again",
            Self::Halved => "the batch came in two halves",
            Self::OneByOne => "the inputs came one by one",
            Self::Replaced => "the instance was replaced between the inputs",
            Self::OtherNeighbours => "the inputs came in batches of three, the last batch twice",
        }
    }
}

/// Runs a case without faults and then with each. `Err` if the host would not run the component.
pub async fn chaos(component: &Component, sandbox: &Arc<Sandbox>, case: &Case) -> Result<CaseResult, String> {
    let began = std::time::Instant::now();
    let inputs = numbered(&case.inputs);
    let mut result = crate::run::run_case(component, sandbox, case).await?;
    result.verdict = Verdict::Passed;
    let Some(usual) = by_input(&result.outputs, inputs.len()) else {
        // Made of several inputs, or the call failed as a whole: how inputs are cut into batches may be seen.
        result.verdict = same_again(component, sandbox, case, &result.outputs).await?;
        return Ok(result);
    };
    for fault in FAULTS {
        let outputs = run(component, sandbox, case, &inputs, fault).await?;
        let found = by_input(&outputs, inputs.len()).unwrap_or_default();
        if let Some(broken) = compare(fault, &usual, &found) {
            result.verdict = Verdict::Broken(broken);
            break;
        }
    }
    result.took = began.elapsed();
    Ok(result)
}

/// The batch as it is, in another instance.
async fn same_again(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    case: &Case,
    usual: &[Output],
) -> Result<Verdict, String> {
    let again = crate::run::run_case(component, sandbox, case).await?;
    let [usual, found] = [usual, &again.outputs].map(|outputs| outputs.iter().map(Output::value).collect::<Vec<_>>());
    Ok(match usual == found {
        true => Verdict::Passed,
        false => Verdict::Broken(format!(
            "another instance makes something else of it:\n{}",
            diff::lines(&usual, &found)
        )),
    })
}

async fn run(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    case: &Case,
    inputs: &[(usize, &Input)],
    fault: Fault,
) -> Result<Vec<Output>, String> {
    let mut guest = start(component, sandbox, case).await?;
    let size = match fault {
        Fault::Redelivered => inputs.len(),
        Fault::Halved => inputs.len().div_ceil(2),
        Fault::OneByOne | Fault::Replaced => 1,
        Fault::OtherNeighbours => 3,
    };
    let mut outputs = Vec::new();
    for part in inputs.chunks(size.max(1)) {
        if matches!(fault, Fault::Redelivered | Fault::OtherNeighbours) {
            // What came of the first delivery is lost.
            settle(&guest, part).await;
        }
        if fault == Fault::Replaced {
            guest = start(component, sandbox, case).await?;
        }
        outputs.extend(settle(&guest, part).await.outputs);
    }
    Ok(outputs)
}

async fn start(component: &Component, sandbox: &Arc<Sandbox>, case: &Case) -> Result<Guest, String> {
    component
        .start(sandbox, &case.config)
        .await
        .map_err(|error| match error {
            StartError::Refused(why) => why,
            StartError::Output(output) => output.to_line(),
        })
}

fn compare(fault: Fault, usual: &[Vec<Value>], found: &[Vec<Value>]) -> Option<String> {
    let differs = |place: &usize| usual.get(*place) != found.get(*place);
    let place = (0..usual.len()).find(differs)?;
    let found = found.get(place).map(Vec::as_slice).unwrap_or_default();
    let diff = diff::lines(&usual[place], found);
    let why = fault.sentence();
    Some(format!(
        "when {why}, something else came of input {place} (- without the fault, + with it); state that is kept between calls \
         is lost with its instance, so outputs must not depend on it:\n{diff}"
    ))
}
