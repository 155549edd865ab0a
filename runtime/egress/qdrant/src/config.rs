//! The table `[sinks.qdrant]`.

mod agreement;
mod embedding;
mod headers;
mod indexes;
mod mapping;
mod named_vector;
mod shape;
mod sink;
mod url;

pub use embedding::Embedding;
pub use indexes::PayloadIndex;
pub use mapping::TopicMapping;
pub use named_vector::{Distance, VectorForm, VectorSpec};
pub use shape::{CollectionSpec, IdForm, Layout, Ordering};
pub use sink::{Qdrant, ServerMin};
pub use url::QdrantUrl;
