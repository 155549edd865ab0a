//! The HTTP source: each request becomes an event and is answered with the outcome of that event.
//!
//! ```text
//! listener ─ accepts, bounds the number of connections, drains
//!   connection ─ TLS, HTTP/1.1 or HTTP/2, timeouts
//!     service ─ one request: framing → route → method → credentials → rate → media type → body → signature → id → offer → answer
//! ```
//!
//! A request is offered as one [`Event`](danube_wasm_model::event::Event) to the
//! [`Intake`](danube_wasm_model::door::Intake) of its endpoint, and answered only when the intake returns the outcome: 200
//! means that every record is durable. Nothing here knows a broker, a component or what a payload means; the signature
//! schemes have the names of their inventors.
//!
//! An unauthenticated caller must not exhaust an authenticated one's resources: a request counts against the rate limit only
//! after authentication, bodies are refused before they are buffered, and everything that a connection can occupy (time,
//! bytes, streams) has a limit in [`limits`].

mod activity;
mod answer;
pub mod auth;
mod body;
mod client_ip;
pub mod config;
mod connection;
mod connector;
mod endpoint;
mod event_id;
mod http1;
mod json;
mod key;
pub mod limits;
mod listener;
mod listeners;
mod observer;
mod rate;
mod recent_ids;
mod replacement;
mod routes;
mod secret;
mod service;
mod shared;
mod telemetry;
mod tls;
mod transport;

pub use auth::{ApiKey, Auth, AuthError, Hmac, Jwt};
pub use client_ip::TrustedProxies;
pub use config::Webhook;
pub use connector::WebhookSource;
pub use danube_wasm_settings::values::JsonPointer;
pub use endpoint::{ContentKind, Endpoint, EndpointError, EndpointOptions};
pub use event_id::{EventIdSource, IdReuse, WELL_KNOWN_HEADERS};
pub use limits::HttpLimits;
pub use listener::{BindError, Drained, HttpListener, ListenerOptions};
pub use listeners::Listeners;
pub use observer::{NoObserver, Observer, RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT};
pub use rate::{RateError, RateLimit};
pub use routes::RouteError;
pub use secret::{Secret, SecretError, Secrets};
pub use tls::{TlsError, TlsOptions};
