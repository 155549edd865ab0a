//! Which columns an expression of the server's uses.

use std::collections::BTreeSet;

/// Functions whose result is another one each time.
const CHANGING: &[&str] = &[
    "generateUUIDv4",
    "generateUUIDv7",
    "generateULID",
    "generateSnowflakeID",
    "now",
    "now64",
    "nowInBlock",
    "rand",
    "rand32",
    "rand64",
    "randConstant",
    "randomString",
    "rowNumberInAllBlocks",
    "rowNumberInBlock",
    "serverUUID",
    "today",
    "yesterday",
];

/// The names in an expression: of columns, functions and whatever else.
pub(super) fn names(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => quoted(rest),
            '`' | '"' => {
                let length = quoted(rest);
                names.insert(rest[1..length].trim_end_matches(first).replace('\\', ""));
                length
            }
            char if char.is_alphabetic() || char == '_' => {
                let is_part = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
                let length = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
                names.insert(rest[..length].to_owned());
                length
            }
            // A number, with what is written to it: `1e5` holds no name.
            char if char.is_ascii_digit() => rest
                .find(|char: char| !char.is_ascii_alphanumeric())
                .unwrap_or(rest.len()),
            char => char.len_utf8(),
        };
        rest = &rest[length..];
    }
    names
}

/// Whether the expression has another value each time.
pub(super) fn is_changing(expression: &str) -> bool {
    names(expression).iter().any(|name| CHANGING.contains(&name.as_str()))
}

/// The length of what is in quotes at the beginning, with the quotes.
fn quoted(text: &str) -> usize {
    let (mut escaped, quote) = (false, text.chars().next());
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            char if Some(char) == quote => return at + char.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_outside_of_texts_and_numbers() {
        let found = |text: &str| names(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found("id"), "id");
        assert_eq!(
            found("(cityHash64(id) % 16, toYYYYMM(n.at))"),
            "cityHash64 id n.at toYYYYMM"
        );
        assert_eq!(found("concat('it''s id', `a b`, 1e5)"), "a b concat");
        assert_eq!(found("'open"), "");
        assert_eq!(found("`open"), "open");
        assert_eq!(found(""), "");
    }

    #[test]
    fn functions_of_time_and_chance_are_known() {
        assert!(is_changing("toDate(now())") && is_changing("generateUUIDv4()"));
        assert!(!is_changing("toDate(nowhere)") && !is_changing("'now()'"));
    }
}
