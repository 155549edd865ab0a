//! How much a benchmark does.

/// Chosen on the command line: `cargo bench … -- --quick` does a little of everything, to see that it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Enough for figures.
    Full,
    /// Enough to run every line.
    Quick,
}

impl Scale {
    /// From this process's arguments; those that cargo adds are passed over.
    pub fn from_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--quick") {
            Self::Quick
        } else {
            Self::Full
        }
    }

    /// One of two values.
    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}
