//! Refused addresses, with reasons.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

/// An address that may not be dialed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The requested or resolved address; an IPv4-mapped address as IPv4 address.
    pub address: IpAddr,
    /// The address that the reason is about: `address`, or one that is reached through it (an embedded IPv4 address, or
    /// loopback).
    pub reaches: IpAddr,
    /// The reason.
    pub reason: DenialReason,
}

/// The rule that refused an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenialReason {
    /// It is in a network that the operator denies.
    Operator(IpNet),
    /// It is the address of a cloud's metadata service, and no entry allows exactly this address.
    Metadata {
        /// The cloud.
        cloud: &'static str,
    },
    /// It is not on the public internet.
    NotPublic {
        /// Purpose of its network.
        name: &'static str,
        /// Its network.
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
