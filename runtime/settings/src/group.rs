//! The declaration of a table, or a list of tables, inside another.

use toml::de::DeValue;

use danube_wasm_codes::Code;

use crate::{FieldManual, Presence, Section, Span, Table, ValueRef};

/// A declared table inside a table, which has not been read yet.
#[must_use = "a group is read by `or_default`, `optional`, `required` or `each`"]
pub struct Group<'t, 's> {
    table: &'t mut Table<'s>,
    key: &'static str,
    aliases: &'static [&'static str],
}

impl<'t, 's> Group<'t, 's> {
    pub(crate) fn new(table: &'t mut Table<'s>, key: &'static str) -> Self {
        Self {
            table,
            key,
            aliases: &[],
        }
    }

    /// Sets other spellings. They are accepted with a warning; giving two of them is an error.
    pub fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Reads a table whose keys all have defaults: a missing table is read as an empty one.
    pub fn or_default<T: Section>(mut self) -> Option<T> {
        match self.declare::<T>("table", Presence::Optional) {
            Some(input) => self.read(&input, false),
            None => self.read_absent(false),
        }
    }

    /// Reads an optional table.
    pub fn optional<T: Section>(mut self) -> Option<T> {
        match self.declare::<T>("table", Presence::Optional) {
            Some(input) => self.read(&input, false),
            None => self.describe(false),
        }
    }

    /// Reads a required table.
    pub fn required<T: Section>(mut self) -> Option<T> {
        if let Some(input) = self.declare::<T>("table", Presence::Required) {
            return self.read(&input, false);
        }
        if !self.describing() {
            let header = self.table.manual_path(self.key);
            self.table.session.coded(
                Code::MissingKey,
                &self.span(),
                format!("{} needs a table `{}`", self.table.header(), self.key),
                format!("add `[{header}]`"),
            );
        }
        self.describe(false)
    }

    /// Reads a list of tables. Invalid ones are recorded and omitted.
    pub fn each<T: Section>(mut self) -> Vec<T> {
        let input = self.declare::<T>("list of tables", Presence::Optional);
        self.list(input)
    }

    /// Reads a list of at least one table.
    pub fn each_of_some<T: Section>(mut self) -> Vec<T> {
        let input = self.declare::<T>("list of tables", Presence::Required);
        if !self.table.has_items(self.key) && !self.describing() {
            let header = self.table.manual_path(self.key);
            let message = format!("{} needs at least one `{}`", self.table.header(), self.key);
            self.table.session.coded(
                Code::MissingKey,
                &self.table.span(self.key),
                message,
                format!("add `[[{header}]]`"),
            );
        }
        self.list(input)
    }

    fn list<T: Section>(&self, input: Option<ValueRef<'s>>) -> Vec<T> {
        let Some(input) = input else {
            self.describe::<T>(true);
            return Vec::new();
        };
        let DeValue::Array(items) = input.value else {
            let header = self.table.manual_path(self.key);
            let message = format!("`{}` is a list of tables", self.key);
            input.refuse_with::<()>(message, format!("write `[[{header}]]` instead of `[{header}]`"));
            return Vec::new();
        };
        let inputs = items.iter().enumerate().map(|(index, item)| input.item(index, item));
        inputs.filter_map(|input| self.read(&input, true)).collect()
    }

    fn declare<T: Section>(&mut self, kind: &str, presence: Presence) -> Option<ValueRef<'s>> {
        let field = FieldManual {
            key: self.key,
            aliases: self.aliases,
            kind: kind.to_owned(),
            presence,
            about: T::ABOUT,
            example: "{}",
            when: None,
        };
        self.table.declare_and_take(field)
    }

    fn read<T: Section>(&self, input: &ValueRef<'s>, repeated: bool) -> Option<T> {
        let DeValue::Table(entries) = input.value else {
            let header = self.table.manual_path(self.key);
            let message = format!("`{}` must be a table", self.key);
            return input.refuse_with(message, format!("write its keys under `[{header}]`"));
        };
        let path = self.table.manual_path(self.key);
        Table::read(self.table.session, Some(entries), input.span.clone(), path, repeated)
    }

    fn describe<T: Section>(&self, repeated: bool) -> Option<T> {
        if self.describing() {
            self.read_absent(repeated)
        } else {
            None
        }
    }

    fn read_absent<T: Section>(&self, repeated: bool) -> Option<T> {
        let path = self.table.manual_path(self.key);
        Table::read(self.table.session, None, self.span(), path, repeated)
    }

    fn describing(&self) -> bool {
        self.table.session.manual().is_some()
    }

    fn span(&self) -> Span {
        let own = self.table.own_span();
        own.sibling(own.bytes.clone(), self.table.path_of(self.key))
    }
}
