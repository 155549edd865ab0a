//! State of reading several files together: their texts, the environment, and the diagnostics.

use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, HashSet},
    ops::Range,
    path::{Path, PathBuf},
};

use danube_wasm_codes::Code;

use crate::{
    KeyNames, TableManual,
    diagnostic::{Diagnostic, Severity},
    environment::Environment,
    facts::Facts,
};

/// The text of a file.
#[derive(Debug)]
pub struct SourceText {
    /// The file's name, as given by the caller.
    pub file: String,
    /// The whole text.
    pub text: String,
    /// The absolute directory that its relative paths start from.
    pub dir: PathBuf,
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

/// A place in a file, with the key that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Index of the file.
    pub file: usize,
    /// Range of bytes in its text.
    pub bytes: Range<usize>,
    /// Dotted path of the key.
    pub key: String,
}

impl Span {
    /// The whole file.
    pub fn of_file(file: usize) -> Self {
        Self {
            file,
            bytes: 0..0,
            key: String::new(),
        }
    }

    /// Another place in the same file.
    pub fn sibling(&self, bytes: Range<usize>, key: String) -> Self {
        Self {
            file: self.file,
            bytes,
            key,
        }
    }
}

/// The reading of several files, or the description of the tables that they may have.
pub struct Reading<'e> {
    files: Vec<SourceText>,
    env: &'e dyn Environment,
    found: RefCell<Vec<(usize, Diagnostic)>>,
    /// Postponed errors about the environment; `None` if such errors are recorded immediately.
    missing: Option<RefCell<Vec<Diagnostic>>>,
    /// The own names of keys, for files that are translated before they are read.
    names: RefCell<BTreeMap<usize, KeyNames>>,
    manual: Option<RefCell<Vec<TableManual>>>,
    facts: Facts,
    /// Descriptions of all tables, for help about keys in the wrong table.
    pages: Vec<TableManual>,
}

static NO_ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();

impl<'e> Reading<'e> {
    /// Starts to read `files`.
    pub fn new(files: Vec<SourceText>, env: &'e dyn Environment) -> Self {
        Self {
            files,
            env,
            found: RefCell::default(),
            missing: None,
            names: RefCell::default(),
            manual: None,
            facts: Facts::default(),
            pages: Vec::new(),
        }
    }

    /// Postpones errors about the environment, for callers that may not need all of it.
    pub fn lazily(self) -> Self {
        Self {
            missing: Some(RefCell::default()),
            ..self
        }
    }

