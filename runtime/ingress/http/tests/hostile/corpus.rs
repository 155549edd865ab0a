//! Shapes that have fooled other servers.

use crate::base::{KEY, head, post, valid};

/// A name, and the bytes.
pub(crate) type Case = (String, Vec<u8>);

/// All of them, and every beginning of every valid request.
pub(crate) fn corpus() -> Vec<Case> {
    let named = |cases: Vec<(&'static str, Vec<u8>)>| cases.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let mut all: Vec<Case> = named(lengths()).chain(named(chunks())).collect();
    all.extend(named(lines()).chain(named(heads())).chain(named(sizes())));
    for (n, bytes) in valid().into_iter().enumerate() {
        all.extend((0..=bytes.len()).map(|end| (format!("valid request {n} up to byte {end}"), bytes[..end].to_vec())));
    }
    all
}

/// A second request, for those who read the first as shorter than it is.
fn hidden() -> String {
    String::from_utf8(post("content-length: 8\r\n", "\"hidden\"")).expect("text")
}

fn lengths() -> Vec<(&'static str, Vec<u8>)> {
    let hidden = hidden();
    let with = |length: &str| post(&format!("content-length:{length}\r\n"), &format!("{{}}{hidden}"));
    let both = |lines: &str| post(lines, &format!("0\r\n\r\n{hidden}"));
    vec![
        (
            "length, then chunks",
            both("content-length: 6\r\ntransfer-encoding: chunked\r\n"),
        ),
        (
            "chunks, then length",
            both("transfer-encoding: chunked\r\ncontent-length: 6\r\n"),
        ),
        ("no length at all", post("", &hidden)),
        ("two equal lengths", with(" 2\r\ncontent-length: 2")),
        ("two lengths", with(" 2\r\ncontent-length: 3")),
        ("a list of lengths", with(" 2, 2")),
        ("a negative length", with(" -2")),
        ("a length with a plus", with(" +2")),
        ("a hexadecimal length", with(" 0x2")),
        ("a length with leading zeros", with(" 0000000000000000000002")),
        ("a length with a space within", with(" 1 0")),
        ("a length with a dot", with(" 2.0")),
        ("an empty length", with("")),
        ("2^64", with(" 18446744073709551616")),
        ("2^64 - 1", with(" 18446744073709551615")),
        ("2^64 - 2", with(" 18446744073709551614")),
        ("2^63", with(" 9223372036854775808")),
        ("a hundred digits", with(&format!(" {}", "9".repeat(100)))),
        ("digits of another script", with(" \u{662}")),
        ("a length in quotes", with(" \"2\"")),
        ("a length with a comment", with(" 2;a")),
        ("a length behind a tab", with("\t2")),
        ("a length behind a vertical tab", with("\x0b2")),
    ]
}

fn chunks() -> Vec<(&'static str, Vec<u8>)> {
    let hidden = hidden();
    let coded = |coding: &str| {
        post(
            &format!("transfer-encoding:{coding}\r\n"),
            &format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}"),
        )
    };
    let body = |body: &str| post("transfer-encoding: chunked\r\n", &format!("{body}{hidden}"));
    let mut old = head(
        "POST /hook HTTP/1.0",
        "transfer-encoding: chunked\r\nconnection: keep-alive\r\n",
    );
    old.extend_from_slice(b"2\r\n{}\r\n0\r\n\r\n");
    vec![
        ("another coding", coded(" gzip")),
        ("xchunked", coded(" xchunked")),
        ("chunked twice", coded(" chunked, chunked")),
        ("chunked, then another", coded(" chunked, identity")),
        ("another, then chunked", coded(" gzip, chunked")),
        ("chunked in quotes", coded(" \"chunked\"")),
        ("chunked with a parameter", coded(" chunked;a=b")),
        ("chunked behind a vertical tab", coded(" \x0bchunked")),
        ("an empty coding", coded("")),
        (
            "two codings in two lines",
            coded(" identity\r\ntransfer-encoding: chunked"),
        ),
        (
            "a coding and a space before the colon",
            post("transfer-encoding : chunked\r\n", &hidden),
        ),
        (
            "a coding with an underscore",
            post("transfer_encoding: chunked\r\ncontent-length: 2\r\n", "{}"),
        ),
        ("chunks in HTTP/1.0", old),
        ("no size", body("\r\n{}\r\n0\r\n\r\n")),
        ("a negative size", body("-2\r\n{}\r\n0\r\n\r\n")),
        ("a size with 0x", body("0x2\r\n{}\r\n0\r\n\r\n")),
        ("a size that overflows", body("10000000000000002\r\n{}\r\n0\r\n\r\n")),
        ("the largest size", body("ffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        ("a size that is too small", body("1\r\n{}\r\n0\r\n\r\n")),
        ("a size that is too large", body("3\r\n{}\r\n0\r\n\r\n")),
        ("a size with leading zeros", body("0000002\r\n{}\r\n000\r\n\r\n")),
        ("a size with spaces", body("2  \r\n{}\r\n0\r\n\r\n")),
        ("a size behind a space", body(" 2\r\n{}\r\n0\r\n\r\n")),
        ("an extension", body("2;a=\"b\"\r\n{}\r\n0;c\r\n\r\n")),
        ("a line feed in an extension", body("2;a\n{}\r\n0\r\n\r\n")),
        ("a carriage return in an extension", body("2;a\rb\r\n{}\r\n0\r\n\r\n")),
        ("bare line feeds", body("2\n{}\n0\n\n")),
        ("no line end behind the data", body("2\r\n{}0\r\n\r\n")),
        ("a bare carriage return behind the data", body("2\r\n{}\r0\r\n\r\n")),
        ("no last chunk", body("2\r\n{}\r\n")),
        ("no end of the trailers", body("2\r\n{}\r\n0\r\nx: y\r\n")),
        (
            "framing in the trailers",
            body("2\r\n{}\r\n0\r\ncontent-length: 9\r\n\r\n"),
        ),
        ("a trailer that is none", body("2\r\n{}\r\n0\r\nno colon\r\n\r\n")),
        ("a line feed for the trailers", body("2\r\n{}\r\n0\r\n\n")),
        (
            "a long extension",
            body(&format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(20_000))),
        ),
        (
            "many extensions",
            body(&format!("{}0\r\n\r\n", "1;aaaaaaaaaaaaaaaa\r\n1\r\n".repeat(2_000))),
        ),
        (
            "many trailers",
            body(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "a: b\r\n".repeat(1_000))),
        ),
        (
            "long trailers",
            body(&format!("2\r\n{{}}\r\n0\r\na: {}\r\n\r\n", "b".repeat(100_000))),
        ),
    ]
}

