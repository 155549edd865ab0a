//! What one input became.

/// Most inputs become one output, which then needs no allocation of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum OneOrMany<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}
