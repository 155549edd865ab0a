//! Where a body ends.

use super::{
    Message,
    cursor::{Cursor, Stop},
    head::{HEAD_BYTES_MAX, HEADERS_MAX, field},
};

/// Extensions of all chunks of a body, in bytes.
const EXTENSION_BYTES_MAX: usize = 16 << 10;

/// How a body is sent.
pub(super) enum Framing {
    Length(u64),
    Chunks {
        /// A length is there too: it does not count, and nothing is read behind the chunks.
        beside_length: bool,
    },
}

impl Framing {
    pub(super) fn of(message: &Message, cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let codings: Vec<&[u8]> = message.all("transfer-encoding").collect();
        let lengths: Vec<&[u8]> = message.all("content-length").collect();
        match codings[..] {
            [] => length(&lengths, cursor).map(Self::Length),
            [coding] if message.http_11 && coding.eq_ignore_ascii_case(b"chunked") => {
                let beside_length = !lengths.is_empty();
                cursor.strict &= !beside_length;
                Ok(Self::Chunks { beside_length })
            }
            _ => Err(Stop::Broken),
        }
    }

    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Chunks { beside_length: true })
    }

    pub(super) fn read(&self, cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Stop> {
        match self {
            Self::Length(n) => cursor.take(*n).map(<[u8]>::to_vec),
            Self::Chunks { .. } => chunks(cursor),
        }
    }
}

/// The same number once, or more often if a server is lenient.
fn length(values: &[&[u8]], cursor: &mut Cursor<'_>) -> Result<u64, Stop> {
    let Some((first, others)) = values.split_first() else {
        return Ok(0);
    };
    let number = |value: &[u8]| {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        text.and_then(|text| text.parse::<u64>().ok()).ok_or(Stop::Broken)
    };
    let n = number(first)?;
    cursor.strict &= others.is_empty();
    for other in others {
        if number(other)? != n {
            return Err(Stop::Broken);
        }
    }
    Ok(n)
}

fn chunks(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Stop> {
    let (mut body, mut extensions) = (Vec::new(), 0);
    loop {
        let (size, extension) = chunk_size(cursor)?;
        extensions += extension;
        if extensions > EXTENSION_BYTES_MAX {
            return Err(Stop::Broken);
        }
        if size == 0 {
            trailers(cursor)?;
            return Ok(body);
        }
        body.extend_from_slice(cursor.take(size)?);
        if !cursor.crlf_line()?.is_empty() {
            return Err(Stop::Broken);
        }
    }
}

/// They are thrown away, so what they say does not matter to this server, but where they end does.
fn trailers(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    let before = cursor.left();
    for _ in 0..=HEADERS_MAX {
        let line = cursor.crlf_line()?;
        if before - cursor.left() > HEAD_BYTES_MAX {
            break;
        }
        if line.is_empty() {
            return Ok(());
        }
        cursor.strict &= field(line).is_ok();
    }
    Err(Stop::Broken)
}

/// The size of a chunk and that of its extension, which is skipped.
fn chunk_size(cursor: &mut Cursor<'_>) -> Result<(u64, usize), Stop> {
    let line = cursor.crlf_line()?;
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (size, rest) = line.split_at(digits);
    let extension = rest.trim_ascii_start();
    // A line feed within would end the line for others.
    if line.contains(&b'\n') || !(extension.is_empty() || extension.starts_with(b";")) {
        return Err(Stop::Broken);
    }
    cursor.strict &= rest.iter().all(u8::is_ascii_graphic);
    let size = std::str::from_utf8(size).map_err(|_| Stop::Broken)?;
    let size = u64::from_str_radix(size, 16).map_err(|_| Stop::Broken)?;
    Ok((size, extension.len()))
}
