//! Protobuf at the door: bytes that other implementations write and read, JSON as Protobuf maps it, and hostile input.

mod support;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use danube_wasm_model::{FieldNode, FieldType};
use danube_wasm_schema::{SchemaType, Validator, examine, limits::PAYLOAD, strict};
use prost::Message;
use rand::{Rng, SeedableRng, rngs::StdRng};
use support::of_type;

const ORDER: &str = r#"
syntax = "proto3";
package shop;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

message Line { string sku = 1; int32 count = 2; float price = 3; }

// message: shop.Order
message Order {
  enum State { NEW = 0; PAID = 1; }
  string order_id = 1;
  repeated Line lines = 2;
  State state = 3;
  int64 total_cents = 4;
  repeated sint32 deltas = 5;
  map<int32, double> weights = 6;
  google.protobuf.Timestamp at = 7;
  google.protobuf.Struct extra = 8;
  google.protobuf.DoubleValue rate = 9;
  bytes raw = 10;
  Order parent = 11;
  oneof paid_by { string card = 12; uint64 account = 13; }
  optional bool gift = 14;
}
"#;

/// The same types, as another implementation has them.
#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(int32, tag = "2")]
    count: i32,
    #[prost(float, tag = "3")]
    price: f32,
}

#[derive(Clone, PartialEq, Message)]
struct Order {
    #[prost(string, tag = "1")]
    order_id: String,
    #[prost(message, repeated, tag = "2")]
    lines: Vec<Line>,
    #[prost(int32, tag = "3")]
    state: i32,
    #[prost(int64, tag = "4")]
    total_cents: i64,
    #[prost(sint32, repeated, tag = "5")]
    deltas: Vec<i32>,
    #[prost(map = "int32, double", tag = "6")]
    weights: HashMap<i32, f64>,
    #[prost(bytes = "vec", tag = "10")]
    raw: Vec<u8>,
    #[prost(message, optional, boxed, tag = "11")]
    parent: Option<Box<Order>>,
    #[prost(bool, optional, tag = "14")]
    gift: Option<bool>,
}

const DOCUMENT: &str = r#"{"orderId":"ö-1","lines":[{"sku":"A","count":2,"price":0.1}],"state":"PAID","totalCents":"9007199254740993",
    "deltas":[-1,0,1],"weights":{"-7":0.5},"at":"2023-11-14T22:13:20Z","extra":{"a":[1.5,null,{"b":true}]},"rate":1.5,
    "raw":"AP8=","parent":{"orderId":"0"},"account":"18446744073709551615","gift":false}"#;

async fn protobuf(text: &str) -> Arc<Validator> {
    of_type(SchemaType::Protobuf, text).await
}

fn json(text: &[u8]) -> serde_json::Value {
    strict::scan(text, PAYLOAD).expect("strict JSON");
    serde_json::from_slice(text).expect("JSON")
}

fn encoded(validator: &Validator, document: &str) -> Bytes {
    let encoded = validator.encode(Bytes::copy_from_slice(document.as_bytes()));
    encoded.unwrap_or_else(|why| panic!("{document}: {why:?}"))
}

fn refusal(validator: &Validator, document: &str) -> (String, String) {
    let refused = validator
        .encode(Bytes::copy_from_slice(document.as_bytes()))
        .expect_err(document);
    (refused[0].path.clone(), refused[0].message.clone())
}

