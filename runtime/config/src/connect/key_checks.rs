//! Checks of a table's keys: unknown keys, several spellings of one key, and ignored keys.

use danube_wasm_settings::{Span, help_for_unknown};
use toml::de::DeTable;

use super::{
    input::{Entry, Input},
    keys::{Effect, How, OldTable},
    tables::TABLES,
    translation::Translation,
};

impl<'s> Translation<'s> {
    /// Checks the keys of a table.
    pub(super) fn check_keys(&mut self, span: Span, entries: &'s DeTable<'s>, table: &'static OldTable) -> Input<'s> {
        let input = Input::new(table, span, Some(entries));
        self.refuse_unknown(&input);
        for key in table.keys {
            let name = key.names[0];
            let mut given = input.spellings(name);
            if let Some(first) = given.next() {
                given.for_each(|again| self.refuse_spelling(name, &first, &again));
            }
            if let How::Ignored(effect, help) = key.how {
                self.warn_about_effect(&input, name, effect, help);
            }
        }
        input
    }

    fn refuse_unknown(&self, input: &Input<'s>) {
        let valid: Vec<_> = input.table.keys.iter().map(|key| key.names[0]).collect();
        for (name, span) in input.unknown() {
            let homes = TABLES.iter().filter(|table| table.key(name).is_some());
            let homes: Vec<_> = homes.flat_map(|table| table.headers()).take(3).collect();
            let shown: String = name.chars().take(64).collect();
            let message = format!("unknown key `{shown}` in {}", input.header());
            self.session
                .error(&span, message, help_for_unknown(name, &valid, &homes));
        }
    }

    fn refuse_spelling(&self, key: &str, first: &Entry<'_>, again: &Entry<'_>) {
        let (name, first) = (again.name, first.name);
        let message = format!("`{name}` is another spelling of `{key}`, and `{first}` is given too");
        let help = format!("keep `{key}` and remove the other");
        self.session.error(&again.key, message, help);
    }

    /// Warns about the effect of a key, if it is given.
    pub(super) fn warn_about_effect(&mut self, input: &Input<'s>, name: &str, effect: Effect, help: &str) {
        if let Some(given) = input.get(name) {
            self.note(&given.span, effect.describe(name), help);
        }
    }
}
