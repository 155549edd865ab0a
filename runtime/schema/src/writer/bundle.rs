//! One JSON Schema of several: what a text refers to is put under its `$defs`, and the references lead there, since nothing is
//! ever fetched while a document is checked.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{limits::DEFINITION, strict};

/// Members hold a schema for each name.
const MAPS: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
];
/// What is in there is data.
const DATA: &[&str] = &["const", "enum", "default", "examples"];

/// A text that needs no other one.
pub(super) fn bundle<'t>(text: &str, others: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<String, String> {
    let mut root = read("the schema's text", text)?;
    let (mut documents, mut known) = (Vec::new(), HashMap::new());
    for (name, text) in others {
        let document = read(&format!("`{name}`"), text)?;
        let key = free_key(&root, documents.len());
        let names = [Some(name), id(&document)].into_iter().flatten();
        for name in names {
            known
                .entry(without_fragment(name).to_owned())
                .or_insert_with(|| key.clone());
        }
        documents.push((key, name.to_owned(), document));
    }
    if documents.is_empty() {
        return Ok(text.to_owned());
    }
    Links::of(&root, "", None, &known).schema(&mut root);
    let mut moved = Map::new();
    for (key, name, mut document) in documents {
        Links::of(&document.clone(), &name, Some(&key), &known).schema(&mut document);
        if let Value::Object(object) = &mut document {
            // It would change what references mean. One that begins with `#` is an anchor, in draft 7.
            object.retain(|key, value| key != "$id" || value.as_str().is_some_and(|id| id.starts_with('#')));
        }
        moved.insert(key, document);
    }
    if let Value::Object(object) = &mut root {
        let defs = object.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
        let defs = defs.as_object_mut().ok_or("`$defs` is an object")?;
        defs.extend(moved);
    }
    Ok(root.to_string())
}

fn read(what: &str, text: &str) -> Result<Value, String> {
    strict::scan(text.as_bytes(), DEFINITION)
        .map_err(|violation| format!("{what} at `#{}`: {}", violation.path, violation.message))?;
    serde_json::from_str(text).map_err(|error| format!("{what}: {error}"))
}

fn id(document: &Value) -> Option<&str> {
    document
        .get("$id")
        .and_then(Value::as_str)
        .filter(|id| !id.starts_with('#'))
}

fn without_fragment(address: &str) -> &str {
    address.split_once('#').map_or(address, |(address, _)| address)
}

/// A name under `$defs` that nobody has.
fn free_key(root: &Value, number: usize) -> String {
    let mut key = format!("reference-{number}");
    while root.get("$defs").is_some_and(|defs| defs.get(&key).is_some()) {
        key.push('-');
    }
    key
}

/// How references of one document are to be written.
struct Links<'a> {
    /// Its own address.
    base: String,
    /// Its place, if it is moved.
    own: Option<&'a str>,
    /// Where other documents are, by their addresses.
    known: &'a HashMap<String, String>,
}

impl<'a> Links<'a> {
    fn of(document: &Value, name: &str, own: Option<&'a str>, known: &'a HashMap<String, String>) -> Self {
        Self {
            base: without_fragment(id(document).unwrap_or(name)).to_owned(),
            own,
            known,
        }
    }

    fn schema(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.schema(item)),
            Value::Object(members) => members.iter_mut().for_each(|(key, value)| self.keyword(key, value)),
            _ => {}
        }
    }

    fn keyword(&self, key: &str, value: &mut Value) {
        match (key, value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                if let Some(moved) = self.moved(reference) {
                    *reference = moved;
                }
            }
            (key, Value::Object(members)) if MAPS.contains(&key) => {
                members.values_mut().for_each(|member| self.schema(member));
            }
            (key, value) if !DATA.contains(&key) => self.schema(value),
            _ => {}
        }
    }

    /// Where a reference leads when all is one document; none if that is what it says already, or nobody knows.
    fn moved(&self, reference: &str) -> Option<String> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let place = match address {
            "" => self.own,
            own if own == self.base => self.own,
            other => Some(self.find(other)?),
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            // An anchor is one of the whole.
            return Some(format!("#{fragment}"));
        }
        match place {
            Some(key) => Some(format!("#/$defs/{key}{fragment}")),
            None => Some(format!("#{fragment}")),
        }
    }

    fn find(&self, address: &str) -> Option<&str> {
        let exact = self.known.get(address);
        let found = exact.or_else(|| self.known.get(&beside(&self.base, address)));
        found.map(String::as_str)
    }
}

/// An address without a scheme, seen from another one: in the same folder, or from the root of the same host.
fn beside(base: &str, address: &str) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    let host = base
        .find("://")
        .map_or(0, |at| base[at + 3..].find('/').map_or(base.len(), |end| at + 3 + end));
    match address.starts_with('/') {
        true => format!("{}{address}", &base[..host]),
        false => {
            let folder = base.rfind('/').map_or(0, |at| at + 1);
            format!("{}{}", &base[..folder], address.trim_start_matches("./"))
        }
    }
}
