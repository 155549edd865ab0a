//! Types of columns, by their numbers.

use std::collections::HashMap;

use crate::{
    refusal::PgError,
    sql::{Sql, text},
    values::ValueKind,
};

/// What is known of the types of a database.
#[derive(Debug, Default)]
pub(crate) struct Types(HashMap<u32, ValueKind>);

/// A row of `pg_type`.
#[derive(Debug, Clone)]
struct Described {
    name: String,
    kind: String,
    category: String,
    base: u32,
    element: u32,
    delimiter: u8,
}

impl Types {
    /// How values of this type are written, if that is known.
    pub(crate) fn get(&self, oid: u32) -> Option<ValueKind> {
        ValueKind::of_builtin(oid).or_else(|| self.0.get(&oid).cloned())
    }

    /// The server says that the type is another now.
    pub(crate) fn forget(&mut self, oid: u32) {
        self.0.remove(&oid);
    }

    /// Which of these must be asked for.
    pub(crate) fn unknown(&self, oids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        oids.into_iter().filter(|oid| self.get(*oid).is_none()).collect()
    }

    /// Asks for these, and what they are made of. What is not there any more is text.
    pub(crate) async fn learn(&mut self, sql: &Sql, oids: Vec<u32>) -> Result<(), PgError> {
        let mut described = HashMap::new();
        let mut wanted = oids.clone();
        let mut depth = 0;
        while !wanted.is_empty() && !ValueKind::is_too_deep(depth) {
            let found = ask(sql, &wanted).await?;
            let parts = found.values().flat_map(|one| [one.base, one.element]);
            wanted = self.unknown(parts.filter(|oid| *oid != 0));
            described.extend(found);
            wanted.retain(|oid| !described.contains_key(oid));
            depth += 1;
        }
        for oid in oids {
            let kind = self.kind(oid, &described, 0);
            self.0.insert(oid, kind);
        }
        Ok(())
    }

    fn kind(&self, oid: u32, described: &HashMap<u32, Described>, depth: usize) -> ValueKind {
        if let Some(known) = self.get(oid) {
            return known;
        }
        let Some(one) = described.get(&oid).filter(|_| !ValueKind::is_too_deep(depth)) else {
            return ValueKind::Text;
        };
        match one.kind.as_str() {
            "d" => self.kind(one.base, described, depth + 1),
            _ if one.category == "A" && one.element != 0 => {
                ValueKind::array(self.kind(one.element, described, depth + 1), one.delimiter)
            }
            _ if one.name == "hstore" => ValueKind::Hstore,
            _ => ValueKind::Text,
        }
    }
}

async fn ask(sql: &Sql, oids: &[u32]) -> Result<HashMap<u32, Described>, PgError> {
    let list: Vec<_> = oids.iter().map(u32::to_string).collect();
    let statement = format!(
        "SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typelem, coalesce(e.typdelim, ',') AS delimiter \
         FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid IN ({})",
        list.join(", ")
    );
    let rows = sql.rows("asking for types of columns", &statement).await?;
    let number = |text: String| text.parse().unwrap_or_default();
    let described = rows.iter().map(|row| {
        let one = Described {
            name: text(row, "typname"),
            kind: text(row, "typtype"),
            category: text(row, "typcategory"),
            base: number(text(row, "typbasetype")),
            element: number(text(row, "typelem")),
            delimiter: text(row, "delimiter").bytes().next().unwrap_or(b','),
        };
        (number(text(row, "oid")), one)
    });
    Ok(described.collect())
}
