//! JSON Schemas after one another: tables of what follows and what breaks, and generated pairs with generated documents.

mod support;

use danube_wasm_schema::SchemaType;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use support::{after, breaks, follows};

#[tokio::test]
async fn json_schemas_that_accept_more_follow() {
    for (old, new) in [
        (json!({"type": "integer"}), json!({"type": ["number", "null"]})),
        (json!({"enum": ["a", "b"]}), json!({"enum": ["c", "b", "a"]})),
        (json!({"const": 1}), json!({"type": "integer"})),
        (
            json!({"minimum": 1, "maxLength": 3}),
            json!({"exclusiveMinimum": 0.5, "maxLength": 4}),
        ),
        (json!({"exclusiveMinimum": 1}), json!({"minimum": 1})),
        (json!({"multipleOf": 4}), json!({"multipleOf": 2})),
        (json!({"type": "integer"}), json!({"multipleOf": 1})),
        (
            json!({"properties": {"a": true}}),
            json!({"properties": {"a": true, "b": {"type": "string"}}}),
        ),
        (json!({"required": ["a", "b"]}), json!({"required": ["b"]})),
        (
            json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false}),
            json!({"properties": {"a": true, "b": {"type": "null"}}, "additionalProperties": false}),
        ),
        (
            json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false}),
            json!({"additionalProperties": {"type": "string"}}),
        ),
        (
            json!({"items": {"type": "integer"}, "uniqueItems": true}),
            json!({"items": {"type": "number"}}),
        ),
        (
            json!({"prefixItems": [{"const": 1}], "items": {"const": 2}}),
            json!({"items": {"enum": [1, 2]}}),
        ),
        (
            json!({"type": "string"}),
            json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
            json!({"type": ["string", "null", "array"]}),
        ),
        (
            json!({"type": ["string", "null"]}),
            json!({"oneOf": [{"type": "string"}, {"type": "null"}, {"type": "object"}]}),
        ),
        (
            json!({"allOf": [{"type": "integer"}, {"minimum": 3}]}),
            json!({"type": "number", "minimum": 2}),
        ),
        (json!({"not": {"const": 1}}), json!({"not": {"const": 1}, "title": "t"})),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}, "n": {"type": "integer"}}}}}),
            json!({"$ref": "#/$defs/b", "$defs": {"b": {"properties": {"next": {"$ref": "#/$defs/b"}, "n": {"type": "number"}}}}}),
        ),
        (
            json!({"minimum": 1, "type": "string"}),
            json!({"type": "string", "minimum": 7}),
        ),
        (json!(false), json!({"type": "string"})),
        (json!({"type": "string"}), json!({})),
    ] {
        follows(SchemaType::JsonSchema, &old.to_string(), &new.to_string()).await;
    }
}

#[tokio::test]
async fn json_schemas_that_accept_less_or_cannot_be_told_break_with_their_place() {
    let cases = [narrowed_values(), narrowed_members(), narrowed_combinations()].concat();
    for (old, new, sentence) in cases {
        breaks(SchemaType::JsonSchema, &old.to_string(), &new.to_string(), sentence).await;
    }
}

/// Schemas that allow fewer values.
fn narrowed_values() -> Vec<(Value, Value, &'static str)> {
    vec![
        (
            json!({"type": ["string", "null"]}),
            json!({"type": "string"}),
            "at `#/type`: `null` is no longer allowed",
        ),
        (
            json!({"type": "number"}),
            json!({"type": "integer"}),
            "`number` is no longer allowed",
        ),
        (
            json!({"enum": ["a", "b"]}),
            json!({"enum": ["a"]}),
            "at `#/enum`: not every value",
        ),
        (
            json!({"type": "string"}),
            json!({"const": "a"}),
            "at `#/const`: not every value",
        ),
        (
            json!({"minimum": 1}),
            json!({"minimum": 2}),
            "at `#/minimum`: `minimum` is new or narrower",
        ),
        (
            json!({"minimum": 1}),
            json!({"exclusiveMinimum": 1}),
            "at `#/exclusiveMinimum`",
        ),
        (json!({"type": "string"}), json!({"maxLength": 9}), "at `#/maxLength`"),
        (json!({"minItems": 1}), json!({"minItems": 2}), "at `#/minItems`"),
        (json!({"multipleOf": 2}), json!({"multipleOf": 4}), "at `#/multipleOf`"),
        (json!({"pattern": "^a"}), json!({"pattern": "^ab"}), "at `#/pattern`"),
    ]
}

