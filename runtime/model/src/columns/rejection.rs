//! Inputs that a component refuses.

use super::ColumnError;

/// Why a component refuses an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// The data is invalid.
    InvalidData,
    /// The component has no use for this kind of data.
    Unsupported,
}

impl RejectionKind {
    /// From the number that crossed the sandbox; unknown ones mean invalid data.
    pub fn from_code(code: u32) -> Self {
        if code == 1 {
            Self::Unsupported
        } else {
            Self::InvalidData
        }
    }

    /// Closed metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidData => "invalid_data",
            Self::Unsupported => "unsupported",
        }
    }
}

/// An input that the component refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The input by place.
    pub origin: u32,
    /// Why.
    pub kind: RejectionKind,
    /// For whoever sent the data.
    pub message: String,
}

impl Rejection {
    /// Longest message kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1 << 10;

    pub(crate) fn check_all(rejected: &[Self], inputs: usize) -> Result<(), ColumnError> {
        match rejected.iter().find(|r| r.origin as usize >= inputs) {
            Some(r) => Err(ColumnError::new(
                "rejected",
                format!("input {} of {inputs} was not given", r.origin),
            )),
            None => Ok(()),
        }
    }
}
