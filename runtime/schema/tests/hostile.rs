//! Schemas and payloads made to take time, memory or stack: refused with a sentence, or done in bounded time.

mod support;

use std::{fmt::Write as _, time::Duration};

use danube_wasm_schema::limits::{PATTERNS_MAX, SUBSCHEMAS_MAX, VIOLATION_MESSAGE_BYTES_MAX, VIOLATIONS_MAX};
use serde_json::{Value, json};
use support::{declare, refusal, validator, violations};

/// Fails a test that would otherwise hang; says nothing about speed.
async fn ends<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what)
        .await
        .expect("it ends")
}

/// `layers` definitions, each made from a reference to the next.
fn layers(layers: usize, each: impl Fn(Value) -> Value) -> String {
    let mut definitions = serde_json::Map::new();
    for n in 0..layers {
        definitions.insert(format!("d{n}"), each(json!({"$ref": format!("#/$defs/d{}", n + 1)})));
    }
    definitions.insert(format!("d{layers}"), json!({"type": "integer"}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions}).to_string()
}

#[tokio::test]
async fn references_that_double_thirty_times_are_refused() {
    for schema in [
        layers(30, |next| json!({"allOf": [next.clone(), next]})),
        layers(30, |next| json!({"anyOf": [next.clone(), next]})),
        layers(
            30,
            |next| json!({"if": next.clone(), "then": next.clone(), "else": next}),
        ),
        layers(
            30,
            |next| json!({"properties": {"a": next.clone()}, "patternProperties": {"": next}}),
        ),
        layers(30, |next| json!({"items": next.clone(), "contains": next})),
    ] {
        let refused = ends(refusal(&schema)).await;
        assert!(
            refused.contains("its references and alternatives multiply"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_recursion_that_doubles_with_each_level_of_the_payload_is_refused() {
    let twice = json!({"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]});
    let refused = ends(refusal(&twice.to_string())).await;
    assert!(refused.contains("steps for one value"), "{refused}");
    let once = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "type": "object"});
    let tree = validator(&once.to_string()).await;
    assert_eq!(violations(&tree, r#"{"a":{"b":{"a":1}}}"#)[0].path, "/a/b/a");
}

#[tokio::test]
async fn sharing_that_only_looks_exponential_is_accepted() {
    let schema = layers(30, |next| json!({"properties": {"a": next.clone(), "b": next}}));
    let shared = ends(validator(&schema)).await;
    let mut payload = "1.5".to_owned();
    for n in 0..30 {
        payload = format!(r#"{{"{}":{payload}}}"#, if n % 2 == 0 { "a" } else { "b" });
    }
    assert_eq!(violations(&shared, &payload).len(), 1);
}

#[tokio::test]
async fn a_schema_that_never_descends_is_refused() {
    for (schema, place) in [
        (json!({"$ref": "#"}), "`#`"),
        (
            json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "items": {"$ref": "#/$defs/a"}}),
            "`#/$defs/a",
        ),
        (json!({"$anchor": "x", "not": {"$dynamicRef": "#x"}}), "`#"),
    ] {
        let refused = ends(refusal(&schema.to_string())).await;
        assert!(
            refused.contains("without descending") && refused.contains(place),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn nothing_outside_of_the_document_is_referred_to() {
    for reference in [
        "http://127.0.0.1:9/x.json",
        "file:///etc/passwd",
        "other.json#/a",
        "https://example.com/",
    ] {
        let refused = refusal(&json!({"$ref": reference}).to_string()).await;
        assert!(
            refused.contains(reference) && refused.contains("none is ever fetched"),
            "{refused}"
        );
    }
    let nested = json!({"$defs": {"a": {"$id": "http://127.0.0.1:9/"}}}).to_string();
    assert!(refusal(&nested).await.contains("`#/$defs/a` has an `$id` of its own"));
    let mixed = json!({"$defs": {"a": {"$schema": "http://127.0.0.1:9/"}}}).to_string();
    assert!(refusal(&mixed).await.contains("`#/$defs/a` is of another draft"));
    let unknown = json!({"$schema": "http://127.0.0.1:9/"}).to_string();
    assert!(refusal(&unknown).await.contains("`$schema` is `http://127.0.0.1:9/`"));
}

#[tokio::test]
async fn a_pattern_that_backtracks_for_ever_elsewhere_is_linear_here() {
    let schema = validator(r#"{"properties":{"s":{"pattern":"^(a+)+$"}},"patternProperties":{"(x+x+)+y":true}}"#).await;
    let payload = format!(r#"{{"s":"{}!","{}":1}}"#, "a".repeat(200_000), "x".repeat(200_000));
    let found = ends(tokio::task::spawn_blocking(move || violations(&schema, &payload)))
        .await
        .expect("no panic");
    assert_eq!((found.len(), found[0].path.as_str()), (1, "/s"));
}

#[tokio::test]
async fn only_patterns_whose_automaton_explodes_make_payloads_small() {
    let payload = format!(r#"{{"s":"{}"}}"#, "ab".repeat(1 << 20));
    let uuid = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
    for (pattern, told) in [
        (uuid, "the value does not match"),
        ("[ab]*a[ab]{200}c", "too large for this schema"),
    ] {
        let schema = validator(&json!({"properties": {"s": {"pattern": pattern}}}).to_string()).await;
        let found = violations(&schema, &payload);
        assert!(found[0].message.contains(told), "{pattern}: {found:?}");
    }
}

#[tokio::test]
async fn patterns_that_are_large_or_look_around_are_refused() {
    for (pattern, why) in [
        (
            "((((a{100}){100}){100}){100}){100}",
            "is over 256 KiB when it is compiled",
        ),
        ("^(?!secret)", "look-around"),
        (r"(a)\1", "look-around"),
        ("(", "is not a regular expression"),
    ] {
        let refused = ends(refusal(&json!({"properties": {"a": {"pattern": pattern}}}).to_string())).await;
        assert!(
            refused.contains("the pattern at `#/properties/a`") && refused.contains(why),
            "{refused}"
        );
    }
    let many = |n: usize| json!({"allOf": (0..n).map(|n| json!({"pattern": format!("^{n}")})).collect::<Vec<_>>()});
    assert!(declare(&many(PATTERNS_MAX).to_string()).await.is_ok());
    assert!(
        refusal(&many(PATTERNS_MAX + 1).to_string())
            .await
            .contains("more than 256 patterns")
    );
}

#[tokio::test]
async fn large_and_deep_schemas_are_refused_and_the_largest_accepted_ones_fit_their_stacks() {
    let deep = format!("{}true{}", r#"{"not":"#.repeat(65), "}".repeat(65));
    assert!(refusal(&deep).await.contains("nested deeper than 64"));
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(1 << 20));
    assert!(refusal(&long).await.contains("at most 1048576"));
    let many = |n: usize| json!({"prefixItems": vec![true; n - 1]}).to_string();
    assert!(declare(&many(SUBSCHEMAS_MAX)).await.is_ok());
    assert!(
        refusal(&many(SUBSCHEMAS_MAX + 1))
            .await
            .contains("more than 4096 subschemas")
    );

    // As long a chain of references as fits, followed by the compiler and by the drop on this ordinary thread.
    let chain = layers(SUBSCHEMAS_MAX / 3, |next| json!({"properties": {"a": next}}));
    let chained = ends(validator(&chain)).await;
    let as_deep_as_allowed = format!("{}1.5{}", r#"{"a":"#.repeat(64), "}".repeat(64));
    assert_eq!(chained.check(as_deep_as_allowed.as_bytes()), Ok(()));
}

/// Recursion as deep as schema and payload may make it together, on the stack that a runtime thread has.
#[tokio::test]
async fn the_deepest_evaluation_fits_a_stack_of_two_mib() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let wrap = |n: usize| (0..n).fold(json!({"$ref": "#/$defs/node"}), |inner, _| json!({keyword: [inner]}));
        let schema =
            |n| json!({"$ref": "#/$defs/node", "$defs": {"node": {"items": wrap(n), "type": "array"}}}).to_string();
        let mut deepest = 0;
        while declare(&schema(deepest + 1)).await.is_ok() {
            deepest += 1;
        }
        assert!(deepest >= 5, "{keyword}: {deepest}");
        let validator = validator(&schema(deepest)).await;
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let payload = format!("{}{}", "[".repeat(64), "]".repeat(64));
            assert_eq!(validator.check(payload.as_bytes()), Ok(()));
            let payload = format!("{}1{}", "[".repeat(64), "]".repeat(64));
            assert!(!violations(&validator, &payload).is_empty());
            drop(validator);
        });
        thread.expect("a thread").join().expect("it fits");
    }
}

#[tokio::test]
async fn a_payload_too_large_for_its_schema_is_refused_before_the_first_step() {
    let costly = layers(12, |next| json!({"allOf": [next.clone(), next]}));
    let costly = validator(&format!(r#"{{"items":{costly}}}"#).replace("#/$defs", "#/items/$defs")).await;
    assert_eq!(costly.check(b"[1,2,3]"), Ok(()));
    let many = format!("[{}1]", "1,".repeat(100_000));
    assert!(
        violations(&costly, &many)[0]
            .message
            .contains("too large for this schema")
    );
}

#[tokio::test]
async fn violations_are_bounded_in_number_and_length() {
    let schema = json!({"additionalProperties": false, "properties": {"list": {"items": {"type": "string"}}}});
    let schema = validator(&schema.to_string()).await;
    let list = format!(r#"{{"list":[{}1]}}"#, "1,".repeat(1000));
    assert_eq!(violations(&schema, &list).len(), VIOLATIONS_MAX);

    let mut unexpected = "{".to_owned();
    for n in 0..1000 {
        let _ = write!(unexpected, r#""a-name-that-nobody-expects-{n}":1,"#);
    }
    unexpected.push_str(r#""z":1}"#);
    let found = violations(&schema, &unexpected);
    assert!(
        found[0].message.len() <= VIOLATION_MESSAGE_BYTES_MAX + '…'.len_utf8(),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_a_sender_wrote_is_not_repeated() {
    let schema = validator(r#"{"properties":{"card":{"maxLength":4}}}"#).await;
    let found = violations(&schema, r#"{"card":"4242424242424242"}"#);
    assert!(!found[0].message.contains("4242"), "{found:?}");
}

#[tokio::test]
async fn the_format_regex_compiles_nothing_that_a_payload_brings() {
    let schema = r##"{"$schema":"http://json-schema.org/draft-07/schema#","format":"regex"}"##;
    let payload = format!("\"{}\"", "(".repeat(100_000));
    assert_eq!(validator(schema).await.check(payload.as_bytes()), Ok(()));
}
