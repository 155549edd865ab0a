//! What a collection is: the vectors that its points can have.

use std::collections::{BTreeMap, BTreeSet};

use qdrant_client::qdrant::{CollectionInfo, Datatype, Distance, VectorParams, vectors_config::Config};

/// The vectors that points of a collection can have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// By name; the one without a name has the empty one.
    pub(crate) dense: BTreeMap<String, DenseShape>,
    /// Names.
    pub(crate) sparse: BTreeSet<String>,
}

/// A vector of a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DenseShape {
    pub(crate) size: u64,
    pub(crate) distance: Distance,
    pub(crate) is_multi: bool,
    pub(crate) datatype: Datatype,
}

impl Shape {
    pub(crate) fn of(info: &CollectionInfo) -> Self {
        let params = info.config.as_ref().and_then(|config| config.params.as_ref());
        let Some(params) = params else { return Self::default() };
        let config = params.vectors_config.as_ref().and_then(|config| config.config.as_ref());
        let dense = match config {
            None => BTreeMap::new(),
            Some(Config::Params(params)) => BTreeMap::from([(String::new(), DenseShape::of(params))]),
            Some(Config::ParamsMap(map)) => {
                let named = map.map.iter();
                named
                    .map(|(name, params)| (name.clone(), DenseShape::of(params)))
                    .collect()
            }
        };
        let sparse = params.sparse_vectors_config.as_ref();
        let sparse = sparse.map(|sparse| sparse.map.keys().cloned().collect());
        Self {
            dense,
            sparse: sparse.unwrap_or_default(),
        }
    }

    /// Whether points have no vectors at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.dense.is_empty() && self.sparse.is_empty()
    }

    /// The names of its vectors, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self
            .dense
            .keys()
            .chain(&self.sparse)
            .map(|name| format!("`{name}`"))
            .collect();
        match names.as_slice() {
            [] => "no vectors".to_owned(),
            [name] if name == "``" => "one vector, without a name".to_owned(),
            names => format!("the vectors {}", names.join(", ")),
        }
    }
}

impl DenseShape {
    fn of(params: &VectorParams) -> Self {
        Self {
            size: params.size,
            distance: params.distance(),
            is_multi: params.multivector_config.is_some(),
            datatype: params.datatype(),
        }
    }
}
