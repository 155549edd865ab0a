//! What one reading of all files shares: their texts, the environment, and the findings.

use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, HashSet},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{
    KeyNames, TableManual,
    diagnostic::{Diagnostic, Severity},
    environment::Environment,
    facts::Facts,
};

/// A file that is read.
#[derive(Debug)]
pub struct SourceText {
    /// As the caller named the file.
    pub file: String,
    /// The whole text.
    pub text: String,
    /// Where its relative paths start, absolute.
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

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which of the files.
    pub file: usize,
    /// Bytes of its text.
    pub bytes: Range<usize>,
    /// Dotted path of the key.
    pub key: String,
}

impl Span {
    /// A file as a whole.
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

/// One reading of some files, or one description of what may be in them.
pub struct Reading<'e> {
    files: Vec<SourceText>,
    env: &'e dyn Environment,
    found: RefCell<Vec<(usize, Diagnostic)>>,
    /// What the environment does not give, where that need not be known yet; `None` where it must.
    missing: Option<RefCell<Vec<Diagnostic>>>,
    /// How the keys of files are called in them that are read in other words.
    names: RefCell<BTreeMap<usize, KeyNames>>,
    manual: Option<RefCell<Vec<TableManual>>>,
    facts: Facts,
    /// The pages of all tables that the files may hold, for keys that stand in the wrong one.
    pages: Vec<TableManual>,
}

static NO_ENVIRONMENT: BTreeMap<String, String> = BTreeMap::new();

impl<'e> Reading<'e> {
    /// Reads `files`.
    pub fn of(files: Vec<SourceText>, env: &'e dyn Environment) -> Self {
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

    /// The same, for whoever may not need everything that the environment is to give.
    pub fn lazily(self) -> Self {
        Self {
            missing: Some(RefCell::default()),
            ..self
        }
    }

    /// Describes what a file may hold.
    pub fn describing() -> Reading<'static> {
        let source = SourceText {
            file: String::new(),
            text: String::new(),
            dir: PathBuf::new(),
        };
        let mut shared = Reading::of(vec![source], &NO_ENVIRONMENT);
        shared.manual = Some(RefCell::default());
        shared
    }

    /// The same, with the pages of all tables that the files may hold.
    pub fn with_pages(self, pages: Vec<TableManual>) -> Self {
        Self { pages, ..self }
    }

    /// The pages of all tables that the files may hold, where they are known.
    pub fn pages(&self) -> &[TableManual] {
        &self.pages
    }

