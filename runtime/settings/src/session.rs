//! The reading of one file.

use std::{
    cell::{RefCell, RefMut},
    path::{Path, PathBuf},
};

use crate::{
    KeyNames, Reading, SourceLine, Span, TableManual,
    environment::{DATA_DIR_VARIABLE, Environment},
};

/// The reading of one file, or the description of what one may hold.
#[derive(Clone, Copy)]
pub struct Session<'s> {
    shared: &'s Reading<'s>,
    file: usize,
    dir: &'s Path,
}

impl<'s> Session<'s> {
    /// Reads one of the files.
    pub fn new(shared: &'s Reading<'s>, file: usize) -> Self {
        let dir = shared.dir(file);
        Self { shared, file, dir }
    }

    /// The same, with paths that start from the directory of the first file.
    pub fn in_first_dir(self) -> Self {
        let dir = self.shared.dir(0);
        Self { dir, ..self }
    }

    /// Whether there are other files beside this one.
    pub fn has_siblings(&self) -> bool {
        self.shared.file_count() > 1
    }

    /// The file as a whole.
    pub fn root(&self) -> Span {
        Span::of_file(self.file)
    }

    /// The pages of a description; `None` when a file is read.
    pub fn manual(&self) -> Option<&'s RefCell<Vec<TableManual>>> {
        self.shared.manual()
    }

    /// The file as the caller named it.
    pub fn name(&self) -> &'s str {
        self.shared.name(self.file)
    }

    /// Where its relative paths start: the file's directory, unless it was said otherwise.
    pub fn dir(&self) -> &'s Path {
        self.dir
    }

    /// Where `${NAME}` looks.
    pub fn env(&self) -> &'s dyn Environment {
        self.shared.env()
    }

    /// What tables leave behind for each other, by its type: facts that are compared across tables and files when all are
    /// read. Only one may be held at a time.
    pub fn facts<T: Default + 'static>(&self) -> RefMut<'s, T> {
        self.shared.facts()
    }

    /// The pages of all tables that the files may hold, where they are known.
    pub(crate) fn pages(&self) -> &'s [TableManual] {
        self.shared.pages()
    }

    /// A path of the file, from [`Session::dir`].
    pub fn resolve(&self, path: &str) -> PathBuf {
        // Components rather than `join` alone: `./x` and `x` are the same file in messages and comparisons.
        self.dir().join(path).components().collect()
    }

    /// Where data is kept if the file does not say it.
    pub fn default_data_dir(&self) -> PathBuf {
        let data_dir = self.env().get(DATA_DIR_VARIABLE).filter(|dir| !dir.is_empty());
        self.resolve(data_dir.as_deref().unwrap_or("data"))
    }

    /// A span's file and line, to keep.
    pub fn source_line(&self, span: &Span) -> SourceLine {
        SourceLine::new(self.shared.name(span.file), self.shared.line(span))
    }

    /// Records what refuses the file.
    pub fn error(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.shared.error(span, message, help);
    }

    /// Records what the environment does not give, if that need not be known yet: whether it need not.
    pub fn postpone(&self, span: &Span, message: &str, help: &str) -> bool {
        self.shared.postpone(span, message, help)
    }

    /// Records what the operator should know.
    pub fn warning(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.shared.warning(span, message, help);
    }

    /// Says how the keys of the file are called in it, where it is read in other words. What was recorded so far had its
    /// own.
    pub fn name_keys(&self, names: KeyNames) {
        self.shared.name_keys(self.file, names);
    }

    /// How the value of a key could be written in the file, where that was said.
    pub(crate) fn sample_of(&self, span: &Span) -> Option<String> {
        self.shared.sample_of(span)
    }

    /// The last part of a key's path, as the file has it.
    pub fn name_of(&self, span: &Span) -> String {
        let key = self.shared.original_key(span);
        key.rsplit('.').next().unwrap_or(&key).to_owned()
    }
}
