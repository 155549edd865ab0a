//! Points, as documents and as the server's own types have them.

use std::{collections::HashMap, fmt::Write as _};

use qdrant_client::qdrant::{
    DenseVector, PointId, PointStruct, Value, Vector, Vectors, point_id::PointIdOptions, vector,
    vectors::VectorsOptions,
};

use crate::DIMENSIONS;

/// Point `i` as a document.
pub(crate) fn document(i: u64) -> String {
    let mut vector = String::new();
    for n in 0..DIMENSIONS {
        let comma = if n == 0 { "" } else { "," };
        // Writing to a text does not fail.
        let _ = write!(vector, "{comma}{}", number(i, n));
    }
    format!(
        r#"{{"id":"{}","title":"{}","section":"{}","version":{},"vector":[{vector}]}}"#,
        id(i),
        title(i),
        section(i),
        version(i)
    )
}

/// The same point, ready to be sent.
pub(crate) fn point(i: u64) -> PointStruct {
    let payload: [(&str, Value); 4] = [
        ("id", id(i).into()),
        ("title", title(i).into()),
        ("section", section(i).into()),
        ("version", version(i).into()),
    ];
    let vector = Vector {
        vector: Some(vector::Vector::Dense(DenseVector {
            data: (0..DIMENSIONS).map(|n| number(i, n)).collect(),
        })),
        ..Vector::default()
    };
    PointStruct {
        id: Some(PointId {
            point_id_options: Some(PointIdOptions::Uuid(id(i))),
        }),
        payload: HashMap::from(payload.map(|(name, value)| (name.to_owned(), value))),
        vectors: Some(Vectors {
            vectors_options: Some(VectorsOptions::Vector(vector)),
        }),
    }
}

fn id(i: u64) -> String {
    format!("00000000-0000-4000-8000-{i:012x}")
}

fn title(i: u64) -> String {
    format!("Article {i} of many")
}

fn section(i: u64) -> String {
    format!("section {}", i % 10)
}

fn version(i: u64) -> i64 {
    (i % 7) as i64
}

/// Of three digits, and never 0.
fn number(i: u64, n: u64) -> f32 {
    (1 + (i * 31 + n * 17) % 999) as f32 / 1_000.0
}
