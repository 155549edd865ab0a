//! `anyOf` and `oneOf`, on both sides.

use serde_json::Value;

use super::{super::Incompatibility, Comparison, OlderSchemas, older::Types};

impl<'a> Comparison<'a, '_> {
    /// Where the whole does not fit, each of its alternatives may.
    pub(super) fn split(
        &mut self,
        older: &OlderSchemas<'a>,
        new: &'a Value,
        place: &str,
        incompatibility: Incompatibility,
    ) -> Result<(), Incompatibility> {
        let has_alternatives = new.get("anyOf").is_some() || new.get("oneOf").is_some();
        let Some(cases) = older
            .alternatives()
            .or_else(|| older.by_type(self.type_schemas).filter(|_| has_alternatives))
        else {
            return Err(incompatibility);
        };
        for case in &cases {
            // The reason for the whole says more than the one for a part.
            self.accepts_all_of(case, new, place)
                .map_err(|_| incompatibility.clone())?;
        }
        Ok(())
    }

    pub(super) fn any_of(
        &mut self,
        older: &OlderSchemas<'a>,
        keyword: &str,
        value: &'a Value,
        place: &str,
    ) -> Result<(), Incompatibility> {
        let branches: &'a [Value] = value.as_array().map_or(&[], Vec::as_slice);
        for (i, branch) in branches.iter().enumerate() {
            if self
                .accepts_all_of(older, branch, &format!("{place}/{keyword}/{i}"))
                .is_ok()
            {
                return Ok(());
            }
        }
        Err(Incompatibility::new(
            format!("{place}/{keyword}"),
            "not everything that was allowed fits one of the alternatives",
        ))
    }

    /// Whether no value can be of two branches, because no two share a type.
    pub(super) fn are_distinct_types(&self, branches: &'a Value) -> bool {
        let mut seen = Types::NONE;
        branches.as_array().into_iter().flatten().all(|branch| {
            let types = OlderSchemas::of(&[branch]).flatten(self.new).types();
            let is_apart = !seen.overlaps(types);
            seen = seen.with(types);
            is_apart
        })
    }
}
