//! Vectors of a collection, as a file describes them.

use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Integer, Text},
};

use crate::limits::DIMENSION_MAX;

/// How close two vectors are.
pub use qdrant_client::qdrant::Distance;

pub(super) const DISTANCES: Choice<Distance> = Choice::of(&[
    ("Cosine", Distance::Cosine),
    ("Euclid", Distance::Euclid),
    ("Dot", Distance::Dot),
    ("Manhattan", Distance::Manhattan),
]);

/// One of the vectors that points of a collection have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorSpec {
    /// Its name; empty for the one vector without a name.
    pub name: String,
    /// What it holds.
    pub form: VectorForm,
}

/// What a vector holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorForm {
    /// So many numbers.
    Dense {
        /// How many.
        dimension: u64,
        /// How they are compared.
        distance: Distance,
        /// Whether a point has several of them.
        is_multi: bool,
    },
    /// Numbers at some places.
    Sparse,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dense,
    Multi,
    Sparse,
}

impl Section for VectorSpec {
    const ABOUT: &'static str = "A vector with a name, of the points of a collection that has several.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let name = t.field("name", Text, "Its name.").example("\"title\"").required();
        let kind = t
            .field(
                "kind",
                Choice::of(&[("dense", Kind::Dense), ("multi", Kind::Multi), ("sparse", Kind::Sparse)]),
                "`dense` is a list of numbers, `multi` a list of such lists, as late-interaction models give, `sparse` has \
                 `indices` and `values`.",
            )
            .or(Kind::Dense);
        let dimension = t
            .field(
                "dimension",
                Integer(1..=DIMENSION_MAX),
                "How many numbers it has; not of `sparse`.",
            )
            .example("384")
            .optional();
        let distance = t
            .field("distance", DISTANCES, "How close two of them are; not of `sparse`.")
            .or(Distance::Cosine);
        let is_sparse = kind == Kind::Sparse;
        if !is_sparse && !t.given("dimension") && t.session().manual().is_none() {
            t.session().error(
                &t.span("dimension"),
                format!("{} needs `dimension`", t.header()),
                "write for example `dimension = 384`, as many numbers as the model gives",
            );
        }
        for key in ["dimension", "distance"]
            .into_iter()
            .filter(|key| is_sparse && t.given(key))
        {
            let message = format!("`{key}` is for dense vectors, and `kind` is `\"sparse\"`");
            t.session().error(&t.span(key), message, "remove it");
        }
        let form = match (kind, dimension) {
            (Kind::Sparse, _) => VectorForm::Sparse,
            (kind, dimension) => VectorForm::Dense {
                dimension: dimension?,
                distance,
                is_multi: kind == Kind::Multi,
            },
        };
        Some(Self { name: name?, form })
    }
}
