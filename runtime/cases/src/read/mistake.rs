//! What is wrong with the files of cases: all of it at once, each with its place and its cure.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file or folder.
    pub file: PathBuf,
    /// Its line, from 1; 0 if it is the whole file.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Every mistake that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// One more.
    pub fn add(&mut self, file: &Path, line: usize, message: impl Into<String>) {
        self.0.push(Mistake {
            file: file.to_owned(),
            line,
            message: message.into(),
        });
    }

    /// Those of another part of the files.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// `Err` if there are any.
    pub fn check(self) -> Result<(), Self> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message } = self;
        match line {
            0 => write!(f, "{}: {message}", file.display()),
            _ => write!(f, "{}:{line}: {message}", file.display()),
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}
