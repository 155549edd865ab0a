//! Components that are part of the binary.

use std::fmt;

/// The component of a kind of connector that comes with the binary.
#[derive(Clone, Copy)]
pub struct Builtin {
    /// Its name, as in `component = "builtin:NAME"`.
    pub name: &'static str,
    /// The component: WebAssembly in its binary form.
    pub component: &'static [u8],
}

/// By name: a binary has one of each.
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

/// What a configuration asks that the built-in component of its kind does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What that is, in a sentence that follows the component's name.
    pub message: String,
    /// What to write instead.
    pub help: String,
}
