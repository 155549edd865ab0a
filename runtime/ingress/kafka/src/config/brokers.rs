//! Where a broker is.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Host;

/// The port of a listener, where none is written.
const USUAL_PORT: u16 = 9092;

/// `HOST:PORT` of a broker that names the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    host: Host,
    port: u16,
}

/// Why a text is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a broker is `HOST:PORT`, without a scheme and without credentials")]
pub struct InvalidBroker;

impl Broker {
    /// Whether only this machine can be meant.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }
}

impl FromStr for Broker {
    type Err = InvalidBroker;

    fn from_str(text: &str) -> Result<Self, InvalidBroker> {
        if text.contains(['/', '@', ',']) {
            return Err(InvalidBroker);
        }
        let (host, port) = Host::parse_with_port(text, USUAL_PORT).ok_or(InvalidBroker)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host.with_port(self.port))
    }
}
