//! The slot of a process: which of several processes with the same file it is.
//!
//! Danube identifies a consumer by its name. Two processes with one name take the subscription from each other; a
//! process that returns under another name waits behind its own previous name. So each slot needs a name that no other
//! slot has and that passes from a process to its replacement, as the name of a machine or of a StatefulSet's pod
//! does. The whole name is used: part of it, such as a number at its end, may occur on several machines.

use std::fmt;

use danube_wasm_model::{ConnectorId, connector_id};

use danube_wasm_settings::{Environment, Table, kinds::Name};

/// The variable that sets the slot's name and overrides the file.
pub const INSTANCE_VARIABLE: &str = "DANUBE_WASM_INSTANCE";

/// Longest part of a host's name in a slot's name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: String,
    origin: Origin,
}

/// Where a slot's name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Configured, or the name of a machine: its replacement gets it, and no other process.
    Stable,
    /// The generated name of a container, which ends with the container.
    Container,
    /// A default name, which many machines have.
    Default,
}

impl Instance {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the name of a connector as a consumer: different for each slot and pipeline, and the same for a slot's
    /// next process, which so takes over from the previous one.
    pub fn consumer_name(&self, connector: &ConnectorId) -> String {
        // `:` occurs in no name, and `/` may not be accepted by every broker.
        format!("{}:{self}", connector.as_str().replace('/', ":"))
    }

    /// Where the name comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Reads the key `instance` of the table of one kind of broker. Every kind's table is read, so the variable, which
    /// holds over all, is blamed by one of them: the one that `checks_variable`.
    pub(super) fn read(t: &mut Table<'_>, checks_variable: bool) -> Self {
        let given = t
            .field(
                "instance",
                Name("instance"),
                "Name of this process among those that run the same file: each needs another, and a replacement takes \
                 its predecessor's. Consumers are named `<pipeline>:<connector>:<instance>`. The environment variable \
                 `DANUBE_WASM_INSTANCE` holds over it.",
            )
            .example("\"0\"")
            .defaults_to("this machine's name, or the pod's: `HOSTNAME`, else what the system says");
        match from_variable(t, checks_variable).or(given) {
            Some(name) => Self {
                name,
                origin: Origin::Stable,
            },
            None => Self::from_host_name(t.session().env()),
        }
    }

    fn from_host_name(env: &dyn Environment) -> Self {
        let Some(host) = env.host_name() else {
            return Self {
                name: "0".to_owned(),
                origin: Origin::Default,
            };
        };
        let origin = match () {
            () if is_container(&host) => Origin::Container,
            () if is_default_name(&host) => Origin::Default,
            () => Origin::Stable,
        };
        let name = match connector_id::check("instance", &host) {
            Ok(()) => host,
            Err(_) => valid_name(&host),
        };
        Self { name, origin }
    }
}

/// Returns the variable's value, if it is set and valid.
fn from_variable(t: &Table<'_>, checks: bool) -> Option<String> {
    let session = t.session();
    let name = session.env().get(INSTANCE_VARIABLE).filter(|name| !name.is_empty())?;
    if let Err(error) = connector_id::check("instance", &name) {
        let help = format!("write for example `{INSTANCE_VARIABLE}=0`");
        if checks {
            session.error(&t.span("instance"), error.to_string(), help);
        }
        return None;
    }
    Some(name)
}

/// Converts an invalid name to a valid one. It ends with a hash of the whole name, so that hosts whose names differ
/// only in invalid characters get different names.
fn valid_name(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let kept: String = host.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let hash = host.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let kept = kept.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let digits = format!("{hash:08x}");
    match &kept[..kept.len().min(NAME_BYTES_MAX - digits.len() - 1)] {
        "" => digits,
        kept => format!("{kept}-{digits}"),
    }
}

/// Whether Docker or a Kubernetes Deployment generated the host's name.
fn is_container(host: &str) -> bool {
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let docker = host.len() == 12 && host.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = host.rsplit('-');
    let pod = match (parts.next(), parts.next(), parts.next()) {
        (Some(pod), Some(set), Some(_)) => pod.len() == 5 && lower(pod) && (8..=10).contains(&set.len()) && lower(set),
        _ => false,
    };
    docker || pod
}

/// Whether it is the default name of a machine.
fn is_default_name(host: &str) -> bool {
    matches!(
        host.split('.').next().unwrap_or_default(),
        "localhost" | "localhost6" | "(none)" | ""
    )
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(host: &str) -> (String, Origin) {
        let env = BTreeMap::from([("HOSTNAME".to_owned(), host.to_owned())]);
        let instance = Instance::from_host_name(&env);
        (instance.to_string(), instance.origin())
    }

    #[test]
    fn a_slot_gets_the_whole_name_of_its_host() {
        for (host, origin) in [
            ("danube-wasm-2", Origin::Stable),
            ("danube-wasm-1234", Origin::Stable),
            ("laptop", Origin::Stable),
            ("node7.example.com", Origin::Stable),
            ("3f2a9c81b2d4", Origin::Container),
            ("danube-wasm-7d9f8b6c5-x2x9z", Origin::Container),
            ("danube-wasm-7d9f8b6c5-24567", Origin::Container),
            ("localhost", Origin::Default),
            ("localhost.localdomain", Origin::Default),
        ] {
            assert_eq!(of(host), (host.to_owned(), origin), "{host}");
        }
        assert_eq!(of("").1, Origin::Default);
    }

    #[test]
    fn machines_whose_names_end_in_the_same_number_get_different_slots() {
        assert_ne!(of("ip-10-0-1-12"), of("ip-10-0-2-12"));
        assert_ne!(of("webhook-0"), of("sink-0"));
    }

    #[test]
    fn an_invalid_host_name_becomes_a_valid_and_distinct_one() {
        let long = "a".repeat(70);
        let hosts = ["_a", "-a", "a b", "a:b", "\u{e4}", &long, &format!("{long}b")];
        let mut names = Vec::new();
        for host in hosts {
            let (name, _) = of(host);
            assert_eq!(connector_id::check("instance", &name), Ok(()), "{host}");
            assert!(!names.contains(&name), "{host} is called {name}, as another is");
            names.push(name);
        }
    }
}
