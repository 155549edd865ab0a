//! Options of the server.

use std::{fmt, time::Duration};

use danube_wasm_broker::StartAt;

/// Options of the server. [`ServerOptions::default`] suits one machine.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The URL that clients are told to connect to, such as `http://broker.local:6650`. Default: the one that they
    /// used, which is right unless something in between translates addresses.
    pub advertised_url: Option<String>,
    /// Speak TLS. Default: plaintext, which suits loopback only.
    pub tls: Option<TlsIdentity>,
    /// Token that every call must send as `authorization: Bearer`. Default: none is required.
    pub token: Option<Secret>,
    /// Most messages delivered to a consumer of one partition and not yet acknowledged. Default 1000.
    pub unacknowledged_max: usize,
    /// A message that is not acknowledged for this time is delivered again. Default 30 s.
    pub ack_timeout: Duration,
    /// Where a new subscription starts if the client does not say. Default: at the end, as in Danube.
    pub new_subscriptions: StartAt,
    /// Largest message with its key, attributes and names, in bytes. Default 4 MiB: Danube's clients cannot receive
    /// more, so a larger one would be stored and never consumed.
    pub message_bytes_max: usize,
    /// How long running calls may take to finish when the server stops. Default 10 s.
    pub drain_max: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            advertised_url: None,
            tls: None,
            token: None,
            unacknowledged_max: 1000,
            ack_timeout: Duration::from_secs(30),
            new_subscriptions: StartAt::Latest,
            message_bytes_max: 4 << 20,
            drain_max: Duration::from_secs(10),
        }
    }
}

/// Certificate and key of the server, in PEM.
#[derive(Clone)]
pub struct TlsIdentity {
    /// The certificate, followed by those that lead to its root.
    pub certificate_pem: Vec<u8>,
    /// Its private key.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(…)")
    }
}

/// A text that is never logged.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An option has an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// Nothing could be delivered.
    #[error("a consumer must be allowed at least one unacknowledged message")]
    NoWindow,
    /// Every message would be delivered again at once.
    #[error(
        "the acknowledgement timeout is {0:?}: it must be at least 1 s, or messages are given again while they are worked on"
    )]
    AckTimeout(Duration),
    /// No message would fit, or the transport would cut it off.
    #[error("the largest message is {0} bytes: allow 4096 to {max}", max = crate::limits::CALL_BYTES_MAX)]
    MessageBytes(usize),
    /// An empty secret protects nothing.
    #[error("the token is empty: give it a value, or leave it out")]
    EmptyToken,
    /// Clients could not connect to this URL.
    #[error("`{0}` is no URL to advertise: write `http://host:port`, or `https://host:port` with TLS")]
    AdvertisedUrl(String),
}

impl ServerOptions {
    pub(crate) fn check(&self) -> Result<(), InvalidOptions> {
        if self.unacknowledged_max == 0 {
            return Err(InvalidOptions::NoWindow);
        }
        if self.ack_timeout < Duration::from_secs(1) {
            return Err(InvalidOptions::AckTimeout(self.ack_timeout));
        }
        if !(4096..=crate::limits::CALL_BYTES_MAX).contains(&self.message_bytes_max) {
            return Err(InvalidOptions::MessageBytes(self.message_bytes_max));
        }
        if self.token.as_ref().is_some_and(|token| token.expose().is_empty()) {
            return Err(InvalidOptions::EmptyToken);
        }
        match &self.advertised_url {
            Some(url) if !self.is_connectable(url) => Err(InvalidOptions::AdvertisedUrl(url.clone())),
            _ => Ok(()),
        }
    }

    fn is_connectable(&self, url: &str) -> bool {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        url.parse::<http::Uri>()
            .is_ok_and(|uri| uri.scheme_str() == Some(scheme) && uri.authority().is_some())
    }
}
