//! The table `[sinks.http]`.

mod auth;
mod batch;
mod endpoint;
mod headers;
mod mapping;
mod sign;
mod sink;
mod statuses;
mod url_template;

pub use auth::{Auth, ClientAuth};
pub use batch::BatchForm;
pub use endpoint::Endpoint;
pub use mapping::TopicMapping;
pub use sign::SigningSecret;
pub use sink::Http;
pub use statuses::StatusRules;
pub use url_template::UrlTemplate;
