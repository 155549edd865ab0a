//! Small values that are valid by construction: the only way to create one is to parse its text.

mod broker_url;
mod field_path;
mod http;
mod nats_url;
mod net;
mod pointer;

pub use broker_url::BrokerUrl;
pub use field_path::FieldPath;
pub use http::{HeaderName, HttpUrl, UrlPath};
pub use nats_url::NatsUrl;
pub use net::{Host, Network};
pub use pointer::JsonPointer;

/// A text is not a valid value; contains the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(&'static str);

impl Invalid {
    /// An error with the rule as a sentence for the user.
    pub const fn new(rule: &'static str) -> Self {
        Self(rule)
    }
}
