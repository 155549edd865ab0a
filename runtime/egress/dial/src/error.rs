//! Errors of a dial, with what to do.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use rustls::CertificateError;

use crate::{
    deadline::Phase,
    denial::Denial,
    error_text::{DisplayAttempts, DisplayDenials, certificate, cure},
    policy::PolicyKeys,
};

/// Why a dial failed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The text is not a valid host.
    #[error("`{host}` is neither a host name nor an address: write it as in a URL, without scheme and port")]
    InvalidHost {
        /// The text.
        host: String,
    },
    /// The URL lacks a host or port.
    #[error("`{url}` names no {missing} to connect to: write a URL such as `https://example.com:8443/`")]
    IncompleteUrl {
        /// The URL, without user, password and query.
        url: String,
        /// `host` or `port`.
        missing: &'static str,
    },
    /// DNS does not know the name, or is unavailable.
    #[error("the host `{host}` cannot be resolved ({source}): check its spelling and this machine's DNS")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// DNS knows the name, but has no address for it.
    #[error("the host `{host}` has no address: check its spelling and its DNS records")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The policy refuses every address of the host.
    #[error("`{host}` may not be dialed: {}; {}", DisplayDenials(denied), cure(denied, keys))]
    Denied {
        /// The parsed host.
        host: String,
        /// Its addresses, never empty.
        denied: Vec<Denial>,
        /// The configuration keys to change.
        keys: PolicyKeys,
    },
    /// No address accepted.
    #[error(
        "nothing can be reached at `{host}` port {port} ({}): check that the server runs, and host and port",
        DisplayAttempts(attempts)
    )]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The error of each address, in the order in which they failed.
        attempts: Vec<Attempt>,
    },
    /// The deadline passed.
    #[error("`{host}` port {port} was not connected within {} ms: {phase}", after.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the dial was waiting for.
        phase: Phase,
        /// The timeout of the dial.
        after: Duration,
    },
    /// The server's certificate is not accepted.
    #[error("the certificate of `{host}` {}", certificate(fault, host))]
    Certificate {
        /// The host that the certificate must be valid for.
        host: String,
        /// What is wrong with the certificate.
        fault: CertificateError,
    },
    /// Another TLS error.
    #[error(
        "TLS with `{host}` failed ({source}): check that this port speaks TLS, and which client certificates it wants"
    )]
    Tls {
        /// The host.
        host: String,
        /// The error of rustls or of the socket.
        source: io::Error,
    },
    /// A redirect from HTTPS to HTTP.
    #[error(
        "`{host}` redirects from https to http: what is sent there would be readable on the way; use its https URL"
    )]
    InsecureRedirect {
        /// The host that the redirect leads to.
        host: String,
    },
    /// Too many redirects in a row.
    #[error("more than {max} redirects, the last to `{host}`: use the URL that they lead to")]
    TooManyRedirects {
        /// The host that the last redirect leads to.
        host: String,
        /// The limit.
        max: usize,
    },
}

/// A failed connection to one address.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// The system's error.
    pub error: io::Error,
}

impl DialError {
    /// Whether a retry may help without a change of configuration. [`Denied`](Self::Denied) counts as permanent,
    /// although DNS may change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::NoAddress { .. }
                | Self::Connect { .. }
                | Self::Timeout { .. }
                | Self::Certificate { .. }
                | Self::Tls { .. }
        )
    }

    /// Returns the dial error among `error`, such as reqwest's, and its sources.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        match error.downcast_ref() {
            Some(found) => Some(found),
            None => Self::within(error.source()?),
        }
    }
}
