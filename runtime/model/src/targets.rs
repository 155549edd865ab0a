//! What a sink may write to.

use std::{collections::BTreeSet, fmt, sync::Arc};

/// The tables, collections or endpoints of a sink's configuration. A component's write to any other is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets(BTreeSet<Arc<str>>);

impl Targets {
    /// Whether the sink may write to it. Names are compared byte by byte.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }
}

impl<N: Into<Arc<str>>> FromIterator<N> for Targets {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// Their names, in quotes.
impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}`{name}`")?;
        }
        Ok(())
    }
}
