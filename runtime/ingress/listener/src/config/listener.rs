//! The keys of a listener.

use std::time::Duration;

use danube_wasm_connector::{AddressClaim, Finding, Outcome};
use danube_wasm_settings::{
    Listen, Table,
    kinds::{List, Millis, Parsed},
    values::Network,
};

use crate::{HttpLimits, TlsOptions, TrustedProxies};

/// The address that a source listens on, and what all its requests have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerConfig {
    /// The address.
    pub listen: Listen,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsOptions>,
    /// How long the headers of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// How long the answer to a request may take, from the end of its headers.
    pub request_deadline: Duration,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// [`HttpLimits::stream_window_bytes`].
    pub stream_window_bytes: u32,
}

/// Default for how long the headers of a request may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// What a source's listener has where the file does not say.
#[derive(Debug, Clone, Copy)]
pub struct ListenerDefaults {
    /// `port`.
    pub port: u16,
    /// `body_timeout_ms`.
    pub body_timeout: Duration,
    /// `request_deadline_ms`.
    pub request_deadline: Duration,
    /// [`HttpLimits::stream_window_bytes`], which no key sets.
    pub stream_window_bytes: u32,
}

impl ListenerConfig {
    /// Reads the keys, and calls `body` in between, which reads the source's own keys about bodies: this is the order of the
    /// reference page.
    pub fn read<T>(t: &mut Table<'_>, defaults: ListenerDefaults, body: impl FnOnce(&mut Table<'_>) -> T) -> (Self, T) {
        let listen = Listen::read(t, defaults.port);
        let tls = t.group("tls").optional::<TlsOptions>();
        let own = body(t);
        let [header_timeout, body_timeout, request_deadline] = timeouts(t, defaults);
        let proxies = List {
            kind: Parsed::new("an IP address or network"),
            len: 0..=64,
        };
        let trusted_proxies = t
            .field(
                "trusted_proxies",
                proxies,
                "Proxies whose `X-Forwarded-For` is believed. Without any, the client is whoever connects.",
            )
            .example("[\"10.0.0.0/8\"]")
            .or(Vec::new());
        if body_timeout >= request_deadline {
            t.session().error(
                &t.span("body_timeout_ms"),
                "a request whose body takes `body_timeout_ms` has no time left of its `request_deadline_ms`",
                "lower the first or raise the second",
            );
        }
        let config = Self {
            listen,
            tls,
            header_timeout,
            body_timeout,
            request_deadline,
            trusted_proxies,
            stream_window_bytes: defaults.stream_window_bytes,
        };
        (config, own)
    }

    /// Records the address, for the comparison with other connectors.
    pub fn leave(&self, t: &Table<'_>) {
        AddressClaim::leave(t, &self.listen, self.terms());
    }

    /// Whether two sources can share a listener.
    pub(crate) fn shares_listener(&self, other: &Self) -> bool {
        self.terms() == other.terms()
    }

    /// The settings that sources on one address must have in common.
    fn terms(&self) -> String {
        let timeouts = [self.header_timeout, self.body_timeout, self.request_deadline];
        format!(
            "{:?}",
            (&self.tls, &self.trusted_proxies, timeouts, self.stream_window_bytes)
        )
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Its limits.
    pub(crate) fn limits(&self) -> HttpLimits {
        HttpLimits {
            header_read_ms_max: millis(self.header_timeout),
            body_read_ms_max: millis(self.body_timeout),
            request_ms_max: millis(self.request_deadline),
            stream_window_bytes: self.stream_window_bytes,
            ..HttpLimits::default()
        }
    }

    /// The proxies in front of it.
    pub(crate) fn proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone())
    }

    /// Checks whether the address is free, unless it is this pipeline's already.
    pub async fn probe(&self, is_running: bool) -> Option<Finding> {
        if is_running || self.listen.port == 0 {
            return None;
        }
        Some(Finding {
            what: format!("listen on {}", self.listen),
            outcome: self.try_to_bind().await,
        })
    }

    async fn try_to_bind(&self) -> Outcome {
        let bound = match self.listen.resolve().await {
            Ok(address) => std::net::TcpListener::bind(address).map(drop),
            Err(error) => Err(error),
        };
        match bound {
            Ok(()) => Outcome::Reached,
            Err(error) => Outcome::Failed(format!("{error}: end what listens there, or choose another `port`")),
        }
    }
}

/// Reads the keys `header_timeout_ms`, `body_timeout_ms` and `request_deadline_ms`.
fn timeouts(t: &mut Table<'_>, defaults: ListenerDefaults) -> [Duration; 3] {
    let header = t
        .field(
            "header_timeout_ms",
            Millis(100..=600_000),
            "How long the headers of a request may take to arrive.",
        )
        .or(HEADER_TIMEOUT);
    let body = t
        .field(
            "body_timeout_ms",
            Millis(100..=600_000),
            "How long the body of a request may take to arrive. Slower ones are answered 408.",
        )
        .or(defaults.body_timeout);
    let request = t
        .field(
            "request_deadline_ms",
            Millis(100..=600_000),
            "How long a request may take until its records are durable. Later ones are answered 503; the event may \
             be stored all the same.",
        )
        .or(defaults.request_deadline);
    [header, body, request]
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
