//! What sources that listen for HTTP share.
//!
//! ```text
//! listener ─ accepts, bounds the number of connections, drains
//!   connection ─ TLS, HTTP/1.1 or HTTP/2, timeouts
//!     service ─ one request: framing → route → the handler of its path → answer
//! ```
//!
//! A source implements [`Handler`] for what is behind a path, and gives its handlers to the [`Listeners`] of the host. The
//! handler gets an [`Exchange`], from which it reads the body up to its limits, and answers or gives a [`Refusal`], whose form it
//! also decides: one source speaks JSON, another gRPC.
//!
//! An unauthenticated caller must not exhaust an authenticated one's resources: bodies are refused before they are buffered, and
//! everything that a connection can occupy (time, bytes, streams) has a limit in [`limits`].

mod activity;
mod answer;
pub mod auth;
mod body;
mod brotli;
mod client_ip;
pub mod config;
mod connection;
mod exchange;
mod fetch;
mod handler;
mod http1;
pub mod limits;
mod listener;
mod listeners;
mod memory;
mod observer;
mod rate;
mod refusal;
mod replacement;
mod routes;
mod secret;
mod service;
mod shared;
mod telemetry;
mod tls;
mod transport;

pub use answer::{Answer, AnswerBody, ObservedStatus, with_retry_after};
pub use auth::{
    Adyen, ApiKey, Auth, AuthError, Caller, ClientCertificate, Jwks, JwksTimes, Jwt, Signature, Sns, SnsOptions,
    TokenAlgorithm,
};
pub use body::{Decompression, Encoding};
pub use client_ip::TrustedProxies;
pub use config::{ListenerConfig, ListenerDefaults};
pub use exchange::Exchange;
pub use fetch::Fetcher;
pub use handler::Handler;
pub use limits::HttpLimits;
pub use listener::{BindError, Drained, HttpListener, ListenerOptions};
pub use listeners::{Listeners, ServedRoutes};
pub use memory::MemoryReservation;
pub use observer::{NoObserver, Observer, RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT};
pub use rate::{Meter, RateError, RateLimit};
pub use refusal::Refusal;
pub use routes::RouteError;
pub use secret::{Secret, SecretError, Secrets};
pub use telemetry::HttpObserver;
pub use tls::{TlsError, TlsOptions};
