//! Members: named, by pattern, and the rest.

use serde_json::{Map, Value};

use super::{super::Break, Comparison, Older, escaped, is_anything, strings};

/// What the older schemas say about a member.
enum Member<'a> {
    /// All of these hold for it; none is anything.
    Is(Older<'a>),
    /// Nothing at all: taken to be unused.
    Unnamed,
}

/// `required`.
pub(super) fn required(older: &Older<'_>, value: &Value, at: &str) -> Result<(), Break> {
    let missing = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    match missing.into_iter().find(|name| !is_required(older, name)) {
        Some(name) => Err(Break::new(at, format!("`{name}` was not required before"))),
        None => Ok(()),
    }
}

fn is_required(older: &Older<'_>, name: &str) -> bool {
    let mut lists = older.all.iter().filter_map(|schema| schema.get("required"));
    lists.any(|list| strings(list).contains(name))
}

fn members<'a>(schema: &'a Value, keyword: &str) -> Option<&'a Map<String, Value>> {
    schema
        .get(keyword)
        .and_then(Value::as_object)
        .filter(|members| !members.is_empty())
}

fn member<'a>(older: &Older<'a>, name: &str) -> Member<'a> {
    let (mut found, mut is_named) = (Vec::new(), is_required(older, name));
    for schema in &older.all {
        if let Some(own) = members(schema, "properties").and_then(|named| named.get(name)) {
            found.push(own);
        } else if members(schema, "patternProperties").is_some() {
            // A pattern may match it, or not.
            is_named = true;
        } else if let Some(extra) = schema.get("additionalProperties").filter(|extra| !is_anything(extra)) {
            found.push(extra);
        }
    }
    // Where no member is named at all, anything may be there: a bag of labels, for example.
    is_named |= !found.is_empty() || !older.all.iter().any(|schema| members(schema, "properties").is_some());
    if is_named {
        Member::Is(Older::of(&found))
    } else {
        Member::Unnamed
    }
}

impl<'a> Comparison<'a, '_> {
    pub(super) fn properties(&mut self, older: &Older<'a>, value: &'a Value, at: &str) -> Result<(), Break> {
        for (name, wanted) in value.as_object().into_iter().flatten() {
            if let Member::Is(found) = member(older, name) {
                self.fits(&found, wanted, &format!("{at}/{}", escaped(name)))?;
            }
        }
        Ok(())
    }

    pub(super) fn patterns(&mut self, older: &Older<'a>, value: &'a Value, at: &str) -> Result<(), Break> {
        for (pattern, wanted) in value.as_object().into_iter().flatten() {
            if is_anything(wanted) {
                continue;
            }
            let at = format!("{at}/{}", escaped(pattern));
            let schemas = older
                .all
                .iter()
                .filter_map(|schema| members(schema, "patternProperties"));
            let found: Vec<_> = schemas.filter_map(|patterns| patterns.get(pattern)).collect();
            if found.is_empty() {
                return Err(Break::new(
                    at,
                    "the pattern is new: which members it matches is not known",
                ));
            }
            self.fits(&Older::of(&found), wanted, &at)?;
        }
        Ok(())
    }

    /// `additionalProperties`: all that the new schema does not name must have been as narrow.
    pub(super) fn extras(
        &mut self,
        older: &Older<'a>,
        new: &'a Map<String, Value>,
        wanted: &'a Value,
        at: &str,
    ) -> Result<(), Break> {
        if is_anything(wanted) {
            return Ok(());
        }
        let mut broken = Break::new(at, "members that are not named were allowed, and are now restricted");
        for schema in &older.all {
            let Some(extra) = schema.get("additionalProperties").filter(|extra| !is_anything(extra)) else {
                continue;
            };
            match self.extras_of(older, schema, extra, new, wanted, at) {
                Ok(()) => return Ok(()),
                Err(found) => broken = found,
            }
        }
        Err(broken)
    }

    fn extras_of(
        &mut self,
        older: &Older<'a>,
        schema: &'a Value,
        extra: &'a Value,
        new: &'a Map<String, Value>,
        wanted: &'a Value,
        at: &str,
    ) -> Result<(), Break> {
        let named_now = |keyword: &str, name: &str| new.get(keyword).is_some_and(|members| members.get(name).is_some());
        for name in members(schema, "properties").into_iter().flat_map(Map::keys) {
            if !named_now("properties", name)
                && let Member::Is(found) = member(older, name)
            {
                let gone = |_| Break::new(at, format!("property `{name}` is gone, and others are restricted"));
                self.fits(&found, wanted, at).map_err(gone)?;
            }
        }
        for (pattern, found) in members(schema, "patternProperties").into_iter().flatten() {
            if !named_now("patternProperties", pattern) {
                self.fits(&Older::of(&[found]), wanted, at)?;
            }
        }
        self.fits(&Older::of(&[extra]), wanted, at)
    }

    pub(super) fn property_names(&mut self, older: &Older<'a>, wanted: &'a Value, at: &str) -> Result<(), Break> {
        // A name is text.
        let mut found: Vec<_> = self.kinds.iter().filter(|kind| kind["type"] == "string").collect();
        found.extend(older.all.iter().filter_map(|schema| schema.get("propertyNames")));
        self.fits(&Older::of(&found), wanted, at)
    }
}