    /// The pages of a description; `None` when files are read.
    pub fn manual(&self) -> Option<&RefCell<Vec<TableManual>>> {
        self.manual.as_ref()
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// A file's text.
    pub fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.text)
    }

    /// A file as the caller named it.
    pub fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.file)
    }

    /// A file's directory.
    pub fn dir(&self, file: usize) -> &Path {
        self.files.get(file).map_or(Path::new(""), |source| &source.dir)
    }

    /// Where `${NAME}` looks.
    pub fn env(&self) -> &'e dyn Environment {
        self.env
    }

    /// What tables leave behind for each other, by its type: see [`crate::Session::facts`].
    pub fn facts<T: Default + 'static>(&self) -> RefMut<'_, T> {
        self.facts.get()
    }

    /// Records what refuses the files.
    pub fn error(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Error, span, message.into(), help.into());
    }

    /// Records what the operator should know.
    pub fn warning(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.record(Severity::Warning, span, message.into(), help.into());
    }

    /// See [`crate::Session::name_keys`].
    pub(crate) fn name_keys(&self, file: usize, names: KeyNames) {
        self.names.borrow_mut().insert(file, names);
    }

    /// A key's path as its file has it.
    pub(crate) fn original_key(&self, span: &Span) -> String {
        match self.names.borrow().get(&span.file) {
            Some(names) => names.original(&span.key),
            None => span.key.clone(),
        }
    }

    /// How the value of a key could be written in its file, where that was said.
    pub(crate) fn sample_of(&self, span: &Span) -> Option<String> {
        let names = self.names.borrow();
        names.get(&span.file)?.sample(&span.key).map(str::to_owned)
    }

    /// Records what the environment does not give, if that need not be known yet: whether it need not.
    pub fn postpone(&self, span: &Span, message: &str, help: &str) -> bool {
        let Some(missing) = &self.missing else { return false };
        let diagnostic = self.diagnostic(Severity::Error, span, message.to_owned(), help.to_owned());
        missing.borrow_mut().push(diagnostic);
        true
    }

    /// What was postponed.
    pub fn take_missing(&self) -> Vec<Diagnostic> {
        self.missing.as_ref().map(RefCell::take).unwrap_or_default()
    }

    fn record(&self, severity: Severity, span: &Span, message: String, help: String) {
        let is_told = |names: &KeyNames| severity == Severity::Error && names.is_told(&span.key);
        if self.names.borrow().get(&span.file).is_some_and(is_told) {
            return;
        }
        let diagnostic = self.diagnostic(severity, span, message, help);
        self.found.borrow_mut().push((span.file, diagnostic));
    }

    /// What is found at a place in a file.
    pub fn diagnostic(&self, severity: Severity, span: &Span, message: String, help: String) -> Diagnostic {
        let (line, column) = self
            .files
            .get(span.file)
            .map_or((0, 0), |f| f.position(span.bytes.start));
        let file = self.name(span.file).to_owned();
        // A quoted key or a file's name may hold anything, and this goes to a terminal.
        let [key, message, help] = [self.original_key(span), message, help].map(printable);
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

    /// The line that a place is on.
    pub fn line(&self, span: &Span) -> usize {
        self.files.get(span.file).map_or(0, |f| f.position(span.bytes.start).0)
    }

    /// A second place in the files, for a message about `from`: `line 5`, or `line 5 of sink.toml` in another file.
    pub fn line_from(&self, span: &Span, from: &Span) -> String {
        let line = self.line(span);
        if span.file == from.file {
            format!("line {line}")
        } else {
            printable(format!("line {line} of {}", self.name(span.file)))
        }
    }

    /// Everything that was found, in the order of files, lines and columns. What several tables were told of one place is
    /// said once.
    pub fn into_found(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(file, d)| (*file, d.line, d.column));
        let mut said = HashSet::new();
        found.retain(|(file, d)| said.insert((*file, d.line, d.column, d.message.clone())));
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
        Reading::of(vec![source], &NO_ENVIRONMENT)
    }

    fn at(bytes: Range<usize>, key: &str) -> Span {
        Span::of_file(0).sibling(bytes, key.to_owned())
    }

    #[test]
    fn what_several_tables_say_of_one_place_is_said_once() {
        let reading = reading();
        for (bytes, message) in [(10..11, "x"), (4..5, "x"), (4..5, "y"), (4..5, "x")] {
            reading.error(&at(bytes, "k"), message, "");
        }
        let found = reading.into_found();
        let found: Vec<_> = found.iter().map(|d| (d.line, d.message.as_str())).collect();
        assert_eq!(found, [(1, "x"), (1, "y"), (2, "x")]);
    }

    #[test]
    fn keys_are_called_as_their_file_calls_them_once_it_has_said_so() {
        let reading = reading();
        reading.error(&at(0..1, "sources[0].port"), "x", "");
        let mut names = KeyNames::default();
        names.rename("sources[0]".to_owned(), "server".to_owned());
        names.mark_reported("sources[0].host".to_owned());
        reading.name_keys(0, names);
        reading.error(&at(4..5, "sources[0].port"), "x", "");
        reading.error(&at(4..5, "sources[0].host"), "is told", "");
        reading.warning(&at(10..11, "sources[0].host"), "is news", "");
        let found = reading.into_found();
        let keys: Vec<_> = found.iter().map(|d| d.key.as_str()).collect();
        assert_eq!(keys, ["sources[0].port", "server.port", "server.host"], "{found:?}");
    }
}
