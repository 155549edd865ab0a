//! Runs an operator's queries: SurrealQL in, JSON out, read-only by default.
//!
//! SurrealDB's own parser decides whether a text only reads, with the predicate by which SurrealDB itself opens a
//! read-only transaction. In doubt, as for a function that is defined in the database, it counts a statement as a
//! write. An embedded database then also runs the statements in read-only transactions.

use danube_wasm_model::door::{NOT_SHOWN, QueryError};
use serde_json::json;
use surrealdb::types::{Object, SqlFormat, ToSql, Value};

use crate::{classify::Fault, executor::Executor, runtime};

/// Longest text of a query, in bytes: a person types it.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// Refuses a text that is not SurrealQL, and one that may write unless `write`.
fn check(surql: &str, write: bool) -> Result<(), QueryError> {
    if surql.len() > QUERY_BYTES_MAX {
        return Err(QueryError::Syntax(format!(
            "the text is longer than {QUERY_BYTES_MAX} bytes"
        )));
    }
    let script = surrealdb_syn::parse(surql).map_err(|error| QueryError::Syntax(error.to_string()))?;
    if write {
        return Ok(());
    }
    match script.expressions.iter().position(|statement| !statement.read_only()) {
        None => Ok(()),
        Some(place) => {
            let mut statement = String::new();
            if let Some(expression) = script.expressions.get(place) {
                expression.fmt_sql(&mut statement, SqlFormat::SingleLine);
            }
            Err(QueryError::ReadOnly {
                number: place + 1,
                statement: statement.chars().take(200).collect(),
            })
        }
    }
}

/// Deepest nesting of a row that is returned: JSON parsers stop at 128.
pub const ROW_DEPTH_MAX: usize = 120;

/// Converts the result of a statement, row by row: one row that is too deep does not hide the others.
fn to_json(value: Value) -> serde_json::Value {
    match value {
        Value::Array(rows) => rows.into_iter().map(row_to_json).collect(),
        value => row_to_json(value),
    }
}

fn row_to_json(value: Value) -> serde_json::Value {
    if !is_nested_deeper(&value, ROW_DEPTH_MAX) {
        return value.into_json_value();
    }
    let mut shown = json!({ NOT_SHOWN: format!("it is nested deeper than {ROW_DEPTH_MAX} levels") });
    if let Value::Object(fields) = &value
        && let Some(Value::RecordId(id)) = fields.get("id")
    {
        shown["id"] = id.to_sql().into();
    }
    shown
}

fn is_nested_deeper(value: &Value, depth_max: usize) -> bool {
    let inside = |value: &Value| match depth_max.checked_sub(1) {
        Some(left) => is_nested_deeper(value, left),
        None => true,
    };
    match value {
        Value::Array(items) => depth_max == 0 || items.iter().any(inside),
        Value::Object(fields) => depth_max == 0 || fields.values().any(inside),
        _ => false,
    }
}

/// Runs the statements and returns one JSON  row(value)=>value => row_to_json(value)for each: its result, or `{"error": "…"}`.
pub(crate) async fn run(executor: &Executor, surql: &str, write: bool) -> Result<Vec<serde_json::Value>, QueryError> {
    let text = surql.to_owned();
    // On SurrealDB's threads, because its parser needs their large stack, too.
    let checked = runtime::run(executor.options.request_timeout, "parsing", async move {
        Ok(check(&text, write))
    });
    checked.await.map_err(unavailable)??;
    let answers = executor.run("query", surql.to_owned(), Object::new(), |results| {
        let statements = results.num_statements();
        let answer = |statement| match results.take::<Value>(statement) {
            Ok(value) => to_json(value),
            Err(error) => json!({ "error": error.message() }),
        };
        Ok((0..statements).map(answer).collect())
    });
    answers.await.map_err(unavailable)
}

fn unavailable(fault: Fault) -> QueryError {
    match fault {
        Fault::Exists => QueryError::Unavailable("the record exists already".to_owned()),
        Fault::Conflict(message)
        | Fault::Busy(message)
        | Fault::Lost(message)
        | Fault::Storage(message)
        | Fault::Configuration(message)
        | Fault::Record(message) => QueryError::Unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use surrealdb::types::Array;

    use super::*;

    #[test]
    fn a_row_that_is_too_deep_does_not_hide_the_others() {
        let nested = |depth| (0..depth).fold(Value::Bool(true), |inner, _| Value::Array(Array::from(vec![inner])));
        let id = surrealdb::types::RecordId {
            table: "t".into(),
            key: surrealdb::types::RecordIdKey::String("a b".to_owned()),
        };
        let row = |depth| {
            let mut row = Object::new();
            row.insert("id", id.clone());
            row.insert("d", nested(depth));
            Value::Object(row)
        };
        let rows = Value::Array(Array::from(vec![
            row(ROW_DEPTH_MAX - 1),
            row(ROW_DEPTH_MAX),
            row(500),
            nested(200),
        ]));
        let rows = to_json(rows);
        let text = json!({ "values": [rows] }).to_string();
        serde_json::from_str::<serde_json::Value>(&text).expect("it is read back");
        assert!(rows[0]["d"].is_array());
        for at in [1, 2] {
            assert_eq!(rows[at]["id"], "t:`a b`");
            assert!(rows[at][NOT_SHOWN].is_string(), "{}", rows[at]);
        }
        assert!(rows[3][NOT_SHOWN].is_string());
    }

    #[test]
    fn reading_statements_are_allowed() {
        for surql in [
            "SELECT event, count() AS total FROM stripe_payments GROUP BY event",
            "SELECT * FROM t WHERE name = 'CREATE t'; INFO FOR DB; RETURN 1 + 1",
            "LET $x = (SELECT * FROM t); RETURN $x",
            "SELECT ->knows->person FROM person:1",
        ] {
            assert!(check(surql, false).is_ok(), "{surql}");
        }
    }

    #[test]
    fn writing_statements_need_the_write_flag() {
        for surql in [
            "CREATE t",
            "UPDATE t SET a = 1",
            "UPSERT t:1",
            "DELETE t",
            "INSERT INTO t {}",
            "RELATE a:1->b->c:1",
            "DEFINE TABLE t",
            "REMOVE TABLE t",
            "REBUILD INDEX i ON t",
            "ALTER TABLE t DROP COMMENT",
            "USE DB other",
            "LIVE SELECT * FROM t",
            "SELECT * FROM (DELETE t RETURN BEFORE)",
            "RETURN { CREATE t; }",
            "LET $f = || { CREATE t }; RETURN $f()",
            "RETURN fn::anything()",
            "IF true { DELETE t }",
            "FOR $i IN [1] { CREATE t }",
            "RETURN api::invoke('/x')",
        ] {
            let error = check(surql, false).expect_err(surql);
            assert!(matches!(error, QueryError::ReadOnly { .. }), "{surql}: {error}");
            assert!(check(surql, true).is_ok(), "{surql}");
        }
    }

    #[test]
    fn the_error_names_the_statement() {
        let error = check("SELECT * FROM t; DELETE t;", false)
            .expect_err("writes")
            .to_string();
        assert_eq!(error, "statement 2 may write: `DELETE t`. Add --write to run it");
        assert!(matches!(check("SELEKT 1", true), Err(QueryError::Syntax(_))));
    }
}
