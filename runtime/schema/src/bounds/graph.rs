//! A schema document as a graph: its subschemas, and how the evaluation of one leads to another.
//!
//! Keywords of all drafts are read, whichever draft the document is of: one that its draft ignores makes the bound larger,
//! never smaller.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    cost::Work,
    pattern,
    reference::{self, Target},
};
use crate::limits::{PATTERNS_MAX, SUBSCHEMAS_MAX};

/// What a metaschema costs at each value, where a schema says that a payload is itself a schema. More than any of them
/// has keywords.
const METASCHEMA: Work = Work {
    steps: 512,
    states: 512,
};

/// Subschemas; the root is the first.
pub(super) struct Graph {
    pub(super) schemas: Vec<Schema>,
}

/// A subschema.
#[derive(Default)]
pub(super) struct Schema {
    /// Where it is in its document.
    pub(super) pointer: String,
    /// What its own keywords cost at a value.
    pub(super) own: Work,
    /// What its own keywords cost at each member or element of a value.
    pub(super) each_member: Work,
    /// Whether it walks again over what applies in place.
    pub(super) walks: bool,
    /// What it leads to.
    pub(super) edges: Vec<Edge>,
}

/// How the evaluation of a schema leads to that of another.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    /// On the same value.
    InPlace(usize),
    /// On the same value, tried before its errors are asked for.
    Alternative(usize),
    /// On the one member of a name, or the one element of a place.
    Named(usize),
    /// On any member or element.
    Members(usize),
}

pub(super) fn read(document: &Value) -> Result<Graph, String> {
    let mut reader = Reader {
        document,
        schemas: Vec::new(),
        places: HashMap::new(),
        unread: Vec::new(),
        references: Vec::new(),
        anchors: HashMap::new(),
        patterns: 0,
    };
    reader.add(document, String::new())?;
    reader.read_all()?;
    Ok(Graph {
        schemas: reader.schemas,
    })
}

