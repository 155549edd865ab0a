//! Comparing: where `…` stands at an end of an expected message, any text may stand.

use serde_json::Value;

/// Members whose texts may be given in part.
const IN_PART: [&str; 4] = ["message", "trap", "invalid_output", "content_type"];

/// What came out, with the expected text in place of one that it stands for. Afterwards equal lines are equal.
pub(crate) fn fitted(expected: &[Value], actual: &[Value]) -> Vec<Value> {
    let mut fitted = actual.to_vec();
    for (line, expected) in fitted.iter_mut().zip(expected) {
        fit(line, expected);
    }
    fitted
}

fn fit(actual: &mut Value, expected: &Value) {
    let (Value::Object(actual), Value::Object(expected)) = (actual, expected) else {
        return;
    };
    for (name, value) in actual.iter_mut() {
        match (value, expected.get(name)) {
            (Value::String(text), Some(Value::String(pattern)))
                if IN_PART.contains(&&**name) && stands_for(pattern, text) =>
            {
                text.clone_from(pattern);
            }
            (value, Some(expected)) => fit(value, expected),
            _ => {}
        }
    }
}

/// Whether a text is one that this pattern stands for.
pub(crate) fn stands_for(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('…'), pattern.strip_suffix('…')) {
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix('…').unwrap_or_default()),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_ellipsis_stands_for_any_text_of_a_message_and_of_nothing_else() {
        let expected = [json!({"from": [0], "rejected": "invalid-data", "message": "not JSON…"})];
        let actual = [json!({"from": [0], "rejected": "invalid-data", "message": "not JSON: EOF"})];
        assert_eq!(fitted(&expected, &actual), expected);
        let payload = [json!({"from": [0], "payload": {"message": "a…"}, "key": "a…"})];
        let other = [json!({"from": [0], "payload": {"message": "b"}, "key": "ab"})];
        assert_eq!(fitted(&payload, &other), other);
        assert!(
            stands_for("…b…", "abc") && stands_for("…c", "abc") && !stands_for("…b", "abc") && !stands_for("ab", "abc")
        );
    }
}
