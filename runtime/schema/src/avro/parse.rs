//! Parses a schema's text to its table of nodes. Every error has a path.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    annotations::{full_name, is_identifier, logical, name, shortened, strings},
    other_texts::OtherTexts,
    schema::{Enum, Field, Fixed, Id, Kind, Name, Node, Record, Schema},
};
use crate::{
    limits::{DEFINITION, PAYLOAD, SUBSCHEMAS_MAX},
    strict,
};

/// Parses a schema's text; the error is a message. Defaults are not checked yet.
pub(super) fn parse(text: &str) -> Result<Schema, String> {
    parse_with(text, OtherTexts::default())
}

/// The same for a text that names types of other ones.
pub(super) fn parse_with(text: &str, others: OtherTexts) -> Result<Schema, String> {
    let document = read_text(text)?;
    let mut parser = Parser {
        others,
        ..Parser::default()
    };
    let root = parser.read(&document, "", &mut SchemaPath::default())?;
    if root != 0 {
        return Err("the schema's text is the name of a type inside another text's".to_owned());
    }
    Ok(Schema { nodes: parser.nodes })
}

/// The JSON of a text.
pub(super) fn read_text(text: &str) -> Result<Value, String> {
    strict::scan(text.as_bytes(), DEFINITION)
        .map_err(|violation| format!("the schema's text at `#{}`: {}", violation.path, violation.message))?;
    serde_json::from_str(text).map_err(|error| format!("the schema's text: {error}"))
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Node>,
    /// Types by full name.
    names: HashMap<String, Id>,
    /// Where types are that are not defined here.
    others: OtherTexts,
}

/// A JSON pointer into the schema's text.
#[derive(Default)]
pub(super) struct SchemaPath(String);

impl SchemaPath {
    /// Runs `f` one level deeper.
    fn within<T>(&mut self, step: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        self.0.push('/');
        self.0.push_str(step);
        let result = f(self);
        self.0.truncate(length);
        result
    }

    pub(super) fn refuse<T>(&self, why: impl AsRef<str>) -> Result<T, String> {
        Err(format!("the schema at `#{}`: {}", self.0, why.as_ref()))
    }
}

impl Parser {
    fn add(&mut self, kind: Kind, path: &SchemaPath) -> Result<Id, String> {
        if self.nodes.len() == SUBSCHEMAS_MAX {
            return path.refuse(format!("there are more than {SUBSCHEMAS_MAX} types"));
        }
        self.nodes.push(Node { kind, logical: None });
        Ok(self.nodes.len() - 1)
    }

    fn read(&mut self, value: &Value, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        match value {
            Value::String(word) => self.word(word, namespace, path),
            Value::Array(branches) => self.union(branches, namespace, path),
            Value::Object(object) => self.object(object, namespace, path),
            _ => path.refuse("a type is a name, an object, or a list of types"),
        }
    }

    /// A primitive type, or one that was defined before.
    fn word(&mut self, word: &str, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let kind = match word {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "int" => Kind::Int,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            name => {
                let full = full_name(name, namespace);
                let mut known = self.names.get(&full).copied();
                if known.is_none()
                    && let Some(other) = self.others.take(&full)
                {
                    self.read(&other, "", path)?;
                    known = self.names.get(&full).copied();
                }
                return known.map_or_else(
                    || path.refuse(format!("type `{}` is not known here", shortened(&full))),
                    Ok,
                );
            }
        };
        self.add(kind, path)
    }

