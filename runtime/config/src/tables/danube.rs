//! How to connect to a Danube cluster.

use std::{path::PathBuf, time::Duration};

use super::{instance::Instance, service_url::ServiceUrl};
use danube_wasm_settings::{
    Reading, SecretSource, Section, Span, Table,
    kinds::{Integer, Millis, Parsed, PemFile, SecretSourceKind},
    values::BrokerUrl,
};

/// How to connect to a Danube cluster. Not used with the embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Danube {
    /// The slot of this process among several processes with the same file.
    pub instance: Instance,
    /// A broker's admin API; without it, topics and subscriptions of the cluster cannot be administered from here.
    pub admin_url: Option<BrokerUrl>,
    /// Certificates for `https`; without them, the system's authorities are trusted and no certificate is presented.
    pub tls: Option<DanubeTls>,
    /// The bearer token of every call. A token from a file is read again when the file changes.
    pub token: Option<SecretSource>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a call.
    pub request_timeout: Duration,
    /// Longest time that a record of a source without a buffer waits for the broker.
    pub publish_timeout: Duration,
    /// After how long the broker redelivers a message that was not acknowledged, as configured at the broker.
    pub ack_timeout: Duration,
    /// Most unconfirmed messages of one partition, unless its order needs a limit of one; `None` for the broker's
    /// limit.
    pub in_flight_max: Option<usize>,
}

/// TLS files for connections to a broker. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DanubeTls {
    /// Certificates of the authorities that are trusted for brokers, PEM; `None` for the system's.
    pub ca_file: Option<PathBuf>,
    /// Client certificate chain and its private key, PEM, for brokers that ask for one.
    pub identity: Option<ClientIdentity>,
}

/// A client certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientIdentity {
    /// Certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Private key, PEM.
    pub key_file: PathBuf,
}

/// The table, and the places of keys that must match the URL.
#[derive(Debug, Clone)]
pub(crate) struct DanubeTable {
    pub(crate) danube: Danube,
    tls: Option<Span>,
    token: Option<Span>,
}

impl PartialEq for DanubeTable {
    fn eq(&self, other: &Self) -> bool {
        self.danube == other.danube
    }
}

impl DanubeTable {
    /// Checks the table against the broker's URL. `span` is that of the table.
    pub(crate) fn check(&self, shared: &Reading<'_>, url: &ServiceUrl, span: Option<&Span>) {
        let seeds = url.seeds();
        if seeds.is_empty() {
            if let Some(span) = span {
                let message = "`danube` has no effect: the broker is the embedded log";
                let help = "remove the table, or write `danube_service_url = \"http://HOST:6650\"`";
                shared.warning(span, message, help);
            }
            return;
        }
        let admin = self.danube.admin_url.as_ref();
        let plain: Vec<_> = seeds.iter().filter(|seed| !seed.tls()).collect();
        let admin_tls = admin.is_some_and(BrokerUrl::tls);
        if let (Some(span), Some(seed), false) = (&self.tls, plain.first(), admin_tls) {
            let message = format!("`tls` is given, but {seed} is not encrypted");
            shared.error(
                span,
                message,
                "write `https://` in `danube_service_url`, or remove `tls`",
            );
        }
        let open = plain.iter().find(|seed| !seed.host().is_loopback());
        if let (Some(span), Some(seed)) = (&self.token, open) {
            let message = format!("the token would be sent to {seed} in plain text");
            shared.error(span, message, "write `https://` in `danube_service_url`");
        }
        let open = admin.filter(|url| !url.tls() && !url.host().is_loopback());
        if let (Some(span), Some(url)) = (&self.token, open) {
            let message = format!("the token would be sent to {url} in plain text");
            shared.error(span, message, "write `https://` in `danube.admin_url`");
        }
    }
}

