//! Elements by their place: a prefix of named places, and the rest.

use serde_json::{Map, Value};

use super::{super::Incompatibility, Comparison, Document, OlderSchemas};

/// How a schema divides an array.
struct Elements<'a> {
    prefix: &'a [Value],
    rest: Option<&'a Value>,
}

impl<'a> Elements<'a> {
    fn of(schema: &'a Map<String, Value>, side: &Document) -> Self {
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice);
        let (prefix, rest) = if side.has_prefix_items() {
            (list("prefixItems"), schema.get("items"))
        } else {
            let prefix = list("items");
            let rest = if prefix.is_some() { "additionalItems" } else { "items" };
            (prefix, schema.get(rest))
        };
        Self {
            prefix: prefix.unwrap_or(&[]),
            rest,
        }
    }

    fn at(&self, place: usize) -> Option<&'a Value> {
        self.prefix.get(place).or(self.rest)
    }
}

impl<'a> Comparison<'a, '_> {
    pub(super) fn items(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Map<String, Value>,
        place: &str,
    ) -> Result<(), Incompatibility> {
        let olds: Vec<_> = older.all.iter().filter_map(|schema| schema.as_object()).collect();
        let olds: Vec<_> = olds.into_iter().map(|schema| Elements::of(schema, self.old)).collect();
        let new = Elements::of(new, self.new);
        let longest = olds
            .iter()
            .map(|old| old.prefix.len())
            .max()
            .unwrap_or(0)
            .max(new.prefix.len());
        // The place behind the longest prefix stands for all that follow.
        for i in 0..=longest {
            let Some(wanted) = new.at(i) else { continue };
            let found: Vec<_> = olds.iter().filter_map(|old| old.at(i)).collect();
            self.accepts_all_of(&OlderSchemas::of(&found), wanted, &format!("{place}/items"))?;
        }
        Ok(())
    }
}
