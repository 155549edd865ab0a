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
        help_for_unknown(name, &valid, &page::headers_with_key(self.session.pages(), name))
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
