//! References to environment variables inside the strings of a pipeline file.
//!
//! `${NAME}` is replaced by the variable's value and must be set; `${NAME:-text}` gives `text` when the variable is
//! unset or empty, as in a shell; `$${` is a literal `${`. A `$` without a brace after it is literal. Replaced text is
//! not expanded again.

use std::collections::BTreeMap;

/// The variable that sets the data directory if the file does not.
pub const DATA_DIR_VARIABLE: &str = "DANUBE_WASM_DATA_DIR";

/// The source of the variables in `${NAME}`.
pub trait Environment {
    /// The value of a variable; `None` if it is not set or not UTF-8.
    fn get(&self, name: &str) -> Option<String>;

    /// The name of this machine, if it has one.
    fn host_name(&self) -> Option<String> {
        self.get("HOSTNAME").filter(|name| !name.is_empty())
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    // Not only the variable: shells set it but rarely export it, and processes of a service manager or cron do not
    // have it.
    fn host_name(&self) -> Option<String> {
        let told = self.get("HOSTNAME").filter(|name| !name.is_empty());
        told.or_else(|| hostname::get().ok()?.into_string().ok())
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// A string with its references replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The result.
    pub text: String,
    /// Whether the string contained a reference.
    pub refers: bool,
}

/// Why a string could not be expanded.
#[derive(Debug, PartialEq, Eq)]
pub enum ExpandError {
    /// The variable is not set.
    Unset(String),
    /// The text between `${` and `}` (or the end) is not a reference.
    Malformed(String),
}

/// Replaces every reference in `text`.
pub fn expand(text: &str, env: &dyn Environment) -> Result<Expanded, ExpandError> {
    let mut out = String::with_capacity(text.len());
    let mut refers = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            out.push_str(kept);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        let Some((reference, after)) = from[2..].split_once('}') else {
            return Err(ExpandError::Malformed(from.to_owned()));
        };
        out.push_str(before);
        out.push_str(&resolve(reference, env)?);
        refers = true;
        rest = after;
    }
    out.push_str(rest);
    Ok(Expanded { text: out, refers })
}

fn resolve(reference: &str, env: &dyn Environment) -> Result<String, ExpandError> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(legal) {
        return Err(ExpandError::Malformed(format!("${{{reference}}}")));
    }
    match (env.get(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(ExpandError::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name_without_the_variable() {
        let system = hostname::get().expect("a name").into_string().expect("text");
        let told = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        assert_eq!(ProcessEnvironment.host_name(), Some(told.unwrap_or(system)));
    }

    fn expanded(text: &str) -> Result<String, ExpandError> {
        let env = [("A", "1"), ("EMPTY", ""), ("NESTED", "${A}")];
        let env: BTreeMap<_, _> = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        expand(text, &env).map(|e| e.text)
    }

    #[test]
    fn references_defaults_and_escapes_are_expanded() {
        for (text, expected) in [
            ("plain $ and $$", "plain $ and $$"),
            ("<${A}${A}>", "<11>"),
            ("${B:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${EMPTY}", ""),
            ("${B:-}", ""),
            ("$${A} is ${A}", "${A} is 1"),
            ("${NESTED}", "${A}"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn malformed_references_are_errors() {
        assert_eq!(expanded("${B}"), Err(ExpandError::Unset("B".into())));
        for text in ["${", "${}", "${A", "${1A}", "${A B}", "${A:?}"] {
            assert!(matches!(expanded(text), Err(ExpandError::Malformed(_))), "{text}");
        }
    }
}