/// Schemas that allow fewer members or elements.
fn narrowed_members() -> Vec<(Value, Value, &'static str)> {
    vec![
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": {}}, "required": ["a"]}),
            "`a` was not required before",
        ),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": {"default": 1}}, "required": ["a"]}),
            "`a` was not required before",
        ),
        (
            json!({"required": ["a"]}),
            json!({"properties": {"a": {"type": "string"}}, "required": ["a"]}),
            "at `#/properties/a/type`",
        ),
        (
            json!({"properties": {"a/b": {"type": "string"}}}),
            json!({"properties": {"a/b": {"type": "null"}}}),
            "at `#/properties/a~1b/type`",
        ),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": {}}, "additionalProperties": false}),
            "at `#/additionalProperties`: members that are not named",
        ),
        (
            json!({"properties": {"a": {}, "b": {}}, "additionalProperties": false}),
            json!({"properties": {"a": {}}, "additionalProperties": false}),
            "property `b` is gone",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"properties": {"a": {"type": "integer"}}}),
            "at `#/properties/a/type`: `string` is no longer allowed",
        ),
        (
            json!({}),
            json!({"patternProperties": {"^x": {"type": "string"}}}),
            "the pattern is new",
        ),
        (
            json!({"items": {"type": "integer"}}),
            json!({"items": {"type": "string"}}),
            "at `#/items/type`",
        ),
        (
            json!({"items": {"type": "integer"}}),
            json!({"items": {"type": "integer"}, "uniqueItems": true}),
            "at `#/uniqueItems`",
        ),
    ]
}

/// Alternatives, references and keywords that are not decided.
fn narrowed_combinations() -> Vec<(Value, Value, &'static str)> {
    let draft_7 = "http://json-schema.org/draft-07/schema#";
    vec![
        (
            json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
            json!({"anyOf": [{"type": "string"}]}),
            "at `#/anyOf`",
        ),
        (
            json!({"oneOf": [{"minimum": 1}, {"maximum": 0}]}),
            json!({"oneOf": [{"minimum": 1}, {"maximum": 0}, {"const": 0}]}),
            "at `#/oneOf`: this is new or changed",
        ),
        (json!({}), json!({"not": {"const": 1}}), "at `#/not`"),
        (json!({}), json!({"if": {"const": 1}, "then": false}), "at `#/if`"),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": {}}, "unevaluatedProperties": false}),
            "only compared for being the same",
        ),
        (
            json!({"$schema": draft_7}),
            json!({"type": "string"}),
            "at `#/$schema`: the draft changed",
        ),
        (
            json!({"$schema": draft_7, "type": "string"}),
            json!({"$schema": draft_7, "type": "string", "format": "email"}),
            "at `#/format`",
        ),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}, "n": {"type": "number"}}}}}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}, "n": {"type": "integer"}}}}}),
            "at `#/$defs/a/properties/n/type`",
        ),
        (
            // Draft 7 ignores what stands beside a reference.
            json!({"$schema": draft_7, "$ref": "#/definitions/a", "type": "string", "definitions": {"a": {}}}),
            json!({"$schema": draft_7, "type": "string"}),
            "at `#/type`",
        ),
        (
            json!({"type": "string"}),
            json!(false),
            "nothing is allowed here any more",
        ),
    ]
}

