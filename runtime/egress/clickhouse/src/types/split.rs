//! Divides the text of a type.

/// Name and arguments of a type with parentheses.
pub(super) fn call(text: &str) -> Option<(&str, Vec<&str>)> {
    let (name, rest) = text.split_once('(')?;
    let inside = rest.strip_suffix(')')?;
    Some((name, at_top(inside, b',').into_iter().map(str::trim).collect()))
}

/// The name before a type, if there is one, and the type.
pub(super) fn member(text: &str) -> (Option<&str>, &str) {
    match *at_top(text, b' ').as_slice() {
        [name, _, ..] => (Some(name), text[name.len()..].trim_start()),
        _ => (None, text),
    }
}

/// The parts between separators that are in no quotes and no parentheses.
fn at_top(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'`' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, _) if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// An identifier without its quotes.
pub(super) fn unquoted(name: &str) -> String {
    let inside = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let Some(inside) = inside else { return name.to_owned() };
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.extend(chars.next()),
            char => text.push(char),
        }
    }
    text
}

/// The steps of a path in a JSON column, of which each or all may be quoted.
pub(super) fn path(text: &str) -> Vec<String> {
    at_top(text, b'.')
        .into_iter()
        .flat_map(|step| unquoted(step).split('.').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
