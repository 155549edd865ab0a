//! The component that a connector runs.

use std::{fmt, path::PathBuf};

use danube_wasm_connector::{Builtin, Registry, Role};
use danube_wasm_oci::{Reference, RegistryError, SCHEME};
use danube_wasm_settings::{Kind, Table, ValueRef, nearest_among};

/// A component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// Part of the binary.
    Builtin(Builtin),
    /// An existing file, as an absolute path. Its content is not checked here.
    File(PathBuf),
    /// In an OCI registry, by digest.
    Registry(Reference),
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(builtin) => write!(f, "builtin:{}", builtin.name),
            Self::File(path) => path.display().fmt(f),
            Self::Registry(reference) => write!(f, "{SCHEME}{reference}"),
        }
    }
}

/// Reads `builtin:NAME`, `oci://REGISTRY/REPOSITORY@DIGEST` or a path, for a connector of the given role.
pub(crate) struct ComponentKind {
    role: Role,
    registry: Registry,
}

impl ComponentKind {
    /// Uses the built-in components of the program that reads the file.
    pub(crate) fn new(role: Role, t: &Table<'_>) -> Self {
        let registry = t.session().facts::<Registry>().clone();
        Self { role, registry }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.registry
            .builtins(self.role)
            .into_iter()
            .map(|builtin| builtin.name)
    }
}

impl Kind for ComponentKind {
    type Value = Component;

    fn what(&self) -> String {
        let builtins: Vec<_> = self.names().map(|name| format!("`\"builtin:{name}\"`")).collect();
        match builtins.is_empty() {
            true => "the path of a `.wasm` file or `\"oci://REGISTRY/REPOSITORY@sha256:DIGEST\"`".to_owned(),
            false => format!(
                "{}, the path of a `.wasm` file or `\"oci://REGISTRY/REPOSITORY@sha256:DIGEST\"`",
                builtins.join(", ")
            ),
        }
    }

    fn show(&self, value: &Component) -> String {
        format!("\"{value}\"")
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Component> {
        let text = input.text(&self.what())?;
        if text.starts_with(SCHEME) {
            return match reference(&text) {
                Ok(reference) => Some(Component::Registry(reference)),
                Err(e) => input.refuse_with(e.to_string(), "name the component by its digest"),
            };
        }
        let Some(name) = text.strip_prefix("builtin:") else {
            return input.existing_file(&text).map(Component::File);
        };
        let of_role = self.registry.builtins(self.role);
        if let Some(known) = of_role.into_iter().find(|builtin| builtin.name == name) {
            return Some(Component::Builtin(known));
        }
        if let Some(left_out) = self.registry.left_out(self.role).find(|kind| kind.builtin == name) {
            return input.refuse_with(format!("this program was built without `{text}`"), left_out.help());
        }
        let help = format!("write {}", self.what());
        let others = self.registry.builtins(self.role.other());
        if others.iter().any(|builtin| builtin.name == name) {
            let (is, wanted) = (self.role.other().noun(), self.role.noun());
            return input.refuse_with(format!("`builtin:{name}` is a {is}, and this is a {wanted}"), help);
        }
        let help = match nearest_among(name, self.names()) {
            Some(nearest) => format!("did you mean `\"builtin:{nearest}\"`?"),
            None => help,
        };
        input.refuse_with(
            format!("there is no built-in {} `{}`", self.role.noun(), input.written()),
            help,
        )
    }
}

/// A reference with a digest: with a tag alone, two starts of one file could run two components.
fn reference(text: &str) -> Result<Reference, RegistryError> {
    let reference = danube_wasm_oci::parse(text)?;
    match reference.digest() {
        Some(_) => Ok(reference),
        None => Err(RegistryError::NoDigest(reference.to_string())),
    }
}
