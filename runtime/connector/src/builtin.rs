//! Components that are part of the binary.

/// The component of a kind of connector that comes with the binary.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name, as in `component = "builtin:NAME"`.
    pub name: &'static str,
    /// The component: WebAssembly in its binary form.
    pub component: &'static [u8],
}

/// What a configuration asks that the built-in component of its kind does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What that is, in a sentence that follows the component's name.
    pub message: String,
    /// What to write instead.
    pub help: String,
}
