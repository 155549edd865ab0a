//! What the server says of a table, and of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

use crate::{client::Client, exception::Fault, limits::PARTITIONS_MAX_DEFAULT};

/// What the server says of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableInfo {
    pub(crate) engine: EngineInfo,
    pub(crate) columns: Vec<ColumnInfo>,
    /// Settings of the server's that inserts use, with their values. Older servers do not have all.
    pub(crate) settings: BTreeMap<String, String>,
}

/// A row of `system.tables`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct EngineInfo {
    pub(crate) engine: String,
    pub(crate) engine_full: String,
    pub(crate) sorting_key: String,
    pub(crate) partition_key: String,
}

/// A row of `system.columns`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ColumnInfo {
    pub(crate) name: String,
    /// Its type, as inserts must name it.
    #[serde(rename = "type")]
    pub(crate) of: String,
    /// Empty, or `DEFAULT`, `MATERIALIZED`, `ALIAS`, `EPHEMERAL`.
    pub(crate) default_kind: String,
    pub(crate) default_expression: String,
}

#[derive(Deserialize)]
struct Setting {
    name: String,
    value: String,
}

/// The settings of inserts, and the one that says how many partitions an insert may have.
const SETTINGS: &str = "SELECT name, value FROM system.settings WHERE name IN ('async_insert', 'async_insert_deduplicate', 'wait_for_async_insert', \
     'insert_deduplication_token', 'input_format_null_as_default', 'input_format_skip_unknown_fields', \
     'date_time_input_format', 'distributed_foreground_insert', 'insert_distributed_sync', \
     'input_format_binary_read_json_as_string', 'max_partitions_per_insert_block') FORMAT JSONEachRow";

/// Not of `DESCRIBE TABLE`, which breaks the names of types into lines.
const COLUMNS: &str = "SELECT name, type, default_kind, default_expression FROM system.columns WHERE database = \
     {database:String} AND table = {table:String} ORDER BY position FORMAT JSONEachRow";

const ENGINE: &str = "SELECT engine, engine_full, sorting_key, partition_key FROM system.tables WHERE database = \
     {database:String} AND name = {table:String} FORMAT JSONEachRow";

/// For its error: what is not there has no columns, and what the user may not see has none, either.
const DESCRIBE: &str = "DESCRIBE TABLE {database:Identifier}.{table:Identifier} FORMAT JSONEachRow";

impl TableInfo {
    /// Asks the server.
    pub(crate) async fn read(client: &Client, database: &str, table: &str) -> Result<Self, Fault> {
        let texts = [
            ("param_database", &*escaped(database)),
            ("param_table", &*escaped(table)),
        ];
        let columns = rows(client, COLUMNS, &texts).await?;
        if columns.is_empty() {
            let names = [("param_database", database), ("param_table", table)];
            client.ask(DESCRIBE.to_owned(), &names).await?;
        }
        let engine = rows::<EngineInfo>(client, ENGINE, &texts).await?.pop();
        let settings = rows::<Setting>(client, SETTINGS, &[]).await?.into_iter();
        Ok(Self {
            engine: engine.ok_or_else(|| {
                let who = &client.who;
                Fault::Unfit(format!(
                    "{who} does not say what `{table}` is: grant the user SHOW on it. Its rows wait"
                ))
            })?,
            columns,
            settings: settings.map(|setting| (setting.name, setting.value)).collect(),
        })
    }

    /// Most partitions of an insert; `None` for any number.
    pub(crate) fn partitions_max(&self) -> Option<usize> {
        let max = self.settings.get("max_partitions_per_insert_block");
        let max = max.and_then(|text| text.parse().ok()).unwrap_or(PARTITIONS_MAX_DEFAULT);
        (max > 0).then_some(max)
    }
}

/// A text as a parameter of the type String, in which a backslash begins an escape. Identifiers are taken as they are.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => escaped.push_str("\\\\"),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            char => escaped.push(char),
        }
    }
    escaped
}

async fn rows<T: DeserializeOwned>(client: &Client, query: &str, names: &[(&str, &str)]) -> Result<Vec<T>, Fault> {
    let body = client.ask(query.to_owned(), names).await?;
    let rows: Result<Vec<T>, _> = serde_json::Deserializer::from_slice(&body).into_iter().collect();
    rows.map_err(|error| {
        let who = &client.who;
        Fault::Unfit(format!(
            "{who} answers what is no list of rows ({error}): is it ClickHouse?"
        ))
    })
}
