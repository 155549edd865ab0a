//! What a description of the file consists of.

/// One table that a file may hold.
#[derive(Debug, Clone)]
pub struct TableManual {
    /// Its dotted path without indexes, such as `sources.webhook`; empty for the file itself.
    pub path: String,
    /// Whether there may be many of it: `[[path]]`.
    pub repeated: bool,
    /// What it is for.
    pub about: &'static str,
    /// Its keys, in the order in which they are read.
    pub fields: Vec<FieldManual>,
}

impl TableManual {
    /// As it is written in a file.
    pub fn header(&self) -> String {
        match (self.path.is_empty(), self.repeated) {
            (true, _) => "the top level".to_owned(),
            (_, true) => format!("[[{}]]", self.path),
            (_, false) => format!("[{}]", self.path),
        }
    }
}

/// One key of a table.
#[derive(Debug, Clone)]
pub struct FieldManual {
    /// The key.
    pub key: &'static str,
    /// Other spellings that are accepted.
    pub aliases: &'static [&'static str],
    /// What may be written, such as "integer from 0 to 65535".
    pub kind: String,
    /// Whether it must be given.
    pub presence: Presence,
    /// What it does.
    pub about: &'static str,
    /// A value as it is written in a file; empty where the default is example enough.
    pub example: &'static str,
    /// The variant of the table that has this key, such as `type = "hmac"`.
    pub when: Option<String>,
}

/// Whether a key must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It need not, and there is no value without it.
    Optional,
    /// It need not; this is its value then, as it is written in a file or in words.
    Default(String),
}

impl FieldManual {
    /// Whether `name` is this key or one of its other spellings.
    pub fn answers_to(&self, name: &str) -> bool {
        self.key == name || self.aliases.contains(&name)
    }
}
