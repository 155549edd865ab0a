//! Bodies that nobody would send: whatever comes, what is taken keeps its promise.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::{BodyReader, Contents, Item};
use crate::{EventIdSource, cloudevents::Mode, content::BodyFormat, event_limit::EventLimit, json};

const FORMATS: [BodyFormat; 9] = [
    BodyFormat::Json,
    BodyFormat::JsonList,
    BodyFormat::Ndjson,
    BodyFormat::Form,
    BodyFormat::CloudEvents(Mode::Binary),
    BodyFormat::CloudEvents(Mode::Structured),
    BodyFormat::CloudEvents(Mode::Batched),
    BodyFormat::Text,
    BodyFormat::Bytes { is_json: true },
];

const BODIES: [&str; 8] = [
    r#"{"id":"a","k":7,"deep":[[{"x":null}]]}"#,
    r#"[{"id":1},{"id":2,"k":"x"},"three",[4]]"#,
    "{\"id\":1}\n{\"id\":2}\r\n\n[3]\n",
    "a=1&b=%C3%A9+x&a=2&payload=%7B%22id%22%3A%22f%22%7D",
    "payload=%7B%22id%22%3A%22f%22%7D",
    r#"{"specversion":"1.0","id":"7","source":"/s","type":"t","n":5,"data":{"id":9}}"#,
    r#"[{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":"AA=="}]"#,
    "\u{feff}text, é\n\"quoted\"",
];

fn reader(format: BodyFormat, event_id: EventIdSource) -> BodyReader {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let limit = EventLimit::unlimited();
    BodyReader {
        format,
        limit,
        limit_of_each: limit,
        event_id,
        key: Some("/k".parse().expect("a pointer")),
        digester: None,
        keeps_refused: false,
        headers,
    }
}

#[test]
fn an_item_that_cannot_be_read_is_told_or_kept_as_it_came() {
    let body = Bytes::from_static(b"{\"id\":1}\n{\"id\":\n{\"id\":{}}\n");
    let by_id = || EventIdSource::JsonPointer("/id".parse().expect("a pointer"));
    let Ok(Contents::Broken(broken)) = reader(BodyFormat::Ndjson, by_id()).read(body.clone()) else {
        panic!("two lines are none");
    };
    assert_eq!(broken.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1, 2]);
    let keeping = BodyReader {
        keeps_refused: true,
        ..reader(BodyFormat::Ndjson, by_id())
    };
    let Ok(Contents::List(items)) = keeping.read(body) else {
        panic!("three lines");
    };
    let whys: Vec<_> = items
        .iter()
        .map(|item| item.refused.clone().unwrap_or_default())
        .collect();
    assert_eq!(whys[0], "");
    assert!(whys[1].starts_with("the event is not JSON"), "{whys:?}");
    assert!(whys[2].contains("is an object, not a string"), "{whys:?}");
    assert_eq!(
        (items[1].payload.as_ref(), items[1].id.as_deref()),
        (&b"{\"id\":"[..], None)
    );
}

/// The body with some of its bytes changed, cut, doubled, or replaced by pieces of others.
fn mutated(body: &str, seed: u64) -> Vec<u8> {
    let dice = |n: u64| BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, n));
    let mut bytes = body.as_bytes().to_vec();
    for n in 0..dice(0) % 4 {
        let at = |k: u64, len: usize| (dice(10 * n + k) as usize) % (len + 1);
        let place = at(1, bytes.len());
        match dice(10 * n + 2) % 5 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, dice(10 * n + 3) as u8),
            2 => bytes.splice(place..place, *b"\"}]").for_each(drop),
            3 => bytes.extend_from_within(..place),
            _ => {
                let other = BODIES[at(3, BODIES.len() - 1)].as_bytes();
                bytes
                    .splice(place..place, other[..at(4, other.len())].iter().copied())
                    .for_each(drop);
            }
        }
    }
    bytes
}

fn check(format: BodyFormat, item: &Item) {
    match format {
        BodyFormat::Bytes { .. } => {}
        BodyFormat::Text => assert!(std::str::from_utf8(&item.payload).is_ok(), "{format:?} {item:?}"),
        _ => assert!(json::check(&item.payload).is_ok(), "{format:?} {item:?}"),
    }
    if let Some(id) = &item.id {
        assert!(danube_wasm_model::identity::is_event_id(id), "{format:?} {id:?}");
    }
}

#[test]
fn what_is_taken_of_any_body_is_what_its_format_says() {
    let mut taken = [0; FORMATS.len()];
    for seed in 0..20_000 {
        let body = mutated(BODIES[seed as usize % BODIES.len()], seed);
        for (place, format) in FORMATS.into_iter().enumerate() {
            let event_id = match seed % 3 {
                0 => EventIdSource::JsonPointer("/id".parse().expect("a pointer")),
                _ => EventIdSource::WellKnown,
            };
            let items = match reader(format, event_id).read(Bytes::from(body.clone())) {
                Ok(Contents::One(item)) => vec![item],
                Ok(Contents::List(items)) => items,
                Ok(Contents::Broken(broken)) => {
                    assert!(!broken.is_empty());
                    continue;
                }
                Err(refusal) => {
                    assert!(
                        !refusal.message().is_empty() && refusal.status().is_client_error(),
                        "{refusal:?}"
                    );
                    continue;
                }
            };
            items.iter().for_each(|item| check(format, item));
            taken[place] += 1;
        }
    }
    assert!(
        taken.iter().all(|taken| *taken > 500),
        "each format was exercised: {taken:?}"
    );
}
