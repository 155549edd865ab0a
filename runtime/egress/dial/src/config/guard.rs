//! Which addresses servers may have.

use std::{fmt, str::FromStr};

use danube_wasm_settings::{
    Table,
    kinds::{Choice, List, Parsed},
};
use ipnet::IpNet;

use crate::{DialPolicy, Exception, InvalidException};

/// Which addresses servers may have, by whatever name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    public_only: bool,
    allowed: Vec<Allowed>,
    denied: Vec<IpNet>,
}

impl Guard {
    /// Addresses of the public internet, and no exceptions.
    pub fn public_only() -> Self {
        Self {
            public_only: true,
            allowed: Vec::new(),
            denied: Vec::new(),
        }
    }

    /// As the dialer checks it.
    pub fn policy(&self) -> DialPolicy {
        let base = match self.public_only {
            true => DialPolicy::public_only(),
            false => DialPolicy::everything_but_metadata(),
        };
        let exceptions = self.allowed.iter().map(|allowed| allowed.exception.clone());
        let policy = exceptions.fold(base, DialPolicy::with_exception);
        self.denied.iter().copied().fold(policy, DialPolicy::with_denied)
    }

    /// Reads the keys `networks`, `allow_networks` and `deny_networks`.
    pub fn read(t: &mut Table<'_>) -> Option<Self> {
        Self::read_with_default(t, false)
    }

    /// The same keys, where `networks` is `public` unless it is written: for addresses that somebody else's code chooses.
    pub fn read_public(t: &mut Table<'_>) -> Option<Self> {
        Self::read_with_default(t, true)
    }

    fn read_with_default(t: &mut Table<'_>, public_only: bool) -> Option<Self> {
        let public_only = t
            .field(
                "networks",
                Choice::of(&[("all", false), ("public", true)]),
                "Which addresses servers may have. `all` are all but those at which clouds hand out credentials, `public` \
                 those of the public internet. Every address is checked when it is connected to, whatever name leads to it; \
                 redirects are not followed.",
            )
            .or(public_only);
        let allowed = t
            .field(
                "allow_networks",
                List {
                    kind: Parsed::<Allowed>::new("a network, an address or a host's name"),
                    len: 0..=256,
                },
                "Networks, addresses and hosts that may be connected to as well.",
            )
            .example("[\"10.20.0.0/16\", \"hooks.internal\"]")
            .or(Vec::new());
        let denied = t
            .field(
                "deny_networks",
                List {
                    kind: Parsed::<IpNet>::new("a network"),
                    len: 0..=256,
                },
                "Networks that may not be connected to, whatever else is allowed.",
            )
            .example("[\"10.20.0.5/32\"]")
            .or(Vec::new());
        Some(Self {
            public_only,
            allowed,
            denied,
        })
    }
}

/// An entry of `allow_networks`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    written: String,
    exception: Exception,
}

impl FromStr for Allowed {
    type Err = InvalidException;

    fn from_str(text: &str) -> Result<Self, InvalidException> {
        Ok(Self {
            written: text.to_owned(),
            exception: text.parse()?,
        })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