struct Reader<'d> {
    document: &'d Value,
    schemas: Vec<Schema>,
    /// Subschemas by their address, so that two references to one find the same.
    places: HashMap<*const Value, usize>,
    unread: Vec<(usize, &'d Value)>,
    references: Vec<(usize, &'d str)>,
    anchors: HashMap<&'d str, usize>,
    patterns: usize,
}

impl<'d> Reader<'d> {
    fn add(&mut self, value: &'d Value, pointer: String) -> Result<usize, String> {
        if let Some(&known) = self.places.get(&std::ptr::from_ref(value)) {
            return Ok(known);
        }
        if self.schemas.len() == SUBSCHEMAS_MAX {
            return Err(format!("the schema has more than {SUBSCHEMAS_MAX} subschemas"));
        }
        let number = self.schemas.len();
        self.schemas.push(Schema {
            pointer,
            ..Schema::default()
        });
        self.places.insert(value, number);
        self.unread.push((number, value));
        Ok(number)
    }

    /// Reads until nothing new turns up. Pointers may lead to places that no keyword does, so they are followed before
    /// any anchor is looked up.
    fn read_all(&mut self) -> Result<(), String> {
        let mut to_anchors = Vec::new();
        loop {
            while let Some((number, value)) = self.unread.pop() {
                self.read_schema(number, value)?;
            }
            let Some((from, text)) = self.references.pop() else {
                break;
            };
            match reference::parse(self.document, text)? {
                Target::Place { value, pointer } => {
                    let to = self.add(value, pointer)?;
                    self.schemas[from].edges.push(Edge::InPlace(to));
                }
                Target::Anchor(name) => to_anchors.push((from, name)),
                Target::Metaschema => {
                    self.schemas[from].own.steps += METASCHEMA.steps;
                    self.schemas[from].own.states += METASCHEMA.states;
                    self.schemas[from].each_member = METASCHEMA;
                }
            }
        }
        for (from, name) in to_anchors {
            let to = self.anchors.get(name.as_str());
            let to = to.ok_or_else(|| format!("`#{name}` is referred to, but no schema has that anchor"))?;
            self.schemas[from].edges.push(Edge::InPlace(*to));
        }
        Ok(())
    }

    fn read_schema(&mut self, number: usize, value: &'d Value) -> Result<(), String> {
        self.schemas[number].own.steps += 1;
        let Value::Object(keywords) = value else { return Ok(()) };
        for (keyword, value) in keywords {
            self.read_keyword(number, keyword, value)?;
        }
        Ok(())
    }

    fn read_keyword(&mut self, number: usize, keyword: &'d str, value: &'d Value) -> Result<(), String> {
        let Schema {
            own,
            each_member,
            walks,
            ..
        } = &mut self.schemas[number];
        match keyword {
            "$schema" if number != 0 && self.document.get("$schema") != Some(value) => {
                return Err(format!(
                    "`#{}` is of another draft than its document",
                    self.schemas[number].pointer
                ));
            }
            "$id" => return self.read_id(number, value),
            "$anchor" | "$dynamicAnchor" => return self.read_anchor(number, value),
            "$ref" | "$dynamicRef" | "$recursiveRef" => {
                self.references.extend(value.as_str().map(|text| (number, text)));
            }
            "allOf" => return self.read_list(number, keyword, value, Edge::InPlace),
            "anyOf" | "oneOf" => return self.read_list(number, keyword, value, Edge::Alternative),
            "then" | "else" => return self.read_one(number, keyword, value, Edge::InPlace),
            "not" | "if" => return self.read_one(number, keyword, value, Edge::Alternative),
            "dependentSchemas" | "dependencies" => {
                own.steps += values_in(value);
                return self.read_map(number, keyword, value, Some(Edge::InPlace));
            }
            "properties" => {
                own.steps += value.as_object().map_or(0, Map::len) as u64;
                return self.read_map(number, keyword, value, Some(Edge::Named));
            }
            "patternProperties" => {
                for source in value.as_object().into_iter().flat_map(Map::keys) {
                    let states = self.read_pattern(number, source)?;
                    let each_member = &mut self.schemas[number].each_member;
                    each_member.steps += 1;
                    each_member.states += states;
                }
                return self.read_map(number, keyword, value, Some(Edge::Members));
            }
            "pattern" => {
                let states = value
                    .as_str()
                    .map(|source| self.read_pattern(number, source))
                    .transpose()?;
                self.schemas[number].own.states += states.unwrap_or(0);
            }
            "items" if value.is_array() => return self.read_list(number, keyword, value, Edge::Named),
            "prefixItems" => return self.read_list(number, keyword, value, Edge::Named),
            "items" | "additionalItems" | "contains" | "additionalProperties" | "propertyNames" => {
                each_member.steps += 1;
                return self.read_one(number, keyword, value, Edge::Members);
            }
            "unevaluatedProperties" | "unevaluatedItems" => {
                *walks = true;
                each_member.steps += 1;
                return self.read_one(number, keyword, value, Edge::Members);
            }
            "$defs" | "definitions" => return self.read_map(number, keyword, value, None),
            "enum" | "const" | "required" | "dependentRequired" | "type" => own.steps += values_in(value),
            // Each reads all of the value it applies to, however deep that is, and once more at each level.
            "uniqueItems" | "contentMediaType" | "contentEncoding" => own.states += 16,
            "format" => own.states += 4,
            "minLength" | "maxLength" => own.states += 1,
            _ => own.steps += 1,
        }
        Ok(())
    }

    /// The document may have an `$id`; a schema in it may not, since it would change what `#` means below it. In draft 7
    /// an `$id` of the form `#name` is an anchor.
    fn read_id(&mut self, number: usize, value: &'d Value) -> Result<(), String> {
        match value.as_str() {
            Some(id) if id.starts_with('#') => self.define_anchor(number, &id[1..]),
            _ if number == 0 => Ok(()),
            _ => Err(format!(
                "`#{}` has an `$id` of its own: leave it out, and refer to the schema by its place, as in `#/$defs/name`",
                self.schemas[number].pointer
            )),
        }
    }

    fn read_anchor(&mut self, number: usize, value: &'d Value) -> Result<(), String> {
        value.as_str().map_or(Ok(()), |name| self.define_anchor(number, name))
    }

    fn define_anchor(&mut self, number: usize, name: &'d str) -> Result<(), String> {
        match self.anchors.insert(name, number) {
            Some(other) if other != number => Err(format!("two schemas have the anchor `#{name}`")),
            _ => Ok(()),
        }
    }

    fn read_pattern(&mut self, number: usize, source: &str) -> Result<u64, String> {
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            return Err(format!("the schema has more than {PATTERNS_MAX} patterns"));
        }
        pattern::states(source).map_err(|why| format!("the pattern at `#{}` {why}", self.schemas[number].pointer))
    }

    fn read_one(
        &mut self,
        from: usize,
        keyword: &str,
        value: &'d Value,
        edge: fn(usize) -> Edge,
    ) -> Result<(), String> {
        let pointer = format!("{}/{keyword}", self.schemas[from].pointer);
        let to = self.add(value, pointer)?;
        self.schemas[from].edges.push(edge(to));
        Ok(())
    }

    fn read_list(
        &mut self,
        from: usize,
        keyword: &str,
        value: &'d Value,
        edge: fn(usize) -> Edge,
    ) -> Result<(), String> {
        for (place, value) in value.as_array().into_iter().flatten().enumerate() {
            self.read_one(from, &format!("{keyword}/{place}"), value, edge)?;
        }
        Ok(())
    }

    fn read_map(
        &mut self,
        from: usize,
        keyword: &str,
        value: &'d Value,
        edge: Option<fn(usize) -> Edge>,
    ) -> Result<(), String> {
        for (name, value) in value.as_object().into_iter().flatten() {
            if !value.is_object() && !value.is_boolean() {
                continue;
            }
            let pointer = format!(
                "{}/{keyword}/{}",
                self.schemas[from].pointer,
                crate::pointer::escaped(name)
            );
            let to = self.add(value, pointer)?;
            self.schemas[from].edges.extend(edge.map(|edge| edge(to)));
        }
        Ok(())
    }
}

/// Values in a value, itself included.
fn values_in(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(values_in).sum::<u64>() + 1,
        Value::Object(members) => members.values().map(values_in).sum::<u64>() + 1,
        _ => 1,
    }
}
