//! Queries of the schema that an operator has defined.

use std::borrow::Cow;

use surrealdb::types::{Object, Value};

use crate::{classify::Fault, executor::Executor};

const TABLES: &str = "RETURN (INFO FOR DB STRUCTURE).tables";
const FIELDS: &str = "RETURN (INFO FOR TABLE $table STRUCTURE).fields.name";

/// Returns the fields that the table refuses, because it is `SCHEMAFULL` and does not define them.
pub(crate) async fn undefined_fields(executor: &Executor, table: &str, fields: &[&str]) -> Result<Vec<String>, Fault> {
    let tables = executor.statement("looking at tables", TABLES, Object::new).await?;
    if !is_schemafull(&tables, table) {
        return Ok(Vec::new());
    }
    let variables = || Object::from_iter([("table".to_owned(), Value::String(table.to_owned()))]);
    let defined = executor.statement("looking at fields", FIELDS, variables).await?;
    let is_defined = |field: &str| match &defined {
        Value::Array(names) => names
            .iter()
            .any(|name| matches!(name, Value::String(name) if *name == *quoted(field))),
        _ => false,
    };
    let undefined = fields.iter().filter(|field| !is_defined(field));
    Ok(undefined.map(|field| (*field).to_owned()).collect())
}

/// The name as SurrealQL and `INFO` write it.
pub(crate) fn quoted(name: &str) -> Cow<'_, str> {
    let is_plain = |name: &str| name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    match is_plain(name) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        true => name.into(),
        false => format!("`{}`", name.replace('\\', r"\\").replace('`', r"\`")).into(),
    }
}

fn is_schemafull(tables: &Value, wanted: &str) -> bool {
    let Value::Array(tables) = tables else { return false };
    tables.iter().any(|table| match table {
        Value::Object(table) => {
            matches!(table.get("name"), Some(Value::String(name)) if name == wanted)
                && matches!(table.get("schemafull"), Some(Value::Bool(true)))
        }
        _ => false,
    })
}
