//! The HTTP source: each request becomes an event and is answered with the outcome of that event.
//!
//! ```text
//! listener ─ sockets, TLS, limits, bodies: `danube_wasm_ingress_listener`
//!   service ─ one request: method → credentials → rate → media type → body → signature → events → ids → offer → answer
//! ```
//!
//! A request is offered as one [`Event`](danube_wasm_model::event::Event), or as several where its body is a list, to the
//! [`Intake`](danube_wasm_model::door::Intake) of its endpoint, and answered only when the intake returns the outcome: 200
//! means that every record of every event is durable. Nothing here knows a broker, a component or what a payload means; the signature
//! schemes have the names of their inventors.
//!
//! An unauthenticated caller must not exhaust an authenticated one's resources: a request counts against the rate limit only
//! after authentication, and bodies are refused before they are buffered.

mod answer;
mod body;
mod cloudevents;
pub mod config;
mod connector;
mod content;
mod endpoint;
mod event_id;
mod event_limit;
mod json;
mod key;
pub mod limits;
mod list;
mod path_pattern;
pub mod policy;
mod query;
mod recent_ids;
mod request_head;
mod service;

pub use config::Webhook;
pub use connector::WebhookSource;
pub use content::{ContentKind, ContentKinds};
pub use danube_wasm_ingress_listener::{
    Adyen, ApiKey, Auth, AuthError, BindError, ClientCertificate, Drained, Fetcher, HttpLimits, Jwks, JwksTimes, Jwt,
    ListenerOptions, NoObserver, Observer, RateError, RateLimit, RequestSpan, RouteError, STATUS_CLIENT_GONE, Secret,
    SecretError, Secrets, Signature, Sns, SnsOptions, TlsError, TlsOptions, TokenAlgorithm, TrustedProxies,
    UNKNOWN_ENDPOINT, auth::signature,
};
pub use danube_wasm_settings::values::JsonPointer;
pub use endpoint::{Endpoint, EndpointError, EndpointOptions};
pub use event_id::{EventIdSource, IdReuse, MissingId, WELL_KNOWN_HEADERS};
pub use path_pattern::{InvalidPath, PathPattern};

/// A listener whose paths are [`Endpoint`]s.
pub type HttpListener = danube_wasm_ingress_listener::HttpListener<Endpoint>;
