//! The translation of one file: what it finds, and the tables that it walks through.

use danube_wasm_settings::{KeyNames, Session, Span, ValueRef, help_for_unknown, kinds::Kind};
use toml::de::{DeTable, DeValue};

use super::{
    input::{Given, Input},
    keys::{Effect, How, OldTable},
    output::literal,
    tables::TABLES,
};

/// The translation of one file.
pub(super) struct Translation<'s> {
    /// The reading of the file, in its own words.
    pub(super) session: Session<'s>,
    /// How the keys of the document are called in the file.
    pub(super) names: KeyNames,
    /// What whoever migrates the file should know, with where it stands.
    pub(super) notes: Vec<(Span, String)>,
}

/// What is wrong has been recorded.
pub(super) struct Told;

impl<'s> Translation<'s> {
    pub(super) fn of(session: Session<'s>) -> Self {
        Self {
            session,
            names: KeyNames::default(),
            notes: Vec::new(),
        }
    }

    /// A table in another.
    pub(super) fn table(&mut self, within: &Input<'s>, name: &str, table: &'static OldTable) -> Input<'s> {
        match within.get(name) {
            Some(given) => self.open(given.span, given.value, table),
            None => Input::new(table, within.place(name), None),
        }
    }

    /// The tables of a list in another table.
    pub(super) fn list(&mut self, within: &Input<'s>, name: &str, table: &'static OldTable) -> Vec<Input<'s>> {
        let Some(given) = within.get(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = given.value else {
            let path = table.path;
            let message = format!("`{}` is a list of tables", given.name);
            let help = format!("write `[[{path}]]` instead of `[{path}]`");
            self.session.error(&given.span, message, help);
            return Vec::new();
        };
        let items = items.iter().enumerate();
        let items = items.map(|(index, item)| {
            let span = given.span.sibling(item.span(), format!("{}[{index}]", given.span.key));
            self.open(span, item.get_ref(), table)
        });
        items.filter(Input::is_table).collect()
    }

    fn open(&mut self, span: Span, value: &'s DeValue<'s>, table: &'static OldTable) -> Input<'s> {
        if let DeValue::Table(entries) = value {
            return self.survey(span, entries, table);
        }
        let name = last(table.path);
        let help = format!("write its keys under `[{}]`", table.path);
        self.session.error(&span, format!("`{name}` must be a table"), help);
        Input::new(table, span, None)
    }

    /// Looks through the keys of a table: for those that are unknown, spelled twice, or ignored.
    pub(super) fn survey(&mut self, span: Span, entries: &'s DeTable<'s>, table: &'static OldTable) -> Input<'s> {
        let input = Input::new(table, span, Some(entries));
        self.refuse_unknown(&input);
        for key in table.keys {
            let name = key.names[0];
            let mut given = input.spellings(name);
            if let Some(first) = given.next() {
                given.for_each(|again| self.refuse_spelling(name, &first, &again));
            }
            if let How::Nothing(effect, help) = key.how {
                self.tell_effect(&input, name, effect, help);
            }
        }
        input
    }

    fn refuse_unknown(&self, input: &Input<'s>) {
        let valid: Vec<_> = input
            .table
            .keys
            .iter()
            .filter_map(|key| key.names.first().copied())
            .collect();
        for (name, span) in input.unknown() {
            let homes = TABLES.iter().filter(|table| table.key(name).is_some());
            let homes: Vec<_> = homes.map(|table| table.header()).take(3).collect();
            let shown: String = name.chars().take(64).collect();
            let message = format!("unknown key `{shown}` in {}", input.table.header());
            self.session
                .error(&span, message, help_for_unknown(name, &valid, &homes));
        }
    }

    fn refuse_spelling(&self, key: &str, first: &Given<'_>, again: &Given<'_>) {
        let (name, first) = (again.name, first.name);
        let message = format!("`{name}` is another spelling of `{key}`, and `{first}` is given too");
        let help = format!("keep `{key}` and remove the other");
        self.session.error(&again.key, message, help);
    }

    /// Tells what a key does, where it is given.
    pub(super) fn tell_effect(&mut self, input: &Input<'s>, name: &str, effect: Effect, help: &str) {
        if let Some(given) = input.get(name) {
            self.note(&given.span, effect.of(name), help);
        }
    }

    /// Records what the operator should know, now and in the file that is written.
    pub(super) fn note(&mut self, span: &Span, message: impl Into<String>, help: &str) {
        let message = message.into();
        let cure = help.strip_prefix("remove it; ").unwrap_or(help);
        let is_news = |(place, text): &(Span, String)| place != span || !text.starts_with(&message);
        if self.notes.iter().all(is_news) {
            self.notes.push((span.clone(), format!("{message}: {cure}")));
        }
        self.session.warning(span, message, help);
    }

    /// The value of a key, read as a kind of value. `None` if it is not given or wrong, which is recorded.
    pub(super) fn read<K: Kind>(&self, input: &Input<'s>, name: &str, kind: &K, example: &str) -> Option<K::Value> {
        let given = input.get(name)?;
        self.read_value(&given.span, given.value, kind, example)
    }

    pub(super) fn read_value<K: Kind>(
        &self,
        span: &Span,
        value: &DeValue<'_>,
        kind: &K,
        example: &str,
    ) -> Option<K::Value> {
        kind.read(&self.value_ref(span, &literal(value), example))
    }

    /// A value where it stands, for messages.
    pub(super) fn value_ref<'v>(&self, span: &Span, value: &'v DeValue<'v>, example: &str) -> ValueRef<'v>
    where
        's: 'v,
    {
        let name = last(&span.key);
        ValueRef {
            session: self.session,
            value,
            span: span.clone(),
            sample: format!("{name} = {example}"),
        }
    }
}

/// The last part of a dotted path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
