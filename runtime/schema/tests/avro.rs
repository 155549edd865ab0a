//! Avro at the door: what is written, checked by the reader of Danube's broker; what is read, written by it; and hostile
//! bytes.

mod support;

use std::{collections::BTreeSet, sync::Arc};

use apache_avro::{Codec, DeflateSettings, Reader, Schema, Writer, rabin::Rabin, to_avro_datum, types::Value};
use bytes::Bytes;
use danube_wasm_model::{FieldNode, FieldType};
use danube_wasm_schema::{SchemaType, Validator, limits::PAYLOAD, strict};
use rand::{Rng, SeedableRng, rngs::StdRng};
use support::of_type;

const ORDER: &str = r#"{
    "type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": "string"},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": {"type": "fixed", "name": "Sku", "size": 4}},
            {"name": "count", "type": "int", "default": 1},
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
        ]}}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}, "default": "NEW"},
        {"name": "note", "type": ["null", "string"], "default": null},
        {"name": "weight", "type": ["null", "float", "double"], "default": null},
        {"name": "tags", "type": {"type": "map", "values": ["boolean", "long"]}, "default": {}},
        {"name": "parent", "type": ["null", "Order"], "default": null},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0}
    ]
}"#;

const DOCUMENT: &str = r#"{"id":"ö-1","lines":[{"sku":"AB\u0000ÿ","count":2,"price":"-12.50"}],"state":"PAID",
    "note":"x","weight":0.1,"tags":{"gift":true,"points":-9},"parent":{"id":"0","lines":[]},"at":1700000000000}"#;

async fn avro(definition: &str) -> Arc<Validator> {
    of_type(SchemaType::Avro, definition).await
}

fn json(text: &[u8]) -> serde_json::Value {
    strict::scan(text, PAYLOAD).expect("strict JSON");
    serde_json::from_slice(text).expect("JSON")
}

fn encoded(validator: &Validator, document: &str) -> Bytes {
    validator
        .encode(Bytes::copy_from_slice(document.as_bytes()))
        .unwrap_or_else(|why| panic!("{document}: {why:?}"))
}

fn refusal(validator: &Validator, document: &str) -> (String, String) {
    let refused = validator
        .encode(Bytes::copy_from_slice(document.as_bytes()))
        .expect_err(document);
    (refused[0].path.clone(), refused[0].message.clone())
}

/// The value that the broker's reader finds first, which is how the broker validates payloads.
fn as_the_broker_reads(definition: &str, payload: &[u8]) -> Value {
    let schema = Schema::parse_str(definition).expect("a schema");
    let mut reader = Reader::with_schema(&schema, payload).expect("a container");
    let first = reader.next().expect("an object").expect("a valid one");
    assert!(reader.next().is_none());
    first
}

#[tokio::test]
async fn what_is_written_is_a_container_that_the_broker_accepts() {
    let order = avro(ORDER).await;
    let payload = encoded(&order, DOCUMENT);
    assert_eq!(
        payload,
        encoded(&order, DOCUMENT),
        "the same document gives the same bytes"
    );
    let Value::Record(fields) = as_the_broker_reads(ORDER, &payload) else {
        panic!("a record")
    };
    let field = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(field("id"), Some(Value::String("ö-1".into())));
    assert_eq!(field("state"), Some(Value::Enum(1, "PAID".into())));
    assert_eq!(field("weight"), Some(Value::Union(1, Box::new(Value::Float(0.1)))));
    assert_eq!(field("at"), Some(Value::TimestampMillis(1_700_000_000_000)));
    let Some(Value::Array(lines)) = field("lines") else {
        panic!("lines")
    };
    let Value::Record(line) = &lines[0] else {
        panic!("a line")
    };
    assert_eq!(line[0].1, Value::Fixed(4, vec![b'A', b'B', 0, 0xff]));
    assert_eq!(line[2].1, Value::Decimal(vec![0xfb, 0x1e].into()));

    let seen = json(&order.decode(payload).expect("readable"));
    let mut expected = json(DOCUMENT.as_bytes());
    let parent = r#"{"id":"0","lines":[],"state":"NEW","note":null,"weight":null,"tags":{},"parent":null,"at":0}"#;
    expected["parent"] = json(parent.as_bytes());
    assert_eq!(seen, expected, "with the defaults");
}

