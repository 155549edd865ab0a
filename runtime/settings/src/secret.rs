//! Secret values, which no log, error or page may show.

use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};

/// A password, token or key. Shown and serialised as `***`; [`Secret::expose`] is the only way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Longest accepted secret, in bytes: room for a PEM key or a long token, not for a file named by mistake.
    pub const BYTES_MAX: usize = 64 << 10;

    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text, only for the code that checks or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// A secret that may change while the process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Constant.
    Text(Secret),
    /// The content of this file, without newlines at its end. The path is absolute; the file existed and contained a
    /// secret when the configuration was read.
    File(PathBuf),
}
