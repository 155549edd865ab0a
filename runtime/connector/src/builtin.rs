//! Components that are built into the binary.

use std::fmt;

/// The built-in component of a kind of connector.
#[derive(Clone, Copy)]
pub struct Builtin {
    /// Name, as in `component = "builtin:NAME"`.
    pub name: &'static str,
    /// The component: WebAssembly in its binary form.
    pub component: &'static [u8],
}

/// Compares names: each name occurs once in a binary.
impl PartialEq for Builtin {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Builtin {}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builtin").field(&self.name).finish()
    }
}

/// A setting that the built-in component of the kind does not support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What is not supported: the rest of a sentence that starts with the component's name.
    pub message: String,
    /// What to write instead.
    pub help: String,
}
