//! The broker of a pipeline.

use std::{fmt, path::PathBuf};

use toml::de::DeValue;

use danube_wasm_settings::{
    ValueRef,
    kinds::Kind,
    values::{BrokerUrl, NatsUrl},
};

/// Most brokers in a list: a client needs one that answers, and learns the others from it.
pub const SEEDS_MAX: usize = 16;

/// The broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceUrl {
    /// A durable log in this process.
    Embedded {
        /// Its directory, absolute.
        dir: PathBuf,
    },
    /// A Danube cluster.
    Danube {
        /// Brokers to connect to first: 1 to [`SEEDS_MAX`], all with TLS or all without.
        seeds: Vec<BrokerUrl>,
    },
    /// NATS JetStream.
    Nats {
        /// Servers to connect to first: 1 to [`SEEDS_MAX`], all with TLS or all without.
        servers: Vec<NatsUrl>,
    },
}

impl ServiceUrl {
    /// The brokers of a Danube cluster; none for any other broker.
    pub fn seeds(&self) -> &[BrokerUrl] {
        match self {
            Self::Danube { seeds } => seeds,
            Self::Embedded { .. } | Self::Nats { .. } => &[],
        }
    }

    /// The servers of NATS; none for any other broker.
    pub fn nats_servers(&self) -> &[NatsUrl] {
        match self {
            Self::Nats { servers } => servers,
            Self::Embedded { .. } | Self::Danube { .. } => &[],
        }
    }

    /// Whether it is the log in this process.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded { .. })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { dir } => write!(f, "embedded://{}", dir.display()),
            Self::Danube { seeds } => {
                let seeds: Vec<_> = seeds.iter().map(ToString::to_string).collect();
                f.write_str(&seeds.join(","))
            }
            Self::Nats { servers } => {
                let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
                f.write_str(&servers.join(","))
            }
        }
    }
}

/// Reads `embedded://DIR`, or one or several `http(s)://HOST:PORT` or `nats://HOST:PORT`, separated by commas or as a list.
pub(crate) struct ServiceUrlKind;

impl Kind for ServiceUrlKind {
    type Value = ServiceUrl;

    fn what(&self) -> String {
        "`\"embedded://DIR\"`, `\"http(s)://HOST:PORT\"`, `\"nats://HOST:PORT\"`, or a list of one of the latter two"
            .to_owned()
    }

    fn show(&self, value: &ServiceUrl) -> String {
        match value {
            ServiceUrl::Danube { seeds } if seeds.len() > 1 => {
                let seeds: Vec<_> = seeds.iter().map(|seed| format!("\"{seed}\"")).collect();
                format!("[{}]", seeds.join(", "))
            }
            ServiceUrl::Nats { servers } if servers.len() > 1 => {
                let servers: Vec<_> = servers.iter().map(|server| format!("\"{server}\"")).collect();
                format!("[{}]", servers.join(", "))
            }
            one => format!("\"{one}\""),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<ServiceUrl> {
        if let DeValue::Array(items) = input.value {
            let inputs: Vec<_> = items
                .iter()
                .enumerate()
                .map(|(index, item)| input.item(index, item))
                .collect();
            // All items are read, so that all errors are reported.
            let texts: Vec<_> = inputs.iter().map(|input| input.text("a broker's URL")).collect();
            let texts = texts.into_iter().collect::<Option<Vec<_>>>()?;
            let parts: Vec<_> = inputs.iter().zip(texts).collect();
            return several(input, &parts);
        }
        let text = input.text(&self.what())?;
        match text.split_once("://") {
            Some(("embedded", dir)) if !dir.is_empty() && !dir.contains(char::is_control) => {
                Some(ServiceUrl::Embedded {
                    dir: input.session.resolve(dir),
                })
            }
            Some(("http" | "https" | "nats" | "tls", _)) => {
                let parts: Vec<_> = text.split(',').map(|text| (input, text.trim().to_owned())).collect();
                several(input, &parts)
            }
            _ => input.refuse(format!("`{}` must be {}", input.name(), self.what())),
        }
    }
}

/// Brokers of one kind, each with its place; the first one says which.
fn several(input: &ValueRef<'_>, parts: &[(&ValueRef<'_>, String)]) -> Option<ServiceUrl> {
    let is_nats = parts
        .first()
        .is_some_and(|(_, first)| first.starts_with("nats://") || first.starts_with("tls://"));
    if is_nats {
        let servers: Vec<_> = parts.iter().map(|(at, text)| nats_server(at, text)).collect();
        return nats(input, servers.into_iter().collect::<Option<_>>()?);
    }
    let seeds: Vec<_> = parts.iter().map(|(at, text)| seed(at, text)).collect();
    cluster(input, seeds.into_iter().collect::<Option<_>>()?)
}

fn nats_server(input: &ValueRef<'_>, text: &str) -> Option<NatsUrl> {
    match text.parse() {
        Ok(url) => Some(url),
        Err(error) => input.refuse_with(
            format!("`{}`: {error}", input.name()),
            "write for example `nats://nats-1:4222`; users and passwords are in `[nats]`",
        ),
    }
}

fn nats(input: &ValueRef<'_>, servers: Vec<NatsUrl>) -> Option<ServiceUrl> {
    if servers.len() > SEEDS_MAX {
        let number = servers.len();
        return input.refuse(format!(
            "`{}` must name 1 to {SEEDS_MAX} servers, not {number}",
            input.name()
        ));
    }
    let encrypted = servers.iter().filter(|server| server.tls()).count();
    if encrypted != 0 && encrypted != servers.len() {
        return input.refuse_with(
            format!("`{}` names servers with `nats` and with `tls`", input.name()),
            "write `tls://` for all if any of them needs it: credentials would be sent in plain text to the others",
        );
    }
    Some(ServiceUrl::Nats { servers })
}

fn seed(input: &ValueRef<'_>, text: &str) -> Option<BrokerUrl> {
    match text.parse() {
        Ok(url) => Some(url),
        Err(error) => input.refuse_with(
            format!("`{}`: {error}", input.name()),
            "write for example `http://danube-broker:6650`",
        ),
    }
}

fn cluster(input: &ValueRef<'_>, seeds: Vec<BrokerUrl>) -> Option<ServiceUrl> {
    if seeds.is_empty() || seeds.len() > SEEDS_MAX {
        return input.refuse(format!(
            "`{}` must name 1 to {SEEDS_MAX} brokers, not {}",
            input.name(),
            seeds.len()
        ));
    }
    let encrypted = seeds.iter().filter(|seed| seed.tls()).count();
    if encrypted != 0 && encrypted != seeds.len() {
        return input.refuse_with(
            format!("`{}` names brokers with `http` and with `https`", input.name()),
            "a cluster has TLS or has none: write the same for all",
        );
    }
    Some(ServiceUrl::Danube { seeds })
}
