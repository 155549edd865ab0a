//! Which of several processes with the same file this one is: its slot.
//!
//! Danube knows a consumer by its name. Two processes with one name push each other off the subscription; a process
//! that comes back under another name waits behind its own former self. So the name of a slot must be another than
//! that of every other slot and must pass from a process to its replacement: the ordinal of a StatefulSet's pod is
//! made for that.

use std::fmt;

use danube_wasm_model::connector_id;

use crate::{
    environment::Environment,
    reader::{Table, kinds::Name},
};

/// The variable that names the slot, whatever the file says.
pub const INSTANCE_VARIABLE: &str = "DANUBE_WASM_INSTANCE";

/// Longest ordinal that is taken from a host's name, in digits. Kubernetes ends the names of pods that have none with
/// five letters and digits.
const ORDINAL_DIGITS_MAX: usize = 4;

/// The name of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: String,
    lasting: bool,
}

impl Instance {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether a replacement of this process would take the same name. The name of a container does not outlive it.
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Asks for the key `instance`.
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let given = t
            .field(
                "instance",
                Name("instance"),
                "Name of this process among those that run the same file: each needs another, and a replacement takes \
                 its predecessor's. Consumers are named `<connector>-<instance>`.",
            )
            .overridden_by(INSTANCE_VARIABLE)
            .example("\"0\"")
            .defaults_to("the number at the end of `HOSTNAME`, as in `danube-wasm-2`; else `HOSTNAME`; else `0`");
        match given {
            Some(name) => Self { name, lasting: true },
            None => Self::of(t.session().env()),
        }
    }

    fn of(env: &dyn Environment) -> Self {
        let host = env.get("HOSTNAME");
        let Some(host) = host.filter(|host| connector_id::check("instance", host).is_ok()) else {
            let name = "0".to_owned();
            return Self { name, lasting: true };
        };
        match host.rsplit_once('-') {
            Some((_, end)) if is_ordinal(end) => Self {
                name: end.to_owned(),
                lasting: true,
            },
            _ => Self {
                lasting: !is_container(&host),
                name: host,
            },
        }
    }
}

fn is_ordinal(text: &str) -> bool {
    (1..=ORDINAL_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a host's name is one that Docker or a Kubernetes Deployment made up.
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

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(variables: &[(&str, &str)]) -> (String, bool) {
        let env: BTreeMap<String, String> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let instance = Instance::of(&env);
        (instance.to_string(), instance.is_lasting())
    }

    #[test]
    fn a_slot_is_named_by_its_ordinal_or_its_host() {
        for (host, name, lasting) in [
            ("danube-wasm-2", "2", true),
            ("danube-wasm-1234", "1234", true),
            ("laptop", "laptop", true),
            ("3f2a9c81b2d4", "3f2a9c81b2d4", false),
            ("danube-wasm-7d9f8b6c5-x2x9z", "danube-wasm-7d9f8b6c5-x2x9z", false),
            ("danube-wasm-7d9f8b6c5-24567", "danube-wasm-7d9f8b6c5-24567", false),
            ("", "0", true),
            ("no legal name", "0", true),
        ] {
            assert_eq!(of(&[("HOSTNAME", host)]), (name.to_owned(), lasting), "{host}");
        }
        assert_eq!(of(&[]), ("0".to_owned(), true));
    }
}
