//! From the JSON text of a write to payload and vector.

mod flat;
mod json;
mod number;

use std::collections::HashMap;

use danube_wasm_model::{door::Write, message::Operation};
use qdrant_client::qdrant::{Value, value::Kind};

use crate::{
    config::{CollectionSpec, Embedding, IdForm, Layout},
    fields::{ID, RESERVED},
    payload::{at_path, remove, show_step, text_of},
};

/// The metadata of a message, as `builtin:document-sink` adds it.
const METADATA: &str = "_danube_metadata";

/// What a document holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Document {
    pub(crate) payload: HashMap<String, Value>,
    /// As it was sent; what it is depends on the collection.
    pub(crate) vector: Option<Value>,
    /// What a vector is made of.
    pub(crate) text: Option<String>,
    /// Its own id, where that counts.
    pub(crate) id: Option<String>,
}

/// Reads a write's document. The error is a sentence that names what is wrong by its pointer.
pub(crate) fn read(write: &Write, spec: &CollectionSpec, embedding: Option<&Embedding>) -> Result<Document, String> {
    let mut fields = json::object(&write.body, spec.vector_pointer.steps())?;
    let vector = remove(&mut fields, spec.vector_pointer.steps()).filter(|vector| !is_null(vector));
    let text = match (embedding, &vector) {
        (Some(embedding), None) => text(&fields, embedding, write.operation)?,
        _ => None,
    };
    let id = match spec.ids {
        IdForm::DanubeConnect => fields.get("id").and_then(id_text),
        _ => None,
    };
    let mut payload = payload(fields, spec)?;
    if let Some(name) = RESERVED.into_iter().find(|name| payload.contains_key(*name)) {
        return Err(format!(
            "`/{name}` is a name of this sink's own: it would be overwritten"
        ));
    }
    if let Some(own) = payload.get(ID)
        && id_text(own).as_deref() != Some(&*write.id)
    {
        return Err(format!(
            "`/{ID}` is a name of this sink's own, the id of the document, and the document's is another"
        ));
    }
    if spec.layout == Layout::Flat {
        payload = flat::flatten(payload);
    }
    check_tenant(&payload, spec, write.operation)?;
    Ok(Document {
        payload,
        vector,
        text,
        id,
    })
}

fn is_null(value: &Value) -> bool {
    matches!(value.kind, None | Some(Kind::NullValue(_)))
}

/// The text of a document without a vector. A document that is merged may lack it: then its vector stays.
fn text(
    fields: &HashMap<String, Value>,
    embedding: &Embedding,
    operation: Operation,
) -> Result<Option<String>, String> {
    let pointer = &embedding.text_pointer;
    match at_path(fields, pointer.steps()) {
        None if operation == Operation::Merge => Ok(None),
        Some(value) => match text_of(value) {
            Some(text) if !text.trim().is_empty() => Ok(Some(text.to_owned())),
            Some(_) => Err(format!("`{pointer}` is empty, and a vector is to be made of it")),
            None => Err(format!("`{pointer}` is no text, and a vector is to be made of it")),
        },
        None => Err(format!(
            "there is nothing at `{pointer}`, of which a vector is to be made"
        )),
    }
}

fn payload(mut fields: HashMap<String, Value>, spec: &CollectionSpec) -> Result<HashMap<String, Value>, String> {
    let Some(pointer) = &spec.payload_pointer else {
        return Ok(fields);
    };
    let metadata = fields.remove_entry(METADATA);
    let mut payload = match remove(&mut fields, pointer.steps()) {
        None => HashMap::new(),
        Some(value) => match value.kind {
            Some(Kind::StructValue(object)) => object.fields,
            None | Some(Kind::NullValue(_)) => HashMap::new(),
            Some(_) => return Err(format!("`{pointer}` is no object, and the payload is to be one")),
        },
    };
    payload.extend(metadata);
    Ok(payload)
}

fn check_tenant(payload: &HashMap<String, Value>, spec: &CollectionSpec, operation: Operation) -> Result<(), String> {
    let Some(tenant) = spec.tenant_field.as_ref().filter(|_| operation != Operation::Merge) else {
        return Ok(());
    };
    let steps: Vec<_> = match spec.layout {
        Layout::Flat => vec![tenant.clone()],
        Layout::Nested => tenant.split('.').map(str::to_owned).collect(),
    };
    match at_path(payload, &steps).map(text_of) {
        Some(Some(_)) => Ok(()),
        found => {
            let pointer: String = steps.iter().map(|step| show_step(step)).collect();
            let what = if found.is_none() { "is not there" } else { "is no text" };
            Err(format!(
                "`{pointer}` {what}, and it says whose point it is (`tenant_field`)"
            ))
        }
    }
}

/// An id that a document has as text or as a number.
fn id_text(value: &Value) -> Option<String> {
    match value.kind.as_ref()? {
        Kind::StringValue(text) if !text.is_empty() => Some(text.clone()),
        Kind::IntegerValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
