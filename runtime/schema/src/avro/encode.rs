//! From JSON to a bare datum.
//!
//! A union takes the value without Avro's JSON wrapper (`{"string": "x"}`), because documents of every other schema
//! type look like that: the first branch that fits is taken, in the schema's order. If only the wrapper can show which
//! branch is meant, the wrapper is accepted. Trying branches costs steps, of which there is a fixed number.

use serde_json::{Map, Value};

use super::{
    decimal,
    refusal::Refusal,
    scalars::{double, integer, is_uuid, single},
    schema::{Enum, Fixed, Id, Kind, Logical, Node, Record, Schema, short},
    wire::{put_bytes, put_length, put_long},
};
use crate::limits::{ALTERNATIVES_STEPS_MAX, PAYLOAD};

/// Writes a document as the schema's root.
pub(super) fn encode(schema: &Schema, document: &Value) -> Result<Vec<u8>, Refusal> {
    let mut encoder = Encoder::new(schema, ALTERNATIVES_STEPS_MAX);
    encoder.value(0, document)?;
    Ok(encoder.out)
}

/// Writes values, one after the other.
pub(super) struct Encoder<'s> {
    schema: &'s Schema,
    out: Vec<u8>,
    steps_left: usize,
    depth: usize,
    /// Inside a default, in which logical types are written as their underlying types.
    in_default: bool,
}

impl<'s> Encoder<'s> {
    pub(super) fn new(schema: &'s Schema, steps_max: usize) -> Self {
        Self {
            schema,
            out: Vec::new(),
            steps_left: steps_max,
            depth: 0,
            in_default: false,
        }
    }

