//! Strict JSON: what is refused and where it says the offence is, and that nothing else is refused: compared with
//! serde_json on generated documents.

use danube_wasm_schema::{
    limits::PAYLOAD,
    strict::{Limits, Shape, scan},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn refused(text: &str) -> (String, String) {
    let violation = scan(text.as_bytes(), PAYLOAD).expect_err(text);
    (violation.path, violation.message)
}

#[test]
fn offences_are_named_by_their_place() {
    for (text, path, message) in [
        (
            r#"{"items":[{},{},{},{"price":1,"price":2}]}"#,
            "/items/3/price",
            "this key is in its object twice (byte 30)",
        ),
        (
            r#"{"a":1,"\u0061":2}"#,
            "/a",
            "this key is in its object twice (byte 7)",
        ),
        (
            r#"{"a/b":{"c~d":1e400}}"#,
            "/a~1b/c~0d",
            "changes when it is read as a 64-bit",
        ),
        (
            r#"{"n":[0,18446744073709551616]}"#,
            "/n/1",
            "this integer does not fit in 64 bits",
        ),
        (r#"{"a":[1,2],"b":tru}"#, "/b", "a value is expected here (byte 15)"),
        (
            r#"{"a":{"b":1},"c":[{"d":01}]}"#,
            "/c/0/d",
            "`,` or `}` is expected here",
        ),
        (r#"{"a":1,}"#, "", "a key in double quotes is expected here (byte 7)"),
        (r#"{"a" 1}"#, "/a", "`:` is expected here"),
        (r#"[1,]"#, "/1", "a value is expected here"),
        (r#"[1 2]"#, "/0", "`,` or `]` is expected here"),
        (r#"{"a":"x"#, "/a", "the document ends inside a string"),
        (r#"{"a":["#, "/a/0", "the document ends where a value is expected"),
        (r#"{"a":1"#, "/a", "the document ends inside an object or array"),
        (r#"{} {}"#, "", "the document ends, and more follows it (byte 3)"),
        ("", "", "the document ends where a value is expected"),
        ("{\"a\":\"\n\"}", "/a", "a control character must be escaped (byte 6)"),
        (r#"["\ud800"]"#, "/0", "a surrogate is without its partner"),
        (r#"["\ud800\u0041"]"#, "/0", "a surrogate is without its partner"),
        (r#"["\udc00"]"#, "/0", "a surrogate is without its partner"),
        (r#"["\q"]"#, "/0", "this escape is not one of JSON's"),
        (r#"["\u12G4"]"#, "/0", "four hexadecimal digits are expected"),
        ("\u{feff}{}", "", "a value is expected here (byte 0)"),
        ("NaN", "", "a value is expected here"),
    ] {
        let (found_path, found_message) = refused(text);
        assert_eq!(found_path, path, "{text}");
        assert!(found_message.contains(message), "{text}: {found_message}");
    }
}

#[test]
fn a_key_may_come_again_in_another_object() {
    for text in [
        r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"c":{"a":3}}"#,
        r#"{"k":{"k":1},"l":{}}"#,
        r#"{"":1," ":2}"#,
    ] {
        assert!(scan(text.as_bytes(), PAYLOAD).is_ok(), "{text}");
    }
}

#[test]
fn a_second_key_is_found_among_very_many() {
    let members = |n: usize| {
        (0..n)
            .map(|i| format!(r#""key{i}":{{"key{i}":{i}}}"#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let fine = format!("{{{}}}", members(5000));
    assert_eq!(
        scan(fine.as_bytes(), PAYLOAD),
        Ok(Shape {
            values: 10_001,
            depth: 2
        })
    );
    for again in [0, 23, 24, 25, 4999] {
        let (path, message) = refused(&format!(r#"{{{},"key{again}":0}}"#, members(5000)));
        assert_eq!(path, format!("/key{again}"));
        assert!(message.contains("twice"), "{message}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_placed() {
    for (bytes, path, at) in [
        (&b"{\"a\":[\"x\xff\"]}"[..], "/a/0", 8),
        (b"{\"a\":1,\"\xc3\"", "", 8),
        (b"{}\xff", "", 2),
        (b"\xff", "", 0),
    ] {
        let violation = scan(bytes, PAYLOAD).expect_err("not UTF-8");
        assert_eq!(
            (violation.path.as_str(), violation.message),
            (path, format!("byte {at} is not UTF-8 (byte {at})"))
        );
    }
}

#[test]
fn limits_hold_at_the_limit_and_one_past_it() {
    let limits = Limits {
        bytes_max: 24,
        depth_max: 3,
        values_max: 4,
    };
    assert_eq!(scan(b"[[[1]]]", limits), Ok(Shape { values: 4, depth: 3 }));
    assert_eq!(scan(b"[[[]]]", limits), Ok(Shape { values: 3, depth: 3 }));
    assert!(
        scan(b"[[[{}]]]", limits)
            .expect_err("too deep")
            .message
            .contains("nested deeper than 3")
    );
    assert!(
        scan(b"[1,2,3,4]", limits)
            .expect_err("too many")
            .message
            .contains("more than 4 values")
    );
    assert_eq!(
        scan(&[b' '; 22].iter().chain(b"11").copied().collect::<Vec<_>>(), limits).map(|s| s.values),
        Ok(1)
    );
    assert!(
        scan(&[b'1'; 25], limits)
            .expect_err("too long")
            .message
            .contains("25 bytes; at most 24")
    );
    let deep = "[".repeat(1_000_000);
    assert!(scan(deep.as_bytes(), PAYLOAD).is_err(), "and takes no stack");
}

/// Everything that serde_json takes and that keeps its meaning is taken.
#[test]
fn generated_documents_are_accepted_and_damaged_ones_never_more_than_serde_json_would() {
    let mut random = StdRng::seed_from_u64(20_261_123);
    let mut damaged_but_fine = 0;
    for _ in 0..4_000 {
        let mut text = String::new();
        document(&mut random, 5, &mut text);
        let shape = scan(text.as_bytes(), PAYLOAD).unwrap_or_else(|violation| panic!("{violation:?}: {text}"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(shape.values, values_in(&value), "{text}");

        let mut bytes = text.into_bytes();
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..3) {
            0 => drop(bytes.remove(at)),
            1 => bytes[at] = random.random(),
            _ => bytes.truncate(at),
        }
        if scan(&bytes, PAYLOAD).is_ok() {
            damaged_but_fine += 1;
            let parsed = serde_json::from_slice::<serde_json::Value>(&bytes);
            assert!(parsed.is_ok(), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(damaged_but_fine > 100, "some damage leaves JSON: {damaged_but_fine}");
}

fn values_in(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(values_in).sum::<usize>(),
        serde_json::Value::Object(members) => 1 + members.values().map(values_in).sum::<usize>(),
        _ => 1,
    }
}

fn document(random: &mut StdRng, depth: u32, text: &mut String) {
    space(random, text);
    match random.random_range(0..if depth == 0 { 5 } else { 8 }) {
        0 => text.push_str(["true", "false", "null"][random.random_range(0..3)]),
        1 => text.push_str(&random.random::<i64>().to_string()),
        2 => text.push_str(&serde_json::to_string(&f64::from_bits(random.random())).expect("a number or null")),
        3 => text.push_str(&format!(
            "{}.{:02}",
            random.random_range(-9_999..9_999),
            random.random_range(0..100)
        )),
        4 => string(random, text),
        5 | 6 => {
            text.push('{');
            for n in 0..random.random_range(0..40usize) * usize::from(depth > 3) + random.random_range(0..4) {
                text.push_str(if n == 0 { "" } else { "," });
                space(random, text);
                // The number makes it unique whatever else is in it.
                text.push_str(&format!("\"{n}:"));
                let mut rest = String::new();
                string(random, &mut rest);
                text.push_str(&rest[1..]);
                space(random, text);
                text.push(':');
                document(random, depth - 1, text);
            }
            text.push('}');
        }
        _ => {
            text.push('[');
            for n in 0..random.random_range(0..6) {
                text.push_str(if n == 0 { "" } else { "," });
                document(random, depth - 1, text);
            }
            text.push(']');
        }
    }
    space(random, text);
}

fn space(random: &mut StdRng, text: &mut String) {
    if random.random_ratio(1, 4) {
        text.push_str([" ", "\n", "\t", "\r\n  "][random.random_range(0..4)]);
    }
}

fn string(random: &mut StdRng, text: &mut String) {
    let plain: String = (0..random.random_range(0..24))
        .map(|_| match random.random_range(0..8) {
            0 => char::from(random.random_range(0..0x20u8)),
            1 => ['"', '\\', '/', '\u{7f}', '\u{2028}'][random.random_range(0..5)],
            2 => random.random::<char>(),
            _ => char::from(random.random_range(b' '..b'~')),
        })
        .collect();
    if random.random_ratio(1, 3) {
        text.push('"');
        for unit in plain.encode_utf16() {
            text.push_str(&format!("\\u{unit:04x}"));
        }
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(&plain).expect("a string"));
    }
}
