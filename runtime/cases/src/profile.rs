//! A profile in the file format of speedscope, which <https://www.speedscope.app> opens, and its program offline.

use std::collections::HashMap;

use danube_wasm_sandbox::ProfileSample;
use serde_json::{Value, json};

/// Time that each sample stands for, in microseconds.
const SAMPLE_US: u64 = 1_000;

/// Samples of a component's calls as a document of speedscope: one profile, whose stacks begin with the export that was called.
pub fn speedscope(component: &str, samples: &[ProfileSample]) -> Value {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut frames = Vec::new();
    let mut stacks = Vec::with_capacity(samples.len());
    for sample in samples {
        let outermost_first = sample.frames.iter().rev();
        let stack: Vec<_> = outermost_first
            .map(|frame| {
                *numbers.entry(frame).or_insert_with(|| {
                    frames.push(document_of(frame));
                    frames.len() - 1
                })
            })
            .collect();
        stacks.push(stack);
    }
    let count = u64::try_from(samples.len()).unwrap_or(u64::MAX);
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("danube-wasm@", env!("CARGO_PKG_VERSION")),
        "name": component,
        "activeProfileIndex": 0,
        "shared": { "frames": frames },
        "profiles": [{
            "type": "sampled",
            "name": component,
            "unit": "microseconds",
            "startValue": 0,
            "endValue": count.saturating_mul(SAMPLE_US),
            "samples": stacks,
            "weights": vec![SAMPLE_US; samples.len()],
        }],
    })
}

/// The functions in which most samples were, and their share of all: `(function, share)`.
pub fn hottest(samples: &[ProfileSample], most: usize) -> Vec<(String, f64)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for sample in samples {
        if let Some(innermost) = sample.frames.first() {
            *counts.entry(parts(innermost).0).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let share = |count: usize| count as f64 / samples.len() as f64;
    let hottest = counts.into_iter().take(most);
    hottest.map(|(name, count)| (name.to_owned(), share(count))).collect()
}

fn document_of(frame: &str) -> Value {
    let (name, place) = parts(frame);
    let mut document = json!({ "name": name });
    if let Some((file, line, column)) = place {
        document["file"] = json!(file);
        document["line"] = json!(line);
        document["col"] = json!(column);
    }
    document
}

/// The function of `function (file:line:column)`, and its place if it is known.
fn parts(frame: &str) -> (&str, Option<(&str, u32, u32)>) {
    let place = || {
        let (name, place) = frame.strip_suffix(')')?.rsplit_once(" (")?;
        let (place, column) = place.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        Some((name, (file, line.parse().ok()?, column.parse().ok()?)))
    };
    place().map_or((frame, None), |(name, place)| (name, Some(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(frames: &[&str]) -> ProfileSample {
        ProfileSample {
            at_us: 0,
            frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
        }
    }

    #[test]
    fn stacks_begin_with_the_export_and_frames_are_numbered_once() {
        let samples = [
            sample(&["parse (src/json.rs:7:9)", "poll"]),
            sample(&["parse (src/json.rs:7:9)", "poll"]),
            sample(&["poll"]),
        ];
        let document = speedscope("orders.wasm", &samples);
        assert_eq!(
            document["shared"]["frames"],
            json!([{"name": "poll"}, {"name": "parse", "file": "src/json.rs", "line": 7, "col": 9}])
        );
        let profile = &document["profiles"][0];
        assert_eq!(profile["samples"], json!([[0, 1], [0, 1], [0]]));
        assert_eq!(
            (&profile["weights"], &profile["endValue"]),
            (&json!([1000, 1000, 1000]), &json!(3000))
        );
        let hottest = hottest(&samples, 1);
        assert_eq!(hottest[0].0, "parse");
        assert!((hottest[0].1 - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn names_with_brackets_are_names() {
        assert_eq!(parts("call (closure)"), ("call (closure)", None));
        assert_eq!(
            parts("<A as B>::c (src/lib.rs:1:2)"),
            ("<A as B>::c", Some(("src/lib.rs", 1, 2)))
        );
    }
}
