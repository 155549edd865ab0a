//! How to reach a Danube cluster.

use std::{fmt, path::PathBuf, time::Duration};

use danube_wasm_broker::{BrokerError, Result};

use crate::{flow::FlowControl, limits, wire::Address};

/// How to reach a Danube cluster, and how long to wait for what. [`DanubeOptions::new`] has defaults for everything but
/// the seeds; the reasons are in `limits.rs`.
#[derive(Debug, Clone)]
pub struct DanubeOptions {
    /// URLs of some brokers, `http://host:6650` or `https://host:6650`: any of them that answers says which broker
    /// serves a topic. All of one scheme.
    pub seeds: Vec<String>,
    /// URL of a broker's admin API, `http://host:50051` or `https://host:50051`; without it,
    /// [`danube_wasm_broker::Admin`] is not available. It may use TLS where clients do not, and the other way round.
    pub admin_url: Option<String>,
    /// How brokers and this client authenticate. Without it, `https` trusts the system's authorities.
    pub tls: Option<Tls>,
    /// Sent with every call as `authorization: Bearer …`.
    pub token: Option<Token>,
    /// How long a connection and its TLS handshake may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long one call may take. Default 10 s.
    pub request_timeout: Duration,
    /// How long a record is retried, through any number of lost sessions; half as long again if it is in flight then,
    /// which is also the longest time of its call. If there was no session for that long, records fail at once until
    /// there is one. Default 5 s.
    pub publish_timeout: Duration,
    /// How long a new topic may be incomplete: not all of its partitions created, or not all assigned to a broker.
    /// Default 30 s.
    pub assign_timeout: Duration,
    /// How long an acknowledgement is retried. Default 30 s, Danube's own ack timeout.
    pub ack_timeout: Duration,
    /// How long the acknowledgement of a partition's newest message waits for earlier ones, on brokers of Danube: 0.15
    /// stands still if it arrives before them. After that it is refused for now, if those are delivered, being
    /// acknowledged, or were negatively acknowledged less than 70 s ago where no other consumer can have them. Default
    /// 5 s.
    pub newest_waits_max: Duration,
    /// After this time without data on a connection the other end is pinged. Default 2 s.
    pub keepalive_interval: Duration,
    /// How long the answer to a ping may take. Default 5 s.
    pub keepalive_timeout: Duration,
    /// Messages of one partition that are sent and not answered. `None`: 1 on brokers of Danube, where more are lost or
    /// stop a subscription (0.15), counted over all publishers of all clients with the same `flow_control`; and 64 for
    /// each publisher on danube-wasm's own broker. Of one key there is never more than one, and of a topic with
    /// `ordered` never more than one in all.
    pub in_flight_max: Option<usize>,
    /// Flow control shared by the clients of a process for one cluster. Each client has its own by default: clone one
    /// into the others' options.
    pub flow_control: FlowControl,
    /// Whether a record that was in flight when its session was lost is sent again in the next session: the default. If
    /// not, it fails with [`ErrorKind::Unavailable`] at once, and so do records that were published with it or are
    /// published later through a publisher that was opened before the loss: for a caller that keeps its records, and
    /// publishes them again from the oldest on, through a new publisher.
    ///
    /// [`ErrorKind::Unavailable`]: danube_wasm_broker::ErrorKind::Unavailable
    pub resend_after_loss: bool,
    /// Largest message, with key and attributes, in bytes; dead letters may have 32 KiB more. Default 4 MiB less 36 KiB.
    pub message_bytes_max: usize,
    /// How long a jump of offsets may stay unfilled before it counts as skipped; on `Shared` subscriptions
    /// `ack_timeout` longer. Default 10 s.
    pub gap_filled_within: Duration,
    /// After this time without a message and with nothing unacknowledged, a partition with messages that this process
    /// knows to be unread counts as standing still. Default 30 s.
    pub standstill_after: Duration,
    /// How often the client looks for new partitions of a consumed topic. Default 30 s.
    pub discovery_interval: Duration,
    /// How often a consumer asks its broker whether its session still exists. Default 5 s.
    pub health_interval: Duration,
    /// First wait after a loss; doubles up to `retry_ceiling`, with jitter. Default 100 ms.
    pub retry_floor: Duration,
    /// Longest wait after a loss. Default 2 s.
    pub retry_ceiling: Duration,
}

