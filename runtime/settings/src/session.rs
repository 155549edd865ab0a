//! The reading of one file.

use std::{
    cell::{RefCell, RefMut},
    path::{Path, PathBuf},
};

use danube_wasm_codes::Code;

use crate::{
    KeyNames, Reading, SourceLine, Span, TableManual,
    environment::{DATA_DIR_VARIABLE, Environment},
};

/// The reading of one file, or the description of its tables.
#[derive(Clone, Copy)]
pub struct Session<'s> {
    shared: &'s Reading<'s>,
    file: usize,
    dir: &'s Path,
}

impl<'s> Session<'s> {
    /// Starts to read one of the files.
    pub fn new(shared: &'s Reading<'s>, file: usize) -> Self {
        let dir = shared.dir(file);
        Self { shared, file, dir }
    }

    /// The same session with paths that start from the directory of the first file.
    pub fn in_first_dir(self) -> Self {
        let dir = self.shared.dir(0);
        Self { dir, ..self }
    }

    /// Whether there are other files.
    pub fn has_siblings(&self) -> bool {
        self.shared.file_count() > 1
    }

    /// The place of the whole file.
    pub fn root(&self) -> Span {
        Span::of_file(self.file)
    }

    /// The descriptions written so far; `None` when a file is read.
    pub fn manual(&self) -> Option<&'s RefCell<Vec<TableManual>>> {
        self.shared.manual()
    }

    /// The file's name, as given by the caller.
    pub fn name(&self) -> &'s str {
        self.shared.name(self.file)
    }

    /// The directory that relative paths start from: the file's own, unless [`Self::in_first_dir`] changed it.
    pub fn dir(&self) -> &'s Path {
        self.dir
    }

    /// The environment of `${NAME}`.
    pub fn env(&self) -> &'s dyn Environment {
        self.shared.env()
    }

    /// Returns the facts of this type, which tables record to be checked across tables and files when all are read.
    /// Only one may be borrowed at a time.
    pub fn facts<T: Default + 'static>(&self) -> RefMut<'s, T> {
        self.shared.facts()
    }

    /// The descriptions of all tables, if they are known.
    pub(crate) fn pages(&self) -> &'s [TableManual] {
        self.shared.pages()
    }

    /// Resolves a path of the file against [`Session::dir`].
    pub fn resolve(&self, path: &str) -> PathBuf {
        // By components rather than `join` alone, because `./x` and `x` are the same file in messages and comparisons.
        self.dir().join(path).components().collect()
    }

    /// The data directory if the file does not set one.
    pub fn default_data_dir(&self) -> PathBuf {
        let data_dir = self.env().get(DATA_DIR_VARIABLE).filter(|dir| !dir.is_empty());
        self.resolve(data_dir.as_deref().unwrap_or("data"))
    }

    /// Returns the file and line of a place, to store.
    pub fn source_line(&self, span: &Span) -> SourceLine {
        SourceLine::new(self.shared.name(span.file), self.shared.line(span))
    }

    /// Records an error.
    pub fn error(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.shared.error(span, message, help);
    }

    /// See [`Reading::coded`].
    pub fn coded(&self, code: Code, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.shared.coded(code, span, message, help);
    }

    /// Postpones an error about the environment. Returns false if errors are not postponed.
    pub fn postpone(&self, span: &Span, message: &str, help: &str) -> bool {
        self.shared.postpone(span, message, help)
    }

    /// Records a warning.
    pub fn warning(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.shared.warning(span, message, help);
    }

    /// Sets the file's own names of keys, for a translated file. Earlier diagnostics have used the file's names
    /// already.
    pub fn name_keys(&self, names: KeyNames) {
        self.shared.name_keys(self.file, names);
    }

    /// Returns how the key could be written in the file, if that was set.
    pub(crate) fn sample_of(&self, span: &Span) -> Option<String> {
        self.shared.sample_of(span)
    }

    /// Returns the last part of a key's path, in the file's own names.
    pub fn name_of(&self, span: &Span) -> String {
        let key = self.shared.original_key(span);
        key.rsplit('.').next().unwrap_or(&key).to_owned()
    }
}
