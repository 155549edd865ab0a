//! What components are granted of the network, and the client that keeps them to it.
//!
//! A component that imports `wasi:http` has no socket. Its requests come here, each with the hosts that its connector's `grants.http` names:
//!
//! 1. scheme, host and port must be of a granted [`HostPattern`];
//! 2. a header `secret:NAME` becomes the credential of that name, if the credential is for this host;
//! 3. the guarded dialer ([`danube_wasm_egress_dial`]) resolves the name, checks every address and connects to a checked one;
//! 4. redirects are answers like others: what follows one makes another request, which begins at 1.
//!
//! Deliberately absent: what a request means, retries, and any request of the host's own.

mod ceiling;
mod client;
mod config;
mod credentials;
mod host_pattern;

pub use ceiling::{Ceiling, OverCeiling};
pub use client::{GrantedClient, SendError, SendErrorKind, SetupError};
pub use config::{Credential, Grants, HttpGrant};
pub use host_pattern::HostPattern;
