//! The version of a schema's subject to use.

use toml::de::DeValue;

use danube_wasm_settings::{ValueRef, kinds::Kind};

/// The version of a subject to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionStrategy {
    /// The newest version.
    #[default]
    Latest,
    /// Exactly this version.
    Pinned(u32),
    /// The newest version, which must not be older than this one.
    Minimum(u32),
}

/// Reads `"latest"`, `{ pinned = N }` and `{ minimum = N }`.
pub(crate) struct VersionKind;

impl Kind for VersionKind {
    type Value = VersionStrategy;

    fn what(&self) -> String {
        "`\"latest\"`, `{ pinned = N }` or `{ minimum = N }`".to_owned()
    }

    fn show(&self, value: &VersionStrategy) -> String {
        match value {
            VersionStrategy::Latest => "\"latest\"".to_owned(),
            VersionStrategy::Pinned(version) => format!("{{ pinned = {version} }}"),
            VersionStrategy::Minimum(version) => format!("{{ minimum = {version} }}"),
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<VersionStrategy> {
        let refused = || input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        match input.value {
            DeValue::String(_) if input.text("a string")? == "latest" => Some(VersionStrategy::Latest),
            DeValue::Table(entries) if entries.len() == 1 => {
                let (key, value) = entries.iter().next()?;
                let version = match value.get_ref() {
                    DeValue::Integer(written) => u32::from_str_radix(written.as_str(), written.radix()).ok(),
                    _ => None,
                };
                match (key.get_ref().as_ref(), version) {
                    ("pinned", Some(version @ 1..)) => Some(VersionStrategy::Pinned(version)),
                    ("minimum", Some(version @ 1..)) => Some(VersionStrategy::Minimum(version)),
                    _ => refused(),
                }
            }
            _ => refused(),
        }
    }
}
