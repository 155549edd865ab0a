//! Dials addresses that a tenant may choose: in a URL, in a host name whose DNS the tenant controls, or in a redirect.
//!
//! ```text
//! host, port → resolve → check every address → connect to a checked one, in turn → TLS, by the host's name
//! ```
//!
//! # Guarantees
//!
//! * **Only checked addresses.** A name is resolved once for each dial, every address of the answer is checked against
//!   the [`DialPolicy`], and the socket connects to an allowed address, never to the name again. So an answer that
//!   changes between check and connection (DNS rebinding) has no effect.
//! * **One policy for every form.** Hosts are parsed as in URLs: `127.1`, `0x7f000001` and `2130706433` are
//!   `127.0.0.1`. For an IPv6 address that contains an IPv4 address (mapped, NAT64, 6to4, Teredo), both must be
//!   allowed.
//! * **Metadata services must be named.** The addresses at which clouds provide credentials are allowed only by an
//!   entry for exactly that address, never by a network around it ([`DialPolicy::everything_but_metadata`] and
//!   [`DialPolicy::public_only`]).
//! * **The same over HTTP.** Clients that [`Dialer::http_client`] configures check names at the dial, literals in URLs
//!   and in redirects, and use no proxy, whatever the environment sets.
//! * **Bounded.** Every dial has a deadline; the number of addresses of an answer that are used is limited
//!   (`limits.rs`).
//!
//! A refusal ([`DialError::Denied`]) names the host, the address, its network and the configuration key to change.
//!
//! # Limitations
//!
//! The policy knows addresses, not owners: a node's own public addresses are denied only if the host adds them with
//! [`DialPolicy::with_denied`]. It does not limit the number of dials or connections. IPv6 zones (`fe80::1%eth0`) are
//! not supported.

mod attempts;
pub mod config;
mod deadline;
mod denial;
mod dialer;
mod error;
mod error_text;
mod exception;
mod host;
mod http_client;
pub mod limits;
mod networks;
mod policy;
mod reached;
mod resolver;
mod tls;

pub use deadline::Phase;
pub use denial::{Denial, DenialReason};
pub use dialer::Dialer;
pub use error::{Attempt, DialError};
pub use exception::{Exception, InvalidException};
pub use http_client::Redirects;
pub use policy::{DialPolicy, PolicyKeys};
pub use resolver::{Resolver, SystemResolver};
pub use tls::{TlsIdentity, TlsSettings, TlsSettingsError, start_tls};
