//! The broker of a pipeline.

use std::{fmt, path::PathBuf};

use toml::de::DeValue;

use danube_wasm_settings::{ValueRef, kinds::Kind, values::BrokerUrl};

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
}

impl ServiceUrl {
    /// The brokers of a Danube cluster; none for the embedded log.
    pub fn seeds(&self) -> &[BrokerUrl] {
        match self {
            Self::Embedded { .. } => &[],
            Self::Danube { seeds } => seeds,
        }
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
        }
    }
}

/// Reads `embedded://DIR`, or one or several `http(s)://HOST:PORT`, separated by commas or as a list.
pub(crate) struct ServiceUrlKind;

impl Kind for ServiceUrlKind {
    type Value = ServiceUrl;

    fn what(&self) -> String {
        "`\"embedded://DIR\"`, `\"http(s)://HOST:PORT\"` or a list of the latter".to_owned()
    }

    fn show(&self, value: &ServiceUrl) -> String {
        match value {
            ServiceUrl::Danube { seeds } if seeds.len() > 1 => {
                let seeds: Vec<_> = seeds.iter().map(|seed| format!("\"{seed}\"")).collect();
                format!("[{}]", seeds.join(", "))
            }
            one => format!("\"{one}\""),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<ServiceUrl> {
        if let DeValue::Array(items) = input.value {
            let inputs = items.iter().enumerate().map(|(index, item)| input.item(index, item));
            // All items are read, so that all errors are reported.
            let seeds: Vec<_> = inputs
                .map(|input| seed(&input, &input.text("a broker's URL")?))
                .collect();
            return cluster(input, seeds.into_iter().collect::<Option<_>>()?);
        }
        let text = input.text(&self.what())?;
        match text.split_once("://") {
            Some(("embedded", dir)) if !dir.is_empty() && !dir.contains(char::is_control) => {
                Some(ServiceUrl::Embedded {
                    dir: input.session.resolve(dir),
                })
            }
            Some(("http" | "https", _)) => {
                let seeds: Vec<_> = text.split(',').map(|text| seed(input, text.trim())).collect();
                cluster(input, seeds.into_iter().collect::<Option<_>>()?)
            }
            _ => input.refuse(format!("`{}` must be {}", input.name(), self.what())),
        }
    }
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
