//! Hosts: names or addresses.

use std::net::IpAddr;

use rustls_pki_types::ServerName;

use crate::DialError;

/// A host, parsed like the host of a URL: names in lower case and ASCII, every form of an IPv4 literal as its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Literal(IpAddr),
}

impl Host {
    /// Parses a name, an IPv4 literal, or an IPv6 literal with or without brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, DialError> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Ok(Self::Literal(address));
        }
        match url::Host::parse(text) {
            Ok(host) => Ok(host.into()),
            Err(_) => Err(DialError::InvalidHost { host: text.to_owned() }),
        }
    }

    /// Returns the name or address that a certificate must be valid for.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>, DialError> {
        match self {
            Self::Literal(address) => Ok(ServerName::from(*address)),
            Self::Name(name) => ServerName::try_from(comparable(name).to_owned())
                .map_err(|_| DialError::InvalidHost { host: name.clone() }),
        }
    }
}

/// Returns `name` without the trailing dot of an absolute name.
pub(crate) fn comparable(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl From<url::Host> for Host {
    fn from(host: url::Host) -> Self {
        match host {
            url::Host::Domain(name) => Self::Name(name),
            url::Host::Ipv4(address) => Self::Literal(address.into()),
            url::Host::Ipv6(address) => Self::Literal(address.into()),
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Literal(address) => write!(f, "{address}"),
        }
    }
}
