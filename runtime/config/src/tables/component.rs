//! Which component a connector runs.

use std::{fmt, path::PathBuf};

use danube_wasm_settings::{ValueRef, kinds::Kind, nearest_among};

/// Components that are part of the binary, by role.
const SOURCES: &[&str] = &["webhook-source"];
const SINKS: &[&str] = &["surrealdb-sink"];

/// A component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// One that is part of the binary, by its name: `webhook-source` or `surrealdb-sink`.
    Builtin(&'static str),
    /// A file, absolute. It was there when the configuration was read; whether it is a component is not checked here.
    File(PathBuf),
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(name) => write!(f, "builtin:{name}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// What a connector does with its component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Sink,
}

impl Role {
    fn builtins(self) -> &'static [&'static str] {
        match self {
            Self::Source => SOURCES,
            Self::Sink => SINKS,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

/// Reads `builtin:NAME` or a path.
pub(crate) struct ComponentKind(pub(crate) Role);

impl Kind for ComponentKind {
    type Value = Component;

    fn what(&self) -> String {
        let builtins: Vec<_> = self
            .0
            .builtins()
            .iter()
            .map(|name| format!("`\"builtin:{name}\"`"))
            .collect();
        format!("{} or the path of a `.wasm` file", builtins.join(", "))
    }

    fn show(&self, value: &Component) -> String {
        format!("\"{value}\"")
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Component> {
        let text = input.text(&self.what())?;
        let Some(name) = text.strip_prefix("builtin:") else {
            return input.existing_file(&text).map(Component::File);
        };
        if let Some(known) = self.0.builtins().iter().find(|known| **known == name) {
            return Some(Component::Builtin(known));
        }
        let other = if self.0 == Role::Source {
            Role::Sink
        } else {
            Role::Source
        };
        let help = format!("write {}", self.what());
        if other.builtins().contains(&name) {
            let (is, wanted) = (other.noun(), self.0.noun());
            return input.refuse_with(format!("`builtin:{name}` is a {is}, and this is a {wanted}"), help);
        }
        let help = match nearest_among(name, self.0.builtins().iter().copied()) {
            Some(nearest) => format!("did you mean `\"builtin:{nearest}\"`?"),
            None => help,
        };
        input.refuse_with(
            format!("there is no built-in {} `{}`", self.0.noun(), input.written()),
            help,
        )
    }
}
