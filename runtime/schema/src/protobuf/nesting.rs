//! How deep a `.proto` text is nested: the compiler recurses as deep.

use crate::limits::DEFINITION;

/// Counts brackets outside of strings and comments.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut depth = 0usize;
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = match byte {
            b'/' if tail.starts_with(b"/") => after(tail, b"\n"),
            b'/' if tail.starts_with(b"*") => after(&tail[1..], b"*/"),
            b'"' | b'\'' => after_string(tail, *byte),
            b'{' | b'[' | b'(' | b'<' => {
                depth += 1;
                tail
            }
            b'}' | b']' | b')' | b'>' => {
                depth = depth.saturating_sub(1);
                tail
            }
            _ => tail,
        };
        if depth > DEFINITION.depth_max {
            return Err(format!("the text is nested deeper than {}", DEFINITION.depth_max));
        }
    }
    Ok(())
}

fn after<'a>(text: &'a [u8], end: &[u8]) -> &'a [u8] {
    let found = text.windows(end.len()).position(|window| window == end);
    found.map_or(&[], |at| &text[at + end.len()..])
}

/// A string ends with its quote, or with its line, which is an error that the compiler will find.
fn after_string(mut text: &[u8], quote: u8) -> &[u8] {
    while let [byte, tail @ ..] = text {
        text = match byte {
            b'\\' => tail.get(1..).unwrap_or(&[]),
            b'\n' => return tail,
            byte if *byte == quote => return tail,
            _ => tail,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_that_count_count() {
        let deep = |open: &str| open.repeat(DEFINITION.depth_max + 1);
        assert!(check(&deep("message A {")).is_err());
        assert!(check(&deep("message A { /* } */ ")).is_err());
        assert!(check(&deep("message A { // }\n")).is_err());
        assert!(check(&deep("option a = { b: '}\\'}' ")).is_err());
        assert!(check(&deep("option a = \"{\";")).is_ok());
        assert!(check(&deep("/* { */ // {\n")).is_ok());
        assert!(check(&deep("message A { }")).is_ok());
        assert!(check("/* never ends").is_ok() && check("\"never ends").is_ok() && check("\"\\").is_ok());
    }
}
