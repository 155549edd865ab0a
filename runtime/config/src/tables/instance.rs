//! Which of several processes with the same file this one is: its slot.
//!
//! Danube knows a consumer by its name. Two processes with one name push each other off the subscription; a process
//! that comes back under another name waits behind its own former self. So the name of a slot must be another than
//! that of every other slot and must pass from a process to its replacement: the name of a machine, and that of a
//! StatefulSet's pod, is made for that. It is used as a whole: part of it, such as a number at its end, is no machine's
//! own.

use std::fmt;

use danube_wasm_model::connector_id;

use danube_wasm_settings::{Environment, Table, kinds::Name};

/// The variable that names the slot, whatever the file says.
pub const INSTANCE_VARIABLE: &str = "DANUBE_WASM_INSTANCE";

/// Longest name that is taken from a host as it is, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: String,
    origin: Origin,
}

/// Where a name comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was given, or is that of a machine: a replacement takes it, and nobody else.
    Lasting,
    /// A container's own, which does not outlive it.
    Container,
    /// One that machines have as long as nobody names them.
    Common,
}

impl Instance {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where it comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Asks for the key `instance`.
    pub(super) fn read(t: &mut Table<'_>) -> Self {
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
        match told(t).or(given) {
            Some(name) => Self {
                name,
                origin: Origin::Lasting,
            },
            None => Self::of(t.session().env()),
        }
    }

    fn of(env: &dyn Environment) -> Self {
        let Some(host) = env.host_name() else {
            return Self {
                name: "0".to_owned(),
                origin: Origin::Common,
            };
        };
        let origin = match () {
            () if is_container(&host) => Origin::Container,
            () if is_common(&host) => Origin::Common,
            () => Origin::Lasting,
        };
        let name = match connector_id::check("instance", &host) {
            Ok(()) => host,
            Err(_) => legal(&host),
        };
        Self { name, origin }
    }
}

/// The name that the variable says, if it is set and right.
fn told(t: &Table<'_>) -> Option<String> {
    let session = t.session();
    let name = session.env().get(INSTANCE_VARIABLE).filter(|name| !name.is_empty())?;
    if let Err(error) = connector_id::check("instance", &name) {
        let help = format!("write for example `{INSTANCE_VARIABLE}=0`");
        session.error(&t.span("instance"), error.to_string(), help);
        return None;
    }
    Some(name)
}

/// A legal name in place of one that is not. Its last digits are those of the whole, so that hosts stay apart whose
/// names differ in what cannot be kept.
fn legal(host: &str) -> String {
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

/// Whether it is what a machine is called that nobody has named.
fn is_common(host: &str) -> bool {
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
        let instance = Instance::of(&env);
        (instance.to_string(), instance.origin())
    }

    #[test]
    fn a_slot_is_named_by_its_whole_host() {
        for (host, origin) in [
            ("danube-wasm-2", Origin::Lasting),
            ("danube-wasm-1234", Origin::Lasting),
            ("laptop", Origin::Lasting),
            ("node7.example.com", Origin::Lasting),
            ("3f2a9c81b2d4", Origin::Container),
            ("danube-wasm-7d9f8b6c5-x2x9z", Origin::Container),
            ("danube-wasm-7d9f8b6c5-24567", Origin::Container),
            ("localhost", Origin::Common),
            ("localhost.localdomain", Origin::Common),
        ] {
            assert_eq!(of(host), (host.to_owned(), origin), "{host}");
        }
        assert_eq!(of("").1, Origin::Common);
    }

    #[test]
    fn machines_whose_names_end_in_the_same_number_have_slots_of_their_own() {
        assert_ne!(of("ip-10-0-1-12"), of("ip-10-0-2-12"));
        assert_ne!(of("webhook-0"), of("sink-0"));
    }

    #[test]
    fn a_host_whose_name_is_not_legal_has_a_legal_one_of_its_own() {
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
