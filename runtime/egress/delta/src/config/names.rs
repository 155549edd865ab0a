//! The names of tables: those that sinks have, and those that their mappings name.

use danube_wasm_settings::{Span, Table as Reader, nearest_among};

use crate::storage::TableUrl;

/// Each name with where it is written and in which sink.
#[derive(Default)]
pub(super) struct TableNames {
    declared: Vec<(Span, String, String, TableUrl)>,
    named: Vec<(Span, String, String)>,
}

impl TableNames {
    /// A table of this sink has this name.
    pub(super) fn declare(t: &Reader<'_>, name: &str, url: &TableUrl) {
        let declared = (t.span("name"), t.item(), name.to_owned(), url.clone());
        t.session().facts::<Self>().declared.push(declared);
    }

    /// A mapping of this sink writes to these tables.
    pub(super) fn name<'n>(t: &Reader<'_>, key: &str, names: impl Iterator<Item = &'n String>) {
        let named = names.map(|name| (t.span(key), t.item(), name.clone()));
        t.session().facts::<Self>().named.extend(named);
    }

    /// That each name and each folder is of one table, and that mappings name those of their sink.
    pub(super) fn compare(t: &Reader<'_>) {
        let item = t.item();
        let left = std::mem::take(&mut *t.session().facts::<Self>());
        let own: Vec<_> = left.declared.iter().filter(|(_, of, ..)| *of == item).collect();
        for (place, (span, _, name, url)) in own.iter().enumerate() {
            if own[..place].iter().any(|(_, _, other, _)| other == name) {
                let help = "give each a name of its own: mappings and components choose tables by name";
                t.session()
                    .error(span, format!("another table has the name `{name}`"), help);
            }
            if let Some((_, _, other, _)) = own[..place].iter().find(|(_, _, _, other)| other == url) {
                let help = "let the mappings of both write to one of them: a table has one committer in a sink";
                t.session().error(
                    span,
                    format!("tables `{other}` and `{name}` are one: both are at {url}"),
                    help,
                );
            }
        }
        let known: Vec<_> = own.iter().map(|(_, _, name, _)| name.as_str()).collect();
        for (span, _, name) in left.named.iter().filter(|(_, of, _)| *of == item) {
            if !known.contains(&name.as_str()) {
                let help = match nearest_among(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add a table of that name under `[[sinks.delta.tables]]`".to_owned(),
                };
                t.session()
                    .error(span, format!("this sink has no table `{name}`"), help);
            }
        }
    }
}
