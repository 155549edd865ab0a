//! The HTTP source: each request becomes an event and is answered with the outcome of that event.
//!
//! ```text
//! listener ─ sockets, TLS, limits, bodies: `danube_wasm_ingress_listener`
//!   service ─ one request: method → credentials → rate → media type → body → signature → id → offer → answer
//! ```
//!
//! A request is offered as one [`Event`](danube_wasm_model::event::Event) to the
//! [`Intake`](danube_wasm_model::door::Intake) of its endpoint, and answered only when the intake returns the outcome: 200
//! means that every record is durable. Nothing here knows a broker, a component or what a payload means; the signature
//! schemes have the names of their inventors.
//!
//! An unauthenticated caller must not exhaust an authenticated one's resources: a request counts against the rate limit only
//! after authentication, and bodies are refused before they are buffered.

mod answer;
pub mod config;
mod connector;
mod endpoint;
mod event_id;
mod json;
mod key;
pub mod limits;
pub mod policy;
mod recent_ids;
mod service;

pub use config::Webhook;
pub use connector::WebhookSource;
pub use danube_wasm_ingress_listener::{
    Adyen, ApiKey, Auth, AuthError, BindError, ClientCertificate, Drained, Fetcher, HttpLimits, Jwks, JwksTimes, Jwt,
    ListenerOptions, NoObserver, Observer, RateError, RateLimit, RequestSpan, RouteError, STATUS_CLIENT_GONE, Secret,
    SecretError, Secrets, Signature, Sns, SnsOptions, TlsError, TlsOptions, TokenAlgorithm, TrustedProxies,
    UNKNOWN_ENDPOINT, auth::signature,
};
pub use danube_wasm_settings::values::JsonPointer;
pub use endpoint::{ContentKind, Endpoint, EndpointError, EndpointOptions};
pub use event_id::{EventIdSource, IdReuse, WELL_KNOWN_HEADERS};

/// A listener whose paths are [`Endpoint`]s.
pub type HttpListener = danube_wasm_ingress_listener::HttpListener<Endpoint>;
