//! One insert.

use std::{fmt::Write as _, sync::atomic::Ordering};

use danube_wasm_egress_common::BatchToken;
use sha2::{Digest as _, Sha256};

use super::{Inserts, Item};
use crate::{exception::Fault, layout::Column, limits::OWN_PART_ROWS_MIN, value::put_length};

/// Settings that the server must have whatever its defaults are: nothing is guessed, nothing dropped, and the answer comes when
/// the rows are stored.
const SETTINGS: &[(&str, &str)] = &[
    ("input_format_null_as_default", "0"),
    ("input_format_skip_unknown_fields", "0"),
    ("date_time_input_format", "best_effort"),
    ("input_format_binary_read_json_as_string", "1"),
    ("distributed_foreground_insert", "1"),
    ("insert_distributed_sync", "1"),
    ("wait_for_async_insert", "1"),
];

impl Inserts<'_> {
    /// Inserts rows that leave out the same columns. Small inserts are collected by the server with others; what it says of a
    /// row may then be about somebody else's, so errors are asked for again without.
    pub(super) async fn insert(&self, items: &[Item<'_>]) -> Result<(), Fault> {
        let is_small = (1..OWN_PART_ROWS_MIN).contains(&items.len()) && self.knows("async_insert");
        if is_small && !self.sends_alone.load(Ordering::Relaxed) {
            match self.send(items, "1").await {
                Ok(()) => return Ok(()),
                Err(fault @ Fault::Transient { .. }) => return Err(fault),
                // So are the next ones of these rows: they are to be found out about.
                Err(_) => self.sends_alone.store(true, Ordering::Relaxed),
            }
        }
        self.send(items, "0").await
    }

    async fn send(&self, items: &[Item<'_>], asynchronous: &str) -> Result<(), Fault> {
        let left_out = items.first().map_or(&[][..], |item| &item.row.left_out);
        let all = self.layout.columns.iter().enumerate();
        let columns: Vec<_> = all
            .filter(|(place, _)| !left_out.contains(place))
            .map(|(_, column)| column)
            .collect();
        let token = self.token(items);
        let mut parameters = vec![("param_database", self.database), ("param_table", self.table)];
        // The server looks at the tokens of collected inserts only if it is told to.
        let collected = ["async_insert", "async_insert_deduplicate"].map(|name| (name, asynchronous));
        let own = SETTINGS.iter().copied().chain(collected);
        parameters.extend(own.filter(|(name, _)| self.knows(name)));
        if self.knows("insert_deduplication_token") && !items.is_empty() {
            parameters.push(("insert_deduplication_token", &token));
        }
        parameters.extend(
            self.settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        self.client
            .insert(&query(&columns), &parameters, body(&columns, items))
            .await
    }

    /// Whether the server has a setting: older ones refuse what they do not know.
    fn knows(&self, setting: &str) -> bool {
        self.layout.info.settings.contains_key(setting)
    }

    /// The same for the same rows with the same settings, in every process. It is made of everything that the writes do: a
    /// server that has the token takes other rows for these, and drops them.
    fn token(&self, items: &[Item<'_>]) -> String {
        let writes = BatchToken::of(items.iter().map(|item| item.write));
        let mut rest = Sha256::new();
        rest.update(self.database);
        for (name, value) in self.settings {
            rest.update(format!("\0{name}={value}"));
        }
        let mut token = writes.to_string();
        token.push_str(&hex::encode(&rest.finalize()[..4]));
        token
    }
}

/// With the columns, so that the server refuses what it does not have.
fn query(columns: &[&Column]) -> String {
    let mut names = String::new();
    for (place, column) in columns.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let name = column.name.replace('\\', "\\\\").replace('`', "\\`");
        // Writing to a text does not fail.
        let _ = write!(names, "{comma}`{name}`");
    }
    format!("INSERT INTO {{database:Identifier}}.{{table:Identifier}} ({names}) FORMAT RowBinaryWithNamesAndTypes")
}

/// Names, types, rows.
fn body(columns: &[&Column], items: &[Item<'_>]) -> Vec<u8> {
    let rows: usize = items.iter().map(|item| item.row.bytes.len()).sum();
    let mut body = Vec::with_capacity(rows + 64 * columns.len());
    put_length(columns.len(), &mut body);
    let names = columns.iter().map(|column| &column.name);
    for text in names.chain(columns.iter().map(|column| &column.of_text)) {
        put_length(text.len(), &mut body);
        body.extend_from_slice(text.as_bytes());
    }
    items.iter().for_each(|item| body.extend_from_slice(&item.row.bytes));
    body
}
