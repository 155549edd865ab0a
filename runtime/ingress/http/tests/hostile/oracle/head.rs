//! Request line and headers.

use super::{
    Message,
    cursor::{Cursor, Stop},
    framing::Framing,
};

/// As the listener is configured by default.
pub(super) const HEADERS_MAX: usize = 100;
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;

/// A request without its body, and how that is sent.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<(Message, Framing), Stop> {
    let before = cursor.left();
    let mut line = cursor.head_line()?;
    let mut empty_lines = 0;
    while line.is_empty() {
        empty_lines += 1;
        line = cursor.head_line()?;
    }
    // One is usual, left over by old senders behind their body.
    cursor.strict &= empty_lines <= 1;
    let mut message = request_line(line, cursor)?;
    loop {
        let line = cursor.head_line()?;
        if line.is_empty() {
            break;
        }
        message.headers.push(field(line)?);
    }
    let fits = message.headers.len() <= HEADERS_MAX && before - cursor.left() <= HEAD_BYTES_MAX;
    let framing = Framing::of(&message, cursor)?;
    // A host with an escape is a name that no resolver knows.
    cursor.strict &= !message.all("host").any(|host| host.contains(&b'%'));
    match fits && one_host(&message) {
        true => Ok((message, framing)),
        false => Err(Stop::Broken),
    }
}

fn request_line(line: &[u8], cursor: &mut Cursor<'_>) -> Result<Message, Stop> {
    let text = std::str::from_utf8(line).map_err(|_| Stop::Broken)?;
    let parts: Vec<&str> = text.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(Stop::Broken);
    };
    let http_11 = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(Stop::Broken),
    };
    let visible = |c: char| c > ' ' && c != '\x7f';
    if !is_token(method.as_bytes()) || target.is_empty() || !target.chars().all(visible) {
        return Err(Stop::Broken);
    }
    cursor.strict &= target.starts_with('/') && target.bytes().all(is_target_byte);
    Ok(Message {
        method: method.to_owned(),
        target: target.to_owned(),
        http_11,
        headers: Vec::new(),
        body: Vec::new(),
        strict: true,
    })
}

/// RFC 3986: unreserved, sub-delims, and what a path and a query have besides.
fn is_target_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&b)
}

pub(super) fn is_token(bytes: &[u8]) -> bool {
    let tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !bytes.is_empty() && bytes.iter().all(tchar)
}

/// A header. A folded line begins with a space, which is no token.
pub(super) fn field(line: &[u8]) -> Result<(String, Vec<u8>), Stop> {
    let colon = line.iter().position(|b| *b == b':').ok_or(Stop::Broken)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    if !is_token(name) || value.iter().any(control) {
        return Err(Stop::Broken);
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok((name, value.trim_ascii().to_vec()))
}

fn one_host(message: &Message) -> bool {
    let hosts: Vec<&[u8]> = message.all("host").collect();
    let host_byte = |b: &u8| b.is_ascii_graphic() && !b"/?#@\\\"<>^`{|}".contains(b);
    match hosts[..] {
        [] => !message.http_11,
        [host] => host.iter().all(host_byte),
        _ => false,
    }
}