#[tokio::test]
async fn every_form_that_can_be_told_is_read() {
    let order = avro(ORDER).await;
    let schema = Schema::parse_str(ORDER).expect("a schema");
    let value = as_the_broker_reads(ORDER, &encoded(&order, DOCUMENT));
    let expected = json(&order.decode(encoded(&order, DOCUMENT)).expect("readable"));

    let mut forms: Vec<(&str, Vec<u8>)> = vec![("JSON", DOCUMENT.into())];
    for (name, codec) in [
        ("null", Codec::Null),
        ("deflate", Codec::Deflate(DeflateSettings::default())),
    ] {
        let mut writer = Writer::with_codec(&schema, Vec::new(), codec);
        writer.append(value.clone()).expect("written");
        forms.push((name, writer.into_inner().expect("a container")));
    }
    let datum = to_avro_datum(&schema, value).expect("written");
    forms.push(("bare datum", datum));
    for (form, payload) in forms {
        let seen = order
            .decode(payload.into())
            .unwrap_or_else(|why| panic!("{form}: {why:?}"));
        assert_eq!(json(&seen), expected, "{form}");
    }
}

#[tokio::test]
async fn a_single_object_is_told_by_its_fingerprint() {
    let definition = r#"{"type":"record","name":"n.A","fields":[{"name":"n","type":["null","int"]}]}"#;
    let schema = Schema::parse_str(definition).expect("a schema");
    let fingerprint = schema.fingerprint::<Rabin>().bytes;
    let validator = avro(definition).await;
    let object = [&[0xc3, 1], &fingerprint[..], &[2, 84]].concat();
    let seen = validator.decode(object.clone().into()).expect("readable");
    assert_eq!(&seen[..], br#"{"n":42}"#);
    let mut of_another = object;
    of_another[4] ^= 1;
    assert!(validator.decode(of_another.into()).is_err());
}

#[tokio::test]
async fn a_container_of_another_schema_or_of_several_objects_is_refused() {
    let order = avro(r#"{"type":"record","name":"A","fields":[{"name":"n","type":"int"}]}"#).await;
    let other =
        Schema::parse_str(r#"{"type":"record","name":"A","fields":[{"name":"n","type":"long"}]}"#).expect("a schema");
    let object = |n| Value::Record(vec![("n".to_owned(), Value::Long(n))]);
    let mut writer = Writer::new(&other, Vec::new());
    writer.append(object(7)).expect("written");
    let why = order
        .decode(writer.into_inner().expect("a container").into())
        .expect_err("another schema");
    assert!(
        why[0].message.contains("another schema than the message names"),
        "{why:?}"
    );

    let long = avro(r#"{"type":"record","name":"A","fields":[{"name":"n","type":"long"}]}"#).await;
    let mut writer = Writer::new(&other, Vec::new());
    writer.append(object(7)).expect("written");
    writer.append(object(8)).expect("written");
    let why = long
        .decode(writer.into_inner().expect("a container").into())
        .expect_err("two objects");
    assert!(why[0].message.contains("holds several objects"), "{why:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_place() {
    let order = avro(ORDER).await;
    let with = |path: &str, value: &str| {
        let mut document = json(DOCUMENT.as_bytes());
        let (parent, key) = path.rsplit_once('/').expect("a path");
        document.pointer_mut(parent).expect("there")[key] = serde_json::from_str(value).expect("JSON");
        document.to_string()
    };
    for (path, value, at, message) in [
        ("/id", "7", "/id", "text is expected"),
        ("/other", "7", "/other", "has no such field"),
        ("/lines/0/sku", "\"ABC\"", "/lines/0/sku", "has 4 bytes, and this 3"),
        ("/lines/0/sku", "\"ABC€\"", "/lines/0/sku", "U+0000 to U+00FF"),
        (
            "/lines/0/count",
            "2147483648",
            "/lines/0/count",
            "an integer from -2147483648",
        ),
        ("/lines/0/count", "1.5", "/lines/0/count", "an integer from"),
        (
            "/lines/0/price",
            "\"1.234\"",
            "/lines/0/price",
            "2 of them behind the point",
        ),
        ("/state", "\"LOST\"", "/state", "a symbol of enum `shop.State`"),
        ("/note", "1", "/note", "null or text is expected"),
        ("/tags/points", "1.5", "/tags/points", "an integer from"),
        (
            "/tags/points",
            "\"x\"",
            "/tags/points",
            "true or false or a 64-bit integer is expected",
        ),
        ("/parent/id", "null", "/parent/id", "text is expected"),
    ] {
        let (found, why) = refusal(&order, &with(path, value));
        assert!(found == at && why.contains(message), "{path} = {value}: {found}: {why}");
    }
    assert_eq!(refusal(&order, r#"{"id":"1"}"#).0, "/lines");
    assert!(refusal(&order, r#"{"id":"1","id":"2","lines":[]}"#).1.contains("twice"));
    assert!(
        refusal(&order, r#"{"id":"1","lines":[],"at":18446744073709551616}"#)
            .1
            .contains("64 bits")
    );
}

#[tokio::test]
async fn numbers_come_out_as_they_went_in_or_are_refused() {
    let numbers = avro(
        r#"{"type":"map","values":["null","float","double",{"type":"fixed","name":"Money","size":3,
        "logicalType":"decimal","precision":5,"scale":2}]}"#,
    )
    .await;
    for good in [
        "0",
        "-0.0",
        "0.1",
        "16777217",
        "3.141592653589793",
        "1e300",
        "9007199254740992",
        "\"1.50\"",
        "\"-999.99\"",
    ] {
        let document = format!("{{\"n\":{good}}}");
        let seen = numbers.decode(encoded(&numbers, &document)).expect("readable");
        assert_eq!(
            json(&seen)["n"].as_f64(),
            json(document.as_bytes())["n"].as_f64(),
            "{good}"
        );
    }
    for bad in ["9007199254740993", "\"1000.00\"", "\"1e2\"", "\"NaN\""] {
        refusal(&numbers, &format!("{{\"n\":{bad}}}"));
    }
    let double = avro("\"double\"").await;
    for not_finite in [f64::NAN, f64::INFINITY] {
        let why = double
            .decode(not_finite.to_le_bytes().to_vec().into())
            .expect_err("no JSON");
        assert!(why[0].message.contains("no infinity"), "{why:?}");
    }
    let uuid = avro(r#"{"type":"string","logicalType":"uuid"}"#).await;
    encoded(&uuid, "\"123e4567-e89b-12d3-a456-426614174000\"");
    assert!(refusal(&uuid, "\"123e4567\"").1.contains("a UUID is expected"));
}

#[tokio::test]
async fn a_union_takes_the_first_type_that_fits_or_the_one_that_is_named() {
    let definition = r#"[{"type":"record","name":"n.A","fields":[{"name":"x","type":"int"}]},
        {"type":"record","name":"n.B","fields":[{"name":"x","type":["int","string"]}]},"string","bytes"]"#;
    let union = avro(definition).await;
    let branch = |document: &str| match as_the_broker_reads(definition, &encoded(&union, document)) {
        Value::Union(number, _) => number,
        other => panic!("{other:?}"),
    };
    let found = [
        r#"{"x":1}"#,
        r#"{"x":"1"}"#,
        r#"{"n.B":{"x":1}}"#,
        r#"{"B":{"x":1}}"#,
        "\"a\"",
        r#"{"bytes":"a"}"#,
    ]
    .map(branch);
    assert_eq!(found, [0, 1, 1, 1, 2, 3]);
    assert!(refusal(&union, r#"{"C":{"x":1}}"#).1.contains("no such field"));
}

#[tokio::test]
async fn broken_schemas_are_refused_with_their_place() {
    let refused = |definition: &'static str| async move {
        danube_wasm_schema::examine("s", SchemaType::Avro, definition)
            .await
            .expect_err(definition)
            .to_string()
    };
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(70), "}".repeat(70));
    for (definition, sentence) in [
        ("{", "the schema's text"),
        ("7", "a type is a name, an object, or a list of types"),
        ("\"Order\"", "type `Order` is not known here"),
        ("[]", "a union has at least one type"),
        (r#"["int",["null"]]"#, "`#/1`: a union cannot be directly in a union"),
        (r#"["int","int"]"#, "`int` is in its union twice"),
        (r#"{"type":"array"}"#, "`items` is missing"),
        (r#"{"type":"record","name":"A"}"#, "a list of `fields`"),
        (r#"{"type":"record","name":"A-B","fields":[]}"#, "`name` is letters"),
        (r#"{"type":"record","name":"A..B","fields":[]}"#, "`name` is letters"),
        (
            r#"{"type":"record","name":"int","fields":[]}"#,
            "the name of a primitive type",
        ),
        (
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            "two fields `a`",
        ),
        (
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":"no"}]}"#,
            "#/fields/0/type`: type `no`",
        ),
        (
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":"int","default":"x"}]}"#,
            "the default of field `a`",
        ),
        (
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":"A","default":{}}]}"#,
            "nested deeper than 64",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A","A"]}"#,
            "a symbol is there twice",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A",1]}"#,
            "`symbols` is a list of names",
        ),
        (
            r#"{"type":"fixed","name":"F","size":-1}"#,
            "`size` is a number of bytes",
        ),
        (
            r#"{"type":"fixed","name":"F","size":99999999999}"#,
            "`size` is a number of bytes",
        ),
        (
            r#"{"type":"bytes","logicalType":"big-decimal"}"#,
            "`big-decimal` is not supported",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":77}"#,
            "at most 76 digits",
        ),
    ] {
        let found = refused(definition).await;
        assert!(found.contains(sentence), "{definition}: {found}");
    }
    let found = danube_wasm_schema::examine("s", SchemaType::Avro, &deep)
        .await
        .expect_err("deep")
        .to_string();
    assert!(found.contains("nested deeper than 64"), "{found}");
}

#[tokio::test]
async fn bombs_are_refused_and_cost_little() {
    let nulls = avro(r#"{"type":"array","items":"null"}"#).await;
    let count = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let why = nulls.decode(Bytes::copy_from_slice(&count)).expect_err("2^62 nulls");
    assert!(why[0].message.contains("more than 524288 values"), "{why:?}");

    let flat: Vec<_> = std::iter::once(r#"{"type":"record","name":"R0","fields":[]}"#.to_owned())
        .chain((1..=30).map(|n| {
            let m = n - 1;
            format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"R{m}"}},{{"name":"b","type":"R{m}"}}]}}"#)
        }))
        .collect();
    let doubling = avro(&format!("[{}]", flat.join(","))).await;
    let why = doubling.decode(Bytes::from_static(&[60])).expect_err("2^30 records");
    assert!(why[0].message.contains("more than 524288 values"), "{why:?}");

    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    let why = avro(list)
        .await
        .decode(vec![2; 100_000].into())
        .expect_err("a long chain");
    assert!(why[0].message.contains("nested deeper than 64"), "{why:?}");

    let long_name = "n".repeat(10_000);
    let names = format!(
        r#"{{"type":"array","items":{{"type":"record","name":"A","fields":[{{"name":"{long_name}","type":"null"}}]}}}}"#
    );
    let why = avro(&names)
        .await
        .decode(vec![0x80, 0x80, 0x08, 0].into())
        .expect_err("names repeated");
    assert!(why[0].message.contains("as JSON it has more than"), "{why:?}");

    let schema = Schema::parse_str("\"bytes\"").expect("a schema");
    let mut writer = Writer::with_codec(&schema, Vec::new(), Codec::Deflate(DeflateSettings::default()));
    writer.append(Value::Bytes(vec![0; 64 << 20])).expect("written");
    let bomb = writer.into_inner().expect("a container");
    assert!(bomb.len() < 1 << 20);
    let why = avro("\"bytes\"")
        .await
        .decode(bomb.into())
        .expect_err("64 MiB of zeros");
    assert!(
        why[0].message.contains("too large when it is not compressed"),
        "{why:?}"
    );

    // Every level tries all branches of the next.
    let branches: Vec<_> = (0..40)
        .map(|n| format!(r#"{{"type":"record","name":"B{n}","fields":[{{"name":"x","type":"Any"}},{{"name":"k","type":{{"type":"enum","name":"K{n}","symbols":["k{n}"]}}}}]}}"#))
        .collect();
    let any = format!(
        r#"{{"type":"record","name":"Any","fields":[{{"name":"v","type":["null",{}]}}]}}"#,
        branches.join(",")
    );
    let mut document = "null".to_owned();
    for _ in 0..20 {
        document = format!(r#"{{"x":{{"v":{document}}},"k":"none"}}"#);
    }
    let (_, why) = refusal(&*avro(&any).await, &format!(r#"{{"v":{document}}}"#));
    assert!(why.contains("too many types to try"), "{why}");
}

#[tokio::test]
async fn mutated_bytes_never_panic_and_what_is_read_is_strict_json() {
    let order = avro(ORDER).await;
    let schema = Schema::parse_str(ORDER).expect("a schema");
    let container = encoded(&order, DOCUMENT).to_vec();
    let datum = to_avro_datum(&schema, as_the_broker_reads(ORDER, &container)).expect("written");
    let mut deflated = Writer::with_codec(&schema, Vec::new(), Codec::Deflate(DeflateSettings::default()));
    deflated
        .append(as_the_broker_reads(ORDER, &container))
        .expect("written");
    let deflated = deflated.into_inner().expect("a container");
    let mut random = StdRng::seed_from_u64(0x0be7);
    let mut read = 0;
    for round in 0..30_000 {
        let mut bytes = [&container, &datum, &deflated][round % 3].clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, random.random()),
            }
        }
        if let Ok(text) = order.decode(bytes.into()) {
            json(&text);
            read += 1;
            let again = encoded(&order, std::str::from_utf8(&text).expect("text"));
            assert_eq!(
                order.decode(again).map(|text| json(&text)),
                Ok(json(&text)),
                "what is read can be written"
            );
        }
    }
    assert!(read > 100, "{read} were still readable");
}

#[tokio::test]
async fn the_schema_tells_of_decimals_and_moments_also_in_what_contains_itself() {
    let types = avro(ORDER).await.field_types().expect("it has typed fields");
    let FieldNode::Object(members) = types.root() else {
        panic!("a record is an object: {types:?}")
    };
    let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["at", "lines", "parent"]), "{types:?}");
    assert_eq!(
        *types.node(members["at"]),
        FieldNode::Value(FieldType::Timestamp { per_second: 1_000 })
    );
    assert_eq!(types.node(members["parent"]), types.root());
    let FieldNode::Array(line) = types.node(members["lines"]) else {
        panic!("an array: {types:?}")
    };
    let FieldNode::Object(line) = types.node(*line) else {
        panic!("of objects: {types:?}")
    };
    assert_eq!(*types.node(line["price"]), FieldNode::Value(FieldType::Decimal));
}

#[tokio::test]
async fn what_may_be_several_types_or_is_no_moment_stays_as_it_is() {
    let of = |types: &str| {
        let definition = format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", "type": {types}}}]}}"#);
        async move { avro(&definition).await.field_types().is_some() }
    };
    let date = r#"{"type": "int", "logicalType": "date"}"#;
    assert!(of(date).await);
    assert!(of(&format!(r#"["null", {date}]"#)).await);
    assert!(
        of(&format!(
            r#"{{"type": "map", "values": ["null", {{"type": "array", "items": {date}}}]}}"#
        ))
        .await
    );
    for other in [
        format!(r#"["string", {date}]"#),
        r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#.to_owned(),
        r#"{"type": "int", "logicalType": "time-millis"}"#.to_owned(),
        r#"{"type": "string", "logicalType": "uuid"}"#.to_owned(),
        r#""long""#.to_owned(),
    ] {
        assert!(!of(&other).await, "{other}");
    }
}
