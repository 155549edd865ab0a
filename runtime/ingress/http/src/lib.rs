//! HTTP in: requests become events, and each is answered by what became of its event.
//!
//! ```text
//! listener ─ accepts, bounds the number of connections, drains
//!   connection ─ TLS, HTTP/1.1 or HTTP/2, timeouts of the idle and the slow
//!     service ─ one request: framing → route → method → credentials → rate → media type → body → signature → id → offer → answer
//! ```
//!
//! A request is offered as one [`Event`](danube_wasm_model::event::Event) to the
//! [`Intake`](danube_wasm_model::door::Intake) of its endpoint, and answered only when the intake says what became of
//! it: 200 means that every record is durable. Nothing here knows a broker, a component or what a payload means; the
//! signature schemes bear the names of those who invented them.
//!
//! A stranger must not be able to use up what belongs to the sender: the rate of an endpoint is charged only once the
//! caller is known, bodies are refused before they are buffered, and everything that a connection can hold on to
//! (time, bytes, streams) has a limit in [`limits`].

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
mod reworded;
mod routes;
mod secret;
mod seen;
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
