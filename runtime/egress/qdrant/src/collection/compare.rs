//! Whether a collection is what the file says.

use super::{Collection, DenseShape, Shape};
use crate::config::{VectorForm, VectorSpec};

/// Says what is different. A collection may have more vectors than the file names.
pub(super) fn compare(collection: &Collection, shape: &Shape) -> Result<(), String> {
    let what = format!("collection `{}`", collection.name);
    for vector in &collection.spec.vectors {
        compare_vector(&what, vector, shape)?;
    }
    let Some(embedding) = &collection.embedding else {
        return Ok(());
    };
    let Some(dense) = shape.dense.get(&embedding.vector) else {
        return Err(format!(
            "`embedding` makes the vector `{}`, and {what} has {}: write its name as `vector` in `embedding`",
            embedding.vector,
            shape.names()
        ));
    };
    match embedding.dimensions {
        Some(asked) if asked != dense.size => Err(format!(
            "`embedding` asks for {asked} dimensions, and {what} has vectors of {}: write the same in both",
            dense.size
        )),
        _ if dense.is_multi => Err(format!(
            "`embedding` makes one vector of a text, and `{}` of {what} is a multi-vector",
            embedding.vector
        )),
        _ => Ok(()),
    }
}

fn compare_vector(what: &str, vector: &VectorSpec, shape: &Shape) -> Result<(), String> {
    let name = match vector.name.as_str() {
        "" => "the vector without a name".to_owned(),
        name => format!("the vector `{name}`"),
    };
    let missing = || {
        format!(
            "the file gives {what} {name}, and it has {}: correct the file, or write to another",
            shape.names()
        )
    };
    match vector.form {
        VectorForm::Sparse => match shape.sparse.contains(&vector.name) {
            true => Ok(()),
            false => Err(missing()),
        },
        VectorForm::Dense {
            dimension,
            distance,
            is_multi,
        } => {
            let found = shape.dense.get(&vector.name).ok_or_else(missing)?;
            let differs = |key: &str, ours: &str, theirs: &str| {
                Err(format!(
                    "{name} of {what} has {key} {theirs}, and the file says {ours}: correct the file, or write to another collection. \
                     It is not made anew"
                ))
            };
            let DenseShape {
                size,
                distance: found_distance,
                is_multi: found_multi,
                ..
            } = *found;
            if size != dimension {
                return differs("dimension", &dimension.to_string(), &size.to_string());
            }
            if found_distance != distance {
                return differs("distance", distance.as_str_name(), found_distance.as_str_name());
            }
            let kind = |is_multi| if is_multi { "\"multi\"" } else { "\"dense\"" };
            match found_multi == is_multi {
                true => Ok(()),
                false => differs("kind", kind(is_multi), kind(found_multi)),
            }
        }
    }
}
