//! The reading of one file.

use std::{
    cell::{RefCell, RefMut},
    path::{Path, PathBuf},
};

use crate::{
    Reading, SourceLine, Span, TableManual,
    environment::{DATA_DIR_VARIABLE, Environment},
    kinds::quote,
};

/// The reading of one file, or the description of what one may hold.
#[derive(Clone, Copy)]
pub struct Session<'s> {
    shared: &'s Reading<'s>,
    file: usize,
    foreign: bool,
    /// The pages of all tables that the file may hold, for keys that stand in the wrong one.
    pages: &'s [TableManual],
}

impl<'s> Session<'s> {
    /// Reads one of the files. In a `foreign` one, `${NAME}` stands for itself and other spellings are no news. `pages` are those of all tables that it
    /// may hold.
    pub fn new(shared: &'s Reading<'s>, file: usize, foreign: bool, pages: &'s [TableManual]) -> Self {
        Self {
            shared,
            file,
            foreign,
            pages,
        }
    }

    /// The same, with paths that start from the directory of the first file.
    pub fn of_first_file(self) -> Self {
        Self { file: 0, ..self }
    }

    /// A path as TOML for a file in the directory of the first file.
    pub fn portable(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.shared.dir(0)).unwrap_or(path);
        quote(&path.to_string_lossy().replace("${", "$${"))
    }

    /// Whether there are other files beside this one.
    pub fn has_siblings(&self) -> bool {
        self.shared.file_count() > 1
    }

    /// Whether the file is written in another program's words.
    pub fn is_foreign(&self) -> bool {
        self.foreign
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

    /// The file's directory.
    pub fn dir(&self) -> &'s Path {
        self.shared.dir(self.file)
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
        self.pages
    }

    /// A path of the file, from the file's directory.
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

    /// Records what the operator should know, and a translation of the file should repeat.
    pub fn note(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), help.into());
        let cure = help.strip_prefix("remove it; ").unwrap_or(&help);
        self.shared.keep_note(span, format!("{message}: {cure}"));
        self.shared.warning(span, message, help);
    }

    /// Records what only a translation of the file should say.
    pub fn note_for_translation(&self, span: &Span, text: String) {
        self.shared.keep_note(span, text);
    }

    /// What was noted of this file, each with its line and key, in their order.
    pub fn notes(&self) -> Vec<String> {
        self.shared.notes(self.file)
    }
}
