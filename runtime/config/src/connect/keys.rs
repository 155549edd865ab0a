//! Types of the declarations of Danube Connect's tables and keys.

use std::ops::RangeInclusive;

/// A table of Danube Connect's files.
#[derive(Debug)]
pub(super) struct OldTable {
    /// Its dotted paths, any of which may be used as header; empty for the top level.
    pub(super) paths: &'static [&'static str],
    /// Whether it is a list of tables, `[[path]]`.
    pub(super) repeated: bool,
    /// What it is, or what becomes of it; a sentence of the reference page.
    pub(super) about: &'static str,
    /// The table of the pipeline file that its keys move to; empty for the top level.
    pub(super) becomes: &'static str,
    /// Its keys; all others are refused.
    pub(super) keys: &'static [OldKey],
}

/// A key of Danube Connect's file.
#[derive(Debug)]
pub(super) struct OldKey {
    /// The key, and its other spellings.
    pub(super) names: &'static [&'static str],
    /// The key's new name, in the table that its table becomes, unless it is a path; empty for none.
    pub(super) becomes: &'static str,
    /// How its value is converted.
    pub(super) how: How,
    /// The environment variable that overrides the file.
    pub(super) variable: Option<&'static str>,
    /// The default, as TOML, if it differs from ours.
    pub(super) default: Option<&'static str>,
    /// An example value, as TOML.
    pub(super) example: Option<&'static str>,
    /// Whether it must be given.
    pub(super) is_required: bool,
    /// Additional text for the reference page.
    pub(super) note: &'static str,
}

/// How the value of a key is converted.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// The value stays the same.
    Same,
    /// The path of a file.
    Path,
    /// A URL, which may contain a path.
    Url,
    /// Text.
    Text,
    /// A secret.
    Secret,
    /// A whole number within this range.
    Integer(RangeInclusive<u32>),
    /// A number of seconds, from 1 to [`SECS_MAX`], converted to milliseconds.
    Secs,
    /// Handled by its own function: a table, or a key that depends on others.
    Separate,
    /// Ignored.
    Ignored(Effect, &'static str),
}

/// Largest number of seconds of a key.
pub(super) const SECS_MAX: u32 = 600;

/// The effect that a key had in Danube Connect and has here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// None there and none here.
    Never,
    /// An effect there that has no equivalent here.
    Removed,
    /// None there, but what the key says here.
    New,
}

impl Effect {
    /// Returns the effect as a sentence.
    pub(super) fn describe(self, key: &str) -> String {
        match self {
            Self::Never => format!("`{key}` had no effect in Danube Connect, and has none here"),
            Self::Removed => format!("`{key}` has no equivalent here and is left out"),
            Self::New => format!("`{key}` had no effect in Danube Connect; here it holds"),
        }
    }
}

impl OldTable {
    /// A single table.
    pub(super) const fn one(
        path: &'static [&'static str; 1],
        becomes: &'static str,
        about: &'static str,
        keys: &'static [OldKey],
    ) -> Self {
        Self {
            paths: path,
            repeated: false,
            about,
            becomes,
            keys,
        }
    }

    /// A list of tables, with any of several paths.
    pub(super) const fn many(
        paths: &'static [&'static str],
        becomes: &'static str,
        about: &'static str,
        keys: &'static [OldKey],
    ) -> Self {
        Self {
            paths,
            repeated: true,
            about,
            becomes,
            keys,
        }
    }

    /// Returns the table's headers as they are written in a file.
    pub(super) fn headers(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(|path| self.header(path))
    }

    /// Returns the header for this path as it is written in a file.
    pub(super) fn header(&self, path: &str) -> String {
        match (path, self.repeated) {
            ("", _) => "the top level".to_owned(),
            (path, true) => format!("[[{path}]]"),
            (path, false) => format!("[{path}]"),
        }
    }

    /// Returns the declaration of a key.
    pub(super) fn key(&self, name: &str) -> Option<&'static OldKey> {
        self.keys.iter().find(|key| key.names.contains(&name))
    }
}

impl OldKey {
    /// The last part of its new path.
    pub(super) fn leaf(&self) -> &'static str {
        self.becomes.rsplit('.').next().unwrap_or(self.becomes)
    }

    /// A key whose value moves to another key.
    pub(super) const fn new(names: &'static [&'static str], becomes: &'static str, how: How) -> Self {
        Self {
            names,
            becomes,
            how,
            variable: None,
            default: None,
            example: None,
            is_required: false,
            note: "",
        }
    }

    /// A key with the same name here.
    pub(super) const fn same(names: &'static [&'static str; 1]) -> Self {
        Self::new(names, names[0], How::Same)
    }

    /// An ignored key. `help` says what to do instead.
    pub(super) const fn ignored(names: &'static [&'static str], effect: Effect, help: &'static str) -> Self {
        Self::new(names, "", How::Ignored(effect, help))
    }

    pub(super) const fn variable(self, variable: &'static str) -> Self {
        let variable = Some(variable);
        Self { variable, ..self }
    }

    pub(super) const fn default(self, toml: &'static str) -> Self {
        let default = Some(toml);
        Self { default, ..self }.example(toml)
    }

    pub(super) const fn example(self, toml: &'static str) -> Self {
        let example = Some(toml);
        Self { example, ..self }
    }

    /// A required key, with an example.
    pub(super) const fn required(self, toml: &'static str) -> Self {
        let is_required = true;
        Self { is_required, ..self }.example(toml)
    }

    pub(super) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}
