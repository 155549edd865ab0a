//! One of the two documents under comparison.

use serde_json::Value;

use super::super::Break;
use crate::bounds::reference::{self, Target};

/// A document and its draft.
pub(super) struct Side {
    pub(super) document: Value,
    pub(super) draft: String,
}

impl Side {
    pub(super) fn read(text: &str, which: &str) -> Result<Self, Break> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| Break::new("#", format!("the {which} version: {error}")))?;
        let draft = document
            .get("$schema")
            .and_then(Value::as_str)
            .map(|draft| draft.trim_end_matches('#').to_owned());
        Ok(Self {
            draft: draft.unwrap_or_else(|| "https://json-schema.org/draft/2020-12/schema".to_owned()),
            document,
        })
    }

    /// Whether what stands beside a `$ref` is ignored, and `format` is more than a remark.
    pub(super) fn is_draft_7(&self) -> bool {
        self.draft.ends_with("draft-07/schema")
    }

    pub(super) fn has_prefix_items(&self) -> bool {
        self.draft.ends_with("2020-12/schema")
    }

    /// What a reference leads to, if that is a place in this document.
    pub(super) fn resolve(&self, text: &str) -> Option<(&Value, String)> {
        match reference::parse(&self.document, text) {
            Ok(Target::Place { value, pointer }) => Some((value, pointer)),
            _ => None,
        }
    }
}