#[tokio::test]
async fn other_implementations_read_what_is_written_and_write_what_is_read() {
    let validator = protobuf(ORDER).await;
    let payload = encoded(&validator, DOCUMENT);
    let read = Order::decode(payload.clone()).expect("a message");
    assert_eq!(
        (read.order_id.as_str(), read.state, read.total_cents),
        ("ö-1", 1, 9_007_199_254_740_993)
    );
    assert_eq!(
        (read.deltas.as_slice(), read.weights[&-7], read.gift),
        (&[-1, 0, 1][..], 0.5, Some(false))
    );
    assert_eq!((read.raw.as_slice(), read.lines[0].price), (&[0, 255][..], 0.1));
    let mut whole = json(DOCUMENT.as_bytes());
    // What cannot tell whether it was set is there.
    whole["parent"] = serde_json::json!({
        "orderId": "0", "lines": [], "state": "NEW", "totalCents": "0", "deltas": [], "weights": {}, "raw": "",
    });
    assert_eq!(json(&validator.decode(payload).expect("readable")), whole);

    let written = Order {
        lines: vec![Line {
            sku: "B".into(),
            count: -1,
            price: 0.0,
        }],
        parent: Some(Box::default()),
        ..Order::default()
    };
    let seen = validator.decode(written.encode_to_vec().into()).expect("readable");
    let nothing = serde_json::json!({
        "orderId": "", "lines": [], "state": "NEW", "totalCents": "0", "deltas": [], "weights": {}, "raw": "",
    });
    let mut whole = nothing.clone();
    whole["lines"] = serde_json::json!([{ "sku": "B", "count": -1, "price": 0.0 }]);
    whole["parent"] = nothing;
    assert_eq!(json(&seen), whole);

    // The example of Protobuf's own documentation.
    let simple = protobuf("syntax = \"proto3\"; message Test1 { int32 a = 1; }").await;
    assert_eq!(&encoded(&simple, r#"{"a":150}"#)[..], [0x08, 0x96, 0x01]);
    assert_eq!(
        &simple
            .decode(Bytes::from_static(&[0x10, 1, 0x08, 0x96, 0x01]))
            .expect("an unknown field is left out")[..],
        br#"{"a":150}"#
    );
}

#[tokio::test]
async fn what_does_not_fit_or_would_change_is_refused_with_its_place() {
    let validator = protobuf(ORDER).await;
    for (document, path, message) in [
        (r#"{"orderId":1}"#, "/orderId", "expected"),
        (r#"{"other":1}"#, "/other", "no such field"),
        (r#"{"lines":[{"other":1}]}"#, "/lines/0/other", "no such field"),
        (r#"{"orderId":"1","order_id":"2"}"#, "/order_id", "under both its names"),
        (r#"{"orderId":"1","orderId":"2"}"#, "/orderId", "twice"),
        (r#"{"state":"LOST"}"#, "/state", "LOST"),
        (r#"{"totalCents":1.5}"#, "/totalCents", "expected integer"),
        (r#"{"totalCents":9223372036854775807e0}"#, "/totalCents", "changes"),
        (r#"{"totalCents":9223372036854775808}"#, "/totalCents", "out of range"),
        (r#"{"totalCents":1e18}"#, "/totalCents", "may have changed"),
        (
            r#"{"lines":[{"price":0.123456789}]}"#,
            "/lines/0/price",
            "changes as a floating-point number",
        ),
        (
            r#"{"lines":[{"price":"1e99"}]}"#,
            "/lines/0/price",
            "changes as a floating-point number",
        ),
        (r#"{"rate":"1e400"}"#, "/rate", "changes when it is read"),
        (
            r#"{"rate":9007199254740993}"#,
            "/rate",
            "changes as a floating-point number",
        ),
        (
            r#"{"weights":{"1":0.5,"01":1.5}}"#,
            "/weights/01",
            "not a number as it is usually written",
        ),
        (
            r#"{"weights":{"1":9007199254740993}}"#,
            "/weights/1",
            "changes as a floating-point number",
        ),
        (
            r#"{"extra":{"a":[9007199254740993]}}"#,
            "/extra/a/0",
            "changes as a floating-point number",
        ),
        (
            r#"{"card":"1","account":"2"}"#,
            "",
            "multiple fields provided for oneof",
        ),
        (r#"{"at":"yesterday"}"#, "/at", "timestamp"),
        (r#"{"raw":"*"}"#, "/raw", "base64"),
        ("[]", "", "expected"),
    ] {
        let (found, why) = refusal(&validator, document);
        assert!(
            found == path && why.to_lowercase().contains(&message.to_lowercase()),
            "{document}: {found}: {why}"
        );
    }
    for good in [
        r#"{"rate":"NaN"}"#,
        r#"{"rate":"-Infinity"}"#,
        r#"{"order_id":"x"}"#,
        r#"{"state":7}"#,
        r#"{"gift":null}"#,
    ] {
        let payload = encoded(&validator, good);
        json(&validator.decode(payload).expect(good));
    }
}

#[tokio::test]
async fn the_text_says_which_message_is_meant() {
    let text = "syntax = \"proto3\"; package p; message A { string a = 1; } message B { string b = 1; message C { string c = 1; } }";
    for (comment, document) in [
        ("", r#"{"a":"1"}"#),
        ("\n// message: p.B\n", r#"{"b":"1"}"#),
        ("\n// message: p.B.C\n", r#"{"c":"1"}"#),
    ] {
        encoded(&*protobuf(&format!("{text}{comment}")).await, document);
    }
}

#[tokio::test]
async fn texts_that_cannot_be_a_schema_are_refused() {
    let message = "syntax = \"proto3\"; message A { string a = 1; }";
    let deep = format!(
        "syntax = \"proto3\"; {}{}",
        "message A {".repeat(5000),
        "}".repeat(5000)
    );
    let many: String = (1..=5000).map(|n| format!("int32 a{n} = {n};")).collect();
    for (text, sentence) in [
        ("message A {".to_owned(), "reached end of file"),
        ("message A {\n  what a = 1;\n}".to_owned(), "schema.proto:2:3"),
        ("syntax = \"proto3\";".to_owned(), "defines no message"),
        (format!("{message} // message: B\n// message: B"), "defines no message `B`; it defines A"),
        (format!("{message}\n// message: google.protobuf.Struct"), "defines no message `google.protobuf.Struct`"),
        (format!("{message} import \"other.proto\";"), "imports `other.proto`: put its messages into the text"),
        (format!("{message} import \"etc/passwd\";"), "imports `etc/passwd`"),
        ("syntax = \"proto3\"; message A { B b = 1; }".to_owned(), "schema.proto:1:32"),
        ("syntax = \"proto3\"; message A { int32 a = 1; int32 b = 1; }".to_owned(), "1"),
        (
            "syntax = \"proto3\"; import \"google/protobuf/any.proto\"; message A { repeated A a = 1; google.protobuf.Any b = 2; }"
                .to_owned(),
            "`google.protobuf.Any` is not supported",
        ),
        ("syntax = \"proto3\"; package google.protobuf; message Timestamp { }".to_owned(), "Protobuf's own"),
        (deep, "nested deeper than 64"),
        (format!("syntax = \"proto3\"; message A {{ {many} }}"), "more than 4096 fields"),
    ] {
        let error = examine("s", SchemaType::Protobuf, &text).await.expect_err(&text).to_string();
        assert!(error.contains(sentence), "{text:.200}: {error}");
    }
}

#[tokio::test]
async fn bombs_are_refused_and_cost_little() {
    let validator = protobuf(ORDER).await;
    let why = |payload: Vec<u8>| validator.decode(payload.into()).expect_err("a bomb")[0].message.clone();
    assert!(
        why([0x12, 0].repeat(1 << 20)).contains("more than 131072 values"),
        "a million empty lines"
    );
    let mut packed = vec![0x2a, 0x80, 0x80, 0x40];
    packed.extend(vec![0; 1 << 20]);
    assert!(why(packed).contains("more than 131072 values"), "a million zeros");
    assert!(
        why([0xa0, 0x06, 0].repeat(1 << 20)).contains("more than 131072 values"),
        "a million unknown fields"
    );
    assert!(why(vec![0xff; 1 << 20]).contains("more than 64 bits"));
    assert!(
        why([0xa3, 0x06].repeat(1 << 20)).contains("nested deeper than 96"),
        "groups in groups"
    );

    let mut nested = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x5a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(&nested);
        nested = outer;
    }
    assert!(why(nested).contains("nested deeper than 96"), "parents of parents");

    let long = "n".repeat(10_000);
    let named = protobuf(&format!(
        "syntax = \"proto3\"; message A {{ bool {long} = 1; repeated A a = 2; }}"
    ))
    .await;
    let refused = named
        .decode([0x12, 2, 0x08, 1].repeat(10_000).into())
        .expect_err("names repeated");
    assert!(
        refused[0].message.contains("as JSON the message has more than"),
        "{refused:?}"
    );

    // A document of three levels of messages for each of its own.
    let deep = format!("{{\"extra\":{{\"a\":{}{}}}}}", "[".repeat(60), "]".repeat(60));
    let (_, why) = refusal(&validator, &deep);
    assert!(why.contains("recursion limit"), "{why}");
}

#[tokio::test]
async fn mutated_bytes_never_panic_and_what_is_read_is_strict_json() {
    let validator = protobuf(ORDER).await;
    let payload = encoded(&validator, DOCUMENT).to_vec();
    let mut random = StdRng::seed_from_u64(0x9207);
    let mut read = 0;
    for _ in 0..30_000 {
        let mut bytes = payload.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, random.random()),
            }
        }
        if let Ok(text) = validator.decode(bytes.into()) {
            json(&text);
            read += 1;
        }
    }
    assert!(read > 1000, "{read} were still readable");
}

#[tokio::test]
async fn mutated_texts_never_panic() {
    let mut random = StdRng::seed_from_u64(0x7e47);
    for _ in 0..300 {
        let mut text: Vec<char> = ORDER.chars().collect();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..text.len());
            match random.random_range(0..3) {
                0 => text[at] = ['{', '}', ';', '=', '"', '1', 'x', '.', '<', '/'][random.random_range(0..10)],
                1 => drop(text.remove(at)),
                _ => text.insert(at, ['[', '(', '-', '9', '\'', '*'][random.random_range(0..6)]),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = examine("s", SchemaType::Protobuf, &text).await {
            assert!(!error.to_string().contains("panicked"), "{text}");
        }
    }
}

#[tokio::test]
async fn the_schema_tells_of_integers_and_moments_also_in_what_contains_itself() {
    let types = protobuf(ORDER).await.field_types().expect("it has typed fields");
    let FieldNode::Object(members) = types.root() else {
        panic!("a message is an object: {types:?}")
    };
    let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        BTreeSet::from(["account", "at", "parent", "totalCents"]),
        "{types:?}"
    );
    assert_eq!(*types.node(members["totalCents"]), FieldNode::Value(FieldType::Integer));
    assert_eq!(*types.node(members["account"]), FieldNode::Value(FieldType::Integer));
    assert_eq!(*types.node(members["at"]), FieldNode::Value(FieldType::Rfc3339));
    assert_eq!(types.node(members["parent"]), types.root());
    let plain = "syntax = \"proto3\"; message A { string a = 1; A next = 2; repeated double b = 3; }";
    assert_eq!(protobuf(plain).await.field_types(), None);
}
