//! Entries of an operator's list of allowed networks and hosts.

use std::str::FromStr;

use ipnet::IpNet;

use crate::host::Host;

/// An entry of an operator's list: allows a network, an address, or a host by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exception {
    /// Addresses of this network, for any host.
    Network(IpNet),
    /// Any address of this host, except metadata services. The operator of its DNS chooses the addresses.
    Host(String),
}

/// The entry is neither a network nor an address nor a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a network (`10.0.0.0/8`), nor an address (`10.0.0.7`), nor a host (`db.internal`)")]
pub struct InvalidException(String);

impl FromStr for Exception {
    type Err = InvalidException;

    fn from_str(text: &str) -> Result<Self, InvalidException> {
        if let Ok(net) = text.parse() {
            return Ok(Self::Network(net));
        }
        match Host::parse(text) {
            Ok(Host::Literal(address)) => Ok(Self::Network(address.into())),
            Ok(Host::Name(name)) => Ok(Self::Host(name)),
            Err(_) => Err(InvalidException(text.to_owned())),
        }
    }
}
