//! Checks whether two schemas are the same: equal as JSON, including everything that they refer to.

use std::collections::HashSet;

use serde_json::Value;

use super::super::TooManySteps;
use crate::{
    bounds::reference::{self, Target},
    limits::COMPARE_STEPS_MAX,
};

/// Compares parts of two documents.
pub(super) struct EqualityCheck<'a> {
    old: &'a Value,
    new: &'a Value,
    /// References that lead to different schemas.
    different: HashSet<&'a str>,
    steps: usize,
}

impl<'a> EqualityCheck<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        Self {
            old,
            new,
            different: HashSet::new(),
            steps: 0,
        }
    }

    pub(super) fn check(&mut self, old: &'a Value, new: &'a Value) -> Result<bool, TooManySteps> {
        self.step()?;
        if old != new {
            return Ok(false);
        }
        let (mut seen, mut references) = (HashSet::new(), Vec::new());
        self.collect(new, &mut references)?;
        while let Some(text) = references.pop() {
            if !seen.insert(text) {
                continue;
            }
            let is_same = match (reference::parse(self.old, text), reference::parse(self.new, text)) {
                (Ok(Target::Place { value: old, .. }), Ok(Target::Place { value: new, .. })) => {
                    let is_same = !self.different.contains(text) && old == new;
                    self.collect(new, &mut references)?;
                    is_same
                }
                (Ok(Target::Metaschema), Ok(Target::Metaschema)) => true,
                _ => false,
            };
            if !is_same {
                self.different.insert(text);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Collects every reference in a schema. A dynamic one, whose target depends on how it was reached, is never the
    /// same.
    fn collect(&mut self, schema: &'a Value, references: &mut Vec<&'a str>) -> Result<(), TooManySteps> {
        self.step()?;
        match schema {
            Value::Array(items) => items.iter().try_for_each(|item| self.collect(item, references)),
            Value::Object(members) => members.iter().try_for_each(|(key, value)| {
                match (key.as_str(), value) {
                    ("$ref", Value::String(text)) => references.push(text),
                    ("$dynamicRef" | "$recursiveRef", _) => references.push("#not-a-place"),
                    _ => {}
                }
                self.collect(value, references)
            }),
            _ => Ok(()),
        }
    }

    fn step(&mut self) -> Result<(), TooManySteps> {
        self.steps += 1;
        if self.steps > COMPARE_STEPS_MAX {
            Err(TooManySteps)
        } else {
            Ok(())
        }
    }
}
