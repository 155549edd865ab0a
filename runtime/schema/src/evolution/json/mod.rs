//! Checks whether every document that an older JSON Schema accepts is accepted by the new one.
//!
//! Each keyword of the new schema must follow from the older one: the same or a narrower `type`, `enum`, bound, length
//! or `multipleOf`; the same `pattern` or `format`; a name in `required` that was required before; a property, element
//! or additional property whose schema was as narrow. `$ref` and `allOf` are followed on both sides; alternatives of
//! the older schema (`anyOf`, `oneOf`) are compared one by one.
//!
//! Incompatible are therefore: a name added to `required` (with or without `default`, which no validator fills in); a
//! type, value or range that was removed; a new or changed `pattern` or `format`; `additionalProperties` closed or
//! narrowed; a property removed where additional ones are not allowed. Counted as incompatible because it is not
//! decided: another `$schema`; changed `not`, `if`, `dependent…`, `contains`, `unevaluated…`; changed `oneOf` whose
//! branches do not differ by `type`; references by anchor; a new `patternProperties`.
//!
//! One assumption: if the older schema names properties, a property that it neither names, restricts nor requires was
//! not used. Without it an open schema could never get another property.

mod alternatives;
mod arrays;
mod document;
mod equality;
mod numbers;
mod objects;
mod older;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::{document::Document, equality::EqualityCheck, older::OlderSchemas};
use super::{ComparedPairs, Incompatibility};
use crate::pointer::escaped;

pub(super) fn compare(old: &str, new: &str) -> Result<(), Incompatibility> {
    let (old, new) = (Document::read(old, "older")?, Document::read(new, "new")?);
    if old.draft != new.draft {
        return Err(Incompatibility::new("#/$schema", "the draft changed"));
    }
    let type_schemas = older::type_schemas();
    let mut same = EqualityCheck::new(&old.document, &new.document);
    ComparedPairs::compare_all(|pairs| {
        let mut comparison = Comparison {
            old: &old,
            new: &new,
            type_schemas: &type_schemas,
            pairs,
            same: &mut same,
        };
        comparison.accepts_all_of(&OlderSchemas::of(&[&old.document]), &new.document, "#")
    })
}

/// A running comparison.
struct Comparison<'a, 'p> {
    old: &'a Document,
    new: &'a Document,
    /// A schema for each type.
    type_schemas: &'a [Value],
    pairs: &'p mut ComparedPairs<(Vec<usize>, Vec<usize>, usize)>,
    same: &'p mut EqualityCheck<'a>,
}

