//! The declaration of one key.

use super::{FieldManual, Presence, Table, kinds::Kind};

/// A key that is declared and not yet read.
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

    /// A value as it is written in a file, for the reference page and for help.
    pub fn example(mut self, example: &'static str) -> Self {
        self.manual.example = example;
        self
    }

    /// Other spellings. Pipeline files are told of the newer one; giving two of them is an error.
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.manual.aliases = aliases;
        self
    }

    /// The value, or `default` where there is none (or a wrong one, which is recorded).
    pub fn or(mut self, default: K::Value) -> K::Value {
        self.manual.presence = Presence::Default(self.kind.show(&default));
        self.read().unwrap_or(default)
    }

    /// The value, if there is a right one. What is used without it is said in words.
    pub fn defaults_to(mut self, words: &'static str) -> Option<K::Value> {
        self.manual.presence = Presence::Default(words.to_owned());
        self.read()
    }

    /// The value, if there is a right one.
    pub fn optional(mut self) -> Option<K::Value> {
        self.manual.presence = Presence::Optional;
        self.read()
    }

    /// The value. That it is missing is recorded like any other mistake.
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
