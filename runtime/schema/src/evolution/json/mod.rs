//! Whether every document that an older JSON Schema accepts is accepted by the new one.
//!
//! Each keyword of the new schema must follow from the older one: the same or a narrower `type`, `enum`, bound, length or
//! `multipleOf`, the same `pattern` or `format`, a name in `required` that was there, a property, element or extra whose
//! own schema was as narrow. `$ref` and `allOf` are followed on both sides; an alternative of the older schema (`anyOf`,
//! `oneOf`) is compared branch by branch.
//!
//! Breaks are thus: a name added to `required` (with or without `default`, which no validator fills in), a type, value or
//! range that is gone, a `pattern` or `format` that is new or another, `additionalProperties` closed or narrowed, a
//! property removed where others are not allowed. Taken for a break because it is not decided: another `$schema`; changed
//! `not`, `if`, `dependent…`, `contains`, `unevaluated…`; changed `oneOf` whose branches are not told apart by `type`;
//! references by anchor; a new `patternProperties`.
//!
//! One assumption is made: where the older schema names properties, one that it does not name, and neither restricts nor
//! requires, was not used. Without it an open schema could never get another property.

mod alternatives;
mod arrays;
mod numbers;
mod objects;
mod older;
mod same;
mod side;

use std::collections::HashSet;

use serde_json::{Map, Value};

use self::{older::Older, same::Same, side::Side};
use super::{Break, Pairs};
use crate::bounds::reference;

pub(super) fn compare(old: &str, new: &str) -> Result<(), Break> {
    let (old, new) = (Side::read(old, "older")?, Side::read(new, "new")?);
    if old.draft != new.draft {
        return Err(Break::new("#/$schema", "the draft changed"));
    }
    let kinds = older::kinds();
    let mut same = Same::new(&old.document, &new.document);
    Pairs::settle(|pairs| {
        let mut comparison = Comparison {
            old: &old,
            new: &new,
            kinds: &kinds,
            pairs,
            same: &mut same,
        };
        comparison.fits(&Older::of(&[&old.document]), &new.document, "#")
    })
}

/// A comparison under way.
struct Comparison<'a, 'p> {
    old: &'a Side,
    new: &'a Side,
    /// A schema for each type.
    kinds: &'a [Value],
    pairs: &'p mut Pairs<(Vec<usize>, Vec<usize>, usize)>,
    same: &'p mut Same<'a>,
}

