//! What a process says of itself on `/metrics` after a fault: it counts what senders were told, and nothing that did not
//! happen.

use crate::{checker, dead_letters::Flaw, harness::Pipeline, oracle::Oracle, site::Part};

const GUEST_FAILURES: &str = "danube_wasm_guest_failures_total";
const DEAD_LETTERS: &str = "danube_wasm_dead_letters_total";
const VIOLATIONS: &str = "danube_wasm_schema_violations_total";

/// Counters that no fault of a process, a broker, a database or the way there may move: it is not the component's, and no
/// event is poisonous.
const UNMOVED: [&str; 3] = [GUEST_FAILURES, DEAD_LETTERS, VIOLATIONS];

/// Writes that a target did not take.
const TARGET_FAILURES: &str = "danube_wasm_egress_failures_total";

/// What a fault does to the target of the sinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nothing: no write may fail.
    Fine,
    /// Writes fail.
    Fails,
    /// It is slow to answer, or has others to serve, so that writes may fail.
    Stalls,
}

/// The sum of a counter's series that have this label, by all of them if it is empty.
pub fn sum(metrics: &str, name: &str, label: &str) -> u64 {
    let of_it = metrics.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
    });
    let values = of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

pub fn metrics(pipeline: &Pipeline) -> Result<String, String> {
    match pipeline.admin("/metrics") {
        (200, text) => Ok(text),
        (status, text) => Err(format!("/metrics answered {status}: {text}")),
    }
}

/// Of processes that a fault met, or that took the place of such: no counter has moved but that of failed writes, and that
/// one as the target says.
///
/// # Errors
/// The counter that is wrong.
pub fn unmoved<'a>(processes: impl IntoIterator<Item = &'a Pipeline>, target: Target) -> Result<(), String> {
    let mut target_failures = 0;
    for process in processes {
        let metrics = metrics(process)?;
        if let Some(name) = UNMOVED.iter().find(|name| sum(&metrics, name, "") > 0) {
            return Err(format!("`{name}` has moved:\n{metrics}"));
        }
        target_failures += sum(&metrics, TARGET_FAILURES, "");
    }
    if matches!((target, target_failures), (Target::Fine, 1..) | (Target::Fails, 0)) {
        return Err(format!(
            "the target: {target:?}; `{TARGET_FAILURES}`: {target_failures}"
        ));
    }
    Ok(())
}

/// Of a fault that somebody met: a webhook process that all events went to, and the sinks behind it, none of which was
/// replaced.
///
/// # Errors
/// The counter that is wrong.
pub fn check(oracle: &Oracle, source: &Part, sinks: &[&Part], target: Target) -> Result<(), String> {
    let processes = [source].into_iter().chain(sinks.iter().copied());
    unmoved(processes.map(Part::running), target)?;
    let metrics = metrics(source.running())?;
    let counted = sum(&metrics, "danube_wasm_http_requests_total", "status=\"503\"");
    // An answer that nobody waited for any more is counted here and not there.
    let (least, lost) = (oracle.refused() as u64, oracle.lost() as u64);
    match (least..=least + lost).contains(&counted) {
        true => Ok(()),
        false => Err(format!(
            "senders were told 503 {least} times and had no answer {lost} times; the process counts {counted}"
        )),
    }
}

/// Of a process that keeps an event of this flaw as a dead letter, which is counted once it is kept.
///
/// # Errors
/// The counter that does not move, or another one that does.
pub fn moved(process: &Pipeline, flaw: Flaw) -> Result<(), String> {
    let cause = match flaw {
        Flaw::Poison => GUEST_FAILURES,
        Flaw::Misfit => VIOLATIONS,
    };
    let own = [cause, DEAD_LETTERS];
    checker::until("counters move", || {
        let metrics = metrics(process)?;
        match own.iter().find(|name| sum(&metrics, name, "") == 0) {
            Some(name) => Err(format!("`{name}` has not moved:\n{metrics}")),
            None => Ok(()),
        }
    })?;
    let metrics = metrics(process)?;
    let mut others = UNMOVED
        .iter()
        .chain([&TARGET_FAILURES])
        .filter(|name| !own.contains(name));
    match others.find(|name| sum(&metrics, name, "") > 0) {
        Some(name) => Err(format!("`{name}` has moved, and not for {flaw:?}:\n{metrics}")),
        None => Ok(()),
    }
}

/// What is read must be what is there, or the check proves nothing.
///
/// # Panics
/// It is not.
pub fn canary() {
    let metrics = "# TYPE a_total counter\na_total{status=\"503\"} 2\na_total{status=\"200\"} 3\na_total_more 9\n";
    assert_eq!(
        (sum(metrics, "a_total", "status=\"503\""), sum(metrics, "a_total", "")),
        (2, 5)
    );
}
