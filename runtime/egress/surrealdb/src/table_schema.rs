//! Queries of the schema that an operator has defined.

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
            .any(|name| matches!(name, Value::String(name) if name == field)),
        _ => false,
    };
    let undefined = fields.iter().filter(|field| !is_defined(field));
    Ok(undefined.map(|field| (*field).to_owned()).collect())
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
