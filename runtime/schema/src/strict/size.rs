//! Limits the depth and size of a document of a topic without a schema.

use danube_wasm_model::door::Violation;
use serde::de::IgnoredAny;

use super::Limits;
use crate::violations;

/// Refuses JSON that later readers could not read back. Payloads that are not JSON are not checked: a topic without a
/// schema accepts anything.
pub fn within(bytes: &[u8], limits: Limits) -> Result<(), Violation> {
    let Some(over) = over(bytes, limits) else {
        return Ok(());
    };
    // This reader has no limit and keeps nothing.
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => Err(violations::whole(over)),
        Err(_) => Ok(()),
    }
}

/// The limit that the text is over, if it is JSON.
fn over(bytes: &[u8], limits: Limits) -> Option<String> {
    if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let (mut depth, mut values) = (0_usize, 1_usize);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            b'"' => skip_string(&mut rest),
            _ => {}
        }
        if depth > limits.depth_max {
            return Some(format!(
                "objects and arrays are nested deeper than {}",
                limits.depth_max
            ));
        }
        if values > limits.values_max {
            return Some(format!("the document has more than {} values", limits.values_max));
        }
    }
    None
}

/// To after the closing quote.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        bytes_max: usize::MAX,
        depth_max: 3,
        values_max: 10,
    };

    fn over_limit(text: &str) -> Option<String> {
        within(text.as_bytes(), LIMITS).err().map(|violation| violation.message)
    }

    #[test]
    fn what_is_too_deep_or_has_too_many_values_is_refused() {
        assert_eq!(over_limit(r#" {"a":[[1]]}"#), None);
        let deep = over_limit(r#" {"a":[[[1]]]}"#);
        assert_eq!(deep.as_deref(), Some("objects and arrays are nested deeper than 3"));
        let large = over_limit(&format!("[{}0]", "0,".repeat(10)));
        assert_eq!(large.as_deref(), Some("the document has more than 10 values"));
        let deepest = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(over_limit(&deepest).is_some());
    }

    #[test]
    fn brackets_in_strings_and_in_what_is_no_json_count_for_nothing() {
        for text in [
            r#"{"a":"[[[[\"[[[["}"#,
            "[[[[[[ a banner",
            "((((",
            "",
            "\"[[[[\"",
            "[[[[",
            "\u{feff}[[[[1]]]]",
        ] {
            assert_eq!(over_limit(text), None, "{text}");
        }
    }
}
