//! Which rows a table has already, by asking it.

use std::collections::HashSet;

use crate::{
    client::Client,
    exception::Fault,
    insert::Item,
    layout::{Column, Layout},
    limits::{LOOKUP_BYTES_MAX, LOOKUP_IDS_MAX},
    types::Type,
};

/// Enough for the ids of a question and what is around them.
const QUERY_BYTES_MAX: &str = "16777216";

/// Places of those rows that the table has: with the same id, and the same order if it has a column for that.
pub(crate) async fn stored(
    client: &Client,
    (database, table): (&str, &str),
    layout: &Layout,
    items: &[Item<'_>],
) -> Result<HashSet<usize>, Fault> {
    let own = [layout.own.id, layout.own.order];
    let columns: Vec<_> = layout
        .columns
        .iter()
        .enumerate()
        .filter(|(place, _)| own.contains(&Some(*place)))
        .collect();
    let again: Vec<_> = items.iter().filter(|item| item.write.redelivered).collect();
    let mut stored = HashSet::new();
    for items in questions(&again) {
        let query = query(&columns, layout, items);
        let parameters = [
            ("param_database", database),
            ("param_table", table),
            ("max_query_size", QUERY_BYTES_MAX),
        ];
        let answer = client.ask(query, &parameters).await?;
        let keys = keys(&answer, &columns)
            .ok_or_else(|| Fault::Unfit(format!("{} answers what is no list of ids. Its rows wait", client.who)))?;
        let known = items.iter().filter(|item| keys.contains(&*item.row.key));
        stored.extend(known.map(|item| item.place));
    }
    Ok(stored)
}

/// Divides rows by how many ids are asked for at a time.
fn questions<'i, 'w>(items: &'i [&'i Item<'w>]) -> Vec<&'i [&'i Item<'w>]> {
    let (mut questions, mut rest) = (Vec::new(), items);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(LOOKUP_IDS_MAX).take_while(|item| {
            bytes += item.write.id.len();
            bytes <= LOOKUP_BYTES_MAX
        });
        let (question, others) = rest.split_at(fits.count().max(1));
        questions.push(question);
        rest = others;
    }
    questions
}

fn query(columns: &[(usize, &Column)], layout: &Layout, items: &[&Item<'_>]) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|(_, column)| format!("`{}`", escaped(&column.name, '`')))
        .collect();
    let values = items.iter().map(|item| {
        let values = columns.iter().map(|(place, _)| match layout.own.id == Some(*place) {
            // The server makes it one of the column's type.
            true => format!("'{}'", escaped(&item.write.id, '\'')),
            false => item.write.order.to_string(),
        });
        format!("({})", values.collect::<Vec<_>>().join(","))
    });
    format!(
        "SELECT DISTINCT {} FROM {{database:Identifier}}.{{table:Identifier}} WHERE ({}) IN ({}) FORMAT RowBinary",
        names.join(", "),
        names.join(", "),
        values.collect::<Vec<_>>().join(",")
    )
}

fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\0' => escaped.push_str("\\0"),
            char if char == quote || char == '\\' => escaped.extend(['\\', char]),
            char => escaped.push(char),
        }
    }
    escaped
}

/// The ids of an answer, as rows have them. `None` if it is something else.
fn keys<'a>(mut answer: &'a [u8], columns: &[(usize, &Column)]) -> Option<HashSet<&'a [u8]>> {
    let mut keys = HashSet::new();
    while !answer.is_empty() {
        let mut length = 0;
        for (_, column) in columns {
            length += size(&column.of, answer.get(length..)?)?;
        }
        let (key, rest) = answer.split_at_checked(length)?;
        keys.insert(key);
        answer = rest;
    }
    Some(keys)
}

/// How many bytes a value has.
fn size(of: &Type, mut value: &[u8]) -> Option<usize> {
    Some(match of {
        Type::Integer { bytes, .. } | Type::FixedString(bytes) => *bytes,
        Type::Uuid => 16,
        _ => {
            let all = value.len();
            let length = clickhouse_types::read_leb128(&mut value).ok()?;
            (all - value.len()).checked_add(usize::try_from(length).ok()?)?
        }
    })
}
