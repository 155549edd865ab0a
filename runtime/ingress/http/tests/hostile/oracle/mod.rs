//! What a stream of bytes says, by RFC 9112, read by somebody else than the server.
//!
//! Where the RFC lets a server be lenient (a bare line feed, a length beside chunks, whitespace in a chunk's size), the
//! reading is lenient, and says so: such a request may be taken or refused, but if it is taken, then as read here.

mod accept;
mod cursor;
mod framing;
mod head;

pub(crate) use accept::{Expected, accepted};
use cursor::{Cursor, Stop};

/// A request.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) http_11: bool,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether it, and all before it, must be understood by any server.
    pub(crate) strict: bool,
}

/// Reads requests until there is none, or none that can be told from what follows.
pub(crate) fn read(bytes: &[u8]) -> Vec<Message> {
    let mut cursor = Cursor::new(bytes);
    let mut messages = Vec::new();
    while let Ok((message, last)) = message(&mut cursor) {
        messages.push(message);
        if last {
            break;
        }
    }
    messages
}

/// A request, and whether it is the last that is read of a connection.
fn message(cursor: &mut Cursor<'_>) -> Result<(Message, bool), Stop> {
    let (mut message, framing) = head::read(cursor)?;
    message.body = framing.read(cursor)?;
    message.strict = cursor.strict;
    let last = framing.ends_connection() || message.ends_connection();
    Ok((message, last))
}

impl Message {
    /// The values of a header, its name in lower case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(found, _)| found == name);
        named.map(|(_, value)| value.as_slice())
    }

    fn ends_connection(&self) -> bool {
        let has = |wanted: &str| {
            let lists = self
                .all("connection")
                .filter_map(|value| std::str::from_utf8(value).ok());
            lists
                .flat_map(|list| list.split(','))
                .any(|token| token.trim().eq_ignore_ascii_case(wanted))
        };
        has("close") || (!self.http_11 && !has("keep-alive"))
    }
}
