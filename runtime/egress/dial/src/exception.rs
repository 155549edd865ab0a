//! Entries of the list of what an operator allows.

use std::str::FromStr;

use ipnet::IpNet;

use crate::host::Host;

/// What one entry of an operator's list allows: a network, an address, or a host by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exception {
    /// Addresses of this network, whatever host resolves to them.
    Network(IpNet),
    /// Whatever addresses this host has, metadata services aside. Who runs its DNS chooses them.
    Host(String),
}

/// An entry that is none of the three.
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
