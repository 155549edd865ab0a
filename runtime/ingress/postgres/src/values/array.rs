//! Lists as PostgreSQL writes them: `{1,NULL,"a b"}`, with bounds before them if they do not begin at 1.

use super::ValueKind;

/// Adds the JSON of a list; none if it is no list.
pub(super) fn write(
    element: &ValueKind,
    delimiter: u8,
    text: &str,
    int8_as_text: bool,
    out: &mut Vec<u8>,
) -> Option<()> {
    let list = if text.starts_with('[') {
        text.split_once('=')?.1
    } else {
        text
    };
    let mut reader = Reader {
        bytes: list.as_bytes(),
        at: 0,
        delimiter,
    };
    reader.list(element, int8_as_text, out)?;
    (reader.at == reader.bytes.len()).then_some(())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    delimiter: u8,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Lists in lists are of the same depth everywhere, so the depth is bounded by PostgreSQL (6).
    fn list(&mut self, element: &ValueKind, int8_as_text: bool, out: &mut Vec<u8>) -> Option<()> {
        if self.next()? != b'{' {
            return None;
        }
        out.push(b'[');
        if self.peek()? == b'}' {
            self.at += 1;
            out.push(b']');
            return Some(());
        }
        loop {
            match self.peek()? {
                b'{' => self.list(element, int8_as_text, out)?,
                b'"' => element.write(&self.quoted()?, int8_as_text, out),
                _ => {
                    let bare = self.bare()?;
                    match bare.eq_ignore_ascii_case("NULL") {
                        true => out.extend_from_slice(b"null"),
                        false => element.write(&bare, int8_as_text, out),
                    }
                }
            }
            match self.next()? {
                b'}' => {
                    out.push(b']');
                    return Some(());
                }
                byte if byte == self.delimiter => out.push(b','),
                _ => return None,
            }
        }
    }

    fn quoted(&mut self) -> Option<String> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => text.push(self.next()?),
                byte => text.push(byte),
            }
        }
    }

    fn bare(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            match self.peek()? {
                b'}' => break,
                byte if byte == self.delimiter => break,
                b'\\' => {
                    self.at += 1;
                    text.push(self.next()?);
                }
                byte => {
                    self.at += 1;
                    text.push(byte);
                }
            }
        }
        String::from_utf8(text).ok().filter(|text| !text.is_empty())
    }
}
