//! One of the two compared documents.

use serde_json::Value;

use super::super::Incompatibility;
use crate::bounds::reference::{self, Target};

/// A document and its draft.
pub(super) struct Document {
    pub(super) document: Value,
    pub(super) draft: String,
}

impl Document {
    pub(super) fn read(text: &str, which: &str) -> Result<Self, Incompatibility> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| Incompatibility::new("#", format!("the {which} version: {error}")))?;
        let draft = document
            .get("$schema")
            .and_then(Value::as_str)
            .map(|draft| draft.trim_end_matches('#').to_owned());
        Ok(Self {
            draft: draft.unwrap_or_else(|| "https://json-schema.org/draft/2020-12/schema".to_owned()),
            document,
        })
    }

    /// Whether keywords beside a `$ref` are ignored, and `format` is checked.
    pub(super) fn is_draft_7(&self) -> bool {
        self.draft.ends_with("draft-07/schema")
    }

    pub(super) fn has_prefix_items(&self) -> bool {
        self.draft.ends_with("2020-12/schema")
    }

    /// The schema that a reference leads to, if it is in this document.
    pub(super) fn resolve(&self, text: &str) -> Option<(&Value, String)> {
        match reference::parse(&self.document, text) {
            Ok(Target::Place { value, pointer }) => Some((value, pointer)),
            _ => None,
        }
    }
}