    /// Starts to describe the tables that files may have.
    pub fn describing() -> Reading<'static> {
        let source = SourceText {
            file: String::new(),
            text: String::new(),
            dir: PathBuf::new(),
        };
        let mut shared = Reading::new(vec![source], &NO_ENVIRONMENT);
        shared.manual = Some(RefCell::default());
        shared
    }

    /// Adds the descriptions of all tables that files may have.
    pub fn with_pages(self, pages: Vec<TableManual>) -> Self {
        Self { pages, ..self }
    }

    /// The descriptions of all tables, if they were added.
    pub fn pages(&self) -> &[TableManual] {
        &self.pages
    }

    /// The descriptions written so far; `None` when files are read.
    pub fn manual(&self) -> Option<&RefCell<Vec<TableManual>>> {
        self.manual.as_ref()
    }

    /// The number of files.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// A file's text.
    pub fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.text)
    }

    /// A file's name, as given by the caller.
    pub fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.file)
    }

    /// A file's directory.
    pub fn dir(&self, file: usize) -> &Path {
        self.files.get(file).map_or(Path::new(""), |source| &source.dir)
    }

    /// The environment of `${NAME}`.
    pub fn env(&self) -> &'e dyn Environment {
        self.env
    }

    /// Returns the facts of this type: see [`crate::Session::facts`].
    pub fn facts<T: Default + 'static>(&self) -> RefMut<'_, T> {
        self.facts.get()
    }

    /// Records an error.
    pub fn error(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.coded(Code::KeysDisagree, span, message, help);
    }

    /// Records an error of another kind than that keys do not fit together.
    pub fn coded(&self, code: Code, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Error, Some(code), span, message.into(), help.into());
    }

    /// Records a warning.
    pub fn warning(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Warning, None, span, message.into(), help.into());
    }

    /// See [`crate::Session::name_keys`].
    pub(crate) fn name_keys(&self, file: usize, names: KeyNames) {
        self.names.borrow_mut().insert(file, names);
    }

    /// Returns the path of a key in the file's own names.
    pub(crate) fn original_key(&self, span: &Span) -> String {
        match self.names.borrow().get(&span.file) {
            Some(names) => names.original(&span.key),
            None => span.key.clone(),
        }
    }

    /// Returns how the key could be written in its file, if that was set.
    pub(crate) fn sample_of(&self, span: &Span) -> Option<String> {
        let names = self.names.borrow();
        names.get(&span.file)?.sample(&span.key).map(str::to_owned)
    }

    /// Postpones an error about the environment. Returns false if errors are not postponed.
    pub fn postpone(&self, span: &Span, message: &str, help: &str) -> bool {
        let Some(missing) = &self.missing else { return false };
        let diagnostic = self.diagnostic(
            Severity::Error,
            Some(Code::InvalidValue),
            span,
            message.to_owned(),
            help.to_owned(),
        );
        missing.borrow_mut().push(diagnostic);
        true
    }

    /// Returns the postponed errors.
    pub fn take_missing(&self) -> Vec<Diagnostic> {
        self.missing.as_ref().map(RefCell::take).unwrap_or_default()
    }

    fn record(&self, severity: Severity, code: Option<Code>, span: &Span, message: String, help: String) {
        let is_reported = |names: &KeyNames| severity == Severity::Error && names.is_reported(&span.key);
        if self.names.borrow().get(&span.file).is_some_and(is_reported) {
            return;
        }
        let diagnostic = self.diagnostic(severity, code, span, message, help);
        self.found.borrow_mut().push((span.file, diagnostic));
    }

    /// Creates a diagnostic for a place in a file.
    pub fn diagnostic(
        &self,
        severity: Severity,
        code: Option<Code>,
        span: &Span,
        message: String,
        help: String,
    ) -> Diagnostic {
        let (line, column) = self
            .files
            .get(span.file)
            .map_or((0, 0), |f| f.position(span.bytes.start));
        let file = self.name(span.file).to_owned();
        // Quoted keys and names of files may contain control characters, and this goes to a terminal.
        let [key, message, help] = [self.original_key(span), message, help].map(printable);
        Diagnostic {
            severity,
            code,
            file,
            line,
            column,
            key,
            message,
            help,
        }
    }

    /// Returns the line of a place.
    pub fn line(&self, span: &Span) -> usize {
        self.files.get(span.file).map_or(0, |f| f.position(span.bytes.start).0)
    }

    /// Describes a second place in a message about `from`: `line 5`, or `line 5 of sink.toml` in another file.
    pub fn line_from(&self, span: &Span, from: &Span) -> String {
        let line = self.line(span);
        if span.file == from.file {
            format!("line {line}")
        } else {
            printable(format!("line {line} of {}", self.name(span.file)))
        }
    }

    /// Returns all diagnostics in the order of files, lines and columns. Equal messages about one place are reported
    /// once.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(file, d)| (*file, d.line, d.column));
        let mut seen = HashSet::new();
        found.retain(|(file, d)| seen.insert((*file, d.line, d.column, d.message.clone())));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading<'static> {
        let source = SourceText {
            file: "in.toml".to_owned(),
            text: "a = 1\nb = 2\n".to_owned(),
            dir: PathBuf::new(),
        };
        Reading::new(vec![source], &NO_ENVIRONMENT)
    }

    fn at(bytes: Range<usize>, key: &str) -> Span {
        Span::of_file(0).sibling(bytes, key.to_owned())
    }

    #[test]
    fn equal_messages_about_one_place_are_reported_once() {
        let reading = reading();
        for (bytes, message) in [(10..11, "x"), (4..5, "x"), (4..5, "y"), (4..5, "x")] {
            reading.error(&at(bytes, "k"), message, "");
        }
        let found = reading.into_diagnostics();
        let found: Vec<_> = found.iter().map(|d| (d.line, d.message.as_str())).collect();
        assert_eq!(found, [(1, "x"), (1, "y"), (2, "x")]);
    }

    #[test]
    fn keys_get_the_names_of_their_file() {
        let reading = reading();
        reading.error(&at(0..1, "sources[0].port"), "x", "");
        let mut names = KeyNames::default();
        names.rename("sources[0]".to_owned(), "server".to_owned());
        names.mark_reported("sources[0].host".to_owned());
        reading.name_keys(0, names);
        reading.error(&at(4..5, "sources[0].port"), "x", "");
        reading.error(&at(4..5, "sources[0].host"), "is told", "");
        reading.warning(&at(10..11, "sources[0].host"), "is news", "");
        let found = reading.into_diagnostics();
        let keys: Vec<_> = found.iter().map(|d| d.key.as_str()).collect();
        assert_eq!(keys, ["sources[0].port", "server.port", "server.host"], "{found:?}");
    }
}
