//! Unknown keys, and suggestions for them.

use danube_wasm_codes::Code;

use crate::{Table, nearest, page};

impl Table<'_> {
    /// Refuses all keys of the file that were not declared.
    pub(crate) fn refuse_unknown(&self) {
        for (key, _) in self.entries.into_iter().flat_map(|entries| entries.iter()) {
            let name = key.get_ref().as_ref();
            let is_known = self.manual.fields.iter().any(|field| field.has_name(name));
            if is_known || self.refused.contains(&name) {
                continue;
            }
            let help = match self.moved.iter().find(|(moved, _)| *moved == name) {
                Some((_, instead)) => (*instead).to_owned(),
                None => self.help_for_unknown(name),
            };
            let span = self.own_span().sibling(key.span(), self.path_of(name));
            let shown: String = name.chars().take(64).collect();
            self.session.coded(
                Code::UnknownKey,
                &span,
                format!("unknown key `{shown}` in {}", self.header()),
                help,
            );
        }
    }

    fn help_for_unknown(&self, name: &str) -> String {
        let mut valid: Vec<_> = self.manual.fields.iter().map(|field| field.key).collect();
        valid.dedup();
        let pages = self.session.pages();
        let variants = page::variants_with_key(pages, &self.manual.path, name);
        if let [first, rest @ ..] = &*variants {
            let others = rest.iter().take(2).map(|variant| format!(" or `{variant}`"));
            let valid = valid.join(", ");
            return format!(
                "`{name}` goes with `{first}`{}; valid keys here: {valid}",
                others.collect::<String>()
            );
        }
        let mut homes = page::headers_with_key(pages, name);
        homes.retain(|home| *home != self.header());
        if homes.is_empty()
            && nearest::among(name, valid.iter().copied()).is_none()
            && let Some((table, field)) = page::keys_with_value(pages, name).next()
        {
            return format!("`{name}` is a value of `{}` in {}", field.key, table.header());
        }
        help_for_unknown(name, &valid, &homes)
    }

    /// Refuses the keys of the file that no variant of the table has: the tag that tells which one it is is invalid.
    pub(crate) fn refuse_unknown_to_all(&mut self) {
        let pages = self.session.pages();
        let Some(own) = pages.iter().find(|table| table.path == self.manual.path) else {
            return;
        };
        for field in &own.fields {
            if !self.manual.fields.iter().any(|declared| declared.key == field.key) {
                self.manual.fields.push(field.clone());
            }
        }
        self.refuse_unknown();
    }
}

/// Returns the help for an unknown key: `valid` are the keys of its table, `homes` the tables that have a key of its
/// name.
pub fn help_for_unknown(name: &str, valid: &[&str], homes: &[String]) -> String {
    let valid_keys = format!("valid keys here: {}", valid.join(", "));
    if let Some(nearest) = nearest::among(name, valid.iter().copied()) {
        return format!("did you mean `{nearest}`? {valid_keys}");
    }
    match homes {
        [] => format!("remove it; {valid_keys}"),
        homes => format!("`{name}` belongs in {}; {valid_keys}", homes.join(" or ")),
    }
}
