//! Points that both subjects have.

use serde_json::json;

use super::{Checked, subject::Subject};
use crate::input::Input;

/// Calls of the endurance point, and the inputs of each.
const CALLS: usize = 20_000;
const OF_A_CALL: usize = 10;

/// An empty batch gives an empty batch.
pub(super) async fn empty(subject: &Subject<'_>, config: &str) -> Checked {
    let outputs = subject.outputs(config, &[]).await?;
    match outputs.is_empty() {
        true => Ok(None),
        false => Err(outputs.iter().map(|output| output.to_line()).collect()),
    }
}

/// Thousands of calls, each with its instance's own start where the host replaced it, within the limits.
pub(super) async fn endurance(subject: &Subject<'_>, config: &str, inputs: &[Input]) -> Checked {
    let guest = std::sync::Arc::new(subject.start(config).await?);
    let fresh = guest.memory_bytes();
    let (running, inputs) = (guest.clone(), crate::measure::cycle(inputs, OF_A_CALL));
    let task = subject.sandbox.spawn(async move {
        let inputs = crate::run::numbered(&inputs);
        running.repeat(&inputs, CALLS).await
    });
    let done = task.await.map_err(|error| error.to_string())?;
    done.map_err(|error| format!("within {CALLS} calls of {OF_A_CALL}: {error}"))?;
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    Ok(Some(format!(
        "{:.1} MiB fresh, {:.1} after",
        mib(fresh),
        mib(guest.memory_bytes())
    )))
}

/// What it logs and counts at one input.
pub(super) async fn telemetry(
    subject: &Subject<'_>,
    config: &str,
    inputs: &[Input],
    line: &str,
    (counter, gauge): (&str, Option<(&str, f64)>),
) -> Checked {
    let guest = subject.start(config).await?;
    guest.recorder.take();
    guest
        .call(&crate::run::numbered(inputs))
        .await
        .map_err(|error| error.to_string())?;
    let recorded = guest.recorder.take();
    let is_told = recorded
        .lines
        .iter()
        .any(|(level, text)| level.as_str() == "info" && text == line);
    if !is_told {
        return Err(format!("no line `{line}` of level info; its log: {:?}", recorded.lines));
    }
    if recorded.counters.get(counter) != Some(&1) {
        return Err(format!("the counter `{counter}` is not 1: {:?}", recorded.counters));
    }
    match gauge {
        Some((name, value)) if recorded.gauges.get(name) != Some(&value) => {
            Err(format!("the gauge `{name}` is not {value}: {:?}", recorded.gauges))
        }
        _ => Ok(None),
    }
}

/// After a call that failed, the next one is answered.
pub(super) async fn recovers(subject: &Subject<'_>, config: &str, bad: &Input, good: &Input) -> Checked {
    let guest = subject.start(config).await?;
    let failed = crate::settle::settle(&guest, &[(0, bad)]).await.outputs;
    let first = guest.call(&[(0, good)]).await.map_err(|error| error.to_string())?;
    match (failed.is_empty(), first.is_empty()) {
        (false, false) => Ok(None),
        (true, _) => Err("nothing is said of the input that is bad".to_owned()),
        (_, true) => Err("nothing comes of the input after it".to_owned()),
    }
}

/// Values of JSON that an author's language must not change, and their JSON text.
pub(super) fn values() -> Vec<(&'static str, String)> {
    let nested = (0..64).fold(json!("core"), |inner, i| {
        if i % 2 == 0 {
            json!([inner])
        } else {
            json!({ "in": inner })
        }
    });
    let of = |name, value: serde_json::Value| (name, value.to_string());
    vec![
        of(
            "strings with escapes, quotes and line ends",
            json!("\"\\/\u{8}\u{c}\n\r\t"),
        ),
        of("NUL inside strings", json!("a\u{0}b")),
        of("emoji and joined characters", json!("🦀 👩‍👩‍👧 é e\u{301} 日本")),
        ("escaped surrogate pairs", r#""\ud83e\udd80\u00e9""#.to_owned()),
        of(
            "whole numbers up to 2^53",
            json!([0, -1, 9_007_199_254_740_991_i64, -9_007_199_254_740_991_i64]),
        ),
        ("fractions and exponents", "[0.5, -1e-7, 1.5e300, 2.5E-3]".to_owned()),
        of("null, true, false, empty", json!([null, true, false, "", {}, []])),
        of("64 levels of nesting", nested),
    ]
}
