//! What one reading of all files shares: their texts, the environment, and the findings.

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

/// A file that is read.
#[derive(Debug)]
pub(crate) struct SourceText {
    /// As the caller named the file.
    pub(crate) file: String,
    /// The whole text.
    pub(crate) text: String,
    /// Where its relative paths start, absolute.
    pub(crate) dir: PathBuf,
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
    /// Which of the files.
    pub(crate) file: usize,
    /// Bytes of its text.
    pub(crate) span: Range<usize>,
    /// Dotted path of the key.
    pub(crate) key: String,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn of_file(file: usize) -> Self {
        Self {
            file,
            span: 0..0,
            key: String::new(),
        }
    }

    /// Another place of the same file.
    pub(crate) fn sibling(&self, span: Range<usize>, key: String) -> Self {
        Self {
            file: self.file,
            span,
            key,
        }
    }
}

/// One reading of some files, or one description of what may be in them.
pub(crate) struct Shared<'e> {
    files: Vec<SourceText>,
    env: &'e dyn Environment,
    found: RefCell<Vec<(usize, Diagnostic)>>,
    /// What the environment does not give, where that need not be known yet; `None` where it must.
    missing: Option<RefCell<Vec<Diagnostic>>>,
    notes: RefCell<Vec<(Place, String)>>,
    manual: Option<RefCell<Vec<TableManual>>>,
    ledger: RefCell<Ledger>,
}

static NO_ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();

impl<'e> Shared<'e> {
    /// Reads `files`.
    pub(crate) fn reading(files: Vec<SourceText>, env: &'e dyn Environment) -> Self {
        Self {
            files,
            env,
            found: RefCell::default(),
            missing: None,
            notes: RefCell::default(),
            manual: None,
            ledger: RefCell::default(),
        }
    }

    /// The same, for whoever may not need everything that the environment is to give.
    pub(crate) fn lazily(self) -> Self {
        Self {
            missing: Some(RefCell::default()),
            ..self
        }
    }

    /// Describes what a file may hold.
    pub(crate) fn describing() -> Shared<'static> {
        let source = SourceText {
            file: String::new(),
            text: String::new(),
            dir: PathBuf::new(),
        };
        let mut shared = Shared::reading(vec![source], &NO_ENVIRONMENT);
        shared.manual = Some(RefCell::default());
        shared
    }

    /// The pages of a description; `None` when files are read.
    pub(crate) fn manual(&self) -> Option<&RefCell<Vec<TableManual>>> {
        self.manual.as_ref()
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// A file's text.
    pub(crate) fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.text)
    }

    /// A file as the caller named it.
    pub(crate) fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.file)
    }

    /// A file's directory.
    pub(crate) fn dir(&self, file: usize) -> &Path {
        self.files.get(file).map_or(Path::new(""), |source| &source.dir)
    }

    /// Where `${NAME}` looks.
    pub(crate) fn env(&self) -> &'e dyn Environment {
        self.env
    }

    /// Facts that are compared across tables when all are read.
    pub(crate) fn ledger(&self) -> &RefCell<Ledger> {
        &self.ledger
    }

    /// Records what refuses the files.
    pub(crate) fn error(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Error, place, message.into(), help.into());
    }

    /// Records what the operator should know.
    pub(crate) fn warning(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Warning, place, message.into(), help.into());
    }

    /// Keeps a note for a translation of the file.
    pub(crate) fn keep_note(&self, place: &Place, text: String) {
        self.notes.borrow_mut().push((place.clone(), text));
    }

    /// The notes of a file, each with its line and key, in their order.
    pub(crate) fn notes(&self, file: usize) -> Vec<String> {
        let notes = self.notes.borrow();
        let mut notes: Vec<_> = notes.iter().filter(|(place, _)| place.file == file).collect();
        notes.sort_by_key(|(place, _)| place.span.start);
        let shown =
            |(place, text): &(Place, String)| printable(format!("line {}, {}: {text}", self.line(place), place.key));
        notes.into_iter().map(shown).collect()
    }

    /// Records what the environment does not give, if that need not be known yet: whether it need not.
    pub(crate) fn postpone(&self, place: &Place, message: &str, help: &str) -> bool {
        let Some(missing) = &self.missing else { return false };
        let diagnostic = self.diagnostic(Severity::Error, place, message.to_owned(), help.to_owned());
        missing.borrow_mut().push(diagnostic);
        true
    }

    /// What was postponed.
    pub(crate) fn take_missing(&self) -> Vec<Diagnostic> {
        self.missing.as_ref().map(RefCell::take).unwrap_or_default()
    }

    fn record(&self, severity: Severity, place: &Place, message: String, help: String) {
        let diagnostic = self.diagnostic(severity, place, message, help);
        self.found.borrow_mut().push((place.file, diagnostic));
    }

    /// What is found at a place.
    pub(crate) fn diagnostic(&self, severity: Severity, place: &Place, message: String, help: String) -> Diagnostic {
        let (line, column) = self
            .files
            .get(place.file)
            .map_or((0, 0), |f| f.position(place.span.start));
        let file = self.name(place.file).to_owned();
        // A quoted key or a file's name may hold anything, and this goes to a terminal.
        let [key, message, help] = [place.key.clone(), message, help].map(printable);
        Diagnostic {
            severity,
            file,
            line,
            column,
            key,
            message,
            help,
        }
    }

    /// The line of its file that a place is on.
    pub(crate) fn line(&self, place: &Place) -> usize {
        self.files.get(place.file).map_or(0, |f| f.position(place.span.start).0)
    }

    /// A second place, for a message about `from`: `line 5`, or `line 5 of sink.toml` in another file.
    pub(crate) fn line_from(&self, place: &Place, from: &Place) -> String {
        let line = self.line(place);
        if place.file == from.file {
            format!("line {line}")
        } else {
            printable(format!("line {line} of {}", self.name(place.file)))
        }
    }

    /// Everything that was found, in the order of files, lines and columns.
    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(file, d)| (*file, d.line, d.column));
        found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }
}

fn printable(text: String) -> String {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}")
    } else {
        text
    }
}
