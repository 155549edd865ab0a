//! Errors and warnings about a pipeline file: what is wrong, where, and what to write instead.

use std::fmt;

use danube_wasm_codes::Code;
use serde::Serialize;

/// Whether a [`Diagnostic`] keeps the pipeline from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted, but the operator should know.
    Warning,
}

/// An error or warning about a pipeline file.
///
/// Displayed as `pipeline.toml:12:5: error[DW0102]: message`, with `help: …` on a second line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// Which kind of mistake it is; some warnings are of none.
    pub code: Option<Code>,
    /// The pipeline file, as it was named by the caller.
    pub file: String,
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 for the file as a whole.
    pub column: usize,
    /// The key as a dotted path with indexes from 0, such as `sources[0].webhook.port`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, in a sentence. Never holds a secret.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Diagnostic {
    /// The same diagnostic with another message.
    pub fn with_message(self, message: String) -> Self {
        Self { message, ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match self.code {
            Some(code) => write!(f, ": {severity}[{code}]: {}", self.message)?,
            None => write!(f, ": {severity}: {}", self.message)?,
        }
        if self.help.is_empty() {
            Ok(())
        } else {
            write!(f, "\n  help: {}", self.help)
        }
    }
}

/// The errors of a pipeline file, in the order of its lines. Never empty.
///
/// Displayed one after the other, with their number at the end; serialised as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Returns the errors among `found` if there are any, otherwise the warnings, in order.
    pub fn errors_or_warnings(mut found: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Self> {
        if found.iter().any(|d| d.severity == Severity::Error) {
            found.retain(|d| d.severity == Severity::Error);
            Err(Self(found))
        } else {
            Ok(found)
        }
    }

    /// An error about the file as a whole.
    pub fn of_file(code: Code, file: &str, message: String, help: &str) -> Self {
        Self(vec![Diagnostic {
            severity: Severity::Error,
            code: Some(code),
            file: file.to_owned(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            help: help.to_owned(),
        }])
    }

    /// Combines several, if there are any.
    pub fn merge(several: Vec<Self>) -> Option<Self> {
        Self::new(several.into_iter().flat_map(|found| found.0).collect())
    }

    /// Returns `found` as errors, unless it is empty.
    pub fn new(found: Vec<Diagnostic>) -> Option<Self> {
        (!found.is_empty()).then_some(Self(found))
    }

    /// Iterates over the errors.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// The number of errors.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.0 {
            writeln!(f, "{diagnostic}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 error"),
            n => write!(f, "{n} errors"),
        }
    }
}

impl std::error::Error for Diagnostics {}
