//! Mutations of a sample: of its JSON, where it is JSON, and of its bytes.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::input::Input;

/// Texts that programs stumble over.
const TEXTS: [&str; 10] = [
    "",
    "\u{0}",
    "🦀",
    "null",
    "-1",
    "é\u{301}",
    "\u{202e}",
    "../../etc",
    "2026-02-30T25:61:00Z",
    "9999999999999999999999",
];

/// A sample with one to three changes.
pub(super) fn mutated(input: &Input, others: &[Input], rng: &mut Rng) -> Input {
    let mut input = input.clone();
    for _ in 0..rng.usize(1..=3) {
        match serde_json::from_slice::<Value>(&input.payload) {
            Ok(mut value) if rng.u8(..4) > 0 => {
                json_change(&mut value, rng);
                input.payload = value.to_string().into_bytes();
            }
            _ => bytes_change(&mut input.payload, others, rng),
        }
        if rng.u8(..8) == 0 {
            around(&mut input, rng);
        }
    }
    input
}

/// A sample with less in it.
pub(super) fn smaller(input: &Input, rng: &mut Rng) -> Input {
    let mut input = input.clone();
    match serde_json::from_slice::<Value>(&input.payload) {
        Ok(mut value) => {
            remove_something(&mut value, rng);
            input.payload = value.to_string().into_bytes();
        }
        Err(_) if !input.payload.is_empty() => {
            let start = rng.usize(..input.payload.len());
            let end = rng.usize(start..=input.payload.len());
            input.payload.drain(start..end);
        }
        Err(_) => {}
    }
    input
}

/// Changes what is beside the payload.
fn around(input: &mut Input, rng: &mut Rng) {
    let text = || TEXTS[1..].to_vec();
    match rng.u8(..5) {
        0 => input.key = Some(noise(rng)),
        1 => input.key = None,
        2 => input.attributes.clear(),
        3 => input.headers.clear(),
        _ => {
            let value = text()[rng.usize(..text().len())].to_owned();
            let pairs = if input.headers.is_empty() {
                &mut input.attributes
            } else {
                &mut input.headers
            };
            if let Some((_, old)) = pairs.first_mut() {
                *old = value;
            }
        }
    }
}

/// Changes one value somewhere in a document.
fn json_change(value: &mut Value, rng: &mut Rng) {
    let stays = rng.u8(..4) == 0;
    match value {
        Value::Object(members) if !members.is_empty() && !stays => {
            let names: Vec<_> = members.keys().cloned().collect();
            let name = &names[rng.usize(..names.len())];
            match rng.u8(..6) {
                0 => drop(members.remove(name)),
                1 => {
                    let moved = members.remove(name).unwrap_or_default();
                    members.insert(format!("{name}{}", TEXTS[rng.usize(..TEXTS.len())]), moved);
                }
                _ => json_change(members.entry(name.clone()).or_insert(Value::Null), rng),
            }
        }
        Value::Array(values) if !values.is_empty() && !stays => {
            let at = rng.usize(..values.len());
            match rng.u8(..6) {
                0 => drop(values.remove(at)),
                1 => values.push(values[at].clone()),
                _ => json_change(&mut values[at], rng),
            }
        }
        leaf => *leaf = another(leaf, rng),
    }
}

/// Another value in place of this one: near it, or of another kind.
fn another(value: &Value, rng: &mut Rng) -> Value {
    let near = match value {
        Value::Number(number) => number
            .as_i64()
            .map(|n| Value::from([0, -1, i64::MAX, i64::MIN, n.wrapping_add(1)][rng.usize(..5)])),
        Value::String(text) => Some(match rng.u8(..3) {
            0 => json!(text.repeat(rng.usize(2..2_000))),
            1 => json!(text.chars().rev().collect::<String>()),
            _ => json!(text.chars().skip(1).collect::<String>()),
        }),
        Value::Bool(is_set) => Some(json!(!is_set)),
        _ => None,
    };
    if let Some(near) = near.filter(|_| rng.bool()) {
        return near;
    }
    match rng.u8(..9) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(1e308),
        3 => json!(u64::MAX),
        4 => json!([]),
        5 => json!({}),
        6 => (0..rng.usize(1..200)).fold(value.clone(), |inner, _| json!([inner])),
        7 => json!({ "id": value }),
        _ => json!(TEXTS[rng.usize(..TEXTS.len())]),
    }
}

fn remove_something(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let names: Vec<_> = members.keys().cloned().collect();
            let name = &names[rng.usize(..names.len())];
            match rng.bool() {
                true => drop(members.remove(name)),
                false => remove_something(members.entry(name.clone()).or_insert(Value::Null), rng),
            }
        }
        Value::Array(values) if !values.is_empty() => {
            let at = rng.usize(..values.len());
            match rng.bool() {
                true => drop(values.remove(at)),
                false => remove_something(&mut values[at], rng),
            }
        }
        Value::String(text) => *text = text.chars().take(text.chars().count() / 2).collect(),
        leaf => *leaf = json!(0),
    }
}

fn bytes_change(bytes: &mut Vec<u8>, others: &[Input], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..6) {
        0 => bytes.truncate(at),
        1 => bytes.splice(at..at, noise(rng)).for_each(drop),
        2 => bytes.clear(),
        3 => {
            // The beginning of one and the end of another.
            let other = &others[rng.usize(..others.len())].payload;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.usize(..=other.len())..]);
        }
        4 => bytes.extend_from_slice(TEXTS[rng.usize(..TEXTS.len())].as_bytes()),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
    }
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    (0..rng.usize(1..16)).map(|_| rng.u8(..)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_samples_and_they_differ() {
        let inputs = [
            Input::new(r#"{"id": "a", "lines": [1, {"sku": "b"}]}"#),
            Input::new("no JSON"),
        ];
        let run = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..200)
                .map(|i| mutated(&inputs[i % 2], &inputs, &mut rng).payload)
                .collect::<Vec<_>>()
        };
        let samples = run(1);
        assert_eq!(samples, run(1));
        let distinct: std::collections::BTreeSet<_> = samples.iter().collect();
        assert!(distinct.len() > 100, "{}", distinct.len());
        let json = samples
            .iter()
            .filter(|sample| serde_json::from_slice::<Value>(sample).is_ok())
            .count();
        assert!(json > 40 && json < 200, "{json}");
    }
}