impl DanubeOptions {
    /// Defaults, for these seeds.
    pub fn new(seeds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            seeds: seeds.into_iter().map(Into::into).collect(),
            admin_url: None,
            tls: None,
            token: None,
            connect_timeout: limits::CONNECT_TIMEOUT,
            request_timeout: limits::REQUEST_TIMEOUT,
            publish_timeout: limits::PUBLISH_TIMEOUT,
            assign_timeout: limits::ASSIGN_TIMEOUT,
            ack_timeout: limits::ACK_TIMEOUT,
            newest_waits_max: limits::NEWEST_WAITS_MAX,
            keepalive_interval: limits::KEEPALIVE_INTERVAL,
            keepalive_timeout: limits::KEEPALIVE_TIMEOUT,
            in_flight_max: None,
            flow_control: FlowControl::default(),
            resend_after_loss: true,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            gap_filled_within: limits::GAP_FILLED_WITHIN,
            standstill_after: limits::STANDSTILL_AFTER,
            discovery_interval: limits::DISCOVERY_INTERVAL,
            health_interval: limits::HEALTH_INTERVAL,
            retry_floor: limits::RETRY_FLOOR,
            retry_ceiling: limits::RETRY_CEILING,
        }
    }

    /// Messages of a partition that may be in flight at once.
    pub(crate) fn in_flight_at(&self, own_broker: bool) -> usize {
        let default = match own_broker {
            true => limits::IN_FLIGHT_AT_OWN_BROKER_MAX,
            false => limits::IN_FLIGHT_MAX,
        };
        self.in_flight_max.unwrap_or(default)
    }

    /// Address of the admin API.
    pub(crate) fn admin_address(&self) -> Result<Option<Address>> {
        let parse = |url: &String| Address::parse_at(url, limits::DEFAULT_ADMIN_PORT);
        self.admin_url.as_ref().map(parse).transpose()
    }

    /// The seeds; an error for invalid options.
    pub(crate) fn addresses(&self) -> Result<Vec<Address>> {
        let seeds: Vec<_> = self.seeds.iter().map(|s| Address::parse(s)).collect::<Result<_>>()?;
        let Some(first) = seeds.first() else {
            return Err(refused(
                "no Danube broker is named: give at least one URL, `http://host:6650`",
            ));
        };
        if seeds.iter().any(|seed| seed.tls != first.tls) {
            return Err(refused(
                "the brokers' URLs mix http and https: a cluster speaks one of them on all its brokers",
            ));
        }
        let admin_tls = self.admin_address()?.is_some_and(|admin| admin.tls);
        if self.tls.is_some() && !first.tls && !admin_tls {
            return Err(refused(format!(
                "TLS is configured, but {first} is plaintext: write `https://`, or remove the TLS settings"
            )));
        }
        if self.in_flight_max == Some(0) {
            return Err(refused(
                "`in_flight_max` is 0: nothing could be published; 1 sends one at a time",
            ));
        }
        Ok(seeds)
    }
}

fn refused(message: impl Into<String>) -> BrokerError {
    BrokerError::new(danube_wasm_broker::ErrorKind::Conflict, message)
}

/// How brokers and this client authenticate. Files are PEM and are read at every connection, so that renewed ones are
/// used without a restart.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities that sign the brokers' certificates; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, where brokers ask for one.
    pub identity: Option<Identity>,
}

/// A client's certificate.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate and its chain.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// A bearer token: for Danube, a JWT signed by the cluster's secret.
#[derive(Clone)]
pub enum Token {
    /// The token itself.
    Inline(Secret),
    /// A file that holds it. It is read again when it changes, so that tokens can be short-lived.
    File(PathBuf),
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// A text that is never logged.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
