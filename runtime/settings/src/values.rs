//! Small values that are right by construction: each is made by parsing its text, and only so.

mod broker_url;
mod field_path;
mod http;
mod net;
mod pointer;

pub use broker_url::BrokerUrl;
pub use field_path::FieldPath;
pub use http::{HeaderName, HttpUrl, UrlPath};
pub use net::{Host, Network};
pub use pointer::JsonPointer;

/// Why a text is not a value: the rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(&'static str);

impl Invalid {
    /// The rule, as a sentence for the user.
    pub const fn new(rule: &'static str) -> Self {
        Self(rule)
    }
}
