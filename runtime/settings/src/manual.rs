//! The description of a file's tables and keys.

/// A table of the file.
#[derive(Debug, Clone)]
pub struct TableManual {
    /// Its dotted path without indexes, such as `sources.webhook`; empty for the file itself.
    pub path: String,
    /// Whether it is a list of tables, `[[path]]`.
    pub repeated: bool,
    /// Its purpose.
    pub about: &'static str,
    /// Its keys, in the order in which they are read.
    pub fields: Vec<FieldManual>,
}

impl TableManual {
    /// Returns the header as it is written in a file.
    pub fn header(&self) -> String {
        match (self.path.is_empty(), self.repeated) {
            (true, _) => "the top level".to_owned(),
            (_, true) => format!("[[{}]]", self.path),
            (_, false) => format!("[{}]", self.path),
        }
    }
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct FieldManual {
    /// The key.
    pub key: &'static str,
    /// Other accepted spellings.
    pub aliases: &'static [&'static str],
    /// The kind of its value, such as "integer from 0 to 65535".
    pub kind: String,
    /// Whether it is required.
    pub presence: Presence,
    /// Its meaning.
    pub about: &'static str,
    /// An example value as it is written in a file; empty if the default serves as example.
    pub example: &'static str,
    /// The variant of the table that the key belongs to, such as `type = "hmac"`.
    pub when: Option<String>,
}

/// Whether a key is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Required.
    Required,
    /// Optional, without a default.
    Optional,
    /// Optional, with this default, as it is written in a file or in words.
    Default(String),
}

impl FieldManual {
    /// Whether `name` is this key or one of its other spellings.
    pub fn has_name(&self, name: &str) -> bool {
        self.key == name || self.aliases.contains(&name)
    }
}