fn lines() -> Vec<(&'static str, Vec<u8>)> {
    let line = |line: &str| post(&format!("{line}\r\ncontent-length: 2\r\n"), "{}");
    let raw = |text: String| text.into_bytes();
    let feeds = format!("POST /hook HTTP/1.1\nhost: test\nx-api-key: {KEY}\ncontent-length: 2\n\n{{}}");
    let returns = feeds.replace('\n', "\r");
    vec![
        ("bare line feeds for lines", raw(feeds.clone())),
        ("bare carriage returns for lines", raw(returns)),
        ("one bare carriage return", line("x: a\rb: c")),
        ("a carriage return and another", line("x: a\r\r")),
        ("an empty line before", raw(format!("\r\n\r\n\n{feeds}"))),
        ("only empty lines", raw("\r\n".repeat(1_000))),
        ("a folded header", line("x: a\r\n b")),
        ("a folded length", line("x: a\r\n\tcontent-length: 5")),
        ("a folded first header", raw(feeds.replacen("\nhost", "\n host", 1))),
        ("NUL in a value", line("x: a\0b")),
        ("NUL in a name", line("x\0: a")),
        ("DEL in a value", line("x: a\x7fb")),
        ("a control character in a value", line("x: a\x01b")),
        ("bytes above 127 in a value", line("x: \u{fffd}")),
        ("bytes above 127 in a name", line("\u{e9}: a")),
        ("a name and a space", line("x : a")),
        ("no name", line(": a")),
        ("no colon", line("x")),
        ("a name in brackets", line("[x]: a")),
        ("a key behind a key", line("x-api-key: other")),
        ("a key that is another", raw(feeds.replace(KEY, "other"))),
        (
            "a key with a space within",
            raw(feeds.replace(KEY, "the-key -of-the-endpoint")),
        ),
        ("no key", raw(feeds.replace("x-api-key", "x-api-kex"))),
        (
            "a key in a trailer",
            raw(
                "POST /hook HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()
                    + &format!("2\r\n{{}}\r\n0\r\nx-api-key: {KEY}\r\n\r\n"),
            ),
        ),
        ("two hosts", line("host: other")),
        ("no host", raw(feeds.replace("host: test\n", ""))),
        ("a host that is none", raw(feeds.replace("host: test", "host: te st/a"))),
        (
            "an upgrade",
            line("connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__"),
        ),
        (
            "an upgrade to a socket",
            line("connection: Upgrade\r\nupgrade: websocket"),
        ),
        (
            "close, and another behind it",
            [line("connection: close"), line("a: b")].concat(),
        ),
        (
            "close in a list, and another behind it",
            [line("connection: a, Close"), line("a: b")].concat(),
        ),
        ("another expectation", line("expect: the-moon")),
        ("an event id with a tab", line("webhook-id: a\tb")),
        ("two event ids", line("webhook-id: a\r\nwebhook-id: b")),
        ("an empty event id", line("webhook-id:")),
    ]
}

