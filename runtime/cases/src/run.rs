//! Runs cases.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_sandbox::Sandbox;
use serde_json::Value;

use crate::{
    component::{Component, StartError},
    diff,
    input::Input,
    matching,
    output::Output,
    read::Case,
    recorder::Recorded,
    settle::{Settled, settle},
};

/// How a case went.
#[derive(Debug)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// How many inputs it has.
    pub inputs: usize,
    /// What came out.
    pub outputs: Vec<Output>,
    /// What the component said meanwhile.
    pub recorded: Recorded,
    /// Where it trapped, innermost first.
    pub backtrace: Vec<String>,
    /// Run time, with the start of its instance.
    pub took: Duration,
}

/// Whether a case is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What came out is what was expected.
    Passed,
    /// It is not: the difference, line by line.
    Differs(String),
    /// Nobody has said yet what is expected.
    Unknown,
    /// What came out is now what is expected.
    Updated,
    /// A property of its inputs does not hold: a sentence and what shows it.
    Broken(String),
}

impl Verdict {
    /// Whether nothing is to be done.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Passed | Self::Updated)
    }
}

/// Runs one case, in an instance of its own. `Err` if the host would not run the component at all.
pub async fn run_case(component: &Component, sandbox: &Arc<Sandbox>, case: &Case) -> Result<CaseResult, String> {
    let began = Instant::now();
    let inputs = numbered(&case.inputs);
    let (settled, recorded) = match component.start(sandbox, &case.config).await {
        Ok(guest) => {
            let settled = settle(&guest, &inputs).await;
            (settled, guest.recorder.take())
        }
        Err(StartError::Output(output)) => {
            let settled = Settled {
                outputs: vec![output],
                ..Settled::default()
            };
            (settled, Recorded::default())
        }
        Err(StartError::Refused(why)) => return Err(why),
    };
    let took = began.elapsed();
    let actual: Vec<_> = settled.outputs.iter().map(Output::value).collect();
    let verdict = match &case.expected {
        None => Verdict::Unknown,
        Some(expected) => compare(expected, &actual),
    };
    Ok(CaseResult {
        name: case.name.clone(),
        verdict,
        inputs: inputs.len(),
        backtrace: settled.backtrace().to_vec(),
        outputs: settled.outputs,
        recorded,
        took,
    })
}

/// Whether this is what was expected.
pub(crate) fn compare(expected: &[Value], actual: &[Value]) -> Verdict {
    let actual = matching::fitted(expected, actual);
    match *expected == actual {
        true => Verdict::Passed,
        false => Verdict::Differs(diff::lines(expected, &actual)),
    }
}

/// Keeps what came out as what is expected, if it is another.
pub fn update(case: &Case, result: &mut CaseResult) -> std::io::Result<()> {
    if result.verdict.passes() {
        return Ok(());
    }
    std::fs::write(case.expected_file(), to_lines(&result.outputs))?;
    result.verdict = Verdict::Updated;
    Ok(())
}

/// The outputs as `expected.jsonl` has them.
pub fn to_lines(outputs: &[Output]) -> String {
    outputs.iter().map(|output| output.to_line() + "\n").collect()
}

/// Inputs with their places.
pub(crate) fn numbered(inputs: &[Input]) -> Vec<(usize, &Input)> {
    inputs.iter().enumerate().collect()
}

/// What came out, of each input by its own; `None` if something came of several inputs.
pub(crate) fn by_input(outputs: &[Output], inputs: usize) -> Option<Vec<Vec<Value>>> {
    let mut of_each = vec![Vec::new(); inputs];
    for output in outputs {
        match output.from.as_slice() {
            [one] => of_each.get_mut(*one)?.push(output.value()),
            _ => return None,
        }
    }
    Some(of_each)
}
