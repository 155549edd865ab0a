//! A table that is being read or described.

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use danube_wasm_codes::Code;

use crate::{Field, FieldManual, Group, Kind, Presence, Session, Span, TableManual, ValueRef};

/// A type that is read from a table of the file.
pub trait Section: Sized {
    /// The table's purpose: a sentence or two of the reference page.
    const ABOUT: &'static str;

    /// Declares every key, then builds the value. `None` if something required is missing or invalid, which is
    /// recorded.
    fn read(table: &mut Table<'_>) -> Option<Self>;
}

/// A variant of a table that has a `type`.
pub struct Variant<T> {
    /// The value of the tag.
    pub name: &'static str,
    /// Other accepted values of the tag.
    pub aliases: &'static [&'static str],
    /// Reads the keys of this variant.
    pub read: fn(&mut Table<'_>) -> Option<T>,
}

/// A table of the file, with the keys that were declared so far.
pub struct Table<'s> {
    pub(crate) session: Session<'s>,
    /// Its entries; `None` when describing, or when a missing table is read for its defaults.
    pub(crate) entries: Option<&'s DeTable<'s>>,
    span: Span,
    pub(crate) manual: TableManual,
    /// Keys that moved or were removed, with what to write instead.
    pub(crate) moved: Vec<(&'static str, &'static str)>,
    pub(crate) refused: Vec<&'static str>,
    when: Option<String>,
}

impl<'s> Table<'s> {
    /// Reads a whole table, and then refuses the keys that were not declared.
    pub fn read<T: Section>(
        session: Session<'s>,
        entries: Option<&'s DeTable<'s>>,
        span: Span,
        path: String,
        repeated: bool,
    ) -> Option<T> {
        let manual = TableManual {
            path,
            repeated,
            about: T::ABOUT,
            fields: Vec::new(),
        };
        // The page of a table precedes the pages of the tables inside it.
        let page = session.manual().map(|pages| {
            pages.borrow_mut().push(manual.clone());
            pages.borrow().len() - 1
        });
        let mut table = Table {
            session,
            entries,
            span,
            manual,
            moved: Vec::new(),
            refused: Vec::new(),
            when: None,
        };
        let value = T::read(&mut table);
        table.refuse_unknown();
        if let (Some(pages), Some(page)) = (session.manual(), page) {
            pages.borrow_mut()[page] = table.manual;
        }
        value
    }

    /// Declares a key. It is read by the final call: `or`, `optional` or `required`.
    pub fn field<K: Kind>(&mut self, key: &'static str, kind: K, about: &'static str) -> Field<'_, 's, K> {
        Field::new(self, key, kind, about)
    }

    /// Declares a table, or a list of tables, inside this one.
    pub fn group(&mut self, key: &'static str) -> Group<'_, 's> {
        Group::new(self, key)
    }

    /// Reads the variant that `tag` names. When describing, all of them.
    pub fn variants<T>(
        &mut self,
        tag: &'static str,
        about: &'static str,
        example: &'static str,
        variants: &[Variant<T>],
    ) -> Option<T> {
        let names: Vec<_> = variants.iter().map(|v| (v.name, v.aliases)).collect();
        let kind = super::kinds::OneOfNames(&names);
        let chosen = self.field(tag, kind, about).example(example).required();
        if self.session.manual().is_some() {
            for variant in variants {
                self.when = Some(format!("{tag} = \"{}\"", variant.name));
                (variant.read)(self);
            }
            self.when = None;
        }
        let Some(chosen) = chosen else {
            // Which keys are valid depends on the tag: without it, only those that no variant has can be called unknown.
            self.refuse_unknown_to_all();
            self.entries = None;
            return None;
        };
        let variant = variants.iter().find(|v| v.name == chosen)?;
        (variant.read)(self)
    }

    /// Refuses a key with its own help instead of as an unknown key.
    pub fn moved(&mut self, key: &'static str, instead: &'static str) {
        self.moved.push((key, instead));
    }

    /// Refuses a key, if the file has it, with its own message instead of as an unknown key. Returns whether the file
    /// has it.
    pub fn refuse(&mut self, key: &'static str, message: impl Into<String>, help: impl Into<String>) -> bool {
        let Some((given, _)) = self.entry(key) else {
            return false;
        };
        let span = self.span.sibling(given.span(), self.path_of(key));
        self.session.error(&span, message, help);
        self.refused.push(key);
        true
    }

    /// Returns the place of a key, or of the table if the key is not given.
    pub fn span(&self, key: &str) -> Span {
        let given = self.manual.fields.iter().find(|field| field.key == key);
        let names = given.into_iter().flat_map(spellings);
        match names.into_iter().find_map(|name| self.entry(name)) {
            Some((name, value)) => self.span.sibling(value.span(), self.path_of(name.get_ref())),
            None => self.span.sibling(self.span.bytes.clone(), self.path_of(key)),
        }
    }

