//! Why a connector does not start.

use std::fmt;

use danube_wasm_model::upstream::NotebookError;

/// Why a connector does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// Expected to pass: what it needs is away or not there yet. It is tried again.
    Transient(String),
    /// Needs the user.
    Permanent(String),
}

impl StartError {
    /// Expected to pass.
    pub fn transient(why: impl fmt::Display) -> Self {
        Self::Transient(why.to_string())
    }

    /// Needs the user.
    pub fn permanent(why: impl fmt::Display) -> Self {
        Self::Permanent(why.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(why) | Self::Permanent(why) => f.write_str(why),
        }
    }
}

/// The disk may be well again later.
impl From<NotebookError> for StartError {
    fn from(error: NotebookError) -> Self {
        Self::transient(error)
    }
}
