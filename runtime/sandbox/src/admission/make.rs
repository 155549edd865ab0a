//! What a component is made of, and the class of guest that follows from it.
//!
//! A component that carries a language runtime needs more memory and more time to start than one that is compiled ahead
//! of time. Which of both a component is stands in it, before any of it is compiled; so nobody has to know limits to run
//! a connector in Python. A class only sets defaults: a connector's `limits` win, and no class goes over the pool.

use serde::Serialize;

use crate::text::truncate;

/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 64 << 10;
/// Memory that a component begins with from which on it carries a language runtime. Rust and C begin with 1 to 2 MiB,
/// the runtime of Go with 4, the snapshot of an interpreter with up to 20.
const RUNTIME_MEMORY_BYTES_MIN: u64 = 4 << 20;
/// Core modules from which on it does. Rust has about 4, Python 19 to 38. QuickJS, with up to 10, is small in all else, too.
const RUNTIME_MODULES_MIN: u32 = 12;
/// Bytes of a producer's name or version that are kept.
const PRODUCER_BYTES_MAX: usize = 64;

/// A class of guest: what its default limits are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestClass {
    /// Compiled ahead of time: Rust, C.
    #[default]
    Small,
    /// Carries a language runtime: Python, JavaScript by StarlingMonkey, Go.
    Interpreter,
}

impl GuestClass {
    /// `small` or `interpreter`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Interpreter => "interpreter",
        }
    }
}

/// A language whose programs carry its runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Go,
}

/// What a component is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Make {
    /// Core modules, nested ones included.
    pub core_modules: u32,
    /// Memory that it begins with, summed over its memories.
    pub memory_bytes_min: u64,
    /// What made it, as its modules say: languages, compilers, kits.
    pub producers: Vec<Producer>,
}

/// An entry of a producers section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Such as `Rust`.
    pub name: String,
    /// As its maker writes it.
    pub version: String,
}

impl Producer {
    pub(super) fn new(field: &str, name: &str, version: &str) -> Self {
        let kept = |text: &str| truncate(text, PRODUCER_BYTES_MAX).to_owned();
        Self {
            field: kept(field),
            name: kept(name),
            version: kept(version),
        }
    }

    /// The language whose runtime it puts into components, if it is known to.
    fn language(&self) -> Option<Language> {
        let name = self.name.to_ascii_lowercase();
        let is_any = |names: &[&str]| names.contains(&name.as_str());
        // componentize-py signs as the crate by which it takes its snapshot.
        if is_any(&["python", "cpython", "componentize-py", "component-init-transform"]) {
            Some(Language::Python)
        } else if is_any(&["javascript", "typescript", "quickjs", "spidermonkey"])
            || is_any(&[
                "componentizejs",
                "componentize-js",
                "componentize-qjs",
                "starlingmonkey",
                "jco",
            ])
        {
            Some(Language::JavaScript)
        } else if is_any(&["go", "go cmd/compile", "tinygo"]) {
            Some(Language::Go)
        } else {
            None
        }
    }
}

impl Make {
    pub(super) fn add_memory(&mut self, pages: u64) {
        let bytes = pages.saturating_mul(PAGE_BYTES);
        self.memory_bytes_min = self.memory_bytes_min.saturating_add(bytes);
    }

    /// The language whose runtime it carries, if it says so.
    pub(super) fn language(&self) -> Option<Language> {
        self.producers.iter().find_map(Producer::language)
    }

    /// The class of guest that it is.
    pub fn class(&self) -> GuestClass {
        let carries_runtime = self.memory_bytes_min >= RUNTIME_MEMORY_BYTES_MIN
            || self.core_modules >= RUNTIME_MODULES_MIN
            || self.language().is_some();
        match carries_runtime {
            true => GuestClass::Interpreter,
            false => GuestClass::Small,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_by(field: &str, name: &str) -> Make {
        Make {
            producers: vec![Producer::new(field, name, "1")],
            ..Make::default()
        }
    }

    #[test]
    fn what_carries_a_language_runtime_is_known_by_what_made_it() {
        for (field, name) in [
            ("processed-by", "componentize-py"),
            ("processed-by", "component-init-transform"),
            ("language", "Python"),
            ("language", "JavaScript"),
            ("processed-by", "ComponentizeJS"),
            ("processed-by", "componentize-qjs"),
            ("language", "Go"),
            ("processed-by", "Go cmd/compile"),
        ] {
            assert_eq!(made_by(field, name).class(), GuestClass::Interpreter, "{name}");
        }
        for (field, name) in [
            ("language", "Rust"),
            ("language", "C11"),
            ("processed-by", "rustc"),
            ("processed-by", "clang"),
            ("processed-by", "wit-component"),
            ("processed-by", "wit-bindgen-rust"),
            ("language", "Django"),
        ] {
            assert_eq!(made_by(field, name).class(), GuestClass::Small, "{name}");
        }
    }

    #[test]
    fn what_nobody_signed_is_known_by_its_memory_and_its_modules() {
        let mut make = Make::default();
        make.add_memory(63);
        assert_eq!(make.class(), GuestClass::Small);
        make.add_memory(1);
        assert_eq!(make.class(), GuestClass::Interpreter);
        let modules = |core_modules| Make {
            core_modules,
            ..Make::default()
        };
        assert_eq!(modules(11).class(), GuestClass::Small);
        assert_eq!(modules(12).class(), GuestClass::Interpreter);
        let mut endless = Make::default();
        endless.add_memory(u64::MAX);
        endless.add_memory(u64::MAX);
        assert_eq!(endless.class(), GuestClass::Interpreter);
    }
}
