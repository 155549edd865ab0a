//! The translation of one file: its diagnostics, and access to its tables.

use danube_wasm_settings::{KeyNames, Session, Span, ValueRef, kinds::Kind};
use toml::de::DeValue;

use super::{
    input::Input,
    keys::OldTable,
    output::{Output, literal},
};

/// The translation of one file.
pub(super) struct Translation<'s> {
    /// The session that reads the file.
    pub(super) session: Session<'s>,
    /// The file's names for the keys of the document.
    pub(super) names: KeyNames,
    /// Notes for the operator who migrates the file, with their spans.
    pub(super) notes: Vec<(Span, String)>,
}

/// An error that has been recorded already.
pub(super) struct Reported;

impl<'s> Translation<'s> {
    pub(super) fn new(session: Session<'s>) -> Self {
        Self {
            session,
            names: KeyNames::default(),
            notes: Vec::new(),
        }
    }

    /// Opens a table inside another.
    pub(super) fn table(&mut self, within: &Input<'s>, name: &str, table: &'static OldTable) -> Input<'s> {
        match within.get(name) {
            Some(given) => self.open(given.span, given.value, table),
            None => Input::new(table, within.value_span(name), None),
        }
    }

    /// Opens the tables of a list inside another table.
    pub(super) fn list(&mut self, within: &Input<'s>, name: &str, table: &'static OldTable) -> Vec<Input<'s>> {
        let Some(given) = within.get(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = given.value else {
            let path = &given.span.key;
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
            return self.check_keys(span, entries, table);
        }
        let input = Input::new(table, span, None);
        let (path, name) = (input.path(), last(input.path()));
        let help = format!("write its keys under `[{path}]`");
        self.session
            .error(&input.span, format!("`{name}` must be a table"), help);
        input
    }

    /// Records a warning, and a note for the file that `migrate` writes.
    pub(super) fn note(&mut self, span: &Span, message: impl Into<String>, help: &str) {
        let message = message.into();
        let cure = help.strip_prefix("remove it; ").unwrap_or(help);
        let is_new = |(place, text): &(Span, String)| place != span || !text.starts_with(&message);
        if self.notes.iter().all(is_new) {
            self.notes.push((span.clone(), format!("{message}: {cure}")));
        }
        self.session.warning(span, message, help);
    }

    /// Starts a table of the document, with its name in the file.
    pub(super) fn start_table(&mut self, path: String, original: &Span) -> Output<'s> {
        self.names.rename(path.clone(), original.key.clone());
        Output::new(path)
    }

    /// Puts a value that the file does not give literally. Diagnostics about it point at `from`.
    pub(super) fn fill(&mut self, out: &mut Output<'s>, key: &'static str, from: &Span, value: DeValue<'s>) {
        self.names.rename(out.path_of(key), from.key.clone());
        out.put(key, None, from, value);
    }

    /// Puts a list of tables: for each input its converted keys, and what `more` adds.
    pub(super) fn put_each(
        &mut self,
        out: &mut Output<'s>,
        key: &'static str,
        inputs: Vec<Input<'s>>,
        mut more: impl FnMut(&mut Self, &Input<'s>, &mut Output<'s>),
    ) {
        let mut tables = Vec::new();
        for (index, input) in inputs.into_iter().enumerate() {
            let mut table = self.start_table(format!("{}[{index}]", out.path_of(key)), &input.span);
            self.convert_keys(&input, &mut table);
            more(self, &input, &mut table);
            tables.push((input.span, table));
        }
        out.put_tables(key, tables);
    }

    /// Reads the value of a key as `kind`. `None` if it is not given, or invalid, which is recorded.
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

    /// Returns a value with its place, for diagnostics.
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

/// Returns the last part of a dotted path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
