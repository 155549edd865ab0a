//! Opens connections.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Uri, uri::Scheme};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::{
    DialError, DialPolicy, Resolver, SystemResolver, attempts,
    deadline::{Deadline, Phase},
    host::Host,
    limits::ADDRESSES_MAX,
    tls,
};

/// Opens connections, only to checked addresses. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    policy: Arc<DialPolicy>,
    resolver: Arc<dyn Resolver>,
}

impl Dialer {
    /// Uses the operating system's resolver.
    pub fn new(policy: DialPolicy) -> Self {
        Self::with_resolver(policy, SystemResolver)
    }

    /// Uses `resolver`.
    pub fn with_resolver(policy: DialPolicy, resolver: impl Resolver) -> Self {
        Self {
            policy: Arc::new(policy),
            resolver: Arc::new(resolver),
        }
    }

    /// The policy that addresses are checked against.
    pub fn policy(&self) -> &DialPolicy {
        &self.policy
    }

    /// Returns the allowed addresses of `host`, at most [`ADDRESSES_MAX`], without duplicates. Connect to one of them:
    /// to resolve the name again would bypass the check.
    ///
    /// # Errors
    ///
    /// `host` is not a valid host, has no address, or has no address that the policy allows.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let parsed = Host::parse(host)?;
        let found = match &parsed {
            Host::Literal(address) => vec![*address],
            Host::Name(name) => self.lookup(name).await?,
        };
        let allowed = self.checked(&parsed, found)?;
        Ok(allowed
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, DialError> {
        let host = || name.to_owned();
        let answer = self.resolver.lookup(name).await;
        let found = answer.map_err(|source| DialError::Resolve { host: host(), source })?;
        match found.is_empty() {
            true => Err(DialError::NoAddress { host: host() }),
            false => Ok(found),
        }
    }

    /// Returns the allowed addresses out of `found`; an error if there is none.
    fn checked(&self, host: &Host, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, DialError> {
        let host = host.to_string();
        let (mut allowed, mut denied, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for address in found.into_iter().map(|address| address.to_canonical()) {
            if !seen.insert(address) {
                continue;
            }
            match self.policy.check(&host, address) {
                Ok(()) => allowed.push(address),
                Err(denial) => denied.push(denial),
            }
        }
        if allowed.is_empty() {
            let keys = self.policy.keys().clone();
            return Err(DialError::Denied { host, denied, keys });
        }
        allowed.truncate(ADDRESSES_MAX);
        Ok(allowed)
    }

    /// Checks an address in a URL before a dial. Names are checked when they are dialed.
    ///
    /// # Errors
    ///
    /// The URL has no host, or its host is an address that the policy refuses.
    pub fn check_url(&self, url: &Url) -> Result<(), DialError> {
        let host = url
            .host_str()
            .ok_or_else(|| incomplete(url.scheme(), url.host_str(), "host"))?;
        match Host::parse(host)? {
            Host::Name(_) => Ok(()),
            literal @ Host::Literal(address) => self.checked(&literal, vec![address]).map(drop),
        }
    }

    /// Connects to `host` within `timeout`, DNS included. Its addresses are tried one after the other.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve); or no address accepts; or the deadline passed.
    pub async fn connect(&self, host: &str, port: u16, timeout: Duration) -> Result<TcpStream, DialError> {
        self.connect_until(host, port, &Deadline::after(timeout)).await
    }

    /// Connects like [`connect`](Self::connect), then starts TLS. The certificate must be valid for `host`, a name or
    /// address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); or the certificate is not accepted, or the handshake fails.
    pub async fn connect_tls(
        &self,
        host: &str,
        port: u16,
        tls: &Arc<ClientConfig>,
        timeout: Duration,
    ) -> Result<TlsStream<TcpStream>, DialError> {
        let deadline = Deadline::after(timeout);
        let stream = self.connect_until(host, port, &deadline).await?;
        deadline
            .run((host, port), Phase::Securing, tls::start_tls(stream, host, tls))
            .await
    }

    /// Connects to the host and port of `uri`, without TLS, as a connector of tonic or hyper does. The default port is
    /// that of the scheme: 80 for `http` and `ws`, 443 for `https` and `wss`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); or `uri` has no host or no port.
    pub async fn connect_uri(&self, uri: &Uri, timeout: Duration) -> Result<TcpStream, DialError> {
        let scheme = uri.scheme().map_or("", Scheme::as_str);
        let host = uri.host().ok_or_else(|| incomplete(scheme, None, "host"))?;
        let port = uri.port_u16().or(match scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        });
        let port = port.ok_or_else(|| incomplete(scheme, Some(host), "port"))?;
        self.connect(host, port, timeout).await
    }

    async fn connect_until(&self, host: &str, port: u16, deadline: &Deadline) -> Result<TcpStream, DialError> {
        let addresses = deadline
            .run((host, port), Phase::Resolving, self.resolve(host, port))
            .await?;
        let connected = async {
            attempts::connect_first(addresses)
                .await
                .map_err(|attempts| DialError::Connect {
                    host: host.to_owned(),
                    port,
                    attempts,
                })
        };
        deadline.run((host, port), Phase::Connecting, connected).await
    }
}

/// The error repeats only scheme and host, because the rest of a URL may contain secrets.
fn incomplete(scheme: &str, host: Option<&str>, missing: &'static str) -> DialError {
    DialError::IncompleteUrl {
        url: format!("{scheme}://{}", host.unwrap_or_default()),
        missing,
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
