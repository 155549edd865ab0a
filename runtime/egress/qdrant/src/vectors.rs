//! Vectors of documents, checked against what the collection has: a server takes some wrong ones without a word.

mod dense;
mod sparse;

use std::collections::HashMap;

use qdrant_client::qdrant::{
    Document, NamedVectors, Value, Vector, Vectors, value::Kind, vector, vectors::VectorsOptions,
};

use crate::{
    collection::Shape,
    payload::{show, show_step, text_of},
};

/// What a vector is checked against.
pub(crate) struct Rules<'c> {
    /// Of the collection, for messages.
    pub(crate) collection: &'c str,
    pub(crate) shape: &'c Shape,
    /// Whether the server makes vectors of texts.
    pub(crate) inference: bool,
}

/// The vectors of a point, from what its document has at `pointer`.
pub(crate) fn vectors(value: &Value, pointer: &str, rules: &Rules<'_>) -> Result<Vectors, String> {
    let (shape, collection) = (rules.shape, rules.collection);
    if shape.is_empty() {
        return Err(format!(
            "`{pointer}` is a vector, and collection `{collection}` has none: it would be dropped"
        ));
    }
    let named = match &value.kind {
        Some(Kind::StructValue(object)) if !is_inference(&object.fields, shape) => &object.fields,
        _ => {
            let has_unnamed = shape.dense.contains_key("");
            let unnamed = || {
                format!(
                    "`{pointer}` is a vector without a name, and collection `{collection}` has {}",
                    shape.names()
                )
            };
            return match has_unnamed {
                true => Ok(only(one(value, "", pointer, rules)?)),
                false => Err(unnamed()),
            };
        }
    };
    let mut vectors = HashMap::with_capacity(named.len());
    for (name, value) in named {
        let pointer = format!("{pointer}{}", show_step(name));
        if !shape.dense.contains_key(name) && !shape.sparse.contains(name) {
            return Err(format!(
                "`{pointer}`: collection `{collection}` has {}, and none of this name",
                shape.names()
            ));
        }
        vectors.insert(name.clone(), one(value, name, &pointer, rules)?);
    }
    if vectors.is_empty() {
        return Err(format!("`{pointer}` has no vector"));
    }
    Ok(named_vectors(vectors))
}

/// Of a point that has none.
pub(crate) fn none() -> Vectors {
    named_vectors(HashMap::new())
}

/// One that was made of a text, for the vector of this name.
pub(crate) fn made(name: &str, numbers: Vec<f32>) -> Vectors {
    let vector = dense::vector(numbers);
    match name {
        "" => only(vector),
        name => named_vectors(HashMap::from([(name.to_owned(), vector)])),
    }
}

fn only(vector: Vector) -> Vectors {
    Vectors {
        vectors_options: Some(VectorsOptions::Vector(vector)),
    }
}

fn named_vectors(vectors: HashMap<String, Vector>) -> Vectors {
    Vectors {
        vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })),
    }
}

/// `{ text, model }`, where these are not names of vectors.
fn is_inference(fields: &HashMap<String, Value>, shape: &Shape) -> bool {
    let is_free = |name: &str| !shape.dense.contains_key(name) && !shape.sparse.contains(name);
    fields.contains_key("text") && fields.contains_key("model") && is_free("text") && is_free("model")
}

/// The vector of this name.
fn one(value: &Value, name: &str, pointer: &str, rules: &Rules<'_>) -> Result<Vector, String> {
    if let Some(Kind::StructValue(object)) = &value.kind
        && object.fields.contains_key("text")
    {
        return inference(&object.fields, pointer, rules);
    }
    match rules.shape.dense.get(name) {
        Some(shape) if shape.is_multi => dense::multi(value, pointer, shape),
        Some(shape) => dense::single(value, pointer, shape),
        None => sparse::sparse(value, pointer),
    }
}

fn inference(fields: &HashMap<String, Value>, pointer: &str, rules: &Rules<'_>) -> Result<Vector, String> {
    if !rules.inference {
        return Err(format!(
            "`{pointer}` is a text and no vector: the server makes vectors of texts only with `inference = \"server\"`"
        ));
    }
    let text = |name: &str| {
        let found = fields.get(name).and_then(text_of).filter(|text| !text.is_empty());
        found
            .map(str::to_owned)
            .ok_or_else(|| format!("`{pointer}/{name}` is no text"))
    };
    let options = match fields.get("options").map(|options| &options.kind) {
        None | Some(None | Some(Kind::NullValue(_))) => HashMap::new(),
        Some(Some(Kind::StructValue(options))) => options.fields.clone(),
        Some(_) => return Err(format!("`{pointer}/options` is no object")),
    };
    let others = ["text", "model", "options"];
    if let Some(unknown) = fields.keys().find(|name| !others.contains(&name.as_str())) {
        return Err(format!(
            "`{pointer}{}` is nothing that the server's inference knows",
            show_step(unknown)
        ));
    }
    let document = Document {
        text: text("text")?,
        model: text("model")?,
        options,
    };
    Ok(Vector {
        vector: Some(vector::Vector::Document(document)),
        ..Vector::default()
    })
}

/// The items of a list.
fn list<'v>(value: &'v Value, pointer: &str, what: &str) -> Result<&'v [Value], String> {
    match &value.kind {
        Some(Kind::ListValue(list)) => Ok(&list.values),
        _ => Err(format!("`{pointer}` is {}, and {what} is expected", show(value))),
    }
}

/// The numbers of a list, each of which a 32-bit float can have.
fn numbers(value: &Value, pointer: &str) -> Result<Vec<f32>, String> {
    let items = list(value, pointer, "a list of numbers")?;
    let number = |(place, item): (usize, &Value)| {
        number(item).ok_or_else(|| format!("`{pointer}/{place}` is {}, which is no number of 32 bits", show(item)))
    };
    items.iter().enumerate().map(number).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "vectors have 32-bit floats"
)]
fn number(value: &Value) -> Option<f32> {
    let number = match value.kind.as_ref()? {
        Kind::DoubleValue(number) => *number as f32,
        Kind::IntegerValue(number) => *number as f32,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests;
