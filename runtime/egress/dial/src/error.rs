//! What can go wrong with a dial, with its cure.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use rustls::CertificateError;

use crate::{
    deadline::Phase,
    denial::Denial,
    error_text::{Listed, Tried, certificate, cure},
    policy::PolicyKeys,
};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The text cannot be a host.
    #[error("`{host}` is neither a host name nor an address: write it as in a URL, without scheme and port")]
    InvalidHost {
        /// The text.
        host: String,
    },
    /// The URL does not say where to connect to.
    #[error("`{url}` names no {missing} to connect to: write a URL such as `https://example.com:8443/`")]
    IncompleteUrl {
        /// The URL, without user, password and query.
        url: String,
        /// `host` or `port`.
        missing: &'static str,
    },
    /// DNS does not know the name, or could not be asked.
    #[error("the host `{host}` cannot be resolved ({source}): check its spelling and this machine's DNS")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// DNS knows the name and has no address for it.
    #[error("the host `{host}` has no address: check its spelling and its DNS records")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The policy refuses every address of the host.
    #[error("`{host}` may not be dialed: {}; {}", Listed(denied), cure(denied, keys))]
    Denied {
        /// The host, as it was read.
        host: String,
        /// Its addresses, never empty.
        denied: Vec<Denial>,
        /// The configuration keys to change.
        keys: PolicyKeys,
    },
    /// No address accepted.
    #[error(
        "nothing can be reached at `{host}` port {port} ({}): check that the server runs, and host and port",
        Tried(attempts)
    )]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What each address said, in the order of failing.
        attempts: Vec<Attempt>,
    },
    /// The time was over.
    #[error("`{host}` port {port} was not connected within {} ms: {phase}", after.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What was waited for.
        phase: Phase,
        /// The time that the dial had.
        after: Duration,
    },
    /// The server's certificate is not accepted.
    #[error("the certificate of `{host}` {}", certificate(fault, host))]
    Certificate {
        /// The host, for which the certificate had to be.
        host: String,
        /// What is wrong with it.
        fault: CertificateError,
    },
    /// TLS failed otherwise.
    #[error(
        "TLS with `{host}` failed ({source}): check that this port speaks TLS, and which client certificates it wants"
    )]
    Tls {
        /// The host.
        host: String,
        /// What rustls or the socket says.
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
        /// How many are followed.
        max: usize,
    },
}

/// One address that did not accept.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

impl DialError {
    /// Whether trying again later may help without a change of configuration. [`Denied`](Self::Denied) counts as
    /// lasting, although DNS may answer otherwise one day.
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

    /// The dial error that `error` was made of, such as reqwest's.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        match error.downcast_ref() {
            Some(found) => Some(found),
            None => Self::within(error.source()?),
        }
    }
}
