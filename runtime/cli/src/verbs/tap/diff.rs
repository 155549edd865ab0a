//! What a component changed of a payload, by JSON pointer.

use serde_json::Value;

/// A line for each difference: `+` added, `-` left out, `~` another value; `=` if there is none.
pub(in crate::verbs) fn diff(before: &Value, after: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", before, after, &mut lines);
    if lines.is_empty() {
        lines.push("= unchanged".to_owned());
    }
    lines
}

fn compare(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, old) in before {
                let path = below(path, name);
                match after.get(name) {
                    Some(new) => compare(&path, old, new, lines),
                    None => lines.push(format!("- {path} {old}")),
                }
            }
            let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
            lines.extend(added.map(|(name, new)| format!("+ {} {new}", below(path, name))));
        }
        (Value::Array(before), Value::Array(after)) => {
            for at in 0..before.len().max(after.len()) {
                let path = below(path, &at.to_string());
                match (before.get(at), after.get(at)) {
                    (Some(old), Some(new)) => compare(&path, old, new, lines),
                    (Some(old), None) => lines.push(format!("- {path} {old}")),
                    (None, Some(new)) => lines.push(format!("+ {path} {new}")),
                    (None, None) => {}
                }
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            let path = if path.is_empty() { "the payload" } else { path };
            lines.push(format!("~ {path} {before} → {after}"));
        }
    }
}

/// A JSON pointer one step further down.
fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_is_a_line_with_its_pointer() {
        let before = json!({"a": 1, "gone": true, "list": [1, 2], "deep": {"x/y": "old"}});
        let after = json!({"a": 1, "list": [1, 3, 4], "deep": {"x/y": "new"}, "more": null});
        let expected = [
            "~ /deep/x~1y \"old\" → \"new\"",
            "- /gone true",
            "~ /list/1 2 → 3",
            "+ /list/2 4",
            "+ /more null",
        ];
        let mut lines = diff(&before, &after);
        lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
        assert_eq!(lines, expected);
        assert_eq!(diff(&before, &before), ["= unchanged"]);
        assert_eq!(diff(&json!("text"), &json!(1)), ["~ the payload \"text\" → 1"]);
    }
}