impl<'a> Comparison<'a, '_> {
    /// Whether all that satisfies every one of `older` satisfies `new`.
    fn fits(&mut self, older: &Older<'a>, new: &'a Value, place: &str) -> Result<(), Break> {
        self.pairs.step()?;
        let older = older.flattened(self.old);
        older.all.iter().try_for_each(|_| self.pairs.step())?;
        let pair = older.with(new);
        if let Some(known) = self.pairs.known(&pair) {
            return known;
        }
        let result = match self.follows(&older, new, place) {
            Err(broken) if !self.pairs.is_over() => self.split(&older, new, place, broken),
            result => result,
        };
        self.pairs.found(pair, result)
    }

    fn follows(&mut self, older: &Older<'a>, new: &'a Value, place: &str) -> Result<(), Break> {
        let types = older.types();
        if types.is_empty() {
            return Ok(());
        }
        let new_keywords = match new {
            Value::Bool(false) => return Err(Break::new(place, "nothing is allowed here any more")),
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
                return Err(Break::new(format!("{place}/$ref"), "the reference cannot be followed"));
            };
            self.fits(older, target, &format!("#{pointer}"))?;
            if self.new.is_draft_7() {
                return Ok(());
            }
        }
        for (keyword, value) in new_keywords {
            self.keyword(older, new_keywords, keyword, value, place)?;
        }
        Ok(())
    }

    fn keyword(
        &mut self,
        older: &Older<'a>,
        new: &'a Map<String, Value>,
        keyword: &str,
        value: &'a Value,
        place: &str,
    ) -> Result<(), Break> {
        let types = older.types();
        let at = || format!("{place}/{keyword}");
        match keyword {
            "type" => {
                let gone = types.without(older::Types::named(value));
                if !gone.is_empty() {
                    return Err(Break::new(at(), format!("{gone} is no longer allowed")));
                }
                Ok(())
            }
            "enum" | "const" => {
                let listed = std::slice::from_ref(value);
                let allowed = value
                    .as_array()
                    .filter(|_| keyword == "enum")
                    .map_or(listed, Vec::as_slice);
                match older.values() {
                    Some(values) if values.iter().all(|value| allowed.contains(value)) => Ok(()),
                    _ => Err(Break::new(at(), "not every value that was allowed still is")),
                }
            }
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf" => {
                if types.has_numbers() {
                    numbers::value(older, keyword, value, &at())
                } else {
                    Ok(())
                }
            }
            "minLength" | "maxLength" if types.has_strings() => numbers::size(older, keyword, value, &at()),
            "minItems" | "maxItems" if types.has_arrays() => numbers::size(older, keyword, value, &at()),
            "minProperties" | "maxProperties" if types.has_objects() => numbers::size(older, keyword, value, &at()),
            "pattern" if types.has_strings() => self.unchanged(older, new, &["pattern"], &at()),
            "format" | "contentEncoding" | "contentMediaType" if types.has_strings() && self.new.is_draft_7() => {
                self.unchanged(older, new, &[keyword], &at())
            }
            "uniqueItems" if types.has_arrays() && value == &Value::Bool(true) => {
                self.unchanged(older, new, &["uniqueItems"], &at())
            }
            "items" | "prefixItems" | "additionalItems" if types.has_arrays() => self.items(older, new, place),
            "contains" | "minContains" | "maxContains" if types.has_arrays() => {
                self.unchanged(older, new, &["contains", "minContains", "maxContains"], &at())
            }
            "unevaluatedItems" if types.has_arrays() && !is_anything(value) => Err(undecided(&at())),
            "required" if types.has_objects() => objects::required(older, value, &at()),
            "properties" if types.has_objects() => self.properties(older, value, &at()),
            "patternProperties" if types.has_objects() => self.patterns(older, value, &at()),
            "additionalProperties" if types.has_objects() => self.extras(older, new, value, &at()),
            "propertyNames" if types.has_objects() => self.property_names(older, value, &at()),
            "dependencies" | "dependentRequired" | "dependentSchemas" if types.has_objects() => {
                self.unchanged(older, new, &[keyword], &at())
            }
            "unevaluatedProperties" if types.has_objects() && !is_anything(value) => Err(undecided(&at())),
            "not" => self.unchanged(older, new, &["not"], &at()),
            "if" | "then" | "else" => self.unchanged(older, new, &["if", "then", "else"], &at()),
            "$dynamicRef" | "$recursiveRef" => Err(undecided(&at())),
            "allOf" => {
                for (i, branch) in value.as_array().into_iter().flatten().enumerate() {
                    self.fits(older, branch, &format!("{place}/allOf/{i}"))?;
                }
                Ok(())
            }
            "anyOf" => self.any_of(older, keyword, value, place),
            "oneOf" if self.are_told_apart(value) => self.any_of(older, keyword, value, place),
            "oneOf" => self.unchanged(older, new, &["oneOf"], &at()),
            // The rest are remarks.
            _ => Ok(()),
        }
    }

    /// Whether one of the older schemas says the same with these keywords, which only together mean anything.
    fn unchanged(
        &mut self,
        older: &Older<'a>,
        new: &'a Map<String, Value>,
        keywords: &[&str],
        at: &str,
    ) -> Result<(), Break> {
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
        Err(Break::new(
            at,
            "this is new or changed, and what it excludes was allowed or cannot be compared",
        ))
    }
}

/// Whether a schema accepts everything, at a glance.
fn is_anything(schema: &Value) -> bool {
    matches!(schema, Value::Bool(true)) || schema.as_object().is_some_and(Map::is_empty)
}

fn undecided(at: &str) -> Break {
    Break::new(at, "schemas with this keyword are only compared for being the same")
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    reference::escaped(name)
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
