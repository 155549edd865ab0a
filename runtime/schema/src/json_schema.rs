//! A compiled JSON Schema, draft 7 to 2020-12.

use danube_wasm_model::door::Violation;
use jsonschema::{Draft, PatternOptions, ValidationError};
use serde_json::Value;

use crate::{
    bounds::{self, Cost},
    limits::{
        DEFINITION, LISTING_STEPS_MAX, PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX, PAYLOAD, STEPS_MAX, VIOLATIONS_MAX,
    },
    strict, violations,
};

/// Checks documents.
#[derive(Debug)]
pub(crate) struct JsonSchema {
    /// None where every JSON document is valid.
    compiled: Option<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    validator: jsonschema::Validator,
    cost: Cost,
}

impl JsonSchema {
    /// Compiles, or says in a sentence why not. Follows references recursively: give it a stack of
    /// [`crate::limits::COMPILE_STACK_BYTES`].
    pub(crate) fn compile(definition: &str) -> Result<Self, String> {
        let document = parse_definition(definition)?;
        if matches!(&document, Value::Bool(true)) || document.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(Self { compiled: None });
        }
        let draft = draft_of(&document)?;
        let cost = bounds::examine(&document)?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_CACHE_BYTES_MAX);
        let validator = jsonschema::options()
            .with_draft(draft)
            .offline()
            .with_pattern_options(patterns)
            // Would compile what the payload holds.
            .with_format("regex", |_: &str| true)
            .build(&document)
            .map_err(|error| {
                let place = violations::at(&error.instance_path().to_string(), &error);
                format!("the schema at `#{}` is not valid: {}", place.path, place.message)
            })?;
        Ok(Self {
            compiled: Some(Compiled { validator, cost }),
        })
    }

    /// Everything that is wrong with a document, up to the limits of [`crate::limits`].
    pub(crate) fn check(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        let shape = strict::scan(payload, PAYLOAD).map_err(|violation| vec![violation])?;
        let Some(Compiled { validator, cost }) = &self.compiled else {
            return Ok(());
        };
        if cost.verdict.of(shape.values, payload.len()) > STEPS_MAX {
            return Err(vec![violations::whole(format_args!(
                "the document is too large for this schema: {} values, each of which can take {} steps",
                shape.values, cost.verdict.steps
            ))]);
        }
        let document: Value = serde_json::from_slice(payload).map_err(|error| vec![violations::whole(error)])?;
        if validator.is_valid(&document) {
            return Ok(());
        }
        let found: Vec<Violation> = if cost.listing.of(shape.values, 0) <= LISTING_STEPS_MAX
            && cost.listing.of(0, payload.len()) <= STEPS_MAX
        {
            validator
                .iter_errors(&document)
                .take(VIOLATIONS_MAX)
                .map(|error| violation_of(&error))
                .collect()
        } else {
            Vec::new()
        };
        if found.is_empty() {
            return Err(vec![violations::whole(
                "the document violates the schema, and is too large to say where",
            )]);
        }
        Err(found)
    }
}

/// The value itself is not repeated: it may be long, or a customer's.
fn violation_of(error: &ValidationError<'_>) -> Violation {
    violations::at(error.instance_path().as_str(), error.masked_with("the value"))
}

fn parse_definition(definition: &str) -> Result<Value, String> {
    strict::scan(definition.as_bytes(), DEFINITION).map_err(|violation| {
        let Violation { path, message } = violation;
        format!("the schema's text at `#{path}` is refused: {message}")
    })?;
    let document: Value = serde_json::from_str(definition).map_err(|error| format!("the schema's text: {error}"))?;
    if document.is_object() || document.is_boolean() {
        Ok(document)
    } else {
        Err("a JSON Schema is an object, or `true` or `false`".to_owned())
    }
}

fn draft_of(document: &Value) -> Result<Draft, String> {
    match document
        .get("$schema")
        .map(|draft| draft.as_str().unwrap_or_default().trim_end_matches('#'))
    {
        None | Some("https://json-schema.org/draft/2020-12/schema") => Ok(Draft::Draft202012),
        Some("https://json-schema.org/draft/2019-09/schema") => Ok(Draft::Draft201909),
        Some("http://json-schema.org/draft-07/schema") => Ok(Draft::Draft7),
        Some(other) => Err(format!(
            "`$schema` is `{}`: write `http://json-schema.org/draft-07/schema#`, \
             `https://json-schema.org/draft/2019-09/schema` or `https://json-schema.org/draft/2020-12/schema`",
            other.chars().take(200).collect::<String>()
        )),
    }
}
