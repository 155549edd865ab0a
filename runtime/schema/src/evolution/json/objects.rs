//! Members: named, by pattern, and the rest.

use serde_json::{Map, Value};

use super::{super::Incompatibility, Comparison, OlderSchemas, accepts_anything, escaped, strings};

/// What the older schemas say about a member.
enum Member<'a> {
    /// All of these hold for it; none is anything.
    Is(OlderSchemas<'a>),
    /// Nothing at all: taken to be unused.
    Unnamed,
}

/// `required`.
pub(super) fn required(older: &OlderSchemas<'_>, value: &Value, at: &str) -> Result<(), Incompatibility> {
    let missing = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    match missing.into_iter().find(|name| !is_required(older, name)) {
        Some(name) => Err(Incompatibility::new(at, format!("`{name}` was not required before"))),
        None => Ok(()),
    }
}

fn is_required(older: &OlderSchemas<'_>, name: &str) -> bool {
    let mut lists = older.all.iter().filter_map(|schema| schema.get("required"));
    lists.any(|list| strings(list).contains(name))
}

fn members<'a>(schema: &'a Value, keyword: &str) -> Option<&'a Map<String, Value>> {
    schema
        .get(keyword)
        .and_then(Value::as_object)
        .filter(|members| !members.is_empty())
}

fn member<'a>(older: &OlderSchemas<'a>, name: &str) -> Member<'a> {
    let (mut found, mut is_named) = (Vec::new(), is_required(older, name));
    for schema in &older.all {
        if let Some(own) = members(schema, "properties").and_then(|named| named.get(name)) {
            found.push(own);
        } else if members(schema, "patternProperties").is_some() {
            // A pattern may match it, or not.
            is_named = true;
        } else if let Some(extra) = schema
            .get("additionalProperties")
            .filter(|extra| !accepts_anything(extra))
        {
            found.push(extra);
        }
    }
    // Where no member is named at all, anything may be there: a bag of labels, for example.
    is_named |= !found.is_empty() || !older.all.iter().any(|schema| members(schema, "properties").is_some());
    if is_named {
        Member::Is(OlderSchemas::of(&found))
    } else {
        Member::Unnamed
    }
}

impl<'a> Comparison<'a, '_> {
    pub(super) fn properties(
        &mut self,
        older: &OlderSchemas<'a>,
        value: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        for (name, wanted) in value.as_object().into_iter().flatten() {
            if let Member::Is(found) = member(older, name) {
                self.accepts_all_of(&found, wanted, &format!("{at}/{}", escaped(name)))?;
            }
        }
        Ok(())
    }

    pub(super) fn patterns(
        &mut self,
        older: &OlderSchemas<'a>,
        value: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        for (pattern, wanted) in value.as_object().into_iter().flatten() {
            if accepts_anything(wanted) {
                continue;
            }
            let at = format!("{at}/{}", escaped(pattern));
            let schemas = older
                .all
                .iter()
                .filter_map(|schema| members(schema, "patternProperties"));
            let found: Vec<_> = schemas.filter_map(|patterns| patterns.get(pattern)).collect();
            if found.is_empty() {
                return Err(Incompatibility::new(
                    at,
                    "the pattern is new: which members it matches is not known",
                ));
            }
            self.accepts_all_of(&OlderSchemas::of(&found), wanted, &at)?;
        }
        Ok(())
    }

    /// `additionalProperties`: all that the new schema does not name must have been as narrow.
    pub(super) fn extras(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        wanted: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        if accepts_anything(wanted) {
            return Ok(());
        }
        let mut incompatibility =
            Incompatibility::new(at, "members that are not named were allowed, and are now restricted");
        for schema in &older.all {
            let Some(extra) = schema
                .get("additionalProperties")
                .filter(|extra| !accepts_anything(extra))
            else {
                continue;
            };
            match self.extras_of(older, schema, extra, new, wanted, at) {
                Ok(()) => return Ok(()),
                Err(found) => incompatibility = found,
            }
        }
        Err(incompatibility)
    }

    fn extras_of(
        &mut self,
        older: &OlderSchemas<'a>,
        schema: &'a Value,
        extra: &'a Value,
        new: &'a Map<String, Value>,
        wanted: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        let named_now = |keyword: &str, name: &str| new.get(keyword).is_some_and(|members| members.get(name).is_some());
        for name in members(schema, "properties").into_iter().flat_map(Map::keys) {
            if !named_now("properties", name)
                && let Member::Is(found) = member(older, name)
            {
                let gone =
                    |_| Incompatibility::new(at, format!("property `{name}` is gone, and others are restricted"));
                self.accepts_all_of(&found, wanted, at).map_err(gone)?;
            }
        }
        for (pattern, found) in members(schema, "patternProperties").into_iter().flatten() {
            if !named_now("patternProperties", pattern) {
                self.accepts_all_of(&OlderSchemas::of(&[found]), wanted, at)?;
            }
        }
        self.accepts_all_of(&OlderSchemas::of(&[extra]), wanted, at)
    }

    pub(super) fn property_names(
        &mut self,
        older: &OlderSchemas<'a>,
        wanted: &'a Value,
        at: &str,
    ) -> Result<(), Incompatibility> {
        // A name is text.
        let mut found: Vec<_> = self
            .type_schemas
            .iter()
            .filter(|kind| kind["type"] == "string")
            .collect();
        found.extend(older.all.iter().filter_map(|schema| schema.get("propertyNames")));
        self.accepts_all_of(&OlderSchemas::of(&found), wanted, at)
    }
}
