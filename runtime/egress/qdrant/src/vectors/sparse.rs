//! Vectors that have numbers at some places.

use qdrant_client::qdrant::{SparseVector, Value, Vector, value::Kind, vector};

use super::{list, numbers};
use crate::payload::{show, show_step};

/// `{ indices, values }`: as many of both, indices of 32 bits that ascend.
pub(super) fn sparse(value: &Value, pointer: &str) -> Result<Vector, String> {
    let Some(Kind::StructValue(object)) = &value.kind else {
        return Err(format!(
            "`{pointer}` is {}, and a sparse vector has `indices` and `values`",
            show(value)
        ));
    };
    let field = |name: &str| {
        let found = object.fields.get(name);
        found.ok_or_else(|| format!("`{pointer}` has no `{name}`, and a sparse vector has `indices` and `values`"))
    };
    let indices = indices(field("indices")?, &format!("{pointer}/indices"))?;
    let values = numbers(field("values")?, &format!("{pointer}/values"))?;
    if let Some(other) = object
        .fields
        .keys()
        .find(|name| !["indices", "values"].contains(&name.as_str()))
    {
        return Err(format!(
            "`{pointer}{}` is nothing that a sparse vector has",
            show_step(other)
        ));
    }
    if indices.len() != values.len() {
        return Err(format!(
            "`{pointer}` has {} indices and {} values",
            indices.len(),
            values.len()
        ));
    }
    Ok(Vector {
        vector: Some(vector::Vector::Sparse(SparseVector { values, indices })),
        ..Vector::default()
    })
}

fn indices(value: &Value, pointer: &str) -> Result<Vec<u32>, String> {
    let items = list(value, pointer, "a list of whole numbers")?;
    let mut indices: Vec<u32> = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let index = match item.kind {
            Some(Kind::IntegerValue(number)) => u32::try_from(number).ok(),
            _ => None,
        };
        let index = index.ok_or_else(|| {
            format!(
                "`{pointer}/{place}` is {}, which is no whole number of 32 bits",
                show(item)
            )
        })?;
        if indices.last().is_some_and(|last| *last >= index) {
            return Err(format!(
                "`{pointer}/{place}` is {index}, which is not above the one before it: indices ascend"
            ));
        }
        indices.push(index);
    }
    Ok(indices)
}
