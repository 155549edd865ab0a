//! Admission: what a component is and asks for, read from its outline, before any of it is compiled or run.
//!
//! Compiling is dangerous: its cost is chosen by the author of the component. So whatever can be refused is refused
//! here, from a few section headers, in time linear in the component's size, with one allocation for each import.

mod error;
mod make;
mod outline;

use danube_wasm_model::ConnectorId;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    capability::{Capability, Grants, INTERFACES},
    limits::GuestLimits,
};
use make::Language;
use outline::{Outline, check_header};

pub use error::AdmissionError;
pub use make::{GuestClass, Make, Producer};

/// The version of package `danube:connector` that this host is_compatible: major and minor. Any patch of it is compatible.
pub(crate) const CONTRACT_VERSION: (u64, u64) = (0, 1);

/// Which of the two worlds a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It turns events into records.
    Source,
    /// It turns messages into writes.
    Sink,
}

impl Role {
    /// `source` or `sink`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

/// What a component is, without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentInfo {
    /// SHA-256 of its bytes, in lower-case hex.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: usize,
    /// What it is for.
    pub role: Role,
    /// Whether it fetches its events itself.
    pub fetches: bool,
    /// The version of package `danube:connector` that it was built against.
    pub contract_version: String,
    /// The class of guest that it is, by what it is made of.
    pub class: GuestClass,
    /// The limits that it has where a connector's `limits` say nothing else.
    pub limits: GuestLimits,
    /// What it is made of.
    #[serde(flatten)]
    pub make: Make,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// As the component has it, such as `wasi:io/streams@0.2.6`.
    pub name: String,
    /// What it leads to.
    #[serde(flatten)]
    pub access: Access,
}

/// What an import leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "access", content = "capability", rename_all = "lowercase")]
pub enum Access {
    /// Reaches nothing outside the instance. Offered to every component, because language runtimes import it.
    Always,
    /// Linked only if this capability is granted.
    Needs(Capability),
    /// This host has no such interface, or not this version of it.
    Unknown,
}

/// Reads a component's outline. `file` is how messages name it.
pub fn inspect(file: &str, bytes: &[u8], bytes_max: usize) -> Result<ComponentInfo, AdmissionError> {
    if bytes.len() > bytes_max {
        return Err(AdmissionError::TooLarge {
            file: file.to_owned(),
            size_bytes: bytes.len(),
            bytes_max,
        });
    }
    let not_a_component = |found: String| AdmissionError::NotAComponent {
        file: file.to_owned(),
        found,
    };
    check_header(bytes).map_err(not_a_component)?;
    let outline = Outline::read(bytes).map_err(|message| not_a_component(format!("it is damaged ({message})")))?;
    let (role, contract_version) = outline.role().map_err(|found| AdmissionError::NotAConnector {
        file: file.to_owned(),
        found,
    })?;
    let class = outline.make.class();
    let fetches = outline.exports_poller();
    let imports = outline.imports.into_iter().map(|name| Import {
        access: access(&name),
        name,
    });
    Ok(ComponentInfo {
        digest: hex::encode(Sha256::digest(bytes)),
        size_bytes: bytes.len(),
        role,
        fetches,
        contract_version,
        class,
        limits: GuestLimits::of(class),
        make: outline.make,
        imports: imports.collect(),
    })
}

impl GuestClass {
    /// The class of a component, by what it is made of. What is not a component is refused when it is loaded, and small
    /// until then.
    pub fn of_component(bytes: &[u8]) -> Self {
        Outline::read(bytes).map_or(Self::Small, |outline| outline.make.class())
    }
}

impl ComponentInfo {
    /// The capabilities that it needs, each once.
    pub fn needs(&self) -> Vec<Capability> {
        let mut needs = Vec::new();
        for import in &self.imports {
            if let Access::Needs(capability) = import.access
                && !needs.contains(&capability)
            {
                needs.push(capability);
            }
        }
        needs
    }
}

/// Checks that a component has this role and imports only what is granted.
pub(crate) fn admit(
    file: &str,
    info: &ComponentInfo,
    wanted: Role,
    grants: &Grants,
    connector: &ConnectorId,
) -> Result<(), AdmissionError> {
    if info.role != wanted {
        return Err(AdmissionError::WrongRole {
            file: file.to_owned(),
            connector: connector.clone(),
            found: info.role,
            wanted,
        });
    }
    let refused = info.imports.iter().find(|import| match import.access {
        Access::Always => false,
        Access::Needs(capability) => !grants.has(capability),
        Access::Unknown => true,
    });
    match refused {
        None => Ok(()),
        Some(import) => Err(AdmissionError::NotGranted {
            file: file.to_owned(),
            import: import.name.clone(),
            connector: connector.clone(),
            advice: advice(import, &info.make),
        }),
    }
}

/// Checks that a component of a source that fetches does.
pub(crate) fn admit_poller(file: &str, info: &ComponentInfo) -> Result<(), AdmissionError> {
    match info.fetches {
        true => Ok(()),
        false => Err(AdmissionError::NotAConnector {
            file: file.to_owned(),
            found: "it does not export `poller`, which `[sources.poll]` calls; build it for the world \
                    `polling-source-connector`: `kind = \"poller\"` in connector.toml, and in Rust `export_polling_source!`"
                .to_owned(),
        }),
    }
}

/// What an import's name leads to.
fn access(import: &str) -> Access {
    let Some((name, version)) = import.split_once('@') else {
        return Access::Unknown;
    };
    let known = INTERFACES
        .iter()
        .find(|interface| interface.name == name && is_compatible(version, interface.version));
    match known.map(|interface| interface.needs) {
        Some(Some(capability)) => Access::Needs(capability),
        Some(None) => Access::Always,
        None => Access::Unknown,
    }
}

