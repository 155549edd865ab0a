//! The declaration of one key.

use super::{FieldManual, Presence, Table, kinds::Kind};

/// A declared key that has not been read yet.
#[must_use = "a key is read by `or`, `optional` or `required`"]
pub struct Field<'t, 's, K> {
    pub(crate) table: &'t mut Table<'s>,
    pub(crate) kind: K,
    pub(crate) manual: FieldManual,
}

impl<'t, 's, K: Kind> Field<'t, 's, K> {
    pub(crate) fn new(table: &'t mut Table<'s>, key: &'static str, kind: K, about: &'static str) -> Self {
        let manual = FieldManual {
            key,
            aliases: &[],
            kind: kind.what(),
            presence: Presence::Required,
            about,
            example: "",
            when: None,
        };
        Self { table, kind, manual }
    }

    /// Sets an example value as it is written in a file, for the reference page and for help.
    pub fn example(mut self, example: &'static str) -> Self {
        self.manual.example = example;
        self
    }

    /// Sets other spellings. They are accepted with a warning; giving two of them is an error.
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.manual.aliases = aliases;
        self
    }

    /// Reads the value; returns `default` if it is missing, or invalid, which is recorded.
    pub fn or(mut self, default: K::Value) -> K::Value {
        self.manual.presence = Presence::Default(self.kind.show(&default));
        self.read().unwrap_or(default)
    }

    /// Reads the value, if it is given and valid. `words` describe the default on the reference page.
    pub fn defaults_to(mut self, words: &'static str) -> Option<K::Value> {
        self.manual.presence = Presence::Default(words.to_owned());
        self.read()
    }

    /// Reads the value, if it is given and valid.
    pub fn optional(mut self) -> Option<K::Value> {
        self.manual.presence = Presence::Optional;
        self.read()
    }

    /// Reads the value. A missing value is recorded as an error.
    pub fn required(self) -> Option<K::Value> {
        self.read()
    }

    fn read(self) -> Option<K::Value> {
        let Self { table, kind, manual } = self;
        let input = table.declare_and_take(manual.clone());
        if input.is_none() && manual.presence == Presence::Required {
            table.missing(&manual);
        }
        kind.read(&input?)
    }
}