impl<'a> Comparison<'a, '_> {
    /// Checks that every value that satisfies all of `older` satisfies `new`.
    fn accepts_all_of(&mut self, older: &OlderSchemas<'a>, new: &'a Value, place: &str) -> Result<(), Incompatibility> {
        self.pairs.step()?;
        let older = older.flatten(self.old);
        older.all.iter().try_for_each(|_| self.pairs.step())?;
        let pair = older.with(new);
        if let Some(known) = self.pairs.known_result(&pair) {
            return known;
        }
        let result = match self.check_follows(&older, new, place) {
            Err(incompatibility) if !self.pairs.is_exhausted() => self.split(&older, new, place, incompatibility),
            result => result,
        };
        self.pairs.record_result(pair, result)
    }

    fn check_follows(&mut self, older: &OlderSchemas<'a>, new: &'a Value, place: &str) -> Result<(), Incompatibility> {
        let types = older.types();
        if types.is_empty() {
            return Ok(());
        }
        let new_keywords = match new {
            Value::Bool(false) => return Err(Incompatibility::new(place, "nothing is allowed here any more")),
            Value::Object(keywords) => keywords,
            _ => return Ok(()),
        };
        for schema in &older.all {
            if self.same.check(schema, new)? {
                return Ok(());
            }
        }
        if let Some(Value::String(text)) = new_keywords.get("$ref") {
            let Some((target, pointer)) = self.new.resolve(text) else {
                return Err(Incompatibility::new(
                    format!("{place}/$ref"),
                    "the reference cannot be followed",
                ));
            };
            self.accepts_all_of(older, target, &format!("#{pointer}"))?;
            if self.new.is_draft_7() {
                return Ok(());
            }
        }
        for (keyword, value) in new_keywords {
            self.check_keyword(older, new_keywords, keyword, value, place)?;
        }
        Ok(())
    }

    fn check_keyword(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        keyword: &str,
        value: &'a Value,
        place: &str,
    ) -> Result<(), Incompatibility> {
        let types = older.types();
        let at = format!("{place}/{keyword}");
        match keyword {
            "type" => {
                let gone = types.without(older::Types::named(value));
                match gone.is_empty() {
                    true => Ok(()),
                    false => Err(Incompatibility::new(at, format!("{gone} is no longer allowed"))),
                }
            }
            "enum" | "const" => check_values(older, keyword, value, at),
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf" if types.has_numbers() => {
                numbers::value(older, keyword, value, &at)
            }
            "minLength" | "maxLength" if types.has_strings() => numbers::size(older, keyword, value, &at),
            "pattern" if types.has_strings() => self.unchanged(older, new, &["pattern"], &at),
            "format" | "contentEncoding" | "contentMediaType" if types.has_strings() && self.new.is_draft_7() => {
                self.unchanged(older, new, &[keyword], &at)
            }
            "not" => self.unchanged(older, new, &["not"], &at),
            "if" | "then" | "else" => self.unchanged(older, new, &["if", "then", "else"], &at),
            "$dynamicRef" | "$recursiveRef" => Err(undecided(&at)),
            "allOf" => {
                for (i, branch) in value.as_array().into_iter().flatten().enumerate() {
                    self.accepts_all_of(older, branch, &format!("{place}/allOf/{i}"))?;
                }
                Ok(())
            }
            "anyOf" => self.any_of(older, keyword, value, place),
            "oneOf" if self.are_distinct_types(value) => self.any_of(older, keyword, value, place),
            "oneOf" => self.unchanged(older, new, &["oneOf"], &at),
            _ => {
                if types.has_arrays() {
                    self.check_array_keyword(older, new, keyword, value, place)?;
                }
                if types.has_objects() {
                    self.check_object_keyword(older, new, keyword, value, &at)?;
                }
                Ok(())
            }
        }
    }

    fn check_array_keyword(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        keyword: &str,
        value: &'a Value,
        place: &str,
    ) -> Result<(), Incompatibility> {
        let at = format!("{place}/{keyword}");
        match keyword {
            "minItems" | "maxItems" => numbers::size(older, keyword, value, &at),
            "uniqueItems" if value == &Value::Bool(true) => self.unchanged(older, new, &["uniqueItems"], &at),
            "items" | "prefixItems" | "additionalItems" => self.items(older, new, place),
            "contains" | "minContains" | "maxContains" => {
                self.unchanged(older, new, &["contains", "minContains", "maxContains"], &at)
            }
            "unevaluatedItems" if !accepts_anything(value) => Err(undecided(&at)),
            // The rest are annotations.
            _ => Ok(()),
        }
    }

    fn check_object_keyword(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        keyword: &str,
        value: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        match keyword {
            "minProperties" | "maxProperties" => numbers::size(older, keyword, value, at),
            "required" => objects::required(older, value, at),
            "properties" => self.properties(older, value, at),
            "patternProperties" => self.patterns(older, value, at),
            "additionalProperties" => self.extras(older, new, value, at),
            "propertyNames" => self.property_names(older, value, at),
            "dependencies" | "dependentRequired" | "dependentSchemas" => self.unchanged(older, new, &[keyword], at),
            "unevaluatedProperties" if !accepts_anything(value) => Err(undecided(at)),
            // The rest are annotations.
            _ => Ok(()),
        }
    }

    /// Checks that one of the older schemas has the same values of these keywords, which have a meaning only together.
    fn unchanged(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        keywords: &[&str],
        at: &str,
    ) -> Result<(), Incompatibility> {
        'schemas: for schema in &older.all {
            for keyword in keywords {
                let is_same = match (schema.get(*keyword), new.get(*keyword)) {
                    (None, None) => true,
                    (Some(old), Some(new)) => self.same.check(old, new)?,
                    _ => false,
                };
                if !is_same {
                    continue 'schemas;
                }
            }
            return Ok(());
        }
        Err(Incompatibility::new(
            at,
            "this is new or changed, and what it excludes was allowed or cannot be compared",
        ))
    }
}

/// `enum` and `const`: every value that the older schemas allow must be listed.
fn check_values(older: &OlderSchemas<'_>, keyword: &str, value: &Value, at: String) -> Result<(), Incompatibility> {
    let listed = std::slice::from_ref(value);
    let allowed = value
        .as_array()
        .filter(|_| keyword == "enum")
        .map_or(listed, Vec::as_slice);
    match older.values() {
        Some(values) if values.iter().all(|value| allowed.contains(value)) => Ok(()),
        _ => Err(Incompatibility::new(at, "not every value that was allowed still is")),
    }
}

/// Whether a schema obviously accepts everything.
fn accepts_anything(schema: &Value) -> bool {
    matches!(schema, Value::Bool(true)) || schema.as_object().is_some_and(Map::is_empty)
}

fn undecided(at: &str) -> Incompatibility {
    Incompatibility::new(at, "schemas with this keyword are only compared for being the same")
}

/// Strings of a list.
fn strings(value: &Value) -> HashSet<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
