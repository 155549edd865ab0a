//! The translation of one file: what it finds, and the tables that it walks through.

use danube_wasm_settings::{KeyNames, Session, Span, ValueRef, kinds::Kind};
use toml::de::DeValue;

use super::{
    input::Input,
    keys::OldTable,
    output::{Output, literal},
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
            return self.survey(span, entries, table);
        }
        let input = Input::new(table, span, None);
        let (path, name) = (input.path(), last(input.path()));
        let help = format!("write its keys under `[{path}]`");
        self.session
            .error(&input.span, format!("`{name}` must be a table"), help);
        input
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

    /// A table of the document, which is called this in the file.
    pub(super) fn make(&mut self, path: String, original: &Span) -> Output<'s> {
        self.names.rename(path.clone(), original.key.clone());
        Output::new(path)
    }

    /// A value that the file does not give in so many words. Findings about it stand at `from`.
    pub(super) fn fill(&mut self, out: &mut Output<'s>, key: &'static str, from: &Span, value: DeValue<'s>) {
        self.names.rename(out.path_of(key), from.key.clone());
        out.put(key, None, from, value);
    }

    /// A list of tables of the document, each with the keys of its table and `more`.
    pub(super) fn make_each(
        &mut self,
        out: &mut Output<'s>,
        key: &'static str,
        inputs: Vec<Input<'s>>,
        mut more: impl FnMut(&mut Self, &Input<'s>, &mut Output<'s>),
    ) {
        let mut tables = Vec::new();
        for (index, input) in inputs.into_iter().enumerate() {
            let mut table = self.make(format!("{}[{index}]", out.path_of(key)), &input.span);
            self.take_over(&input, &mut table);
            more(self, &input, &mut table);
            tables.push((input.span, table));
        }
        out.put_tables(key, tables);
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
