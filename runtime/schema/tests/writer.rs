//! Schemas of another registry: what was written with them, and nothing else, is read.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use danube_wasm_schema::{SchemaError, WriterSchema, WriterText, WriterType};

async fn compile(schema_type: WriterType, text: &str, references: &[(&str, &str)]) -> Result<WriterSchema, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let text = WriterText {
        schema_type,
        text: text.to_owned(),
        references: references.iter().map(owned).collect(),
    };
    match WriterSchema::compile("7", text).await {
        Ok(schema) => Ok(schema),
        Err(SchemaError::Refused { reason, .. }) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

fn read(schema: &WriterSchema, place: &[i32], bytes: &[u8]) -> Result<String, String> {
    let decoded = schema.decode(place, Bytes::copy_from_slice(bytes));
    let text = decoded.map(|json| String::from_utf8(json.to_vec()).expect("UTF-8"));
    text.map_err(|violations| format!("{violations:?}"))
}

const CITY: &str = r#"{"type":"record","name":"City","namespace":"a","fields":[{"name":"name","type":"string"},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["BIG","SMALL"]}}]}"#;

#[tokio::test]
async fn avro_takes_types_from_other_texts_also_those_inside_of_them() {
    let text = r#"["a.City", "a.Kind", "b.Tree"]"#;
    let tree = r#"{"type":"record","name":"b.Tree","fields":[{"name":"of","type":["null","Tree"]},{"name":"kind","type":"a.Kind"}]}"#;
    let schema = compile(WriterType::Avro, text, &[("b.Tree", tree), ("a.City", CITY)])
        .await
        .expect("a schema");
    assert_eq!(
        read(&schema, &[], b"\x00\x08Bern\x02"),
        Ok(r#"{"name":"Bern","kind":"SMALL"}"#.to_owned())
    );
    assert_eq!(read(&schema, &[], b"\x02\x00"), Ok("\"BIG\"".to_owned()));
    let nested = r#"{"of":{"of":null,"kind":"BIG"},"kind":"SMALL"}"#;
    assert_eq!(read(&schema, &[], b"\x04\x02\x00\x00\x02"), Ok(nested.to_owned()));
    let whole = compile(WriterType::Avro, "\"a.City\"", &[("a.City", CITY)])
        .await
        .expect("a schema");
    assert_eq!(
        read(&whole, &[], b"\x02B\x00"),
        Ok(r#"{"name":"B","kind":"BIG"}"#.to_owned())
    );
    for (text, references, words) in [
        (text, &[("a.City", CITY)][..], "type `b.Tree` is not known here"),
        ("\"a.Kind\"", &[("a.City", CITY)], "the name of a type inside another"),
        ("\"bytes\"", &[], "nothing but `bytes`"),
        ("{", &[], "text"),
    ] {
        let why = compile(WriterType::Avro, text, references).await.expect_err(text);
        assert!(why.contains(words), "{text}: {why}");
    }
}

/// Also what a message on a topic of the broker's could be: a container, a single object, JSON.
#[tokio::test]
async fn avro_is_a_bare_datum_and_is_taken_for_nothing_else() {
    let number = r#"{"type":"record","name":"N","fields":[{"name":"n","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}}]}"#;
    let schema = compile(WriterType::Avro, number, &[]).await.expect("a schema");
    assert_eq!(read(&schema, &[], b"\x04\x04\xce"), Ok(r#"{"n":"12.30"}"#.to_owned()));
    for bytes in [
        &b"{\"n\":\"1.00\"}"[..],
        b"\x04\x04\xce\x00",
        b"\x04\x04",
        b"",
        b"Obj\x01\x00",
        b"\xc3\x01",
    ] {
        assert!(read(&schema, &[], bytes).is_err(), "{bytes:?}");
    }
}

const ORDER: &str = r#"syntax = "proto3";
package shop;
import "confluent/meta.proto";
import "confluent/type/decimal.proto";
import "common/address.proto";
message First { int32 a = 1; }
message Order {
  option (confluent.message_meta).doc = "an order";
  confluent.type.Decimal price = 1;
  common.Address to = 2;
  message Inner { bool b = 1; }
  map<string, int32> counts = 3;
  message Late { bool c = 1; }
}"#;
const ADDRESS: &str = "syntax = \"proto3\"; package common; message Address { string city = 1; }";

#[tokio::test]
async fn protobuf_is_the_message_of_a_place() {
    let schema = compile(WriterType::Protobuf, ORDER, &[("common/address.proto", ADDRESS)])
        .await
        .expect("a schema");
    assert_eq!(read(&schema, &[0], b"\x08\x07"), Ok(r#"{"a":7}"#.to_owned()));
    let order = read(&schema, &[1], b"\x0a\x05\x0a\x01\x7b\x18\x02\x12\x03\x0a\x01B").expect("an order");
    assert_eq!(
        order,
        r#"{"price":{"value":"ew==","precision":0,"scale":2},"to":{"city":"B"},"counts":{}}"#
    );
    assert_eq!(read(&schema, &[1, 0], b"\x08\x01"), Ok(r#"{"b":true}"#.to_owned()));
    for (place, words) in [
        (&[2][..], "no message at place 2"),
        (&[1, 0, 0], "no message at place 1,0,0"),
        (&[-1], "no message at place -1"),
        (&[], "no message at place"),
        // For clients that count the map it is nothing of the kind.
        (&[1, 1], "has maps before the messages in it"),
    ] {
        let why = read(&schema, place, b"").expect_err("no message");
        assert!(why.contains(words), "{place:?}: {why}");
    }
    assert!(read(&schema, &[0], b"\x08").is_err_and(|why| why.contains("end")));
}

#[tokio::test]
async fn protobuf_needs_all_that_it_imports_and_nothing_of_googles_made_anew() {
    let forged = "syntax = \"proto3\"; package google.protobuf; message Timestamp { string a = 1; }";
    for (text, references, words) in [
        (ORDER, &[][..], "common/address.proto"),
        (forged, &[], "is Protobuf's own"),
        (ORDER, &[("common/address.proto", forged)], "is Protobuf's own"),
        ("message", &[], "expected"),
    ] {
        let why = compile(WriterType::Protobuf, text, references).await.expect_err(text);
        assert!(why.contains(words), "{words}: {why}");
    }
    // The package `p`, with a message `M` that has the number `n`: as clients without a text register it.
    let descriptor = b"\x0a\x01f\x12\x01p\x22\x0e\x0a\x01M\x12\x09\x0a\x01n\x18\x01\x20\x01\x28\x05b\x06proto3";
    let schema = compile(WriterType::Protobuf, &BASE64_STANDARD.encode(descriptor), &[])
        .await
        .expect("a schema");
    assert_eq!(read(&schema, &[0], b"\x08\x07"), Ok(r#"{"n":7}"#.to_owned()));
}

#[tokio::test]
async fn json_schemas_are_checked_with_what_they_refer_to() {
    let order = r##"{"$schema":"http://json-schema.org/draft-07/schema#","$id":"http://shop.example/v1/order.json",
        "properties":{"to":{"$ref":"address.json"},"from":{"$ref":"http://shop.example/v1/address.json#/definitions/city"},
        "by":{"$ref":"carrier"},"self":{"$ref":"http://shop.example/v1/order.json#/definitions/n"},
        "default":{"$ref":"carrier"},"as":{"const":{"$ref":"carrier"}}},"definitions":{"n":{"type":"integer"}}}"##;
    let address = r##"{"$id":"http://shop.example/v1/address.json","properties":{"city":{"$ref":"#/definitions/city"},
        "more":{"$ref":"address.json"}},"definitions":{"city":{"type":"string"}}}"##;
    let carrier = r##"{"properties":{"at":{"$ref":"http://shop.example/v1/address.json"}}}"##;
    let references = [("http://shop.example/v1/address.json", address), ("carrier", carrier)];
    let schema = compile(WriterType::Json, order, &references).await.expect("a schema");
    for right in [
        r#"{"to":{"city":"B","more":{"city":"C"}},"from":"B","by":{"at":{"city":"B"}},"self":1}"#,
        r#"{"as":{"$ref":"carrier"}}"#,
    ] {
        assert_eq!(read(&schema, &[], right.as_bytes()), Ok(right.to_owned()));
    }
    for (wrong, place) in [
        (r#"{"to":{"city":1}}"#, "/to/city"),
        (r#"{"to":{"more":{"city":1}}}"#, "/to/more/city"),
        (r#"{"from":1}"#, "/from"),
        (r#"{"by":{"at":{"city":1}}}"#, "/by/at/city"),
        (r#"{"self":"a"}"#, "/self"),
        (r#"{"default":{"at":{"city":1}}}"#, "/default/at/city"),
        (r#"{"as":{}}"#, "/as"),
        (r#"{"a":1,"a":2}"#, ""),
    ] {
        let why = read(&schema, &[], wrong.as_bytes()).expect_err(wrong);
        assert!(why.contains(place), "{wrong}: {why}");
    }
    for (text, references, words) in [
        (order, &references[..1], "`carrier` refers to another document"),
        (order, &[("carrier", "{")][..], "`carrier`"),
        (
            r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#,
            &[],
            "`$schema` is",
        ),
    ] {
        let why = compile(WriterType::Json, text, references).await.expect_err(text);
        assert!(why.contains(words), "{words}: {why}");
    }
}

#[tokio::test]
async fn texts_have_a_largest_size_each() {
    let long = format!("\"{}\"", "a".repeat(1 << 20));
    let name = |references: &'static str| (references, long.as_str());
    let own = compile(WriterType::Avro, &long, &[]).await.expect_err("too long");
    let other = compile(WriterType::Avro, "\"int\"", &[name("x.Y")])
        .await
        .expect_err("too long");
    assert!(own.contains("its text has 1048578 bytes") && other.contains("`x.Y` has 1048578 bytes"));
}