fn heads() -> Vec<(&'static str, Vec<u8>)> {
    let first = |line: &str| [head(line, "content-length: 2\r\n"), b"{}".to_vec()].concat();
    let to = |target: &str| first(&format!("POST {target} HTTP/1.1"));
    vec![
        ("nothing", Vec::new()),
        ("HTTP/0.9", b"GET /hook\r\n\r\n".to_vec()),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a SOCKS greeting", b"\x05\x01\x00".to_vec()),
        ("half of HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\n".to_vec()),
        ("nearly HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r".to_vec()),
        ("HTTP/2.0", first("POST /hook HTTP/2.0")),
        ("HTTP/1.2", first("POST /hook HTTP/1.2")),
        ("HTTP/1.10", first("POST /hook HTTP/1.10")),
        ("HTTP/01.1", first("POST /hook HTTP/01.1")),
        ("http/1.1", first("POST /hook http/1.1")),
        ("HTTP/1.1 and more", first("POST /hook HTTP/1.1 x")),
        ("no version", first("POST /hook")),
        ("no target", first("POST HTTP/1.1")),
        ("two spaces", first("POST  /hook HTTP/1.1")),
        ("tabs for spaces", first("POST\t/hook\tHTTP/1.1")),
        ("a space before", first(" POST /hook HTTP/1.1")),
        ("a method with a colon", first("PO:ST /hook HTTP/1.1")),
        ("a method in lower case", first("post /hook HTTP/1.1")),
        ("a method of nothing", first(" /hook HTTP/1.1")),
        (
            "a method of 10,000 letters",
            first(&format!("{} /hook HTTP/1.1", "P".repeat(10_000))),
        ),
        ("HEAD", first("HEAD /hook HTTP/1.1")),
        ("TRACE", first("TRACE /hook HTTP/1.1")),
        ("CONNECT", first("CONNECT /hook HTTP/1.1")),
        ("CONNECT to a host", first("CONNECT test:80 HTTP/1.1")),
        ("OPTIONS of everything", first("OPTIONS * HTTP/1.1")),
        ("an absolute target", to("http://test/hook")),
        ("an absolute target elsewhere", to("https://other:443/hook?a")),
        ("an absolute target of another scheme", to("file:///hook")),
        ("an absolute target without a path", to("http://test")),
        ("an authority with a user", to("http://user:word@test/hook")),
        ("a path of two slashes", to("//test/hook")),
        ("a path that climbs", to("/a/../hook")),
        ("an encoded path", to("/%68ook")),
        ("a fragment", to("/hook#a")),
        ("a NUL in a target", to("/hook\0")),
        ("a target above 127", to("/h\u{f6}\u{f6}k")),
        ("a backslash", to("\\hook")),
        ("a query of bad escapes", to("/hook?%zz%")),
    ]
}

fn sizes() -> Vec<(&'static str, Vec<u8>)> {
    let many = |n: usize| (0..n).map(|i| format!("x-{i}: a\r\n")).collect::<String>();
    let sized = |lines: &str| post(&format!("{lines}content-length: 2\r\n"), "{}");
    let long = |n: usize| sized(&format!("x: {}\r\n", "a".repeat(n)));
    vec![
        ("97 more headers", sized(&many(97))),
        ("98 more headers", sized(&many(98))),
        ("1,000 headers", sized(&many(1_000))),
        ("50,000 headers", sized(&many(50_000))),
        ("a header of 32,000 bytes", long(32_000)),
        ("a header of 100 KB", long(100 << 10)),
        ("a header of 1 MB", long(1 << 20)),
        ("a name of 100 KB", sized(&format!("{}: a\r\n", "x".repeat(100 << 10)))),
        (
            "a target of 60 KB",
            head(&format!("POST /hook?{} HTTP/1.1", "a".repeat(60_000)), ""),
        ),
        (
            "a target of 100 KB",
            head(&format!("POST /hook?{} HTTP/1.1", "a".repeat(100_000)), ""),
        ),
        ("a line of 200 KB without an end", vec![b'a'; 200 << 10]),
        ("JSON 100,000 deep", {
            let deep = "[".repeat(100_000);
            post(&format!("content-length: {}\r\n", deep.len()), &deep)
        }),
    ]
}
