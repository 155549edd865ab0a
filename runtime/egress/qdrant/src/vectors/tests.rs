use qdrant_client::qdrant::{Datatype, Distance, ListValue};

use super::*;
use crate::collection::DenseShape;

fn list_of(numbers: &[f64]) -> Value {
    let number = |number: &f64| Value {
        kind: Some(Kind::DoubleValue(*number)),
    };
    Value {
        kind: Some(Kind::ListValue(ListValue {
            values: numbers.iter().map(number).collect(),
        })),
    }
}

fn check(numbers: &[f64], distance: Distance, datatype: Datatype) -> Result<Vectors, String> {
    let dense = DenseShape {
        size: 2,
        distance,
        is_multi: false,
        datatype,
    };
    let shape = Shape {
        dense: [(String::new(), dense)].into(),
        ..Shape::default()
    };
    let rules = Rules {
        collection: "c",
        shape: &shape,
        inference: false,
    };
    vectors(&list_of(numbers), "/vector", &rules)
}

/// What a server would cut or wrap.
#[test]
fn numbers_fit_what_the_collection_keeps_of_them() {
    for (numbers, datatype, expected) in [
        ([0.0, 255.0], Datatype::Uint8, None),
        ([0.0, 256.0], Datatype::Uint8, Some("`/vector/1` is 256")),
        ([-1.0, 0.0], Datatype::Uint8, Some("`/vector/0` is -1")),
        ([0.5, 0.0], Datatype::Uint8, Some("`/vector/0` is 0.5")),
        ([65_504.0, -65_504.0], Datatype::Float16, None),
        ([65_505.0, 0.0], Datatype::Float16, Some("`/vector/0` is 65505")),
        ([65_505.0, 3.4e38], Datatype::Float32, None),
        ([1.0, 3.5e38], Datatype::Float32, Some("`/vector/1` is 3.5e38")),
    ] {
        let checked = check(&numbers, Distance::Dot, datatype);
        match expected {
            None => assert!(checked.is_ok(), "{numbers:?}: {checked:?}"),
            Some(expected) => assert!(
                checked.clone().is_err_and(|why| why.contains(expected)),
                "{numbers:?}: {checked:?}"
            ),
        }
    }
}

#[test]
fn a_vector_of_zeros_has_a_direction_only_where_none_is_compared() {
    assert!(check(&[0.0, 0.0], Distance::Cosine, Datatype::Default).is_err());
    for distance in [Distance::Dot, Distance::Euclid, Distance::Manhattan] {
        assert!(check(&[0.0, -0.0], distance, Datatype::Default).is_ok());
    }
}
