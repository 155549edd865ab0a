//! The reading of one file.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use super::{Place, Shared, TableManual, kinds::quote};
use crate::{
    dialect::Dialect,
    environment::{DATA_DIR_VARIABLE, Environment},
    ledger::Ledger,
    tables::listen::Written,
};

/// The reading of one file, or the description of what one may hold.
#[derive(Clone, Copy)]
pub(crate) struct Session<'s> {
    shared: &'s Shared<'s>,
    file: usize,
    dialect: Dialect,
}

impl<'s> Session<'s> {
    /// Reads one of the shared files.
    pub(crate) fn new(shared: &'s Shared<'s>, file: usize, dialect: Dialect) -> Self {
        Self { shared, file, dialect }
    }

    /// The same, with paths that start from the directory of the first file.
    pub(crate) fn of_first_file(self) -> Self {
        Self { file: 0, ..self }
    }

    /// A path as TOML for a file in the directory of the first file.
    pub(crate) fn portable(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.shared.dir(0)).unwrap_or(path);
        quote(&path.to_string_lossy().replace("${", "$${"))
    }

    /// Whether there are other files beside this one.
    pub(crate) fn has_siblings(&self) -> bool {
        self.shared.len() > 1
    }

    /// In whose words the file is written.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The file as a whole.
    pub(crate) fn root(&self) -> Place {
        Place::of_file(self.file)
    }

    /// The pages of a description; `None` when a file is read.
    pub(crate) fn manual(&self) -> Option<&'s RefCell<Vec<TableManual>>> {
        self.shared.manual()
    }

    /// The file as the caller named it.
    pub(crate) fn name(&self) -> &'s str {
        self.shared.name(self.file)
    }

    /// The file's directory.
    pub(crate) fn dir(&self) -> &'s Path {
        self.shared.dir(self.file)
    }

    /// Where `${NAME}` looks.
    pub(crate) fn env(&self) -> &'s dyn Environment {
        self.shared.env()
    }

    /// Facts that are compared across tables and files when all are read.
    pub(crate) fn ledger(&self) -> &'s RefCell<Ledger> {
        self.shared.ledger()
    }

    /// A path of the file, from the file's directory.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        // Components rather than `join` alone: `./x` and `x` are the same file in messages and comparisons.
        self.dir().join(path).components().collect()
    }

    /// Where data is kept if the file does not say it.
    pub(crate) fn default_data_dir(&self) -> PathBuf {
        let data_dir = self.env().get(DATA_DIR_VARIABLE).filter(|dir| !dir.is_empty());
        self.resolve(data_dir.as_deref().unwrap_or("data"))
    }

    /// A place's file and line, to keep.
    pub(crate) fn written(&self, place: &Place) -> Written {
        Written::new(self.shared.name(place.file), self.shared.line(place))
    }

    /// Records what refuses the file.
    pub(crate) fn error(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.shared.error(place, message, help);
    }

    /// Records what the environment does not give, if that need not be known yet: whether it need not.
    pub(crate) fn postpone(&self, place: &Place, message: &str, help: &str) -> bool {
        self.shared.postpone(place, message, help)
    }

    /// Records what the operator should know.
    pub(crate) fn warning(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.shared.warning(place, message, help);
    }

    /// Records what the operator should know, and a translation of the file should repeat.
    pub(crate) fn note(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), help.into());
        let cure = help.strip_prefix("remove it; ").unwrap_or(&help);
        self.shared.keep_note(place, format!("{message}: {cure}"));
        self.shared.warning(place, message, help);
    }

    /// Records what only a translation of the file should say.
    pub(crate) fn note_for_translation(&self, place: &Place, text: String) {
        self.shared.keep_note(place, text);
    }

    /// What was noted of this file, each with its line and key, in their order.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.shared.notes(self.file)
    }
}
