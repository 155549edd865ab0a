//! Vectors of a fixed length.

use qdrant_client::qdrant::{Datatype, DenseVector, Distance, MultiDenseVector, Value, Vector, vector};

use super::{list, numbers};
use crate::collection::DenseShape;

/// Largest number of 16 bits.
const FLOAT16_MAX: f32 = 65_504.0;

pub(super) fn vector(data: Vec<f32>) -> Vector {
    Vector {
        vector: Some(vector::Vector::Dense(DenseVector { data })),
        ..Vector::default()
    }
}

pub(super) fn single(value: &Value, pointer: &str, shape: &DenseShape) -> Result<Vector, String> {
    let numbers = numbers(value, pointer)?;
    check(&numbers, pointer, shape)?;
    Ok(vector(numbers))
}

pub(super) fn multi(value: &Value, pointer: &str, shape: &DenseShape) -> Result<Vector, String> {
    let items = list(value, pointer, "a list of lists of numbers")?;
    if items.is_empty() {
        return Err(format!(
            "`{pointer}` is empty, and a multi-vector has at least one vector"
        ));
    }
    let mut vectors = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        let data = numbers(item, &pointer)?;
        check(&data, &pointer, shape)?;
        vectors.push(DenseVector { data });
    }
    Ok(Vector {
        vector: Some(vector::Vector::MultiDense(MultiDenseVector { vectors })),
        ..Vector::default()
    })
}

/// What Qdrant would cut, wrap or compare with nothing.
fn check(numbers: &[f32], pointer: &str, shape: &DenseShape) -> Result<(), String> {
    let (size, expected) = (numbers.len() as u64, shape.size);
    if size != expected {
        return Err(format!(
            "`{pointer}` has {size} numbers, and the collection's vectors have {expected}"
        ));
    }
    if shape.distance == Distance::Cosine && numbers.iter().all(|number| *number == 0.0) {
        return Err(format!(
            "`{pointer}` has only zeros: it has no direction, which is what the distance Cosine compares"
        ));
    }
    let (is_wrong, what): (fn(f32) -> bool, _) = match shape.datatype {
        Datatype::Uint8 => (
            |n| n.fract() != 0.0 || !(0.0..=255.0).contains(&n),
            "whole numbers from 0 to 255",
        ),
        Datatype::Float16 => (|n| n.abs() > FLOAT16_MAX, "numbers of 16 bits, up to 65504"),
        _ => return Ok(()),
    };
    match numbers.iter().position(|number| is_wrong(*number)) {
        None => Ok(()),
        Some(place) => Err(format!(
            "`{pointer}/{place}` is {}, and the collection's vectors have {what}",
            numbers[place]
        )),
    }
}