impl Section for DanubeTable {
    const ABOUT: &'static str = "How a Danube cluster is spoken to. Of no effect with the embedded log.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let instance = Instance::read(t, true);
        let admin_url = t
            .field(
                "admin_url",
                Parsed::<BrokerUrl>::new("a broker's URL"),
                "A broker's admin API, with its port, which is 50051 by default: for listing and deleting topics and \
                 subscriptions, and for telling which namespaces there are and what becomes of messages that nobody \
                 acknowledges.",
            )
            .example("\"http://danube-broker:50051\"")
            .optional();
        let tls = t.group("tls").optional::<DanubeTls>();
        let token = t
            .field(
                "token",
                SecretSourceKind,
                "Bearer token that every call carries. A file is read again when it changes. Needs `https`, but on \
                 this machine.",
            )
            .example("{ file = \"secrets/danube-token\" }")
            .optional();
        let [connect_timeout, request_timeout, publish_timeout, ack_timeout] = timeouts(t);
        let in_flight_max = t
            .field(
                "in_flight_max",
                Integer(1..=10_000),
                "Most messages of one partition that this process has sent and the broker has not yet confirmed. Where \
                 order matters (a record with a key, `ordered = true`) it is one. Danube (0.15) stops or loses what is sent \
                 side by side; partitions give throughput: see [danube.md](danube.md).",
            )
            .defaults_to("1 on Danube, 64 a publisher on `danube-wasm broker`");
        Some(Self {
            danube: Danube {
                instance,
                admin_url,
                tls: tls.clone(),
                token: token.clone(),
                connect_timeout,
                request_timeout,
                publish_timeout,
                ack_timeout,
                in_flight_max,
            },
            tls: t.given("tls").then(|| t.span("tls")),
            token: t.given("token").then(|| t.span("token")),
        })
    }
}

/// Reads the timeouts.
fn timeouts(t: &mut Table<'_>) -> [Duration; 4] {
    let connect_timeout = t
        .field(
            "connect_timeout_ms",
            Millis(100..=600_000),
            "How long a connection to a broker may take.",
        )
        .or(Duration::from_secs(5));
    let request_timeout = t
        .field(
            "request_timeout_ms",
            Millis(100..=600_000),
            "How long a call may take, a record's at most `publish_timeout_ms`. Then the connection is given up and \
             made anew.",
        )
        .or(Duration::from_secs(10));
    let publish_timeout = t
        .field(
            "publish_timeout_ms",
            Millis(100..=600_000),
            "How long a record without a `buffer` may wait for the broker, dead letters likewise; half as long again \
             if it is on its way. Then its sender is answered 503, although the broker may store it all the same; \
             when the broker was away for that long, so is every other sender at once, until it is back.",
        )
        .or(Duration::from_secs(5));
    let ack_timeout = t
        .field(
            "ack_timeout_ms",
            Millis(1000..=3_600_000),
            "After how long the broker delivers a message again that is not acknowledged, as the broker is \
             configured. Batches are written well before.",
        )
        .or(Duration::from_secs(30));
    [connect_timeout, request_timeout, publish_timeout, ack_timeout]
}

impl Section for DanubeTls {
    const ABOUT: &'static str = "Certificates for brokers with `https`. Without `ca_file`, the authorities that this \
        system trusts are trusted.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let ca_file = t
            .field(
                "ca_file",
                PemFile("CERTIFICATE"),
                "Certificates of the authorities that brokers are believed by, PEM.",
            )
            .example("\"tls/ca.pem\"")
            .optional();
        let cert_file = t
            .field(
                "cert_file",
                PemFile("CERTIFICATE"),
                "Own certificate chain, PEM, for brokers that ask for one.",
            )
            .example("\"tls/client.pem\"")
            .optional();
        let key_file = t
            .field("key_file", PemFile("PRIVATE KEY"), "Private key of `cert_file`, PEM.")
            .example("\"tls/client.key\"")
            .optional();
        for (one, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
            if t.given(one) && !t.given(other) {
                let message = format!("`{one}` needs `{other}`");
                t.session().error(&t.span(one), message, format!("add `{other}`"));
            }
        }
        let identity = cert_file.zip(key_file);
        Some(Self {
            ca_file,
            identity: identity.map(|(cert_file, key_file)| ClientIdentity { cert_file, key_file }),
        })
    }
}
