//! Why an address is refused, in words.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

/// An address that may not be dialed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What was asked for, or what the name resolved to; an IPv4-mapped address as the IPv4 address that it is.
    pub address: IpAddr,
    /// The address that the reason is about: `address`, or what is reached through it (an IPv4 address in it,
    /// loopback).
    pub reaches: IpAddr,
    /// What is wrong with it.
    pub reason: DenialReason,
}

/// Which rule refused an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenialReason {
    /// It lies in a network that the operator has denied.
    Operator(IpNet),
    /// A cloud's metadata service is there, and no entry names the address.
    Metadata {
        /// Whose.
        cloud: &'static str,
    },
    /// It is not on the public internet.
    NotPublic {
        /// What its network is for.
        name: &'static str,
        /// The network.
        net: IpNet,
    },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address == self.reaches {
            true => write!(f, "{} ({})", self.address, self.reason),
            false => write!(f, "{} (reaches {}: {})", self.address, self.reaches, self.reason),
        }
    }
}

impl fmt::Display for DenialReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(net) => write!(f, "in {net}, which the operator denies"),
            Self::Metadata { cloud } => write!(f, "cloud metadata service: {cloud}"),
            Self::NotPublic { name, net } => write!(f, "{name} {net}"),
        }
    }
}
