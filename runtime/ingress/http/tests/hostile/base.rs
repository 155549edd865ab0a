//! Valid requests of somebody known, to begin with.

/// The key of the endpoint.
pub(crate) const KEY: &str = "the-key-of-the-endpoint";

/// A head with the key, the lines given, and the end.
pub(crate) fn head(request_line: &str, lines: &str) -> Vec<u8> {
    format!("{request_line}\r\nhost: test\r\nx-api-key: {KEY}\r\n{lines}\r\n").into()
}

/// A `POST` with the lines given and what comes after its head.
pub(crate) fn post(lines: &str, rest: &str) -> Vec<u8> {
    let mut bytes = head("POST /hook HTTP/1.1", lines);
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Each is one or more requests that must be answered 200.
pub(crate) fn valid() -> Vec<Vec<u8>> {
    let plain = post(
        "content-type: application/json\r\nwebhook-id: evt_1\r\ncontent-length: 9\r\n",
        "{\"a\": 12}",
    );
    let chunked = post(
        "Transfer-Encoding: chunked\r\nidempotency-key: k\r\n",
        "4;ext=1\r\n[1, \r\n3\r\n23]\r\n0\r\nx-trailer: t\r\n\r\n",
    );
    let mut old = head("POST /hook?a=b HTTP/1.0", "content-length: 2\r\n");
    old.extend_from_slice(b"{}");
    let careful = post("Expect: 100-continue\r\ncontent-length: 4\r\n", "null");
    let pipelined = [&plain[..], &chunked, &careful, &old].concat();
    vec![plain, chunked, old, careful, pipelined]
}
