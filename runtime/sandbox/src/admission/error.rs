//! Errors of admission.

use danube_wasm_codes::Code;
use danube_wasm_model::ConnectorId;

use super::Role;

/// Why a component is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// Not a component at all.
    #[error("`{file}` is not a WebAssembly component: {found}")]
    NotAComponent {
        /// How the component was named.
        file: String,
        /// What it is instead, and what to do.
        found: String,
    },
    /// Over the size limit.
    #[error(
        "`{file}` has {size_bytes} bytes, over the limit of {bytes_max} (`component_bytes_max`): strip debug information from it"
    )]
    TooLarge {
        /// How the component was named.
        file: String,
        /// Its size.
        size_bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It is a component, of another world.
    #[error("`{file}` is not a connector: {found}")]
    NotAConnector {
        /// How the component was named.
        file: String,
        /// What it exports, and what to do.
        found: String,
    },
    /// A source where a sink is needed, or the other way round.
    #[error("`{file}` is a {} component, but connector `{connector}` is configured as a {}: configure it under the other kind, or build the component for the {} world", found.as_str(), wanted.as_str(), wanted.as_str())]
    WrongRole {
        /// How the component was named.
        file: String,
        /// Who wanted it.
        connector: ConnectorId,
        /// What it is.
        found: Role,
        /// What was needed.
        wanted: Role,
    },
    /// It imports what it may not have.
    #[error("`{file}` imports `{import}`, which is not granted to connector `{connector}`: {advice}")]
    NotGranted {
        /// How the component was named.
        file: String,
        /// The import.
        import: String,
        /// Who it would have been granted to.
        connector: ConnectorId,
        /// What to do.
        advice: String,
    },
}

impl AdmissionError {
    /// The code of its page.
    pub fn code(&self) -> Code {
        match self {
            Self::NotAComponent { .. } => Code::NotAComponent,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::NotAConnector { .. } => Code::NotAConnector,
            Self::WrongRole { .. } => Code::WrongRole,
            Self::NotGranted { .. } => Code::NotGranted,
        }
    }
}
