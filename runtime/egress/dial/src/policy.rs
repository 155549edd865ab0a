//! The policy of which addresses may be dialed.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::{IpNet, Ipv4Net};

use crate::{
    denial::{Denial, DenialReason},
    exception::Exception,
    host::comparable,
    networks::{self, SpecialNetwork},
    reached::reached_through,
};

/// The policy of which addresses may be dialed. The first matching rule decides:
///
/// 1. networks that the operator denies ([`with_denied`](Self::with_denied)): refused;
/// 2. a cloud's metadata service: allowed only if an allowed network contains nothing else, or under
///    [`everything`](Self::everything);
/// 3. allowed networks and hosts: allowed;
/// 4. otherwise, the policy's constructor decides.
///
/// ```
/// use danube_wasm_egress_dial::DialPolicy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = DialPolicy::public_only()
///     .with_allowed("10.20.0.0/16".parse()?)
///     .with_exception("vault.internal".parse()?)
///     .with_denied("10.20.0.5/32".parse()?);
/// assert!(policy.check("db.example.com", "10.20.0.6".parse()?).is_ok());
/// assert!(policy.check("db.example.com", "10.20.0.5".parse()?).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DialPolicy {
    base: Base,
    denied: Vec<IpNet>,
    allowed: Vec<IpNet>,
    hosts: BTreeSet<String>,
    keys: PolicyKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Everything,
    EverythingButMetadata,
    PublicOnly,
}

/// The configuration keys that refusals name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyKeys {
    /// The list of [`Exception`]s. By default `allow_networks`.
    pub allow: String,
    /// The list of denied networks. By default `deny_networks`.
    pub deny: String,
}

impl DialPolicy {
    /// Allows every address, including metadata services.
    pub fn everything() -> Self {
        Self::new(Base::Everything)
    }

    /// Allows every address except those of metadata services. For a user's own files on their own machine.
    pub fn everything_but_metadata() -> Self {
        Self::new(Base::EverythingButMetadata)
    }

    /// Allows addresses of the public internet. For files of tenants.
    pub fn public_only() -> Self {
        Self::new(Base::PublicOnly)
    }

    fn new(base: Base) -> Self {
        Self {
            base,
            denied: Vec::new(),
            allowed: Vec::new(),
            hosts: BTreeSet::new(),
            keys: PolicyKeys::default(),
        }
    }

    /// Allows the addresses of `net`, except denied ones and metadata services inside a wider network.
    #[must_use]
    pub fn with_allowed(mut self, net: IpNet) -> Self {
        self.allowed.push(canonical(net));
        self
    }

    /// Denies the addresses of `net`, whatever else is allowed. For a node's own addresses and those of its store.
    #[must_use]
    pub fn with_denied(mut self, net: IpNet) -> Self {
        self.denied.push(canonical(net));
        self
    }

    /// Allows what an entry of the operator's list names.
    #[must_use]
    pub fn with_exception(mut self, exception: Exception) -> Self {
        match exception {
            Exception::Network(net) => self.with_allowed(net),
            Exception::Host(name) => {
                self.hosts.insert(comparable(&name).to_ascii_lowercase());
                self
            }
        }
    }

    /// Sets the configuration keys that refusals name.
    #[must_use]
    pub fn with_keys(self, keys: PolicyKeys) -> Self {
        Self { keys, ..self }
    }

    /// The configuration keys that refusals name.
    pub fn keys(&self) -> &PolicyKeys {
        &self.keys
    }

    /// Checks whether `address`, which `host` is or resolves to, may be dialed, and what is reached through it (the
    /// IPv4 address in a NAT64 address, loopback behind `0.0.0.0`).
    ///
    /// # Errors
    ///
    /// The rule that refuses it.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Denial> {
        let address = address.to_canonical();
        let named = self.hosts.contains(&comparable(host).to_ascii_lowercase());
        for reaches in std::iter::once(address).chain(reached_through(address)) {
            self.check_one(named, reaches).map_err(|reason| Denial {
                address,
                reaches,
                reason,
            })?;
        }
        Ok(())
    }

    fn check_one(&self, named: bool, address: IpAddr) -> Result<(), DenialReason> {
        if let Some(net) = holding(&self.denied, address) {
            return Err(DenialReason::Operator(net));
        }
        if let Some(service) = networks::metadata(address) {
            let mut allowed = self.allowed.iter().filter(|net| net.contains(&address));
            let by_name = allowed.any(|net| service.net.contains(net));
            return match by_name || self.base == Base::Everything {
                true => Ok(()),
                false => Err(DenialReason::Metadata { cloud: service.name }),
            };
        }
        if named || self.base != Base::PublicOnly || holding(&self.allowed, address).is_some() {
            return Ok(());
        }
        match networks::not_public(address) {
            None => Ok(()),
            Some(&SpecialNetwork { name, net, .. }) => Err(DenialReason::NotPublic { name, net }),
        }
    }
}

fn holding(nets: &[IpNet], address: IpAddr) -> Option<IpNet> {
    nets.iter().copied().find(|net| net.contains(&address))
}

/// Converts a network of IPv4-mapped addresses to the IPv4 network, because addresses are compared in that form.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let (Some(address), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) else {
        return net;
    };
    Ipv4Net::new(address, prefix).map_or(net, IpNet::V4)
}

impl Default for PolicyKeys {
    fn default() -> Self {
        Self {
            allow: "allow_networks".to_owned(),
            deny: "deny_networks".to_owned(),
        }
    }
}
