//! Pairs as the extension `hstore` writes them: `"a"=>"1", "b"=>NULL`.

use super::write_text;

/// Adds a JSON object; none if these are no pairs.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.push(b'{');
    let mut rest = text;
    while !rest.is_empty() {
        if rest.len() < text.len() {
            out.push(b',');
        }
        let (key, behind) = quoted(rest)?;
        write_text(&key, out);
        out.push(b':');
        let value = behind.strip_prefix("=>")?;
        rest = match value.strip_prefix("NULL") {
            Some(behind) => {
                out.extend_from_slice(b"null");
                behind
            }
            None => {
                let (value, behind) = quoted(value)?;
                write_text(&value, out);
                behind
            }
        };
        if !rest.is_empty() {
            rest = rest.strip_prefix(", ").filter(|rest| !rest.is_empty())?;
        }
    }
    out.push(b'}');
    Some(())
}

/// What stands in quotes, and what is behind them.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = inner.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, &inner[at + 1..])),
            (_, '\\') => value.push(characters.next()?.1),
            (_, character) => value.push(character),
        }
    }
}