    /// Whether a key is given, in any spelling. Only valid after the key was read.
    pub fn given(&self, key: &str) -> bool {
        let field = self.manual.fields.iter().find(|field| field.key == key);
        field
            .into_iter()
            .flat_map(spellings)
            .any(|name| self.entry(name).is_some())
    }

    /// Whether a list is given and not empty. Only valid after the key was read.
    pub fn has_items(&self, key: &str) -> bool {
        let field = self.manual.fields.iter().find(|field| field.key == key);
        let given = field.into_iter().flat_map(spellings).find_map(|name| self.entry(name));
        given.is_some_and(|(_, value)| value.get_ref().as_array().is_none_or(|items| !items.is_empty()))
    }

    /// Returns the place of a key that the file itself gives; `None` also for a value that its translation filled in.
    /// Only valid after the key was read.
    pub fn given_at(&self, key: &str) -> Option<Span> {
        let field = self.manual.fields.iter().find(|field| field.key == key)?;
        let (name, _) = spellings(field).find_map(|name| self.entry(name))?;
        (!name.span().is_empty()).then(|| self.span(key))
    }

    /// Returns the file and key of the top-level item that this table belongs to, such as `0:sources[0]`.
    pub fn item(&self) -> String {
        let key = self.span.key.split('.').next().unwrap_or_default();
        format!("{}:{key}", self.span.file)
    }

    /// The place of the table itself, for diagnostics about combinations of keys.
    pub fn own_span(&self) -> &Span {
        &self.span
    }

    /// The session that reads it.
    pub fn session(&self) -> Session<'s> {
        self.session
    }

    /// Returns the header as it is written in a file, for messages.
    pub fn header(&self) -> String {
        self.manual.header()
    }

    /// Returns the header path of a table inside this one.
    pub(crate) fn manual_path(&self, key: &str) -> String {
        join(&self.manual.path, key)
    }

    /// Returns the dotted path of a key of this table.
    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.span.key, key)
    }

    /// Declares a key, and returns its value if the file has one.
    pub(crate) fn declare_and_take(&mut self, mut field: FieldManual) -> Option<ValueRef<'s>> {
        field.when = self.when.clone();
        let input = self.take(&field);
        self.manual.fields.push(field);
        input
    }

    /// Returns the value of a declared key, under any of its spellings.
    fn take(&self, field: &FieldManual) -> Option<ValueRef<'s>> {
        let mut found: Option<(&'static str, &'s Spanned<DeValue<'s>>)> = None;
        for name in spellings(field) {
            let Some((key, value)) = self.entry(name) else {
                continue;
            };
            let span = self.span.sibling(key.span(), self.path_of(name));
            if let Some((first, _)) = found {
                self.session.error(
                    &span,
                    format!(
                        "`{name}` is another spelling of `{}`, and `{first}` is given too",
                        field.key
                    ),
                    format!("keep `{}` and remove the other", field.key),
                );
                continue;
            }
            if name != field.key {
                self.session.warning(
                    &span,
                    format!("`{name}` is an older spelling of `{}`", field.key),
                    format!("write `{}`", field.key),
                );
            }
            found = Some((name, value));
        }
        let (name, value) = found?;
        let span = self.span.sibling(value.span(), self.path_of(name));
        Some(ValueRef {
            session: self.session,
            value: value.get_ref(),
            sample: self.session.sample_of(&span).unwrap_or_else(|| sample(field)),
            span,
        })
    }

    /// Records that a key is missing, unless describing.
    pub(crate) fn missing(&self, field: &FieldManual) {
        if self.session.manual().is_some() {
            return;
        }
        let span = self.span.sibling(self.span.bytes.clone(), self.path_of(field.key));
        self.session.coded(
            Code::MissingKey,
            &span,
            format!("{} needs `{}`", self.header(), field.key),
            format!("write for example `{}`", sample(field)),
        );
    }

    fn entry(&self, name: &str) -> Option<(&'s Spanned<DeString<'s>>, &'s Spanned<DeValue<'s>>)> {
        self.entries?.get_key_value(name)
    }
}

fn spellings(field: &FieldManual) -> impl Iterator<Item = &'static str> {
    std::iter::once(field.key).chain(field.aliases.iter().copied())
}

fn sample(field: &FieldManual) -> String {
    let value = match &field.presence {
        Presence::Default(value) if field.example.is_empty() => value,
        _ => field.example,
    };
    format!("{} = {value}", field.key)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
