//! JSON Schemas of each draft, through the door: declared on a registry, then asked about payloads.

mod support;

use serde_json::json;
use support::{refusal, validator, violations};

/// The schema of the project's first example.
const PAYMENT: &str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "required": ["event", "amount", "currency", "timestamp"],
  "properties": {
    "event": {
      "type": "string",
      "enum": ["payment.succeeded", "payment.failed", "payment.refunded", "payment.canceled"]
    },
    "amount": { "type": "integer", "minimum": 0 },
    "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
    "timestamp": { "type": "integer" }
  }
}"#;

#[tokio::test]
async fn a_payment_passes_and_each_broken_rule_is_told_by_its_place() {
    let payment = validator(PAYMENT).await;
    let fine = r#"{"event":"payment.succeeded","amount":9999,"currency":"USD","timestamp":1705315200}"#;
    assert_eq!(payment.check(fine.as_bytes()), Ok(()));
    assert_eq!(payment.encode(fine.into()), Ok(fine.into()));

    for (wrong, path, message) in [
        (
            fine.replace("payment.succeeded", "payment.lost"),
            "/event",
            "the value is not one of",
        ),
        (
            fine.replace("9999", "-1"),
            "/amount",
            "the value is less than the minimum of 0",
        ),
        (
            fine.replace("9999", "99.5"),
            "/amount",
            "the value is not of type \"integer\"",
        ),
        (
            fine.replace("9999", "\"9999\""),
            "/amount",
            "the value is not of type \"integer\"",
        ),
        (
            fine.replace("USD", "usd"),
            "/currency",
            "the value does not match \"^[A-Z]{3}$\"",
        ),
        (
            fine.replace("1705315200", "null"),
            "/timestamp",
            "the value is not of type \"integer\"",
        ),
        (
            fine.replace("\"amount\":9999,", ""),
            "",
            "\"amount\" is a required property",
        ),
        (
            fine.replace("9999", "9999,\"amount\":1"),
            "/amount",
            "this key is in its object twice",
        ),
        (
            fine.replace("9999", "123456789012345678901"),
            "/amount",
            "does not fit in 64 bits",
        ),
        ("[]".to_owned(), "", "the value is not of type \"object\""),
        ("{\"a\":".to_owned(), "/a", "the document ends"),
    ] {
        let found = violations(&payment, &wrong);
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert_eq!(found[0].path, path, "{wrong}: {found:?}");
        assert!(found[0].message.contains(message), "{wrong}: {found:?}");
        assert!(payment.encode(wrong.clone().into()).is_err(), "{wrong}");
    }
    let found = violations(&payment, r#"{"event":1,"amount":-1,"currency":"x"}"#);
    let paths: Vec<_> = found.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(found.len(), 5, "all at once: {found:?}");
    assert!(
        ["/event", "/amount", "/currency", ""]
            .iter()
            .all(|path| paths.contains(path)),
        "{paths:?}"
    );
}

#[tokio::test]
async fn each_draft_means_what_it_says() {
    let tuple_07 = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}], "additionalItems": false,
        "definitions": {"short": {"$id": "#short", "maxLength": 2}},
        "contains": {"$ref": "#short"},
        "if": {"minItems": 1}, "then": {"uniqueItems": true},
    });
    let tree_2019 = json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": "https://example.com/tree", "$recursiveAnchor": true,
        "properties": {"value": {"type": "number"}, "children": {"items": {"$recursiveRef": "#"}}},
        "dependentRequired": {"children": ["value"]},
        "unevaluatedProperties": false,
    });
    let order_2020 = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/order",
        "$defs": {"line": {"$anchor": "line", "prefixItems": [{"type": "string"}, {"minimum": 1}], "items": false}},
        "allOf": [{"properties": {"lines": {"type": "array", "items": {"$ref": "#line"}}}}],
        "properties": {"next": {"$ref": "https://example.com/order#"}, "first": {"$ref": "#/%24defs/line"}},
        "unevaluatedProperties": false,
    });
    for (schema, fine, wrong, path) in [
        (&tuple_07, r#"["ab"]"#, r#"["ab",1]"#, ""),
        (&tuple_07, r#"["a"]"#, r#"["abc"]"#, ""),
        (
            &tree_2019,
            r#"{"value":1,"children":[{"value":2}]}"#,
            r#"{"value":1,"children":[{"value":"2"}]}"#,
            "/children/0/value",
        ),
        (&tree_2019, r#"{}"#, r#"{"children":[]}"#, ""),
        (
            &tree_2019,
            r#"{}"#,
            r#"{"value":1,"children":[{"x":2}]}"#,
            "/children/0",
        ),
        (
            &order_2020,
            r#"{"lines":[["a",1]]}"#,
            r#"{"lines":[["a",0]]}"#,
            "/lines/0/1",
        ),
        (
            &order_2020,
            r#"{"next":{"lines":[]}}"#,
            r#"{"next":{"next":{"lines":1}}}"#,
            "/next/next/lines",
        ),
        (&order_2020, r#"{"first":["a"]}"#, r#"{"first":["a",1,2]}"#, "/first"),
        (&order_2020, r#"{}"#, r#"{"other":1}"#, ""),
    ] {
        let validator = validator(&schema.to_string()).await;
        assert_eq!(validator.check(fine.as_bytes()), Ok(()), "{schema} {fine}");
        let found = violations(&validator, wrong);
        assert!(
            found.iter().any(|violation| violation.path.starts_with(path)),
            "{schema} {wrong}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_schema_for_schemas_refers_to_its_draft() {
    let schema = validator(r#"{"properties":{"s":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}"#).await;
    assert_eq!(schema.check(br#"{"s":{"type":"object"}}"#), Ok(()));
    assert_eq!(violations(&schema, r#"{"s":{"type":"objekt"}}"#)[0].path, "/s/type");
}

#[tokio::test]
async fn what_everything_satisfies_still_takes_strict_json_only() {
    for text in ["true", "{}"] {
        let anything = validator(text).await;
        assert_eq!(anything.check(b"[1]"), Ok(()));
        assert!(anything.check(br#"{"a":1,"a":1}"#).is_err());
        assert!(anything.check(b"no").is_err());
    }
}

#[tokio::test]
async fn texts_that_are_no_schema_are_refused_with_a_sentence() {
    for (text, sentence) in [
        ("", "the document ends where a value is expected"),
        ("[]", "a JSON Schema is an object, or `true` or `false`"),
        (r#"{"type":"objekt"}"#, "the schema at `#/type` is not valid"),
        (
            r#"{"type":"object","type":"object"}"#,
            "the schema's text at `#/type` is refused: this key is in its object twice",
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#,
            "`$schema` is `http://json-schema.org/draft-04/schema`: write",
        ),
        (
            r##"{"$ref":"#/$defs/none"}"##,
            "`#/$defs/none` is referred to, but there is nothing at that place",
        ),
        (
            r##"{"$ref":"#none"}"##,
            "`#none` is referred to, but no schema has that anchor",
        ),
        (
            r#"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#,
            "two schemas have the anchor `#x`",
        ),
    ] {
        let refused = refusal(text).await;
        assert!(
            refused.contains("`test-subject`") && refused.contains(sentence),
            "{text}: {refused}"
        );
    }
}
