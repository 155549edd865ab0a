//! Which compiler makes a component's code.

use wasmtime::Strategy;

/// Which compiler makes the code of components: a choice of the whole sandbox. Artifacts of different tiers are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CompileTier {
    /// Cranelift: code that runs fast. A language runtime takes ten seconds or more to compile.
    #[default]
    Optimized,
    /// Winch: compiles five to ten times faster, and what it makes runs a few times slower. For development, where
    /// each change of a component is compiled anew.
    Baseline,
}

impl CompileTier {
    pub(crate) fn strategy(self) -> Strategy {
        match self {
            Self::Optimized => Strategy::Cranelift,
            Self::Baseline => Strategy::Winch,
        }
    }

    /// Names the tier where artifacts are told apart.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Optimized => "optimized",
            Self::Baseline => "baseline",
        }
    }

    /// Whether functions compiled before can be used again.
    pub(crate) fn reuses_functions(self) -> bool {
        self == Self::Optimized
    }

    /// For the compiling child.
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Optimized => 0,
            Self::Baseline => 1,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Baseline,
            _ => Self::Optimized,
        }
    }
}
