//! How a table of Danube Connect is declared, with what becomes of each of its keys.

use std::ops::RangeInclusive;

/// A table of Danube Connect's files.
#[derive(Debug)]
pub(super) struct OldTable {
    /// Its dotted paths, as headers have them, by any of which it is known; empty for the top level.
    pub(super) paths: &'static [&'static str],
    /// Whether there may be many of it: `[[path]]`.
    pub(super) repeated: bool,
    /// What it is, or what becomes of it: a sentence of the reference page.
    pub(super) about: &'static str,
    /// The table of a pipeline file that its keys go to; empty for the top level.
    pub(super) becomes: &'static str,
    /// Its keys; all others are refused.
    pub(super) keys: &'static [OldKey],
}

/// A key of such a table.
#[derive(Debug)]
pub(super) struct OldKey {
    /// The key, and its other spellings.
    pub(super) names: &'static [&'static str],
    /// The key here: of the table that its table becomes, unless it is a path; empty for none.
    pub(super) becomes: &'static str,
    /// What is done with its value.
    pub(super) how: How,
    /// The environment variable that holds over the file.
    pub(super) variable: Option<&'static str>,
    /// The value without it, as TOML, where that is another than here.
    pub(super) default: Option<&'static str>,
    /// A value, as TOML.
    pub(super) example: Option<&'static str>,
    /// Whether it must be given.
    pub(super) is_required: bool,
    /// What else is to know, for the reference page.
    pub(super) note: &'static str,
}

/// What is done with the value of a key.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// It is the value here.
    Same,
    /// It is the path of a file.
    Path,
    /// It is a URL, perhaps with a path.
    Url,
    /// It is text.
    Text,
    /// It is a secret.
    Secret,
    /// It is a whole number within this range.
    Integer(RangeInclusive<u32>),
    /// It is a number of seconds, from 1 to [`SECS_MAX`], and becomes one of milliseconds.
    Secs,
    /// A function of its own takes it: it is a table, or depends on other keys.
    Apart,
    /// Nothing.
    Nothing(Effect, &'static str),
}

/// Most seconds that a key takes.
pub(super) const SECS_MAX: u32 = 600;

/// What a key of Danube Connect did there and does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It did nothing there, and does nothing here.
    Never,
    /// It did something there, and there is nothing like it here.
    Gone,
    /// It did nothing there, and does what it says here.
    New,
}

impl Effect {
    /// In a sentence.
    pub(super) fn of(self, key: &str) -> String {
        match self {
            Self::Never => format!("`{key}` had no effect in Danube Connect, and has none here"),
            Self::Gone => format!("`{key}` has no equivalent here and is left out"),
            Self::New => format!("`{key}` had no effect in Danube Connect; here it holds"),
        }
    }
}

impl OldTable {
    /// A table of which there may be one.
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

    /// A table of which there may be many, by any of several names.
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

    /// How its headers are written in a file.
    pub(super) fn headers(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(|path| self.header(path))
    }

    /// How the header of this path is written.
    pub(super) fn header(&self, path: &str) -> String {
        match (path, self.repeated) {
            ("", _) => "the top level".to_owned(),
            (path, true) => format!("[[{path}]]"),
            (path, false) => format!("[{path}]"),
        }
    }

    /// A key that the table is declared with.
    pub(super) fn key(&self, name: &str) -> Option<&'static OldKey> {
        self.keys.iter().find(|key| key.names.contains(&name))
    }
}

impl OldKey {
    /// The last part of its path here.
    pub(super) fn leaf(&self) -> &'static str {
        self.becomes.rsplit('.').next().unwrap_or(self.becomes)
    }

    /// A key whose value becomes that of another key.
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

    /// A key that is the same here.
    pub(super) const fn same(names: &'static [&'static str; 1]) -> Self {
        Self::new(names, names[0], How::Same)
    }

    /// A key that is ignored. The help says what to do instead.
    pub(super) const fn ignored(names: &'static [&'static str], effect: Effect, help: &'static str) -> Self {
        Self::new(names, "", How::Nothing(effect, help))
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

    /// A key that must be given, with an example.
    pub(super) const fn required(self, toml: &'static str) -> Self {
        let is_required = true;
        Self { is_required, ..self }.example(toml)
    }

    pub(super) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}
