//! The reference page of a table, in Markdown.

use std::fmt::Write;

use crate::{FieldManual, Presence, TableManual};

/// Returns the headers of the tables that have a key of this name; at most three.
pub fn headers_with_key(pages: &[TableManual], key: &str) -> Vec<String> {
    let homes = pages
        .iter()
        .filter(|table| table.fields.iter().any(|field| field.has_name(key)));
    homes.map(TableManual::header).take(3).collect()
}

/// Returns the variants of a table that have a key of this name, such as `type = "hmac"`.
pub fn variants_with_key<'p>(pages: &'p [TableManual], path: &str, key: &str) -> Vec<&'p str> {
    let own = pages.iter().filter(|table| table.path == path);
    let fields = own.flat_map(|table| &table.fields).filter(|field| field.has_name(key));
    let mut variants: Vec<_> = fields.filter_map(|field| field.when.as_deref()).collect();
    variants.dedup();
    variants
}

/// Returns the keys that a word is a value of, each with its table.
pub fn keys_with_value<'p>(
    pages: &'p [TableManual],
    word: &'p str,
) -> impl Iterator<Item = (&'p TableManual, &'p FieldManual)> {
    let listed = format!("`\"{word}\"`");
    let all = pages
        .iter()
        .flat_map(|table| table.fields.iter().map(move |field| (table, field)));
    all.filter(move |(_, field)| field.kind.contains(&listed))
}

/// Appends a table and its keys to a page.
pub fn write_table(page: &mut String, table: &TableManual) -> std::fmt::Result {
    let title = if table.path.is_empty() {
        "Top level".to_owned()
    } else {
        format!("`{}`", table.header())
    };
    writeln!(page, "\n## {title}\n\n{}\n", table.about)?;
    writeln!(page, "| key | value | default | meaning |\n|---|---|---|---|")?;
    table.fields.iter().try_for_each(|field| write_field(page, field))
}

fn write_field(page: &mut String, field: &FieldManual) -> std::fmt::Result {
    let default = match &field.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => String::new(),
        Presence::Default(words) if words.contains([' ', '`']) => words.clone(),
        Presence::Default(value) => format!("`{value}`"),
    };
    let mut meaning = field.about.to_owned();
    if !field.example.is_empty() && field.example != "{}" {
        write!(meaning, " Example: `{}`.", field.example)?;
    }
    if !field.aliases.is_empty() {
        let aliases: Vec<_> = field.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        write!(meaning, " Other spelling: {}.", aliases.join(", "))?;
    }
    let key = match &field.when {
        Some(when) => format!("`{}` with `{when}`", field.key),
        None => format!("`{}`", field.key),
    };
    writeln!(
        page,
        "| {key} | {} | {default} | {meaning} |",
        field.kind.replace('|', "\\|")
    )
}