    fn union(&mut self, branches: &[Value], namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let union = self.add(Kind::Union(Vec::new()), path)?;
        let mut ids = Vec::with_capacity(branches.len());
        let mut names = HashSet::new();
        for (i, branch) in branches.iter().enumerate() {
            let id = path.within(&i.to_string(), |path| {
                let id = self.read(branch, namespace, path)?;
                match &self.nodes[id].kind {
                    Kind::Union(_) => path.refuse("a union cannot be directly in a union"),
                    kind if !names.insert(kind.name().to_owned()) => {
                        path.refuse(format!("`{}` is in its union twice", shortened(kind.name())))
                    }
                    _ => Ok(id),
                }
            })?;
            ids.push(id);
        }
        if ids.is_empty() {
            return path.refuse("a union has at least one type");
        }
        self.nodes[union].kind = Kind::Union(ids);
        Ok(union)
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let first_new = self.nodes.len();
        let id = match object.get("type") {
            Some(Value::String(word)) => match word.as_str() {
                "record" | "error" => return self.record(object, namespace, path),
                "enum" => return self.words(object, namespace, path),
                "fixed" => self.fixed(object, namespace, path)?,
                "array" | "map" => {
                    let (key, wrap): (_, fn(Id) -> Kind) = match word.as_str() {
                        "array" => ("items", Kind::Array),
                        _ => ("values", Kind::Map),
                    };
                    let Some(inner) = object.get(key) else {
                        return path.refuse(format!("`{key}` is missing"));
                    };
                    let id = self.add(Kind::Null, path)?;
                    let inner = path.within(key, |path| self.read(inner, namespace, path))?;
                    self.nodes[id].kind = wrap(inner);
                    id
                }
                word => self.word(word, namespace, path)?,
            },
            Some(inner) => path.within("type", |path| self.read(inner, namespace, path))?,
            None => return path.refuse("`type` is missing"),
        };
        // A type that was defined before keeps what it was defined as.
        if id >= first_new
            && let Some(logical) = logical(object, &self.nodes[id].kind, path)?
        {
            self.nodes[id].logical = Some(logical);
        }
        Ok(id)
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let name = name(object, namespace, path)?;
        // Added before its fields, which may be of this type.
        let empty = Record {
            name: name.clone(),
            fields: Vec::new(),
            numbers: HashMap::new(),
        };
        let id = self.add(Kind::Record(empty), path)?;
        self.define(&name, id, path)?;
        let Some(Value::Array(listed)) = object.get("fields") else {
            return path.refuse("a record has a list of `fields`");
        };
        let inner = name
            .full
            .rsplit_once('.')
            .map_or("", |(namespace, _)| namespace)
            .to_owned();
        let (mut fields, mut numbers) = (Vec::with_capacity(listed.len()), HashMap::new());
        for (i, field) in listed.iter().enumerate() {
            let field = path.within(&format!("fields/{i}"), |path| {
                let field = self.field(field, &inner, path)?;
                match numbers.insert(field.name.clone(), i) {
                    Some(_) => path.refuse(format!("the record has two fields `{}`", shortened(&field.name))),
                    None => Ok(field),
                }
            })?;
            fields.push(field);
        }
        self.nodes[id].kind = Kind::Record(Record { name, fields, numbers });
        Ok(id)
    }

    fn field(&mut self, value: &Value, namespace: &str, path: &mut SchemaPath) -> Result<Field, String> {
        let Some(object) = value.as_object() else {
            return path.refuse("a field is an object");
        };
        let name = match object.get("name").and_then(Value::as_str) {
            Some(name) if is_identifier(name) => name.to_owned(),
            _ => return path.refuse("`name` is letters, digits and `_`, and does not begin with a digit"),
        };
        let Some(of) = object.get("type") else {
            return path.refuse("`type` is missing");
        };
        Ok(Field {
            name,
            aliases: strings(object.get("aliases")),
            node: path.within("type", |path| self.read(of, namespace, path))?,
            default: object.get("default").cloned(),
        })
    }

    fn words(&mut self, object: &Map<String, Value>, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let name = name(object, namespace, path)?;
        let symbols = strings(object.get("symbols"));
        let listed = object.get("symbols").and_then(Value::as_array).map_or(0, Vec::len);
        if symbols.is_empty() || symbols.len() != listed || !symbols.iter().all(|symbol| is_identifier(symbol)) {
            return path.refuse("`symbols` is a list of names: letters, digits and `_`, not beginning with a digit");
        }
        let numbers: HashMap<_, _> = symbols.iter().cloned().zip(0..).collect();
        if numbers.len() != symbols.len() {
            return path.refuse("a symbol is there twice");
        }
        let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
        if default.as_ref().is_some_and(|default| !numbers.contains_key(default)) {
            return path.refuse("`default` is none of the symbols");
        }
        let kind = Kind::Enum(Enum {
            name: name.clone(),
            symbols,
            numbers,
            default,
        });
        let id = self.add(kind, path)?;
        self.define(&name, id, path)?;
        Ok(id)
    }

    fn fixed(&mut self, object: &Map<String, Value>, namespace: &str, path: &mut SchemaPath) -> Result<Id, String> {
        let name = name(object, namespace, path)?;
        let bytes = object
            .get("size")
            .and_then(Value::as_u64)
            .and_then(|size| usize::try_from(size).ok());
        let Some(bytes) = bytes.filter(|bytes| *bytes <= PAYLOAD.bytes_max) else {
            return path.refuse(format!("`size` is a number of bytes, at most {}", PAYLOAD.bytes_max));
        };
        let kind = Kind::Fixed(Fixed {
            name: name.clone(),
            bytes,
        });
        let id = self.add(kind, path)?;
        self.define(&name, id, path)?;
        Ok(id)
    }

    fn define(&mut self, name: &Name, id: Id, path: &SchemaPath) -> Result<(), String> {
        match self.names.insert(name.full.clone(), id) {
            Some(_) => path.refuse(format!("type `{}` is defined twice", shortened(&name.full))),
            None => Ok(()),
        }
    }
}
