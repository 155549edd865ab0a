//! What senders say.

use std::io::Write;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{KEY, OPEN, SECRET, SIGNED, TOKEN, signature};

const BODY: &[u8] = br#"{"data":[{"id":"evt-1"}],"n":1.5}"#;

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let key = format!("x-api-key: {SECRET}");
    let signed = format!("x-hub-signature-256: sha256={}", signature(BODY));
    let bearer = format!("authorization: Bearer {}", token());
    let twice = [post(OPEN, &["idempotency-key: a"], b"1"), post(KEY, &[&key], BODY)].concat();
    vec![
        ("open", post(OPEN, &["idempotency-key: a"], b"anything")),
        ("get", b"GET /open?a=b HTTP/1.1\r\nhost: a\r\n\r\n".to_vec()),
        ("old", b"GET /open HTTP/1.0\r\n\r\n".to_vec()),
        ("key", post(KEY, &[&key, "content-type: application/json"], BODY)),
        ("key-missing", post(KEY, &[], BODY)),
        ("gzip", post(KEY, &[&key, "content-encoding: gzip"], &gzip(BODY))),
        ("signed", post(SIGNED, &[&signed], BODY)),
        ("token", post(TOKEN, &[&bearer], BODY)),
        ("two-requests", twice),
        ("chunked", chunked()),
        ("http2", http2()),
    ]
}

/// A token that is good until the year 2100.
pub(super) fn token() -> String {
    let part = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
    let said = format!(
        "{}.{}",
        part(r#"{"alg":"HS256","typ":"JWT"}"#),
        part(r#"{"exp":4102444800}"#)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(said.as_bytes());
    format!("{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn post(path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        head += &format!("{header}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn chunked() -> Vec<u8> {
    let head = format!("POST {KEY} HTTP/1.1\r\nhost: a\r\nx-api-key: {SECRET}\r\ntransfer-encoding: chunked\r\n\r\n");
    let (one, two) = BODY.split_at(5);
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    [head.into_bytes(), chunk(one), chunk(two), b"0\r\n\r\n".to_vec()].concat()
}

/// Preface, settings, one request with its headers as literals (RFC 7541, section 6.2.2), its body.
fn http2() -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", KEY),
        ("x-api-key", SECRET),
    ] {
        headers.push(0);
        for text in [name, value] {
            headers.push(text.len() as u8);
            headers.extend_from_slice(text.as_bytes());
        }
    }
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    };
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &headers),
        frame(0, 1, 1, BODY),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::{super::listener, *};

    /// Or what is made of these means nothing.
    #[test]
    fn check_sender_values() {
        for (name, sent) in seeds() {
            let expected = match name {
                "key-missing" => 0,
                "two-requests" => 2,
                _ => 1,
            };
            assert_eq!(listener::events_of(&sent).len(), expected, "{name}");
        }
    }
}
