//! The difference between what was expected and what came out, for people.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Lines around a change that are shown.
const AROUND: usize = 3;

/// Both sides as indented JSON, an output after the other: `-` was expected, `+` came out.
pub(crate) fn lines(expected: &[Value], actual: &[Value]) -> String {
    let (expected, actual) = (pretty(expected), pretty(actual));
    let diff = TextDiff::from_lines(&expected, &actual);
    let mut text = String::new();
    for (i, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if i > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push(sign);
            text.push(' ');
            text.push_str(change.value());
        }
    }
    text
}

fn pretty(outputs: &[Value]) -> String {
    let outputs = outputs
        .iter()
        .map(|output| serde_json::to_string_pretty(output).unwrap_or_default() + "\n");
    outputs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_shown_with_what_is_around_it() {
        let output = |n: u32| json!({"a": 1, "b": 2, "c": 3, "d": 4, "z": n});
        let expected: Vec<_> = (0..9).map(output).collect();
        let mut actual = expected.clone();
        actual[4] = output(44);
        let text = lines(&expected, &actual);
        assert!(text.contains("-   \"z\": 4\n+   \"z\": 44\n"), "{text}");
        assert!(text.lines().count() < 10, "{text}");
    }
}