/// A schema of few keywords, so that pairs of them are often comparable. Where it names members, it names all that
/// documents have, so that the one assumption about the others is not in play.
fn schema(random: &mut StdRng, depth: usize) -> Value {
    let types = ["integer", "number", "string", "null", "object", "array", "boolean"];
    let mut schema = json!({});
    for _ in 0..random.random_range(0..4) {
        let n = random.random_range(0..4);
        match random.random_range(0..15) {
            0 | 1 => schema["type"] = json!(types.choose(random).expect("some")),
            2 => schema["type"] = json!(types.choose_multiple(random, 3).collect::<Vec<_>>()),
            3 => schema["minimum"] = json!(n),
            4 => schema["exclusiveMaximum"] = json!(n + 2),
            14 => schema["maximum"] = json!(n + 2),
            5 => schema["multipleOf"] = json!(n + 1),
            6 => schema["maxLength"] = json!(n),
            7 => schema["enum"] = [json!(""), json!("aa"), json!(1), json!(2), Value::Null][..=n].into(),
            8 if depth > 0 => {
                schema["properties"] =
                    json!({"a": self::schema(random, depth - 1), "b": self::schema(random, depth - 1)})
            }
            9 if depth > 0 => {
                schema["additionalProperties"] = [json!(false), self::schema(random, depth - 1)][n % 2].clone()
            }
            10 => schema["required"] = [["a"], ["b"]][n % 2].iter().copied().collect(),
            11 if depth > 0 => schema["items"] = self::schema(random, depth - 1),
            12 if depth > 0 => {
                let keyword = ["anyOf", "oneOf", "allOf"][n % 3];
                schema[keyword] = json!([self::schema(random, depth - 1), self::schema(random, depth - 1)]);
            }
            13 if depth > 0 => schema["prefixItems"] = json!([self::schema(random, depth - 1)]),
            _ => {}
        }
    }
    schema
}

fn document(random: &mut StdRng, depth: usize) -> Value {
    match random.random_range(0..if depth > 0 { 12 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.random::<bool>()),
        2..=4 => json!(random.random_range(-1..7)),
        5 => json!(f64::from(random.random_range(-2..9)) / 2.0),
        6..=8 => json!("a".repeat(random.random_range(0..5))),
        9 => (0..random.random_range(0..3))
            .map(|_| document(random, depth - 1))
            .collect(),
        _ => {
            let mut members = json!({});
            for name in ["a", "b"] {
                if random.random_ratio(2, 3) {
                    members[name] = document(random, depth - 1);
                }
            }
            members
        }
    }
}

#[tokio::test]
async fn what_was_valid_stays_valid_whenever_two_generated_schemas_are_found_compatible() {
    let mut random = StdRng::seed_from_u64(0xe0_1d);
    let documents: Vec<String> = (0..400).map(|_| document(&mut random, 2).to_string()).collect();
    let (mut compatible, mut witnesses) = (0, 0);
    for _ in 0..3000 {
        let old = schema(&mut random, 2);
        let new = if random.random_ratio(1, 2) {
            schema(&mut random, 2)
        } else {
            changed(&mut random, old.clone())
        };
        let draft_7 = random.random_ratio(1, 4);
        let of_draft = |mut schema: Value| {
            if draft_7 {
                schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
            }
            schema
        };
        let (old, new) = (of_draft(old), of_draft(new));
        if old == new
            || after(SchemaType::JsonSchema, &old.to_string(), &new.to_string())
                .await
                .is_err()
        {
            continue;
        }
        compatible += 1;
        let (before, now) = (
            support::validator(&old.to_string()).await,
            support::validator(&new.to_string()).await,
        );
        for document in documents
            .iter()
            .filter(|document| before.check(document.as_bytes()).is_ok())
        {
            witnesses += 1;
            assert_eq!(
                now.check(document.as_bytes()),
                Ok(()),
                "{document} was valid: {old} → {new}"
            );
        }
    }
    assert!(
        compatible > 300 && witnesses > 10_000,
        "{compatible} pairs, {witnesses} documents"
    );
}

/// One keyword less, or another one.
fn changed(random: &mut StdRng, mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else {
        return schema;
    };
    let keys: Vec<String> = members.keys().cloned().collect();
    if let Some(key) = keys.choose(random) {
        let other = self::schema(random, 1);
        match other.get(key) {
            Some(value) => members.insert(key.clone(), value.clone()),
            None => members.remove(key),
        };
    }
    schema
}
