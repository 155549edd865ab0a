//! What a schema says of values for which JSON has no type of its own.
//!
//! Components see JSON: a decimal is text there, a date a number. Which fields are such is known to the schema alone, so
//! it goes beside the document from where messages are decoded to the target, which stores them as what they are.
//!
//! Types may contain themselves, so this is a table of nodes that name each other by number.

use std::collections::HashMap;

/// What a field's text or number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A decimal, as text with all its digits.
    Decimal,
    /// A whole number of 64 bits, as text.
    Integer,
    /// A day, as a number of days since 1970-01-01.
    Date,
    /// A moment, as a number of units since 1970-01-01 UTC.
    Timestamp {
        /// Units in a second.
        per_second: u32,
    },
    /// A moment, as RFC 3339 text.
    Rfc3339,
}

/// A type of a schema. Numbers are places in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldNode {
    /// A value of its own type.
    Value(FieldType),
    /// An object with these members, and others of which nothing is known.
    Object(HashMap<String, usize>),
    /// An object of which every member is such.
    Map(usize),
    /// An array of such.
    Array(usize),
    /// Anything else.
    Other,
}

/// The types of a schema's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTypes(Vec<FieldNode>);

impl FieldTypes {
    /// Of a table whose first node is the document; `None` if no value in it has a type of its own. Numbers that are in
    /// no table stand for [`FieldNode::Other`].
    pub fn of(mut nodes: Vec<FieldNode>) -> Option<Self> {
        let mut typed = vec![false; nodes.len()];
        let known = |typed: &[bool], id: &usize| typed.get(*id).copied().unwrap_or(false);
        loop {
            let before = typed.iter().filter(|typed| **typed).count();
            for (id, node) in nodes.iter().enumerate() {
                typed[id] |= match node {
                    FieldNode::Value(_) => true,
                    FieldNode::Object(members) => members.values().any(|id| known(&typed, id)),
                    FieldNode::Map(of) | FieldNode::Array(of) => known(&typed, of),
                    FieldNode::Other => false,
                };
            }
            if typed.iter().filter(|typed| **typed).count() == before {
                break;
            }
        }
        for node in &mut nodes {
            if let FieldNode::Object(members) = node {
                members.retain(|_, id| known(&typed, id));
            }
        }
        known(&typed, &0).then_some(Self(nodes))
    }

    /// The document's type.
    pub fn root(&self) -> &FieldNode {
        self.node(0)
    }

    /// A type by its number.
    pub fn node(&self, id: usize) -> &FieldNode {
        self.0.get(id).unwrap_or(&FieldNode::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(members: &[(&str, usize)]) -> FieldNode {
        FieldNode::Object(members.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect())
    }

    #[test]
    fn only_what_leads_to_a_typed_value_is_kept() {
        let nodes = vec![
            object(&[("next", 0), ("plain", 1), ("price", 2), ("names", 3)]),
            FieldNode::Other,
            FieldNode::Value(FieldType::Decimal),
            FieldNode::Array(1),
        ];
        let types = FieldTypes::of(nodes).expect("a typed value");
        assert_eq!(*types.root(), object(&[("next", 0), ("price", 2)]));
    }

    #[test]
    fn a_schema_without_typed_values_is_none() {
        assert_eq!(FieldTypes::of(Vec::new()), None);
        assert_eq!(
            FieldTypes::of(vec![object(&[("self", 0), ("x", 1), ("y", 9)]), FieldNode::Other]),
            None
        );
    }
}