    /// Writes the default of a field.
    pub(super) fn default(&mut self, node: Id, default: &Value) -> Result<(), Refusal> {
        let outer = std::mem::replace(&mut self.in_default, true);
        let written = self.value(node, default);
        self.in_default = outer;
        written
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    fn value(&mut self, id: Id, value: &Value) -> Result<(), Refusal> {
        let Some(left) = self.steps_left.checked_sub(1) else {
            return Err(Refusal::limit(
                "the document has too many values, or too many types to try for them",
            ));
        };
        self.steps_left = left;
        if self.out.len() > PAYLOAD.bytes_max {
            return Err(Refusal::limit("the document is too large with its defaults"));
        }
        let node = self.schema.node(id);
        if !node.kind.is_container() {
            return self.of_kind(node, value);
        }
        if self.depth == PAYLOAD.depth_max {
            return Err(Refusal::limit(format!(
                "the document is nested deeper than {}",
                PAYLOAD.depth_max
            )));
        }
        self.depth += 1;
        let written = self.of_kind(node, value);
        self.depth -= 1;
        written
    }

    fn of_kind(&mut self, node: &'s Node, value: &Value) -> Result<(), Refusal> {
        match (&node.kind, value) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Bool(is)) => self.out.push(u8::from(*is)),
            (Kind::Int, Value::Number(number)) => {
                put_long(&mut self.out, integer(number, i32::MIN.into(), i32::MAX.into())?)
            }
            (Kind::Long, Value::Number(number)) => put_long(&mut self.out, integer(number, i64::MIN, i64::MAX)?),
            (Kind::Float, Value::Number(number)) => self.out.extend_from_slice(&single(number)?.to_le_bytes()),
            (Kind::Double, Value::Number(number)) => self.out.extend_from_slice(&double(number)?.to_le_bytes()),
            (Kind::Bytes | Kind::Fixed(_), _) => self.binary(node, value)?,
            (Kind::String, Value::String(text)) => {
                if node.logical == Some(Logical::Uuid) && !self.in_default && !is_uuid(text) {
                    return Err("a UUID is expected, like \"123e4567-e89b-12d3-a456-426614174000\"".into());
                }
                put_bytes(&mut self.out, text.as_bytes());
            }
            (Kind::Enum(words), Value::String(text)) => self.word(words, text)?,
            (Kind::Array(items), Value::Array(values)) => {
                if !values.is_empty() {
                    put_length(&mut self.out, values.len());
                }
                for (i, value) in values.iter().enumerate() {
                    self.value(*items, value).map_err(|refusal| refusal.under_index(i))?;
                }
                self.out.push(0);
            }
            (Kind::Map(of), Value::Object(members)) => {
                if !members.is_empty() {
                    put_length(&mut self.out, members.len());
                }
                for (key, value) in members {
                    put_bytes(&mut self.out, key.as_bytes());
                    self.value(*of, value).map_err(|refusal| refusal.under_key(key))?;
                }
                self.out.push(0);
            }
            (Kind::Record(record), Value::Object(members)) => self.record(record, members)?,
            (Kind::Union(branches), _) => self.union(branches, value)?,
            (kind, _) => return Err(Refusal::new(format!("{} is expected", kind.described()))),
        }
        Ok(())
    }

    fn record(&mut self, record: &'s Record, members: &Map<String, Value>) -> Result<(), Refusal> {
        if let Some(unknown) = members.keys().find(|key| !record.numbers.contains_key(*key)) {
            let message = format!("record `{}` has no such field", record.name.full);
            return Err(Refusal::new(message).under_key(unknown));
        }
        for field in &record.fields {
            let written = match (members.get(&field.name), &field.default) {
                (Some(value), _) => self.value(field.node, value),
                (None, Some(default)) => self.default(field.node, default),
                (None, None) if self.takes_null(field.node) => self.value(field.node, &Value::Null),
                (None, None) => Err(Refusal::new("the field is missing, and has no default")),
            };
            written.map_err(|refusal| refusal.under_key(&field.name))?;
        }
        Ok(())
    }

    fn takes_null(&self, id: Id) -> bool {
        match &self.schema.node(id).kind {
            Kind::Null => true,
            Kind::Union(branches) => branches
                .iter()
                .any(|branch| matches!(self.schema.node(*branch).kind, Kind::Null)),
            _ => false,
        }
    }

    fn union(&mut self, branches: &'s [Id], value: &Value) -> Result<(), Refusal> {
        let mut first = None;
        for (i, branch) in branches.iter().enumerate() {
            if !self.schema.node(*branch).could_be(value) {
                continue;
            }
            match self.branch(i, *branch, value) {
                Ok(()) => return Ok(()),
                Err(refusal) if refusal.is_final => return Err(refusal),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        if let Some((name, inner)) = value
            .as_object()
            .filter(|object| object.len() == 1)
            .and_then(|o| o.iter().next())
        {
            let named = |branch: &Id| {
                let own = self.schema.node(*branch).kind.name();
                own == name || short(own) == name
            };
            if let Some((i, branch)) = branches.iter().enumerate().find(|(_, branch)| named(branch)) {
                return self
                    .branch(i, *branch, inner)
                    .map_err(|refusal| refusal.under_key(name));
            }
        }
        Err(first.unwrap_or_else(|| {
            let names: Vec<_> = branches
                .iter()
                .map(|branch| self.schema.node(*branch).kind.described())
                .collect();
            Refusal::new(format!("{} is expected", names.join(" or ")))
        }))
    }

    fn branch(&mut self, number: usize, id: Id, value: &Value) -> Result<(), Refusal> {
        let from = self.out.len();
        put_length(&mut self.out, number);
        let written = self.value(id, value);
        if written.is_err() {
            self.out.truncate(from);
        }
        written
    }

    fn word(&mut self, words: &Enum, text: &str) -> Result<(), Refusal> {
        let Some(number) = words.numbers.get(text) else {
            return Err(Refusal::new(format!(
                "a symbol of enum `{}` is expected",
                words.name.full
            )));
        };
        put_length(&mut self.out, *number);
        Ok(())
    }

    /// Bytes are text in which each character stands for the byte of its number, as in Avro's own JSON form; decimals are
    /// what they look like.
    fn binary(&mut self, node: &Node, value: &Value) -> Result<(), Refusal> {
        let bytes = match (&node.logical, value) {
            (Some(Logical::Decimal { precision, scale }), Value::String(_) | Value::Number(_)) if !self.in_default => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let bytes = decimal::parse(&text, *precision, *scale).map_err(Refusal::new)?;
                match &node.kind {
                    Kind::Fixed(Fixed { bytes: width, .. }) => {
                        decimal::widen(&bytes, *width).ok_or("the decimal does not fit the bytes of its type")?
                    }
                    _ => bytes,
                }
            }
            (Some(Logical::Decimal { .. }), _) if !self.in_default => {
                return Err("a decimal is expected, like \"12.34\"".into());
            }
            (_, Value::String(text)) => {
                let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
                bytes.map_err(|_| "bytes are text of the characters U+0000 to U+00FF, one for each byte")?
            }
            _ => return Err(Refusal::new(format!("{} is expected", node.kind.described()))),
        };
        match &node.kind {
            Kind::Fixed(fixed) if fixed.bytes == bytes.len() => self.out.extend_from_slice(&bytes),
            Kind::Fixed(fixed) => {
                let message = format!(
                    "`{}` has {} bytes, and this {}",
                    fixed.name.full,
                    fixed.bytes,
                    bytes.len()
                );
                return Err(Refusal::new(message));
            }
            _ => put_bytes(&mut self.out, &bytes),
        }
        Ok(())
    }
}