/// Whether `version` is a release of this major and minor version.
fn is_compatible(version: &str, (major, minor): (u64, u64)) -> bool {
    let mut parts = version.splitn(3, '.').map(str::parse::<u64>);
    let released = [parts.next(), parts.next(), parts.next()];
    matches!(released, [Some(Ok(a)), Some(Ok(b)), Some(Ok(_))] if (a, b) == (major, minor))
}

fn advice(import: &Import, make: &Make) -> String {
    match import.access {
        Access::Needs(Capability::Http) => {
            let cure = network_cure(&import.name, make).unwrap_or_default();
            return format!(
                "components have no network of their own: name the hosts that it may ask in the connector's `grants.http`, or {cure}"
            );
        }
        Access::Needs(Capability::State) => {
            return "it is there for sources that fetch: configure the component as `[sources.poll]`, or build it without".into();
        }
        Access::Needs(capability) => {
            let name = format!("{capability:?}").to_lowercase();
            return format!("grant it `{name}`, or build the component without it");
        }
        Access::Always | Access::Unknown => {}
    }
    let (name, _) = import.name.split_once('@').unwrap_or((&import.name, ""));
    if let Some(cure) = network_cure(name, make) {
        return format!("components have no network of their own; {cure}");
    }
    match INTERFACES.iter().find(|interface| interface.name == name) {
        Some(known) => {
            let (major, minor) = known.version;
            format!("this host offers version {major}.{minor} of it; build the component with a toolchain for that")
        }
        None => "this host does not offer it; build the component without what needs it".into(),
    }
}

/// What to do about an import that leads to a network: language runtimes have it whether or not the connector uses it.
fn network_cure(name: &str, make: &Make) -> Option<&'static str> {
    let leads_to_network = name.starts_with("wasi:sockets/") || name.starts_with("wasi:http/");
    match make.language() {
        _ if !leads_to_network => None,
        Some(Language::JavaScript) if name.starts_with("wasi:http/") => Some(
            "the JavaScript engine imports this for `fetch`: build the component with `-d http fetch-event`, or with \
             `danube-wasm build`",
        ),
        Some(Language::Python) if name.starts_with("wasi:sockets/") => Some(
            "the Python interpreter imports this whatever the connector does: build the component with `danube-wasm \
             build`, which plugs it, and not with `--stub-wasi`, which hides every message",
        ),
        _ if name.starts_with("wasi:http/") => Some(
            "leave connections to the pipeline, and build the component without networking code; from JavaScript, with \
             `-d http fetch-event`",
        ),
        _ => Some(
            "leave connections to the pipeline, and build the component without networking code; from Python, with \
             `danube-wasm build`, which plugs it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_known_by_name_and_version() {
        assert_eq!(access("wasi:io/streams@0.2.6"), Access::Always);
        assert_eq!(access("danube:connector/log@0.1.9"), Access::Needs(Capability::Log));
        assert_eq!(access("wasi:random/random@0.2.0"), Access::Needs(Capability::Random));
        for unknown in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.2.0-rc.1",
            "wasi:io/streams",
            "danube:connector/log@0.2.0",
            "unlocked-dep=<a:b>",
            "",
        ] {
            assert_eq!(access(unknown), Access::Unknown, "{unknown}");
        }
    }

    #[test]
    fn advice_about_networks_names_the_cure_of_the_language() {
        let made_by = |name: &str| Make {
            producers: vec![Producer::new("processed-by", name, "1")],
            ..Make::default()
        };
        let advice = |import: &str, made_by: &Make| {
            let import = Import {
                name: import.into(),
                access: access(import),
            };
            super::advice(&import, made_by)
        };
        let (python, javascript, rust) = (made_by("componentize-py"), made_by("ComponentizeJS"), made_by("rustc"));
        let said = advice("wasi:sockets/network@0.2.9", &python);
        assert!(said.contains("`danube-wasm build`, which plugs it"), "{said}");
        let said = advice("wasi:http/types@0.2.10", &javascript);
        assert!(said.contains("`-d http fetch-event`"), "{said}");
        let said = advice("wasi:sockets/tcp@0.2.6", &rust);
        assert!(
            said.contains("no network of their own; leave connections to the pipeline"),
            "{said}"
        );
        assert!(!advice("wasi:nn/graph@0.2.0", &python).contains("network"));
    }

    #[test]
    fn garbage_never_panics_and_says_what_it_is() {
        let core = b"\0asm\x01\0\0\0".as_slice();
        let text = b"  (component)".as_slice();
        let cut = b"\0asm\x0d\0\x01\0\x07\xff\xff\xff\xff\x0f".as_slice();
        for (bytes, said) in [
            (b"".as_slice(), "empty"),
            (core, "core module"),
            (text, "text"),
            (b"\x7fELF....".as_slice(), "does not begin"),
            (cut, "damaged"),
        ] {
            let error = inspect("x.wasm", bytes, 100).expect_err("not a component").to_string();
            assert!(error.starts_with("`x.wasm` is not a WebAssembly component"), "{error}");
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn size_is_checked_at_the_limit_and_one_past_it() {
        let bytes = [b'x'; 11];
        assert!(matches!(
            inspect("x.wasm", &bytes[..10], 10),
            Err(AdmissionError::NotAComponent { .. })
        ));
        assert!(matches!(
            inspect("x.wasm", &bytes, 10),
            Err(AdmissionError::TooLarge { size_bytes: 11, .. })
        ));
    }
}
