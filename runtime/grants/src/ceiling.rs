//! What no connector of a process may be granted more of, whatever its pipeline file says.

use danube_wasm_settings::values::Invalid;

use crate::{HostPattern, HttpGrant};

/// The hosts that the operator of the process allows; `None` for any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ceiling(Option<Vec<HostPattern>>);

/// A host that is over the ceiling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`grants.http` names the host `{host}`, and the operator of this process allows {}: leave it out, or have it added to {}",
    shown(allowed),
    Ceiling::VARIABLE
)]
pub struct OverCeiling {
    host: HostPattern,
    allowed: Vec<HostPattern>,
}

impl Ceiling {
    /// The variable of the environment that has it: hosts with commas between them; empty for none.
    pub const VARIABLE: &'static str = "DANUBE_WASM_HTTP_HOSTS";

    /// What the variable says; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// An entry is not a host, with the rule.
    pub fn parse(variable: Option<&str>) -> Result<Self, (String, Invalid)> {
        let Some(text) = variable else {
            return Ok(Self(None));
        };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let hosts = entries.map(|entry| entry.parse().map_err(|error| (entry.to_owned(), error)));
        Ok(Self(Some(hosts.collect::<Result<_, _>>()?)))
    }

    /// Checks that a connector is granted no host besides these.
    ///
    /// # Errors
    ///
    /// The first host that is not allowed.
    pub fn check(&self, grant: &HttpGrant) -> Result<(), OverCeiling> {
        let Some(allowed) = &self.0 else { return Ok(()) };
        let over = grant
            .hosts
            .iter()
            .find(|host| !allowed.iter().any(|most| most.covers(host)));
        match over {
            None => Ok(()),
            Some(host) => Err(OverCeiling {
                host: host.clone(),
                allowed: allowed.clone(),
            }),
        }
    }
}

fn shown(hosts: &[HostPattern]) -> String {
    match hosts {
        [] => "none".to_owned(),
        hosts => hosts
            .iter()
            .map(|host| format!("`{host}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
