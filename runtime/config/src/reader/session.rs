//! What one reading of a file shares: its text, its directory, the environment, and the findings.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use super::TableManual;
use crate::{
    diagnostic::{Diagnostic, Severity},
    environment::Environment,
    ledger::Ledger,
};

/// The file's text, to find lines by.
#[derive(Debug)]
pub(crate) struct SourceText {
    /// As the caller named the file.
    pub(crate) file: String,
    /// The whole text.
    pub(crate) text: String,
}

impl SourceText {
    /// Line and column (in characters) of a byte, both from 1.
    fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// Where a finding belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    /// Dotted path of the key.
    pub(crate) key: String,
}

/// One reading of a file, or one description of what may be in it.
pub(crate) struct Session<'e> {
    source: SourceText,
    dir: PathBuf,
    env: &'e dyn Environment,
    found: RefCell<Vec<Diagnostic>>,
    manual: Option<RefCell<Vec<TableManual>>>,
    /// Facts that are compared across tables when all are read.
    pub(crate) ledger: RefCell<Ledger>,
}

static NO_ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();

impl<'e> Session<'e> {
    /// Reads `source`, a file in `dir`.
    pub(crate) fn reading(source: SourceText, dir: PathBuf, env: &'e dyn Environment) -> Self {
        Self {
            source,
            dir,
            env,
            found: RefCell::default(),
            manual: None,
            ledger: RefCell::default(),
        }
    }

    /// Describes what a file may hold.
    pub(crate) fn describing() -> Session<'static> {
        let source = SourceText {
            file: String::new(),
            text: String::new(),
        };
        let mut session = Session::reading(source, PathBuf::new(), &NO_ENVIRONMENT);
        session.manual = Some(RefCell::default());
        session
    }

    /// The pages of a description; `None` when a file is read.
    pub(crate) fn manual(&self) -> Option<&RefCell<Vec<TableManual>>> {
        self.manual.as_ref()
    }

    /// The file's text.
    pub(crate) fn text(&self) -> &str {
        &self.source.text
    }

    /// The file's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where `${NAME}` looks.
    pub(crate) fn env(&self) -> &'e dyn Environment {
        self.env
    }

    /// A path of the file, from the file's directory.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        // Components rather than `join` alone: `./x` and `x` are the same file in messages and comparisons.
        self.dir.join(path).components().collect()
    }

    /// Records what refuses the file.
    pub(crate) fn error(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Error, place, message.into(), help.into());
    }

    /// Records what the operator should know.
    pub(crate) fn warning(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Warning, place, message.into(), help.into());
    }

    fn record(&self, severity: Severity, place: &Place, message: String, help: String) {
        let (line, column) = self.source.position(place.span.start);
        let file = self.source.file.clone();
        // A quoted key or a file's name may hold anything, and this goes to a terminal.
        let [key, message, help] = [place.key.clone(), message, help].map(printable);
        self.found.borrow_mut().push(Diagnostic {
            severity,
            file,
            line,
            column,
            key,
            message,
            help,
        });
    }

    /// The line that a place is on, for messages that name a second place.
    pub(crate) fn line(&self, place: &Place) -> usize {
        self.source.position(place.span.start).0
    }

    /// Everything that was found.
    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }
}

fn printable(text: String) -> String {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}")
    } else {
        text
    }
}
