//! That all mappings that write to a collection say the same of it.

use danube_wasm_settings::{Span, Table};

use super::CollectionSpec;

/// Where collections are named, in which sink, and what is said of them.
#[derive(Default)]
pub(super) struct Collections(Vec<(Span, String, String, CollectionSpec)>);

impl Collections {
    /// A mapping of this sink writes to this collection.
    pub(super) fn leave(t: &Table<'_>, key: &str, name: &str, spec: &CollectionSpec) {
        let named = (t.span(key), t.item(), name.to_owned(), spec.clone());
        t.session().facts::<Self>().0.push(named);
    }

    /// Records a mistake for each collection that two mappings of this sink describe differently.
    pub(super) fn compare(t: &Table<'_>) {
        let item = t.item();
        let left = std::mem::take(&mut *t.session().facts::<Self>());
        let own: Vec<_> = left.0.iter().filter(|(_, of, ..)| *of == item).collect();
        for (place, (span, _, name, spec)) in own.iter().enumerate() {
            if own[..place]
                .iter()
                .any(|(_, _, other, before)| other == name && before != spec)
            {
                let message = format!("another mapping describes the collection `{name}` differently");
                let help = "write the same vectors, ids, pointers and indexes in both";
                t.session().error(span, message, help);
            }
        }
    }
}
